import {
  claimedManager,
  countedReversions,
  DEFER_MS,
  MAX_REVERSIONS,
  planRegistration,
  REVERTED,
  type RegistrationState,
  type Manage,
  type Plan,
} from '../registration/registration-plan.ts';
import type {
  OwnerReference,
  RegisteredConfiguration,
  ServiceReference,
} from '../registration/registered-webhook.ts';
import { BREAK_GLASS } from '../self/own-deployment.ts';
import type { WebhookConfiguration } from '../registration/webhook-configuration.ts';
import { ApiError, ifThere, type ApiServer } from './api-server.ts';
import { readOwnService } from './own-service.ts';
import { repeat } from './repeat.ts';

export interface RegistrationOptions {
  readonly api: ApiServer;
  /** The ValidatingWebhookConfiguration's name. */
  readonly name: string;
  readonly manage: Manage;
  /** Our Service, and our Deployment, which has the same name. */
  readonly service: ServiceReference;
  /** What the configuration should say, where all of it is ours, and since when we want that (ms since the epoch). */
  readonly content: (port: number) => { readonly content: WebhookConfiguration; readonly since: number };
  readonly confirmed: () => boolean;
  /** Whether the configuration is to go with our Namespace. */
  readonly ownerReference: boolean;
  readonly now?: () => number;
  readonly everyMs?: number;
  /**
   * Takes the configuration as just read or just written; undefined if it does not exist. Gives the `caBundle` (PEM) that our
   * entries should have; undefined where that is not ours to say.
   */
  readonly reconcile: (found: RegisteredConfiguration | undefined) => string | undefined;
  readonly on: RegistrationListener;
  readonly onFailure: (error: Error) => void;
}

/** Receives what an operator wants to know. */
export interface RegistrationListener {
  /**
   * The configuration was read: it is as it should be, or `differences` are not (and may be by now). Undefined where what it
   * should be is not ours to say.
   */
  looked(plan: Pick<Plan, 'differences' | 'defers'> | undefined): void;
  /** Newer content of another replica is left in place, or no longer. */
  deferred(is: boolean): void;
  /** We wrote what was not as it should be. */
  written(differences: readonly string[]): void;
  /** A change by others was undone. `by` is a field manager as it calls itself; for a deletion the API server names none. */
  reverted(what: 'deleted' | 'edited', by: string | undefined, differences: readonly string[]): void;
  /** Changes were undone too often: the configuration is left as it is, or no longer. */
  contested(is: boolean, differences: readonly string[]): void;
  /** Why every entry fails open; undefined when break-glass has ended. */
  breakGlass(reason: string | undefined): void;
  /** Our Deployment, Namespace or Service is missing or being deleted, or no longer. */
  terminating(is: boolean): void;
}

/** Half of the ten seconds in which a loss is to be made good. */
const EVERY_MS = 5_000;
const TRIES = 5;

/**
 * Reads our webhook configuration every few seconds, plans what it should be as far as it is ours, and writes that. Our Deployment
 * and Namespace are read first: a release that is being removed must not come back. Returns what ends that.
 */
export function followRegistration(options: RegistrationOptions): () => void {
  const {
    api,
    name,
    manage,
    service,
    everyMs = EVERY_MS,
    now = Date.now,
    reconcile,
    on,
    onFailure,
  } = options;
  const configurations = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
  const path = `${configurations}/${name}`;
  const told = {
    breakGlass: undefined as string | undefined,
    terminating: false,
    contested: false,
    defers: false,
  };
  /** The state for which the configuration was last as it should be. */
  let settled: RegistrationState | undefined;
  /** When this replica undid changes (RFC 3339). */
  let reversions: readonly string[] = [];
  /** When this replica began, and last was seen, to leave newer content in place. */
  let deferral: { readonly since: number; readonly last: number } | undefined;

  async function reconcileOnce(tries = TRIES): Promise<void> {
    const found = (await ifThere(api.get(path))) as RegisteredConfiguration | undefined;
    const caBundle = reconcile(found);
    if (manage === 'none') return on.looked(undefined);
    const state = await readState(manage, caBundle);
    const plan = planRegistration(found, state);
    tell(state, plan);
    try {
      const isSettled = plan.differences.length === 0 || (await write(found, plan, state));
      if (isSettled) settled = state;
    } catch (error) {
      // Another replica was first: its configuration is to be read.
      if (tries > 1 && error instanceof ApiError && error.status === 409) return reconcileOnce(tries - 1);
      throw error;
    }
  }

  async function readState(
    managed: RegistrationState['manage'],
    caBundle: string | undefined,
  ): Promise<RegistrationState> {
    const [deployment, namespace, port] = await Promise.all([
      readObject(`/apis/apps/v1/namespaces/${service.namespace}/deployments/${service.name}`),
      readObject(`/api/v1/namespaces/${service.namespace}`),
      managed === 'all' ? ifThere(readOwnService(api, service).then((own) => own.port)) : 443,
    ]);
    return {
      manage: managed,
      service,
      ...options.content(port ?? 443),
      caBundle,
      confirmed: options.confirmed(),
      breakGlass: deployment?.metadata.annotations?.[BREAK_GLASS],
      terminating: [deployment, namespace].some(isTerminating) || port === undefined,
      owner: options.ownerReference && namespace !== undefined ? ownerReference(namespace) : undefined,
      deferringSince: deferral?.since,
      now: now(),
    };
  }

  async function readObject(at: string): Promise<OwnObject | undefined> {
    return (await ifThere(api.get(at))) as OwnObject | undefined;
  }

  /** Tells the listener what was read and planned, as far as it is another than before. */
  function tell({ breakGlass, terminating, now: at }: RegistrationState, plan: Plan): void {
    if (breakGlass !== told.breakGlass) on.breakGlass(breakGlass);
    if (terminating !== told.terminating) on.terminating(terminating);
    Object.assign(told, { breakGlass, terminating });
    on.looked(plan);
    defer(plan, at);
    if (plan.differences.length === 0) contest(false, []);
  }

  /** Ten minutes without a deferral are enough for another rollout to be believed. */
  function defer({ defers }: Plan, at: number): void {
    if (defers) deferral = { since: deferral?.since ?? at, last: at };
    else if (deferral !== undefined && at - deferral.last >= DEFER_MS) deferral = undefined;
    if (defers !== told.defers) on.deferred(defers);
    told.defers = defers;
  }

  function contest(is: boolean, differences: readonly string[]): void {
    if (is !== told.contested) on.contested(is, differences);
    told.contested = is;
  }

  /** Writes what is planned, unless that was undone too often. Resolves with whether it was written. */
  async function write(
    found: RegisteredConfiguration | undefined,
    plan: Plan,
    state: RegistrationState,
  ): Promise<boolean> {
    const isUndone = isChangeOfOthers(found, plan);
    const counted = isUndone ? countedReversions(found, reversions, state.now) : reversions;
    const isLowering = state.terminating || state.breakGlass !== undefined;
    contest(isUndone && counted.length >= MAX_REVERSIONS && !isLowering, plan.differences);
    if (plan.write === undefined || told.contested) return false;
    const { method, object } = plan.write;
    const stamps = isUndone ? [new Date(state.now).toISOString()] : [];
    const stamped = withReversions(object, [...counted, ...stamps]);
    const written = await (method === 'create'
      ? api.create(configurations, stamped)
      : api.replace(path, stamped));
    reversions = [...reversions, ...stamps].slice(-MAX_REVERSIONS);
    reconcile(written as RegisteredConfiguration);
    if (!isUndone) on.written(plan.differences);
    else if (found === undefined) on.reverted('deleted', undefined, plan.differences);
    else on.reverted('edited', claimedManager(found, 'sigma-admission'), plan.differences);
    return true;
  }

  /** The configuration is not as it was when it was right: so it is not only that we want something else now. */
  function isChangeOfOthers(found: RegisteredConfiguration | undefined, { defers }: Plan): boolean {
    if (settled === undefined || defers) return false;
    return planRegistration(found, { ...settled, now: now() }).differences.length > 0;
  }

  return repeat({ everyMs, task: () => reconcileOnce(), onFailure });
}

/** Our Deployment or Namespace, as far as it is read. */
interface OwnObject {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly deletionTimestamp?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

function isTerminating(object: OwnObject | undefined): boolean {
  return object === undefined || object.metadata.deletionTimestamp !== undefined;
}

function ownerReference({ metadata: { name, uid } }: OwnObject): OwnerReference {
  return { apiVersion: 'v1', kind: 'Namespace', name, uid };
}

function withReversions(object: RegisteredConfiguration, times: readonly string[]): RegisteredConfiguration {
  if (times.length === 0) return object;
  const { annotations } = object.metadata;
  const counted = { ...annotations, [REVERTED]: times.slice(-MAX_REVERSIONS).join(' ') };
  return { ...object, metadata: { ...object.metadata, annotations: counted } };
}
