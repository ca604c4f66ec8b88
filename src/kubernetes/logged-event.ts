import { isObject } from './as-object.ts';
import type { AuditEvent, ObjectReference, Observation } from './audit-event.ts';
import type { UserInfo } from './user-info.ts';

/** The JSON is no audit event we can read. */
export class InvalidAuditEvent extends Error {
  override readonly name = 'InvalidAuditEvent';
}

type Writable = { -readonly [Key in keyof AuditEvent]: AuditEvent[Key] };

/**
 * An event of an audit log (audit.k8s.io v1, v1beta1 and before), as it was logged; takes `value` over. Its bodies are
 * unknown, not absent, where the level leaves them out, where the API server cut them off to keep the event short, where it may
 * have handed the request on to an aggregated API, and before they came; and so is what `provenance` would find in them. Throws InvalidAuditEvent.
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

/**
 * The groups that the API server itself serves, or served. What it hands on to an aggregated API, or answers by a
 * CustomResourceDefinition, has another; the bodies of what it hands on are in no log, at any level.
 */
const OWN_GROUPS: ReadonlySet<unknown> = new Set([
  ...[undefined, '', 'apps', 'autoscaling', 'batch', 'extensions', 'policy'],
  ...[
    ...['admissionregistration', 'apiextensions', 'apiregistration', 'authentication', 'authorization'],
    ...['certificates', 'coordination', 'discovery', 'events', 'flowcontrol.apiserver', 'internal.apiserver'],
    ...['networking', 'node', 'rbac.authorization', 'resource', 'scheduling', 'storage', 'storagemigration'],
  ].map((name) => `${name}.k8s.io`),
]);

/** Requests of these verbs have no body. */
const READS: readonly string[] = ['get', 'list', 'watch'];

function unknownBodies({
  level,
  stage,
  verb,
  objectRef,
  requestObject,
  responseStatus,
  responseObject,
  annotations,
}: AuditEvent): number {
  const isTruncated = annotations?.['audit.k8s.io/truncated'] === 'true';
  const isReceived = stage === 'RequestReceived';
  const isLogged = !isTruncated && !isReceived && (level === 'Request' || level === 'RequestResponse');
  const isOwn = OWN_GROUPS.has(objectRef?.apiGroup);
  const hasRequest = isLogged && (isOwn || READS.includes(verb));
  const hasResponse = isLogged && isOwn && level === 'RequestResponse' && stage !== 'ResponseStarted';
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

const TEXTS = [
  'level',
  'auditID',
  'stage',
  'requestURI',
  'requestReceivedTimestamp',
  'stageTimestamp',
] as const;
const OBJECTS = ['user', 'impersonatedUser', 'objectRef', 'responseStatus', 'annotations'] as const;
const USER_TEXTS = ['username', 'uid'] as const;
const REFERENCE_TEXTS = [
  ...['resource', 'subresource', 'namespace', 'name', 'uid', 'apiGroup', 'apiVersion', 'resourceVersion'],
] as const;

/** What we read ourselves has the types we rely on; rules may ask anything of anything. A null is absent. */
function asEvent(value: unknown): AuditEvent {
  if (!isObject(value)) throw new InvalidAuditEvent('not an object');
  const event = value as unknown as AuditEvent;
  if (!hasKnownTypes(event)) checkTypes(value);
  return event;
}

/** Says the same as `checkTypes`. Written out, because it is asked of every event. */
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
    isReferenceOrAbsent(event.objectRef) &&
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

function isUserOrAbsent(user: UserInfo | undefined): boolean {
  return (
    user === undefined ||
    (isObjectOrAbsent(user) &&
      isTextOrAbsent(user.username) &&
      isTextOrAbsent(user.uid) &&
      isObjectOrAbsent(user.extra) &&
      (user.groups === undefined || (Array.isArray(user.groups) && user.groups.every(isText))))
  );
}

function isReferenceOrAbsent(reference: ObjectReference | undefined): boolean {
  return (
    reference === undefined ||
    (isObjectOrAbsent(reference) &&
      isTextOrAbsent(reference.resource) &&
      isTextOrAbsent(reference.subresource) &&
      isTextOrAbsent(reference.namespace) &&
      isTextOrAbsent(reference.name) &&
      isTextOrAbsent(reference.uid) &&
      isTextOrAbsent(reference.apiGroup) &&
      isTextOrAbsent(reference.apiVersion) &&
      isTextOrAbsent(reference.resourceVersion))
  );
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

type Json = Record<string, unknown>;

/** Takes nulls out, and throws at the first field that is wrong. */
function checkTypes(event: Json): void {
  if (!isText(event['verb'])) throw new InvalidAuditEvent('verb: expected a text');
  expectAll(event, TEXTS, '', isText, 'a text');
  expectAll(event, OBJECTS, '', isObjectOrAbsent, 'an object');
  for (const key of ['user', 'impersonatedUser']) {
    const user = event[key] as Json | undefined;
    if (user === undefined) continue;
    expectAll(user, USER_TEXTS, `${key}.`, isText, 'a text');
    expectAll(user, ['extra'], `${key}.`, isObjectOrAbsent, 'an object');
    expectAll(user, ['groups'], `${key}.`, Array.isArray, 'a list');
    const wrong =
      (user['groups'] as readonly unknown[] | undefined)?.findIndex((group) => !isText(group)) ?? -1;
    if (wrong !== -1) throw new InvalidAuditEvent(`${key}.groups[${wrong}]: expected a text`);
  }
  const reference = event['objectRef'] as Json | undefined;
  if (reference !== undefined) expectAll(reference, REFERENCE_TEXTS, 'objectRef.', isText, 'a text');
}

function expectAll(
  object: Json,
  keys: readonly string[],
  within: string,
  isRight: (value: unknown) => boolean,
  expected: string,
): void {
  for (const key of keys) {
    if (object[key] === undefined || isRight(object[key])) continue;
    if (object[key] !== null) throw new InvalidAuditEvent(`${within}${key}: expected ${expected}`);
    delete object[key];
  }
}
