import { isObject } from './as-object.ts';
import type { AuditEvent, Observation } from './audit-event.ts';

/** The JSON is no audit event we can read. */
export class InvalidAuditEvent extends Error {
  override readonly name = 'InvalidAuditEvent';
}

type Writable = { -readonly [Key in keyof AuditEvent]: AuditEvent[Key] };

/**
 * An event of an audit log (audit.k8s.io v1, v1beta1 and before), as it was logged; takes `value` over. Its bodies are
 * unknown, not absent, where the level leaves them out, where the API server cut them off to keep the event short, and
 * before they came; and so is what `provenance` would find in them. Throws InvalidAuditEvent.
 */
export function parseAuditEvent(value: unknown): Observation {
  const event: Writable = asEvent(value);
  const unknown = UNKNOWN_FIELDS[unknownBodies(event)] ?? [];
  // No log has it: what calls itself so was put there.
  if (event.provenance !== undefined) event.provenance = undefined;
  return {
    uid: event.auditID ?? '',
    event,
    verbs: [event.verb],
    unknown,
    receivedAt: receivedAt(event),
    dryRun: event.requestURI !== undefined && DRY_RUN.test(event.requestURI),
  };
}

const DRY_RUN = /[?&]dryRun=All(&|$)/;

const [REQUEST, RESPONSE, STATUS] = [1, 2, 4] as const;

/** What is unknown, by the sum of the three above. */
const UNKNOWN_FIELDS: readonly (readonly (keyof AuditEvent)[])[] = Array.from({ length: 8 }, (_, bodies) => [
  ...((bodies & REQUEST) === 0 ? [] : (['requestObject', 'provenance'] as const)),
  ...((bodies & RESPONSE) === 0 ? [] : (['responseObject'] as const)),
  ...((bodies & STATUS) === 0 ? [] : (['responseStatus'] as const)),
]);

function unknownBodies({
  level,
  stage,
  requestObject,
  responseStatus,
  responseObject,
  annotations,
}: AuditEvent): number {
  const isTruncated = annotations?.['audit.k8s.io/truncated'] === 'true';
  const isReceived = stage === 'RequestReceived';
  const hasRequest = !isTruncated && !isReceived && (level === 'Request' || level === 'RequestResponse');
  const hasResponse = hasRequest && level === 'RequestResponse' && stage !== 'ResponseStarted';
  return (
    (hasRequest || requestObject !== undefined ? 0 : REQUEST) +
    (hasResponse || responseObject !== undefined ? 0 : RESPONSE) +
    (!isReceived || responseStatus !== undefined ? 0 : STATUS)
  );
}

/** Older events have only `timestamp`. Warehouses write the time without `T` and zone; it is UTC. Empty if there is none. */
function receivedAt(event: AuditEvent & { readonly timestamp?: unknown }): string {
  const { requestReceivedTimestamp, timestamp, stageTimestamp } = event;
  const time =
    requestReceivedTimestamp ?? (typeof timestamp === 'string' ? timestamp : (stageTimestamp ?? ''));
  return time.charAt(10) === ' '
    ? `${time.slice(0, 10)}T${time.slice(11)}${/Z|[+-]\d\d:\d\d$/.test(time) ? '' : 'Z'}`
    : time;
}

const KNOWN = {
  texts: ['level', 'auditID', 'stage', 'requestURI', 'requestReceivedTimestamp', 'stageTimestamp'],
  objects: ['user', 'impersonatedUser', 'objectRef', 'responseStatus', 'annotations'],
} as const;

/** What we read ourselves has the types we rely on; rules may ask anything of anything. A null is absent. */
function asEvent(value: unknown): AuditEvent {
  if (!isObject(value)) throw new InvalidAuditEvent('not an object');
  const event = value as unknown as AuditEvent;
  if (!hasKnownTypes(event)) checkTypes(value);
  return event;
}

/** Written out, because it is asked of every event. */
function hasKnownTypes(event: AuditEvent): boolean {
  return (
    typeof event.verb === 'string' &&
    isTextOrAbsent(event.level) &&
    isTextOrAbsent(event.auditID) &&
    isTextOrAbsent(event.stage) &&
    isTextOrAbsent(event.requestURI) &&
    isTextOrAbsent(event.requestReceivedTimestamp) &&
    isTextOrAbsent(event.stageTimestamp) &&
    isUserOrAbsent(event.user) &&
    isUserOrAbsent(event.impersonatedUser) &&
    isObjectOrAbsent(event.objectRef) &&
    isObjectOrAbsent(event.responseStatus) &&
    isObjectOrAbsent(event.annotations)
  );
}

function isTextOrAbsent(value: unknown): boolean {
  return typeof value === 'string' || value === undefined;
}

function isObjectOrAbsent(value: unknown): boolean {
  return value === undefined || isObject(value);
}

function isUserOrAbsent(value: unknown): boolean {
  return (
    value === undefined ||
    (isObject(value) && (value['groups'] === undefined || Array.isArray(value['groups'])))
  );
}

/** Takes nulls out, and throws at the first thing that is wrong. */
function checkTypes(event: Record<string, unknown>): void {
  if (typeof event['verb'] !== 'string') throw new InvalidAuditEvent('verb: expected a text');
  for (const key of KNOWN.texts) if (!isTextOrAbsent(event[key])) expectNull(event, key, 'a text');
  for (const key of KNOWN.objects) if (!isObjectOrAbsent(event[key])) expectNull(event, key, 'an object');
  for (const key of ['user', 'impersonatedUser']) {
    const user = event[key];
    if (!isUserOrAbsent(user)) expectNull(user as Record<string, unknown>, 'groups', 'a list', `${key}.`);
  }
}

function expectNull(object: Record<string, unknown>, key: string, expected: string, within = ''): void {
  if (object[key] !== null) throw new InvalidAuditEvent(`${within}${key}: expected ${expected}`);
  delete object[key];
}
