import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import {
  differingFields,
  differingKeys,
  isOurs,
  type OwnerReference,
  type RegisteredConfiguration,
  type RegisteredWebhook,
  type ServiceReference,
} from './registered-webhook.ts';
import {
  GUARD,
  OTHER,
  OTHER_OBSERVE,
  type Webhook,
  type WebhookConfiguration,
} from './webhook-configuration.ts';

/** The part of the webhook configuration that the replicas write: its CA, all of it, or none. */
export const MANAGE = ['ca', 'all', 'none'] as const;
export type Manage = (typeof MANAGE)[number];

/** Everything the plan depends on, besides the configuration as it is registered. */
export interface RegistrationState {
  readonly manage: 'ca' | 'all';
  /** Our Service: the entries that call it are ours. */
  readonly service: ServiceReference;
  /** The configuration that the replicas want, where they write all of it. */
  readonly content: WebhookConfiguration;
  /** Since when this replica wants that content (ms since the epoch). Between two replicas with different settings the later one wins. */
  readonly since: number;
  /** PEM; absent where the replicas do not write it. */
  readonly caBundle?: string | undefined;
  /** A probe came back through the API server, so the API server reaches and trusts a replica. */
  readonly confirmed: boolean;
  /** Why every entry must fail open now. */
  readonly breakGlass?: string | undefined;
  /** Our Deployment, Namespace or Service is missing or being deleted. */
  readonly terminating: boolean;
  /** Our Namespace, as the owner with which the configuration is deleted; absent where it has no owner. */
  readonly owner?: OwnerReference | undefined;
  /** Since when this replica defers to newer content (ms since the epoch); absent where it does not. */
  readonly deferringSince?: number | undefined;
  readonly now: number;
}

/** The plan. Without `write` nothing is written. */
export interface Plan {
  readonly write?: { readonly method: 'create' | 'replace'; readonly object: RegisteredConfiguration };
  /** The fields that differ from the wanted configuration, such as `guard.sigma-admission.svc: caBundle`. */
  readonly differences: readonly string[];
  /** Another replica with later settings wrote the configuration: its content stays. */
  readonly defers: boolean;
}

/** The failure policies before every entry was lowered to Ignore (JSON, by entry). */
export const LOWERED_POLICIES = 'sigma-admission/lowered';
/** The digest of the content, and since when a replica wants it. */
const CONTENT = 'sigma-admission/content';
/** When changes by other clients were undone lately (RFC 3339, separated by spaces). */
export const REVERTED = 'sigma-admission/reverted';

/** Longer than a rollout takes. */
export const DEFER_MS = 10 * 60_000;
/** Nodes synchronise their clocks to milliseconds. A date further in the future than this is forged. */
const CLOCK_SKEW_MS = 60_000;
/** After this many undone changes within this time, the configuration is left as it is. */
export const MAX_REVERSIONS = 5;
const REVERSIONS_MS = 10 * 60_000;

/** Compares the registered configuration with the wanted one. Pure: replicas with the same settings plan the same. */
export function planRegistration(found: RegisteredConfiguration | undefined, about: RegistrationState): Plan {
  if (found === undefined) return planAbsent(about);
  const defers = about.manage === 'all' && isNewer(found, about);
  const filled = about.manage === 'all' && !about.terminating && !defers ? withContent(found, about) : found;
  const desired = withOwner(withPolicies(withCaBundle(filled, about), about), about);
  const differences = differencesOf(found, desired);
  return differences.length === 0
    ? { differences, defers }
    : { write: { method: 'replace', object: desired }, differences, defers };
}

function planAbsent(about: RegistrationState): Plan {
  const differences = ['it does not exist'];
  if (about.manage === 'ca' || about.terminating) return { differences, defers: false };
  const { content } = about;
  const empty: RegisteredConfiguration = { ...content, webhooks: [] };
  const object = withOwner(withPolicies(withCaBundle(withContent(empty, about), about), about), about);
  return { write: { method: 'create', object }, differences, defers: false };
}

/** The wanted entries, and no others. */
function withContent(
  found: RegisteredConfiguration,
  { content, since, confirmed }: RegistrationState,
): RegisteredConfiguration {
  const entries = found.webhooks ?? [];
  const before = (name: string) => entries.find((entry) => entry.name === name);
  const wanted = content.webhooks.map((entry): RegisteredWebhook => {
    const there = before(entry.name);
    // An entry fails closed only after a probe was answered. A replica without an answer keeps the Fail that another replica wrote.
    const unconfirmed = entry.name === GUARD && !confirmed && there?.failurePolicy !== 'Fail';
    const { caBundle } = there?.clientConfig ?? {};
    const complete = {
      ...entry,
      ...(unconfirmed ? { failurePolicy: 'Ignore' } : {}),
      clientConfig: { ...entry.clientConfig, ...(caBundle === undefined ? {} : { caBundle }) },
    };
    return there !== undefined && differingFields(there, complete).length === 0 ? there : complete;
  });
  const webhooks = isDeepStrictEqual(entries, wanted) ? entries : wanted;
  const { labels, annotations } = found.metadata;
  const known = annotations?.[CONTENT]?.split(' ')[0] === digestOf(content);
  return {
    ...found,
    metadata: {
      ...found.metadata,
      labels: { ...labels, ...content.metadata.labels },
      annotations: known
        ? { ...annotations }
        : { ...annotations, [CONTENT]: `${digestOf(content)} ${new Date(since).toISOString()}` },
    },
    webhooks,
  };
}

/**
 * Whether a replica with later settings wrote this configuration. Any client may forge the annotation that says so: it is
 * believed for ten minutes in all, and only while the configuration still has every entry that no setting removes.
 */
function isNewer(found: RegisteredConfiguration, about: RegistrationState): boolean {
  const { content, since, now, deferringSince = now } = about;
  const [digest = '', written = ''] = found.metadata.annotations?.[CONTENT]?.split(' ') ?? [];
  const at = Date.parse(written);
  return (
    digest !== digestOf(content) &&
    at > since &&
    at <= now + CLOCK_SKEW_MS &&
    now - Math.min(at, deferringSince) < DEFER_MS &&
    content.webhooks.every(
      (entry) => [OTHER, OTHER_OBSERVE].includes(entry.name) || isSentAsMuch(found, entry),
    )
  );
}

/** Whether an entry exists and covers all the requests that it should. The users that its conditions let through are a setting. */
function isSentAsMuch({ webhooks = [] }: RegisteredConfiguration, wanted: Webhook): boolean {
  const entry = webhooks.find(({ name }) => name === wanted.name);
  return (
    entry !== undefined &&
    wanted.rules.every((rule) => entry.rules?.some((each) => isDeepStrictEqual(each, rule))) &&
    isDeepStrictEqual(entry.namespaceSelector, wanted.namespaceSelector) &&
    Object.keys(entry.objectSelector ?? {}).length === 0
  );
}

/**
 * When changes were undone within the last ten minutes (RFC 3339): those that this replica undid, and at most one more that
 * only the annotation tells of. Any client may forge the annotation, so that it adds no more than one.
 */
export function countedReversions(
  found: RegisteredConfiguration | undefined,
  own: readonly string[],
  now: number,
): readonly string[] {
  const ours = recent(own, now);
  const told = recent(found?.metadata.annotations?.[REVERTED]?.split(' ') ?? [], now);
  const others = told.filter((time) => !ours.includes(time)).slice(-(ours.length + 1));
  return [...ours, ...others].toSorted().slice(-MAX_REVERSIONS);
}

function recent(times: readonly string[], now: number): readonly string[] {
  const counting = times.filter((time) => Math.abs(now - Date.parse(time)) < REVERSIONS_MS);
  return [...new Set(counting)].toSorted().slice(-MAX_REVERSIONS);
}

function digestOf(content: WebhookConfiguration): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 16);
}

function withCaBundle(
  found: RegisteredConfiguration,
  { caBundle, service }: RegistrationState,
): RegisteredConfiguration {
  if (caBundle === undefined || found.webhooks === undefined) return found;
  const wanted = Buffer.from(caBundle).toString('base64');
  const webhooks = found.webhooks.map((entry) =>
    isOurs(entry, service) ? { ...entry, clientConfig: { ...entry.clientConfig, caBundle: wanted } } : entry,
  );
  return { ...found, webhooks };
}

/** Lowers every entry of ours to Ignore during break-glass or while the release is deleted, and raises them again afterwards. */
function withPolicies(
  found: RegisteredConfiguration,
  { manage, breakGlass, terminating, service }: RegistrationState,
): RegisteredConfiguration {
  const { [LOWERED_POLICIES]: remembered, ...annotations } = found.metadata.annotations ?? {};
  const loweredPolicies = policiesIn(remembered);
  const entries = found.webhooks ?? [];
  if (breakGlass === undefined && !terminating) {
    if (remembered === undefined) return found;
    const webhooks = entries.map((entry) =>
      manage === 'ca' && entry.failurePolicy === 'Ignore' && loweredPolicies[entry.name] === 'Fail'
        ? { ...entry, failurePolicy: 'Fail' }
        : entry,
    );
    return { ...found, metadata: { ...found.metadata, annotations }, webhooks };
  }
  const failing = entries.filter((entry) => isOurs(entry, service) && entry.failurePolicy !== 'Ignore');
  if (failing.length === 0) return found;
  const policies = { ...loweredPolicies, ...Object.fromEntries(failing.map(({ name }) => [name, 'Fail'])) };
  return {
    ...found,
    metadata: {
      ...found.metadata,
      annotations: { ...annotations, [LOWERED_POLICIES]: JSON.stringify(policies) },
    },
    webhooks: entries.map((entry) =>
      failing.includes(entry) ? { ...entry, failurePolicy: 'Ignore' } : entry,
    ),
  };
}

/** Reads the annotation. A client may have forged it. */
function policiesIn(annotation: string | undefined): Readonly<Record<string, unknown>> {
  try {
    const policies: unknown = JSON.parse(annotation ?? '{}');
    return typeof policies === 'object' && policies !== null ? { ...policies } : {};
  } catch {
    return {};
  }
}

/** Neither `controller` nor `blockOwnerDeletion`: the garbage collector deletes it with our Namespace, and it delays no deletion. */
function withOwner(found: RegisteredConfiguration, { owner }: RegistrationState): RegisteredConfiguration {
  if (owner === undefined) return found;
  const before = found.metadata.ownerReferences ?? [];
  const others = before.filter(({ kind, name }) => kind !== owner.kind || name !== owner.name);
  const ownerReferences = before.some(({ uid }) => uid === owner.uid) ? before : [...others, owner];
  return { ...found, metadata: { ...found.metadata, ownerReferences } };
}

function differencesOf(found: RegisteredConfiguration, desired: RegisteredConfiguration): readonly string[] {
  if (isDeepStrictEqual(found, desired)) return [];
  const [there, wanted] = [found.webhooks ?? [], desired.webhooks ?? []].map(
    (entries) => new Map(entries.map((entry) => [entry.name, entry])),
  ) as [Map<string, RegisteredWebhook>, Map<string, RegisteredWebhook>];
  const entries = [...new Set([...there.keys(), ...wanted.keys()])].flatMap((name) => {
    const [is, should] = [there.get(name), wanted.get(name)];
    if (is === undefined) return [`${name}: missing`];
    if (should === undefined) return [`${name}: not ours`];
    return differingFields(is, should).map((field) => `${name}: ${field}`);
  });
  return [
    ...entries,
    ...differingKeys(found.metadata, desired.metadata).map((field) => `metadata: ${field}`),
  ];
}

/** The field manager that changed the configuration last. Clients choose that name themselves. */
export function claimedManager({ metadata }: RegisteredConfiguration, ourselves: string): string | undefined {
  const others = (metadata.managedFields ?? []).filter(({ manager }) => manager !== ourselves);
  return others.toSorted((one, other) => ((one.time ?? '') < (other.time ?? '') ? 1 : -1))[0]?.manager;
}
