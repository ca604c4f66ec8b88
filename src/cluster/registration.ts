import { isDeepStrictEqual } from 'node:util';
import { MAX_REVERSIONS, oneMoreUndone, undoneLately, type Undone } from '../registration/agreement.ts';
import {
  planRegistration,
  type RegistrationState,
  type Manage,
  type Plan,
} from '../registration/registration-plan.ts';
import {
  ourWebhooks,
  type OwnerReference,
  type RegisteredConfiguration,
  type ServiceReference,
} from '../registration/registered-webhook.ts';
import { BREAK_GLASS } from '../self/own-deployment.ts';
import type { WebhookConfiguration } from '../registration/webhook-configuration.ts';
import { followAgreement } from './agreement.ts';
import { ApiError, ifThere, type ApiServer } from './api-server.ts';
import { portOf, type Service } from './own-service.ts';
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
  /** This replica, as the Lease names it that the replicas share. The Lease has the name of our Service. */
  readonly holder: string;
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
  looked(plan: Pick<Plan, 'differences' | 'defers' | 'failsOpen'> | undefined): void;
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
  /** Why our release counts as being removed; undefined when it no longer does. */
  ending(why: string | undefined): void;
  /** Our Service is missing, or no longer. */
  serviceMissing(is: boolean): void;
  /** The Service (`namespace/name`) of the release whose configuration this is, not ours; undefined when it no longer is. */
  otherRelease(service: string | undefined): void;
}

/** Of the Service in the manifests. */
const DEFAULT_PORT = 443;
/** Half of the ten seconds in which a loss is to be made good. */
const EVERY_MS = 5_000;
const TRIES = 5;

/**
 * Reads our webhook configuration every few seconds, plans what it should be as far as it is ours, and writes that. Our Deployment,
 * Namespace and Service are read first: a release that is being removed must not come back. Returns what ends that.
 */
export function followRegistration(options: RegistrationOptions): () => void {
  const {
    api,
    name,
    manage,
    service,
    holder,
    everyMs = EVERY_MS,
    now = Date.now,
    reconcile,
    on,
    onFailure,
  } = options;
  const path = `/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/${name}`;
  const told = {
    breakGlass: undefined as string | undefined,
    ending: undefined as string | undefined,
    serviceMissing: false,
    contested: false,
    defers: false,
    otherRelease: undefined as string | undefined,
  };
  /** The state for which the configuration was last as it should be. */
  let settled: RegistrationState | undefined;
  /** The port of our Service when it was last there. */
  let lastPort = DEFAULT_PORT;
  /** The pods that our Deployment asked for when this replica began. */
  let template: unknown;
  const agreement = followAgreement({ ...service, api, holder, onFailure });

  async function reconcileOnce(tries = TRIES): Promise<void> {
    const found = (await ifThere(api.get(path))) as RegisteredConfiguration | undefined;
    const caBundle = reconcile(found);
    if (manage === 'none') return on.looked(undefined);
    const { undone, claim } = await agreement.read();
    const state = { ...(await readState(manage, found)), caBundle, claim, wasOurs: settled !== undefined };
    const plan = planRegistration(found, state);
    tell(state, plan);
    try {
      const isRight = plan.differences.length === 0;
      const isWritten = await write(found, { plan, state, undone });
      if (isRight || isWritten) settled = state;
      // We are to own all of it before another client takes back what it owns.
      if (!isRight && isWritten && tries > 1) await reconcileOnce(1);
    } catch (error) {
      // Another replica was first: its configuration is to be read.
      if (tries > 1 && error instanceof ApiError && error.status === 409) return reconcileOnce(tries - 1);
      throw error;
    }
  }

  async function readState(managed: RegistrationState['manage'], found: RegisteredConfiguration | undefined) {
    const [deployment, namespace, own] = await Promise.all([
      readObject(`/apis/apps/v1/namespaces/${service.namespace}/deployments/${service.name}`),
      readObject(`/api/v1/namespaces/${service.namespace}`),
      readObject(`/api/v1/namespaces/${service.namespace}/services/${service.name}`),
    ]);
    const [ours] = ourWebhooks(found, service);
    lastPort = (own && portOf(own as Service)) ?? ours?.clientConfig.service?.port ?? lastPort;
    return {
      manage: managed,
      service,
      ...options.content(lastPort),
      confirmed: options.confirmed(),
      breakGlass: deployment?.metadata.annotations?.[BREAK_GLASS],
      ending: endingOf({ Deployment: deployment, Namespace: namespace, Service: own }),
      serviceMissing: own === undefined,
      outgoing: isOutgoing(deployment),
      owner: options.ownerReference && namespace !== undefined ? ownerReference(namespace) : undefined,
      now: now(),
    };
  }

  function isOutgoing(deployment: OwnObject | undefined): boolean {
    if (deployment === undefined) return false;
    template ??= deployment.spec?.template;
    return !isDeepStrictEqual(template, deployment.spec?.template);
  }

  async function readObject(at: string): Promise<OwnObject | undefined> {
    return (await ifThere(api.get(at))) as OwnObject | undefined;
  }

  /** Tells the listener what was read and planned, as far as it is another than before. */
  function tell({ breakGlass, ending, serviceMissing }: RegistrationState, plan: Plan): void {
    const { defers, otherRelease } = plan;
    if (breakGlass !== told.breakGlass) on.breakGlass(breakGlass);
    if (ending !== told.ending) on.ending(ending);
    if (serviceMissing !== told.serviceMissing) on.serviceMissing(serviceMissing);
    if (defers !== told.defers) on.deferred(defers);
    if (otherRelease !== told.otherRelease) on.otherRelease(otherRelease);
    Object.assign(told, { breakGlass, ending, serviceMissing, defers, otherRelease });
    on.looked(plan);
    if (plan.differences.length === 0) contest(false, []);
  }

  function contest(is: boolean, differences: readonly string[]): void {
    if (is !== told.contested) on.contested(is, differences);
    told.contested = is;
  }

  /** Writes what is planned, unless that was undone too often. Resolves with whether it was written. */
  async function write(
    found: RegisteredConfiguration | undefined,
    { plan, state, undone }: { plan: Plan; state: RegistrationState; undone: Undone | undefined },
  ): Promise<boolean> {
    const { differences, claim } = plan;
    const isUndone = isChangeOfOthers(found, plan);
    const isLowering = state.ending !== undefined || state.breakGlass !== undefined;
    const isOften = isUndone && undoneLately(undone, state.now) >= MAX_REVERSIONS && !isLowering;
    if (differences.length > 0) contest(isOften, differences);
    if (told.contested) return false;
    if (claim !== undefined) await agreement.say({ claim });
    if (plan.write === undefined) return false;
    const { method, object } = plan.write;
    reconcile((await api[method](path, object)) as RegisteredConfiguration);
    if (isUndone) {
      if (found === undefined) on.reverted('deleted', undefined, differences);
      else on.reverted('edited', plan.changedBy, differences);
      await agreement.say({ undone: oneMoreUndone(undone, state.now) });
    } else if (differences.length > 0) on.written(differences);
    return true;
  }

  /** The configuration is not as it was when it was right: so it is not only that we want something else now. */
  function isChangeOfOthers(found: RegisteredConfiguration | undefined, { defers }: Plan): boolean {
    if (settled === undefined || defers) return false;
    return planRegistration(found, { ...settled, now: now() }).differences.length > 0;
  }

  return repeat({ everyMs, task: () => reconcileOnce(), onFailure });
}

/** Our Deployment, Namespace or Service, as far as it is read. */
interface OwnObject {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly deletionTimestamp?: string;
    readonly finalizers?: readonly string[];
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: { readonly template?: unknown };
}

/** Why our release counts as being removed. A missing Service alone does not: whoever deletes it would open the cluster. */
function endingOf({
  Service: own,
  ...others
}: Readonly<Record<'Deployment' | 'Namespace' | 'Service', OwnObject | undefined>>): string | undefined {
  const missing = Object.entries(others).find(([, object]) => object === undefined);
  if (missing !== undefined) return `our ${missing[0]} is missing`;
  const [ending] = Object.entries({ ...others, Service: own }).filter(
    ([, object]) => object?.metadata.deletionTimestamp !== undefined,
  );
  if (ending === undefined) return undefined;
  const [kind, object] = ending;
  const finalizers = object?.metadata.finalizers ?? [];
  const held = finalizers.length === 0 ? '' : `, and is held by its finalizers ${finalizers.join(', ')}`;
  return `our ${kind} is being deleted${held}`;
}

function ownerReference({ metadata: { name, uid } }: OwnObject): OwnerReference {
  return { apiVersion: 'v1', kind: 'Namespace', name, uid };
}
