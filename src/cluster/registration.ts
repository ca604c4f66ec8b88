import {
  claimedManager,
  countedReversions,
  DEFER_MS,
  MAX_REVERSIONS,
  planRegistration,
  REVERTED,
  type Circumstances,
  type Manage,
  type Plan,
} from '../install/registration-plan.ts';
import type {
  OwnerReference,
  RegisteredConfiguration,
  ServiceReference,
} from '../install/registered-webhook.ts';
import { BREAK_GLASS } from '../install/own-deployment.ts';
import type { WebhookConfiguration } from '../install/webhook-configuration.ts';
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
  readonly proven: () => boolean;
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

/** Is told what an operator wants to know. */
export interface RegistrationListener {
  /** It was looked at: it is as it should be, or these are not so (and may be by now). */
  looked(plan: Pick<Plan, 'differences' | 'defers'>): void;
  /** Newer content of another replica is left in place, or no longer. */
  deferred(is: boolean): void;
  /** We wrote what was not as it should be. */
  written(differences: readonly string[]): void;
  /** Somebody else's change was undone. Who it was is as claimed; of a deletion the API server says nothing. */
  reverted(what: 'deleted' | 'edited', by: string | undefined, differences: readonly string[]): void;
  /** It was undone too often: we let it be, or take it up again. */
  contested(is: boolean, differences: readonly string[]): void;
  /** Why everything fails open, or that it does no longer. */
  brokenGlass(reason: string | undefined): void;
  /** Our Deployment or Namespace is missing or ends, or is back. */
  going(is: boolean): void;
}

/** Half of the ten seconds in which a loss is to be made good. */
const EVERY_MS = 5_000;
const TRIES = 5;

/**
 * Looks at our webhook configuration every few seconds, and makes of it what it should be, as far as it is ours. Before
 * anything is written, our Deployment and Namespace are looked at: a release that is being removed must not come back.
 * Returns what ends that.
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
  const state = {
    breakGlass: undefined as string | undefined,
    going: false,
    contested: false,
    defers: false,
  };
  /** As things stood when all was last as it should be. */
  let settled: Circumstances | undefined;
  /** Changes that this replica undid (RFC 3339). */
  let reversions: readonly string[] = [];
  /** When this replica began, and last was seen, to leave newer content in place. */
  let deferral: { readonly since: number; readonly last: number } | undefined;

  async function look(tries = TRIES): Promise<void> {
    const found = (await ifThere(api.get(path))) as RegisteredConfiguration | undefined;
    const caBundle = reconcile(found);
    if (manage === 'none') return;
    const about = await circumstances(manage, caBundle);
    announce(about);
    const plan = planRegistration(found, about);
    on.looked(plan);
    defer(plan, about.now);
    if (plan.differences.length === 0) {
      settled = about;
      return contest(false, []);
    }
    try {
      if (await bring(plan, found, about, isUndone(found, plan))) settled = about;
    } catch (error) {
      // Another replica was first: what it left is to be looked at.
      if (tries > 1 && error instanceof ApiError && error.status === 409) return look(tries - 1);
      throw error;
    }
  }

  /** It is not as it was when it was right: so it is not only that we want something else now. */
  function isUndone(found: RegisteredConfiguration | undefined, { defers }: Plan): boolean {
    if (settled === undefined || defers) return false;
    return planRegistration(found, { ...settled, now: now() }).differences.length > 0;
  }

  async function thing(at: string): Promise<KubernetesThing | undefined> {
    return (await ifThere(api.get(at))) as KubernetesThing | undefined;
  }

  async function circumstances(
    managed: Circumstances['manage'],
    caBundle: string | undefined,
  ): Promise<Circumstances> {
    const { namespace } = service;
    const [deployment, home, port] = await Promise.all([
      thing(`/apis/apps/v1/namespaces/${namespace}/deployments/${service.name}`),
      thing(`/api/v1/namespaces/${namespace}`),
      managed === 'all' ? ifThere(readOwnService(api, service).then((own) => own.port)) : 443,
    ]);
    const going = [deployment, home].some(isGoing) || port === undefined;
    return {
      manage: managed,
      service,
      ...options.content(port ?? 443),
      caBundle,
      proven: options.proven(),
      breakGlass: deployment?.metadata.annotations?.[BREAK_GLASS],
      going,
      owner: options.ownerReference && home !== undefined ? ownerReference(home) : undefined,
      deferringSince: deferral?.since,
      now: now(),
    };
  }

  /** Writes what is planned, unless that was undone too often. */
  async function bring(
    { write, differences }: Plan,
    found: RegisteredConfiguration | undefined,
    about: Circumstances,
    undone: boolean,
  ): Promise<boolean> {
    const times = undone ? countedReversions(found, reversions, about.now) : reversions;
    const lowers = about.going || about.breakGlass !== undefined;
    contest(undone && times.length >= MAX_REVERSIONS && !lowers, differences);
    if (write === undefined || state.contested) return false;
    const stamps = undone ? [new Date(about.now).toISOString()] : [];
    const counted = [...times, ...stamps];
    const object = counted.length === 0 ? write.object : withReversions(write.object, counted);
    const written = (await (write.method === 'create'
      ? api.create(configurations, object)
      : api.replace(path, object))) as RegisteredConfiguration;
    reversions = [...reversions, ...stamps].slice(-MAX_REVERSIONS);
    reconcile(written);
    const by = found === undefined ? undefined : claimedManager(found, 'sigma-admission');
    if (undone) on.reverted(found === undefined ? 'deleted' : 'edited', by, differences);
    else on.written(differences);
    return true;
  }

  function announce({ breakGlass, going }: Circumstances): void {
    if (breakGlass !== state.breakGlass) on.brokenGlass(breakGlass);
    if (going !== state.going) on.going(going);
    Object.assign(state, { breakGlass, going });
  }
  /** Ten minutes in which nothing was deferred to are enough for another rollout to be believed. */
  function defer({ defers }: Plan, at: number): void {
    if (defers) deferral = { since: deferral?.since ?? at, last: at };
    else if (deferral !== undefined && at - deferral.last >= DEFER_MS) deferral = undefined;
    if (defers !== state.defers) on.deferred(defers);
    state.defers = defers;
  }
  function contest(is: boolean, differences: readonly string[]): void {
    if (is !== state.contested) on.contested(is, differences);
    state.contested = is;
  }
  return repeat({ everyMs, task: () => look(), onFailure });
}

/** As far as we read them. */
interface KubernetesThing {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly deletionTimestamp?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

function isGoing(thing: KubernetesThing | undefined): boolean {
  return thing === undefined || thing.metadata.deletionTimestamp !== undefined;
}

function ownerReference({ metadata: { name, uid } }: KubernetesThing): OwnerReference {
  return { apiVersion: 'v1', kind: 'Namespace', name, uid };
}

function withReversions(object: RegisteredConfiguration, times: readonly string[]): RegisteredConfiguration {
  const { annotations } = object.metadata;
  const counted = { ...annotations, [REVERTED]: times.slice(-MAX_REVERSIONS).join(' ') };
  return { ...object, metadata: { ...object.metadata, annotations: counted } };
}
