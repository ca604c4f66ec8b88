import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { claimText, CLOCK_SKEW_MS, type Claim } from './agreement.ts';
import { FIELD_MANAGER, isOwnedBy } from './field-owners.ts';
import { objectIn } from './json-annotation.ts';
import {
  isOurs,
  type RegisteredConfiguration,
  type RegisteredWebhook,
  type ServiceReference,
} from './registered-webhook.ts';
import { OTHER, OTHER_OBSERVE, type Webhook, type WebhookConfiguration } from './webhook-configuration.ts';

/** What a replica wants, and what another claimed. Between two replicas with different settings the later one wins. */
export interface Wish {
  readonly manage: 'ca' | 'all';
  /** Our Service: the entries that call it are ours. */
  readonly service: ServiceReference;
  /** The configuration that the replicas want, where they write all of it. */
  readonly content: WebhookConfiguration;
  /** Since when this replica wants that content (ms since the epoch). */
  readonly since: number;
  /** The content that a replica of this release claimed last; absent where none ever did. */
  readonly claim?: Claim | undefined;
  /** Our Deployment asks for other pods than when this replica began: another takes its place. */
  readonly outgoing: boolean;
  readonly now: number;
}

type Annotations = Readonly<Record<string, string>>;

/** The claim that was written last. Every client may write it: only replicas of earlier versions believe it. */
const CONTENT = 'sigma-admission/content';
/** The digest that a replica claims which writes the CA alone. */
const NO_CONTENT = 'ca';
/** From this `kubectl apply` tells which fields were taken out of a manifest. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
/** Longer than a rollout takes. */
const DEFER_MS = 10 * 60_000;

/**
 * Whether a replica with later settings wrote this configuration: believed for ten minutes, and only while no entry is missing that
 * no setting removes.
 */
export function isNewer(found: RegisteredConfiguration, about: Wish): boolean {
  const { claim, content, since, now, manage } = about;
  return (
    claim !== undefined &&
    claim.digest !== claimOf(about).digest &&
    claim.since > since &&
    claim.since <= now + CLOCK_SKEW_MS &&
    now - claim.since < DEFER_MS &&
    (manage === 'ca' ||
      content.webhooks.every((entry) => isOnlyByReplicas(entry.name) || isSentAsMuch(found, entry)))
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

/** What this replica claims, where it is another than the claim that stands. */
export function claiming(found: RegisteredConfiguration, about: Wish): { readonly claim?: Claim } {
  const wanted = claimOf(about);
  const isToClaim = about.manage === 'all' || isLeftOver(found, about);
  return isToClaim && wanted.digest !== about.claim?.digest ? { claim: wanted } : {};
}

function claimOf({ manage, content, since }: Wish): Claim {
  return { digest: manage === 'ca' ? NO_CONTENT : contentDigest(content), since };
}

/** With the annotation that tells replicas of earlier versions of the claim. */
export function withClaim(annotations: Annotations = {}, about: Wish): Annotations {
  const claim = claimOf(about);
  return annotations[CONTENT]?.split(' ')[0] === claim.digest
    ? annotations
    : { ...annotations, [CONTENT]: claimText(claim) };
}

/** Replicas that wrote all of it were here, and now write the CA alone. */
export function isLeftOver({ metadata }: RegisteredConfiguration, { manage }: Wish): boolean {
  const content = metadata.annotations?.[CONTENT];
  return manage === 'ca' && content !== undefined && content.split(' ')[0] !== NO_CONTENT;
}

/** Without the entries that only replicas add, as far as no other client owns them or applied them. */
export function withoutOther(found: RegisteredConfiguration, about: Wish): RegisteredConfiguration {
  const applied = found.metadata.annotations?.[LAST_APPLIED] ?? '';
  const isOthers = ({ name }: RegisteredWebhook) =>
    isOwnedBy(found, name, ({ manager }) => manager !== FIELD_MANAGER) || applied.includes(`"${name}"`);
  return {
    ...found,
    metadata: { ...found.metadata, annotations: withClaim(found.metadata.annotations, about) },
    webhooks: (found.webhooks ?? []).filter(
      (entry) => !isOnlyByReplicas(entry.name) || !isOurs(entry, about.service) || isOthers(entry),
    ),
  };
}

function isOnlyByReplicas(name: string): boolean {
  return [OTHER, OTHER_OBSERVE].includes(name);
}

/**
 * Client-side apply of a manifest without entries would take away those that it applied before. A replica whose place another
 * takes leaves them: that one may manage less, and is told by them which entries are in Git.
 */
export function withoutAppliedEntries(annotations: Annotations = {}, { outgoing }: Wish): Annotations {
  if (outgoing) return annotations;
  const applied = annotations[LAST_APPLIED];
  const { webhooks, ...rest } = objectIn(applied);
  return webhooks === undefined || JSON.stringify(webhooks) === '[]'
    ? annotations
    : { ...annotations, [LAST_APPLIED]: `${JSON.stringify(rest)}\n` };
}

function contentDigest(content: WebhookConfiguration): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 16);
}
