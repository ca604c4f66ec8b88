import { candidateVerbs, UNKNOWN_AT_ADMISSION, type AuditEvent, type Observation } from './audit-event.ts';
import { asObject } from './as-object.ts';
import { CONNECT_SUBRESOURCES } from './objects.ts';
import type { KubernetesObject, Operation } from './admission-review.ts';

/**
 * What admission was, or would have been, asked about a logged request; undefined if nothing, because it is a read or was
 * refused before. It differs from the log as docs/parity.md says: other verbs may be meant, the user is the impersonated one,
 * the object of a patch is seen only where the response was logged.
 */
export function rebuildAdmission(logged: Observation): Observation | undefined {
  const operation = operationOf(logged.event);
  if (operation === undefined || isRefusedBefore(logged.event, operation)) return undefined;
  const { verb, objectRef, user, impersonatedUser } = logged.event;
  const requestObject = objectOf(logged, operation);
  const event: AuditEvent = {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    verb,
    user: impersonatedUser ?? user,
    objectRef: {
      resource: objectRef?.resource,
      subresource: objectRef?.subresource,
      namespace: objectRef?.resource === 'namespaces' ? objectRef.name : objectRef?.namespace,
      name: objectRef?.name ?? nameOf(logged.event.responseObject),
      apiGroup: objectRef?.apiGroup,
      apiVersion: objectRef?.apiVersion,
    },
    requestObject,
  };
  return {
    ...logged,
    event,
    verbs: verbsOf(logged.event, operation),
    unknown: requestObject === undefined ? WITHOUT_OBJECT : UNKNOWN_AT_ADMISSION,
  };
}

const WITHOUT_OBJECT = [...UNKNOWN_AT_ADMISSION, 'requestObject', 'provenance'] as const;
const CREATED = 201;

function operationOf({ verb, objectRef, responseStatus }: AuditEvent): Operation | undefined {
  if (objectRef?.resource === undefined) return undefined;
  if (CONNECT_SUBRESOURCES.includes(objectRef.subresource ?? '')) return 'CONNECT';
  switch (verb) {
    case 'create':
      return 'CREATE';
    case 'update':
    case 'patch':
      return responseStatus?.['code'] === CREATED ? 'CREATE' : 'UPDATE';
    case 'delete':
    case 'deletecollection':
      return 'DELETE';
    default:
      return undefined;
  }
}

function verbsOf({ verb, objectRef }: AuditEvent, operation: Operation): readonly string[] {
  if (operation === 'CREATE') return verb === 'patch' ? ['create', 'patch'] : ['create'];
  const name = verb === 'deletecollection' ? undefined : (objectRef?.name ?? '');
  return candidateVerbs({ operation, name, object: undefined, requestSubResource: objectRef?.subresource });
}

/** The message of a request that an admission webhook refused, which may be ours: it reached admission. */
const BY_WEBHOOK = /^admission webhook "/;
const [UNAUTHORIZED, FORBIDDEN, CONFLICT] = [401, 403, 409] as const;

/**
 * Whether the API server refused a request before admission: unauthorized, forbidden, malformed, not found or invalid. A
 * conflict comes after admission, when the name of a created object is taken. The backend of a CONNECT may answer anything.
 */
function isRefusedBefore({ responseStatus }: AuditEvent, operation: Operation): boolean {
  const { code, message } = responseStatus ?? {};
  if (typeof code !== 'number' || code < 400 || code >= 500 || code === CONFLICT) return false;
  if (operation === 'CONNECT' && code !== UNAUTHORIZED && code !== FORBIDDEN) return false;
  return typeof message !== 'string' || !BY_WEBHOOK.test(message);
}

/** The object of a patch is in the response; the options of a CONNECT are only in the URI. */
function objectOf({ event, unknown }: Observation, operation: Operation): KubernetesObject | undefined {
  if (operation === 'CONNECT') return undefined;
  if (event.verb === 'patch') return unlessStatus(event.responseObject);
  return unknown.includes('requestObject') ? undefined : (unlessStatus(event.requestObject) ?? {});
}

function nameOf(object: unknown): string | undefined {
  const name = unlessStatus(unlessStatus(object)?.['metadata'])?.['name'];
  return typeof name === 'string' ? name : undefined;
}

/** A Status says that something failed, or that a binding or eviction was made. */
function unlessStatus(value: unknown): KubernetesObject | undefined {
  const object = asObject(value);
  return object?.['kind'] === 'Status' ? undefined : object;
}
