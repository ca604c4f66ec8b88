import { isDeepStrictEqual } from 'node:util';
import type { Claim } from './agreement.ts';
import { FIELD_MANAGER, isOwnedBy, ownerOf, type EntryField } from './field-owners.ts';
import {
  claiming,
  isLeftOver,
  isNewer,
  withClaim,
  withoutAppliedEntries,
  withoutOther,
  type Wish,
} from './handover.ts';
import { objectIn } from './json-annotation.ts';
import {
  differingFields,
  differingKeys,
  isOurs,
  type OwnerReference,
  type RegisteredConfiguration,
  type RegisteredWebhook,
} from './registered-webhook.ts';
import { GUARD } from './webhook-configuration.ts';

/** The part of the webhook configuration that the replicas write: its CA, all of it, or none. */
export const MANAGE = ['ca', 'all', 'none'] as const;
export type Manage = (typeof MANAGE)[number];

/** Everything the plan depends on, besides the configuration as it is registered. */
export interface RegistrationState extends Wish {
  /** PEM; absent where the replicas do not write it. */
  readonly caBundle?: string | undefined;
  /** A probe came back through the API server, so the API server reaches and trusts a replica. */
  readonly confirmed: boolean;
  /** Why every entry must fail open now. */
  readonly breakGlass?: string | undefined;
  /** Why our release counts as being removed: its Deployment, Namespace or Service ends, or the Deployment or Namespace is missing. */
  readonly ending?: string | undefined;
  /** Our Service is missing while the rest of the release stands: a configuration that is missing is not made. */
  readonly serviceMissing: boolean;
  /** Our Namespace, as the owner with which the configuration is deleted; absent where it has no owner. */
  readonly owner?: OwnerReference | undefined;
  /** This replica has seen the configuration as it should be. */
  readonly wasOurs: boolean;
}

/** The plan. Without `write` nothing is written. */
export interface Plan {
  readonly write?: {
    /** `apply` makes it where it does not exist, and else only makes us an owner of what is there. */
    readonly method: 'apply' | 'replace';
    readonly object: RegisteredConfiguration;
  };
  /** What this replica claims from now on, before it writes. */
  readonly claim?: Claim;
  /** The fields that differ from the wanted configuration, such as `guard.sigma-admission.svc: caBundle`. */
  readonly differences: readonly string[];
  /** The field manager that owns what differs, as it calls itself. */
  readonly changedBy?: string | undefined;
  /** Why every entry of ours fails open. */
  readonly failsOpen?: string | undefined;
  /** Another replica with later settings wrote the configuration: its content stays. */
  readonly defers: boolean;
  /** The Service (`namespace/name`) of another release, whose configuration this is: it is left alone. */
  readonly otherRelease?: string;
}

/** The failure policies before every entry was lowered to Ignore (JSON, by entry). */
export const LOWERED_POLICIES = 'sigma-admission/lowered';
/** Compares the registered configuration with the wanted one. Pure: replicas with the same settings plan the same. */
export function planRegistration(found: RegisteredConfiguration | undefined, about: RegistrationState): Plan {
  if (found === undefined) return planAbsent(about);
  const otherRelease = releaseOf(found, about);
  if (otherRelease !== undefined) {
    const differences = [
      `it is the webhook configuration of another release, with the Service ${otherRelease}`,
    ];
    return { differences, defers: false, otherRelease };
  }
  const defers = isNewer(found, about);
  const isOurs = about.ending === undefined && !defers;
  const desired = withOwner(
    withPolicies(withCaBundle(isOurs ? withContent(found, about) : found, about), about),
    about,
  );
  const { differences, changed } = differencesOf(found, desired);
  const write = writeOf(found, desired, about, isOurs && about.manage === 'all');
  return {
    ...(write === undefined ? {} : { write }),
    ...(isOurs ? claiming(found, about) : {}),
    differences,
    ...(differences.length === 0 ? {} : { changedBy: ownerOf(found, changed) }),
    defers,
    failsOpen: failsOpen(about),
  };
}

function planAbsent(about: RegistrationState): Plan {
  const plan = { differences: ['it does not exist'], defers: false, failsOpen: failsOpen(about) };
  if (about.manage === 'ca' || about.ending !== undefined || about.serviceMissing) return plan;
  const { content } = about;
  const empty: RegisteredConfiguration = { ...content, webhooks: [] };
  const object = withOwner(withPolicies(withCaBundle(withAll(empty, about), about), about), about);
  return { ...plan, write: { method: 'apply', object }, ...claiming(object, about) };
}

/**
 * What is to be written. A `replace` makes us the owner only of what it changes; a server-side apply by another client would then
 * take away what that client owns alone.
 */
function writeOf(
  found: RegisteredConfiguration,
  desired: RegisteredConfiguration,
  { caBundle, content }: RegistrationState,
  isContentOurs: boolean,
): Plan['write'] {
  if (!isDeepStrictEqual(found, desired)) return { method: 'replace', object: desired };
  const isOwned = ({ name }: RegisteredWebhook) =>
    isOwnedBy(found, name, ({ manager, operation }) => manager === FIELD_MANAGER && operation === 'Apply');
  const { webhooks = [], metadata } = found;
  if (!isContentOurs || webhooks.every(isOwned)) return undefined;
  const { name, resourceVersion, ownerReferences } = metadata;
  const { apiVersion, kind } = content;
  return {
    method: 'apply',
    object: {
      apiVersion,
      kind,
      metadata: {
        ...(name === undefined ? {} : { name }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
        labels: content.metadata.labels,
        ...(ownerReferences === undefined ? {} : { ownerReferences }),
      },
      // The CA of an entry may be another client's to write.
      webhooks: webhooks.map((entry) => (caBundle === undefined ? withoutCaBundle(entry) : entry)),
    },
  };
}

function withoutCaBundle(entry: RegisteredWebhook): RegisteredWebhook {
  const { caBundle: _, ...clientConfig } = entry.clientConfig;
  return { ...entry, clientConfig };
}

/** The Service of another release, where the configuration calls that and not ours, and no replica of this release ever claimed it. */
function releaseOf(
  { webhooks = [] }: RegisteredConfiguration,
  { service, claim, content, wasOurs }: RegistrationState,
): string | undefined {
  const names = content.webhooks.map(({ name }) => name);
  const called = webhooks.filter(({ name }) => names.includes(name));
  if (wasOurs || claim !== undefined || called.some((entry) => isOurs(entry, service))) return undefined;
  const other = called.find(({ clientConfig }) => clientConfig.service !== undefined)?.clientConfig.service;
  return other && `${other.namespace}/${other.name}`;
}

function withContent(found: RegisteredConfiguration, about: RegistrationState): RegisteredConfiguration {
  if (about.manage === 'all') return withAll(found, about);
  return isLeftOver(found, about) ? withoutOther(found, about) : found;
}

/** The wanted entries, and no others. */
function withAll(found: RegisteredConfiguration, about: RegistrationState): RegisteredConfiguration {
  const { content, confirmed } = about;
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
  return {
    ...found,
    metadata: {
      ...found.metadata,
      labels: { ...labels, ...content.metadata.labels },
      annotations: withClaim(withoutAppliedEntries(annotations, about), about),
    },
    webhooks,
  };
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

/** Why every entry of ours fails open. Break-glass wins always. */
function failsOpen({ breakGlass, ending }: RegistrationState): string | undefined {
  return breakGlass === undefined ? ending : `break-glass: ${breakGlass}`;
}

/** Lowers every entry of ours to Ignore during break-glass or while the release is deleted, and raises them again afterwards. */
function withPolicies(found: RegisteredConfiguration, about: RegistrationState): RegisteredConfiguration {
  const { manage, service } = about;
  const { [LOWERED_POLICIES]: remembered, ...annotations } = found.metadata.annotations ?? {};
  const loweredPolicies = objectIn(remembered);
  const entries = found.webhooks ?? [];
  if (failsOpen(about) === undefined) {
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

/** Neither `controller` nor `blockOwnerDeletion`: the garbage collector deletes it with our Namespace, and it delays no deletion. */
function withOwner(found: RegisteredConfiguration, { owner }: RegistrationState): RegisteredConfiguration {
  if (owner === undefined) return found;
  const before = found.metadata.ownerReferences ?? [];
  const others = before.filter(({ kind, name }) => kind !== owner.kind || name !== owner.name);
  const ownerReferences = before.some(({ uid }) => uid === owner.uid) ? before : [...others, owner];
  return { ...found, metadata: { ...found.metadata, ownerReferences } };
}

/** What differs, in words, and the fields of entries that were changed, not removed. */
function differencesOf(
  found: RegisteredConfiguration,
  desired: RegisteredConfiguration,
): { readonly differences: readonly string[]; readonly changed: readonly EntryField[] } {
  if (isDeepStrictEqual(found, desired)) return { differences: [], changed: [] };
  const [there, wanted] = [found.webhooks ?? [], desired.webhooks ?? []].map(
    (entries) => new Map(entries.map((entry) => [entry.name, entry])),
  ) as [Map<string, RegisteredWebhook>, Map<string, RegisteredWebhook>];
  const names = [...new Set([...there.keys(), ...wanted.keys()])];
  const missing = names.filter((name) => !there.has(name));
  const changed = names.flatMap((entry): readonly EntryField[] => {
    const [is, should] = [there.get(entry), wanted.get(entry)];
    if (is === undefined) return [];
    return should === undefined
      ? [{ entry }]
      : differingFields(is, should).map((field) => ({ entry, field }));
  });
  return {
    changed,
    differences: [
      ...missing.map((name) => `${name}: missing`),
      ...changed.map(({ entry, field }) => `${entry}: ${field ?? 'not ours'}`),
      ...differingKeys(found.metadata, desired.metadata).map((field) => `metadata: ${field}`),
    ],
  };
}
