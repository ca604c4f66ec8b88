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
import { GUARD, OTHER, type Webhook, type WebhookConfiguration } from './webhook-configuration.ts';

/** What of the webhook configuration is ours: its CA, all of it, or nothing. */
export const MANAGE = ['ca', 'all', 'none'] as const;
export type Manage = (typeof MANAGE)[number];

/** All that decides what the configuration should be, besides what it is. */
export interface RegistrationState {
  readonly manage: 'ca' | 'all';
  /** Where our Service is: entries that call it are ours. */
  readonly service: ServiceReference;
  /** What it should say, where all of it is ours. */
  readonly content: WebhookConfiguration;
  /** Since when we want that content (ms since the epoch): of two replicas told different things, the later is right. */
  readonly since: number;
  /** PEM; absent where somebody else sees to that. */
  readonly caBundle?: string | undefined;
  /** A probe came back through the API server: it reaches us and trusts us. */
  readonly confirmed: boolean;
  /** Why everything is to fail open now. */
  readonly breakGlass?: string | undefined;
  /** Our Deployment, Namespace or Service is missing or being deleted. */
  readonly terminating: boolean;
  /** Our Namespace, with which the configuration is to go; absent where it is not to. */
  readonly owner?: OwnerReference | undefined;
  /** Since when this replica has left newer content in place, of late (ms since the epoch); absent where it has not. */
  readonly deferringSince?: number | undefined;
  readonly now: number;
}

/** What to do about it. Without `write`, nothing. */
export interface Plan {
  readonly write?: { readonly method: 'create' | 'replace'; readonly object: RegisteredConfiguration };
  /** What is not as it should be: `guard.sigma-admission.svc: caBundle`. */
  readonly differences: readonly string[];
  /** Another replica was told something else, later: its content stands. */
  readonly defers: boolean;
}

/** Failure policies as they were, while everything is lowered to Ignore (JSON by entry). */
export const LOWERED_POLICIES = 'sigma-admission/lowered';
/** Whose content it is: its digest, and since when it was wanted. */
const CONTENT = 'sigma-admission/content';
/** When somebody else's changes were undone of late (RFC 3339, separated by blanks). */
export const REVERTED = 'sigma-admission/reverted';

/** A rollout is over long before. */
export const DEFER_MS = 10 * 60_000;
/** Clocks of nodes are kept together to milliseconds. A date that is further ahead of ours was made up. */
const CLOCK_SKEW_MS = 60_000;
/** Undone so often within so long, a change is let be. */
export const MAX_REVERSIONS = 5;
const REVERSIONS_MS = 10 * 60_000;

/** Compares what is there with what should be. Pure: the same for every replica that was told the same. */
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

/** Every entry as it should be, and none beside. */
function withContent(
  found: RegisteredConfiguration,
  { content, since, confirmed }: RegistrationState,
): RegisteredConfiguration {
  const entries = found.webhooks ?? [];
  const before = (name: string) => entries.find((entry) => entry.name === name);
  const wanted = content.webhooks.map((entry): RegisteredWebhook => {
    const there = before(entry.name);
    // Fail only once somebody has seen an answer; who proved nothing himself leaves what another replica proved.
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
 * Whether a replica that was told something else later wrote this. The annotation that says so is anybody's to write: it
 * is believed for ten minutes in all, and only of a configuration that still has every entry that no setting takes away.
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
    content.webhooks.every((entry) => entry.name === OTHER || isSentAsMuch(found, entry))
  );
}

/** Whether an entry is there and is asked about all that it should be: who is let through by conditions is a setting. */
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
 * When changes were undone within the last ten minutes (RFC 3339): those that this replica undid, and of those that the
 * annotation tells of, one more than that. Anybody may write the annotation, and each change that is undone may add one.
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

/** During break-glass, or while our release is being deleted, none of our entries fails closed; after that, those that did do again. */
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

/** Anybody may have written it. */
function policiesIn(annotation: string | undefined): Readonly<Record<string, unknown>> {
  try {
    const policies: unknown = JSON.parse(annotation ?? '{}');
    return typeof policies === 'object' && policies !== null ? { ...policies } : {};
  } catch {
    return {};
  }
}

/** Neither `controller` nor `blockOwnerDeletion`: it is to be collected with our Namespace, and to hold nothing up. */
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

/** Who changed it last, in that client's own words; the API server vouches for none of them. */
export function claimedManager({ metadata }: RegisteredConfiguration, ourselves: string): string | undefined {
  const others = (metadata.managedFields ?? []).filter(({ manager }) => manager !== ourselves);
  return others.toSorted((one, other) => ((one.time ?? '') < (other.time ?? '') ? 1 : -1))[0]?.manager;
}
