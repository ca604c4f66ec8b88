import { isObject } from './as-object.ts';
import { EVENT_LISTS } from './json-splitter.ts';

/** An audit event as it was logged, not yet checked. */
export type RawEvent = Record<string, unknown>;

/** A log that is no audit log and cannot be read as one; what to do instead is in the message. */
export class UnreadableLog extends Error {
  override readonly name = 'UnreadableLog';
}

export interface Unwrapped {
  readonly onEvent: (event: RawEvent) => void;
  /** Something else than an event, in a few words. */
  readonly onOther: (problem: string) => void;
}

/** AKS and CloudWatch: an event as text, in a record, in a list. More is nobody's wrapping. */
const MAX_WRAPPINGS = 4;

const GKE =
  'a Google Cloud LogEntry, not an audit.k8s.io event: GKE exports its audit log only in this form, ' +
  'without the fields that rules name. Judge requests there with serve, and what exists with scan';

/**
 * Finds the events in one JSON document: the event itself; the members of an EventList; AKS's `properties.log` and
 * CloudWatch's `message`, which hold the event as text; `log`, where a container runtime or shipper put it.
 */
export function unwrap(document: unknown, found: Unwrapped, depth = 0): void {
  if (isEvent(document)) {
    found.onEvent(document);
  } else if (Array.isArray(document)) {
    for (const member of document) unwrap(member, found, depth + 1);
  } else if (!isObject(document)) {
    found.onOther(`${describe(document)}, not an audit event`);
  } else {
    refuseLogEntry(document);
    unwrapObject(document, found, depth);
  }
}

/** Whether it is an event as it stands, in no wrapping. */
export function isEvent(document: unknown): document is RawEvent {
  return isObject(document) && typeof document['verb'] === 'string' && isAudit(document);
}

function unwrapObject(document: RawEvent, found: Unwrapped, depth: number): void {
  const lists = [...EVENT_LISTS].map((key) => document[key]).filter(Array.isArray);
  const text = [property(document['properties'], 'log'), document['message'], document['log']].find(
    (value) => typeof value === 'string',
  );
  if (depth === MAX_WRAPPINGS) found.onOther('wrapped too often to be an audit event');
  else if (lists.length > 0) for (const list of lists) unwrap(list, found, depth + 1);
  else if (text !== undefined) unwrapText(text, found, depth);
  else found.onOther(describe(document));
}

function unwrapText(text: string, found: Unwrapped, depth: number): void {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    found.onOther('a record of another log, or of an event that was cut off: its text is not JSON');
    return;
  }
  unwrap(document, found, depth + 1);
}

/** An `apiVersion` other than this API's is another API's Event; without one it may be a list's item. */
function isAudit({ kind = 'Event', apiVersion = '' }: RawEvent): boolean {
  return (
    kind === 'Event' &&
    typeof apiVersion === 'string' &&
    (apiVersion === '' || apiVersion.startsWith('audit.k8s.io/'))
  );
}

function refuseLogEntry({ logName, protoPayload }: RawEvent): void {
  const isAuditLog = typeof logName === 'string' && logName.includes('cloudaudit.googleapis.com');
  if (isAuditLog || isObject(protoPayload)) throw new UnreadableLog(GKE);
}

/** Never its contents: they may be a Secret's. */
function describe(value: unknown): string {
  if (!isObject(value))
    return Array.isArray(value) ? 'a list' : `a ${value === null ? 'null' : typeof value}`;
  const { kind, apiVersion } = value;
  if (isAudit(value))
    return kind === 'Event' ? 'an audit event without a verb' : 'not an audit event: it has no verb';
  const named = [apiVersion, kind]
    .filter((part) => typeof part === 'string')
    .map((part) => JSON.stringify(part.slice(0, 64)));
  return named.length === 0 ? 'not an audit event' : `${named.join(' ')}, not an audit event`;
}

function property(value: unknown, key: string): unknown {
  return isObject(value) ? value[key] : undefined;
}
