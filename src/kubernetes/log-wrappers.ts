import { isObject } from './as-object.ts';
import { UnreadableLog } from '../io/input-files.ts';
import { EVENT_LISTS } from '../io/json-splitter.ts';

/** An audit event as logged, not yet checked. */
export type RawEvent = Record<string, unknown>;

export interface Unwrapped {
  readonly onEvent: (event: RawEvent) => void;
  /** Called for a document that is no event, with the problem in a few words. */
  readonly onOther: (problem: string) => void;
}

/** AKS and CloudWatch wrap an event most deeply: as text, in a record, in a list. */
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
  const shape = SHAPES.find(({ has }) => has(value));
  if (shape !== undefined) return `${shape.name}, not an audit event; ${shape.remedy}`;
  const { kind, apiVersion } = value;
  if (isAudit(value))
    return kind === 'Event' ? 'an audit event without a verb' : 'not an audit event: it has no verb';
  const named = [apiVersion, kind]
    .filter((part) => typeof part === 'string')
    .map((part) => JSON.stringify(part.slice(0, 64)));
  return named.length === 0 ? 'not an audit event' : `${named.join(' ')}, not an audit event`;
}

/** Other wrappings of an event, which are not unwrapped; where the event stands in each. */
const SHAPES: readonly {
  readonly name: string;
  readonly has: (document: RawEvent) => boolean;
  readonly remedy: string;
}[] = [
  {
    name: 'an OpenTelemetry export (OTLP)',
    has: ({ resourceLogs, logRecords }) => Array.isArray(resourceLogs) || Array.isArray(logRecords),
    remedy:
      "take the events out with jq '.resourceLogs[].scopeLogs[].logRecords[].body.stringValue | fromjson'",
  },
  {
    name: 'an event of the Splunk HTTP Event Collector',
    has: ({ event }) => isObject(event) || (typeof event === 'string' && event.startsWith('{')),
    remedy: "take the events out with jq '.event'",
  },
  {
    name: 'a result of a Splunk search',
    has: ({ result }) => typeof property(result, '_raw') === 'string',
    remedy: "take the events out with jq '.result._raw | fromjson'",
  },
  {
    name: 'streams of Grafana Loki',
    has: ({ streams }) => Array.isArray(streams),
    remedy: "take the events out with jq '.streams[].values[][1] | fromjson'",
  },
  {
    name: 'a query result of Grafana Loki',
    has: ({ data }) => property(data, 'resultType') === 'streams',
    remedy: "take the events out with jq '.data.result[].values[][1] | fromjson'",
  },
  {
    name: 'a line of Grafana Loki',
    has: ({ labels, line }) => isObject(labels) && typeof line === 'string',
    remedy: "take the events out with jq '.line | fromjson'",
  },
  {
    name: 'a document of Filebeat',
    has: ({ kubernetes }) => isObject(property(kubernetes, 'audit')),
    remedy: "take the events out with jq '.kubernetes.audit'",
  },
  {
    name: "a row of Azure Log Analytics' table AzureDiagnostics",
    has: ({ log_s: text }) => typeof text === 'string',
    remedy: "take the events out with jq '.log_s | fromjson'",
  },
  {
    name: "a row of Azure Log Analytics' table AKSAudit or AKSAuditAdmin",
    has: ({ AuditId, RequestUri }) => typeof AuditId === 'string' && typeof RequestUri === 'string',
    remedy: 'export the events to a storage account or an event hub, where they stand as they were logged',
  },
];

function property(value: unknown, key: string): unknown {
  return isObject(value) ? value[key] : undefined;
}
