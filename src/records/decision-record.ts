import { withoutUndefined } from '../io/without-undefined.ts';
import { printable, shorten } from '../io/text.ts';
import type { KubernetesObject } from '../kubernetes/admission-review.ts';
import { asObject } from '../kubernetes/as-object.ts';
import { controllerOf } from '../kubernetes/owner-reference.ts';
import type { DecidedMatch } from '../policy/decision.ts';
import type { Door } from '../policy/door.ts';
import { evidenceOf, type Evidence } from '../policy/evidence.ts';
import type { Mode } from '../policy/mode.ts';
import type { Ruleset } from '../policy/ruleset.ts';
import type { Level } from '../sigma/read/level.ts';
import { provenanceRecord, type ProvenanceRecord } from './provenance-record.ts';
import type { Judgement } from './recorder.ts';

/** What is written of one request, by every door alike. Published as docs/decision-record.schema.json. */
export interface DecisionRecord {
  readonly schemaVersion: 1;
  readonly door: Door;
  /** RFC 3339: when the request was received. Absent only where a log does not say. */
  readonly time?: string;
  /** Joins the record to the audit event's annotation `uid`; of a log, the audit ID. */
  readonly uid: string;
  /** Where the event stands, of a log: its name as given, `-` for standard input, and the line from 1. */
  readonly file?: string;
  readonly line?: number;
  readonly verdict: 'allow' | 'warn' | 'deny';
  /** Only where no client got the verdict: it came too late, or the client had hung up. The API server then decided. */
  readonly delivered?: false;
  readonly dryRun: boolean;
  readonly apiGroup: string;
  readonly apiVersion?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly objectUid?: string;
  /** The controller the object names as its owner. Any user may write one: it is a claim. */
  readonly owner?: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly uid: string;
  };
  /** What was found out of who made the object. */
  readonly provenance?: ProvenanceRecord;
  readonly user?: { readonly username?: string; readonly uid?: string; readonly groups?: readonly string[] };
  readonly matches: readonly {
    readonly id: string;
    readonly title: string;
    readonly level: Level;
    readonly mode: Mode;
    readonly verb: string;
    readonly evidence: readonly Evidence[];
    /** The filter that accepts the match. */
    readonly filter?: { readonly id: string; readonly title: string };
  }[];
  readonly notJudged: readonly { readonly id: string; readonly title: string; readonly field: string }[];
  /** Of scan only: why the object is in its group. */
  readonly reason?: string;
  /** The digest of the rules and filters that judged. */
  readonly ruleset: string;
}

/** Everything a client chose is made printable; what is absent is left out. */
export function decisionRecord(judged: Judgement): DecisionRecord {
  const { door, observation, evaluation, decision, ruleset, logged } = judged;
  const { event, uid, receivedAt, dryRun } = observation;
  const { resource, subresource, namespace, name, apiGroup, apiVersion } = event.objectRef ?? {};
  const object = asObject(event.requestObject);
  const metadata = asObject(object?.['metadata']);
  return withoutUndefined({
    schemaVersion: 1,
    door,
    time: text(receivedAt),
    uid: printable(uid),
    ...logged,
    verdict: decision.verdict,
    delivered: judged.delivered === false ? false : undefined,
    dryRun,
    apiGroup: text(apiGroup) ?? '',
    apiVersion: text(apiVersion),
    resource: text(resource),
    subresource: text(subresource),
    kind: text(object?.['kind']),
    namespace: text(namespace),
    name: text(name),
    objectUid: text(metadata?.['uid']),
    owner: ownerRecord(object),
    provenance: provenanceRecord(event.provenance),
    user: event.user === undefined ? undefined : userOf(event.user),
    matches: decision.decided.map((match) => matchRecord(match, ruleset)),
    notJudged: evaluation.notJudged.map(({ rule, field }) => ({
      id: rule.id,
      title: rule.title,
      field,
    })),
    ruleset: ruleset.digest,
  }) as DecisionRecord;
}

function matchRecord(
  { rule, mode, verb, event, filter }: DecidedMatch,
  ruleset: Ruleset,
): DecisionRecord['matches'][number] {
  const accepting = filter?.filter;
  return {
    id: rule.id,
    title: rule.title,
    level: rule.level,
    mode,
    verb: printable(verb),
    evidence: evidenceOf(rule.tree, event, ruleset),
    ...(accepting === undefined ? {} : { filter: { id: accepting.id, title: accepting.title } }),
  };
}

function ownerRecord(object: KubernetesObject | undefined): DecisionRecord['owner'] {
  const owner = controllerOf(object);
  if (owner === undefined) return undefined;
  const [apiVersion, kind, name, uid] = [owner.apiVersion, owner.kind, owner.name, owner.uid].map(printable);
  return { apiVersion, kind, name, uid } as DecisionRecord['owner'];
}

function userOf({
  username,
  uid,
  groups,
}: {
  username?: unknown;
  uid?: unknown;
  groups?: readonly unknown[] | undefined;
}) {
  return withoutUndefined({
    username: text(username),
    uid: text(uid),
    groups: groups?.filter((group) => typeof group === 'string').map(printable),
  });
}

/** Names end at 253 characters; an owner's, which is any text a client likes, must not fill the queue of records. */
const MAX_TEXT = 1024;

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? printable(shorten(value, MAX_TEXT)) : undefined;
}
