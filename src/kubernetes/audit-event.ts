import type { AdmissionRequest, KubernetesObject } from './admission-review.ts';
import { asObject } from './as-object.ts';
import type { UserInfo } from './user-info.ts';

/** What a request was about. As in the audit log: of what the client sent, and without `apiGroup` for the core group. */
export interface ObjectReference {
  readonly resource?: string | undefined;
  readonly subresource?: string | undefined;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly uid?: string | undefined;
  readonly apiGroup?: string | undefined;
  readonly apiVersion?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

/** What rules see (audit.k8s.io/v1 Event), and beside it `provenance`, which no log has. Undefined is absent. */
export interface AuditEvent {
  readonly kind?: 'Event';
  readonly apiVersion?: string | undefined;
  readonly level?: string | undefined;
  readonly auditID?: string | undefined;
  readonly stage?: string | undefined;
  readonly requestURI?: string | undefined;
  readonly verb: string;
  readonly user?: UserInfo | undefined;
  readonly impersonatedUser?: UserInfo | undefined;
  readonly sourceIPs?: readonly string[] | undefined;
  readonly userAgent?: string | undefined;
  readonly objectRef?: ObjectReference | undefined;
  readonly responseStatus?: KubernetesObject | undefined;
  /** A patch may be an array (JSON Patch). */
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
  readonly requestReceivedTimestamp?: string | undefined;
  readonly stageTimestamp?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly authenticationMetadata?: KubernetesObject | undefined;
  readonly provenance?: Readonly<Record<string, unknown>> | undefined;
}

/** An audit event as one door shows it. */
export interface Observation {
  /** The request's uid; of an audit log, its audit ID. Empty where a door has neither. */
  readonly uid: string;
  readonly event: AuditEvent;
  /** What the audit log may call this request; `event.verb` is the first. More than one at admission only. */
  readonly verbs: readonly string[];
  /** Fields this door, or this event, cannot show. Everything else that the event lacks is absent. */
  readonly unknown: readonly (keyof AuditEvent)[];
  /** When the request was received, by the best clock the door has (RFC 3339). */
  readonly receivedAt: string;
  readonly dryRun: boolean;
}

/** What no AdmissionReview shows. Listed, never left out: left out they would be absent, and `not` of them true. */
export const UNKNOWN_AT_ADMISSION = [
  'level',
  'auditID',
  'stage',
  'requestURI',
  'impersonatedUser',
  'sourceIPs',
  'userAgent',
  'responseStatus',
  'responseObject',
  'requestReceivedTimestamp',
  'stageTimestamp',
  'annotations',
  'authenticationMetadata',
] as const satisfies readonly (keyof AuditEvent)[];

/** The audit event of a request that is about to be logged. `provenance` is what was found out about who made the object. */
export function auditEventFromAdmission(
  request: AdmissionRequest,
  provenance: Readonly<Record<string, unknown>>,
  receivedAt: string,
): Observation {
  const verbs = candidateVerbs(request);
  const { requestResource, requestSubResource, name, namespace, oldObject, operation } = request;
  return {
    uid: request.uid,
    event: {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      verb: verbs[0],
      user: request.userInfo,
      objectRef: {
        resource: requestResource.resource,
        subresource: requestSubResource,
        namespace,
        name: name ?? metadataName(oldObject),
        apiGroup: requestResource.group === '' ? undefined : requestResource.group,
        apiVersion: requestResource.version,
      },
      requestObject: operation === 'DELETE' ? request.options : request.object,
      provenance,
    },
    verbs,
    unknown: UNKNOWN_AT_ADMISSION,
    receivedAt,
    dryRun: request.dryRun,
  };
}

/** HTTP methods that reach a `proxy` subresource as CONNECT, by their audit verbs. */
const PROXY_VERBS = ['create', 'get', 'update', 'patch', 'delete'] as const;

/**
 * The audit verbs a request may have. A PATCH arrives as UPDATE, or as CREATE where server-side apply makes a new object
 * (its managedFields then say Apply); a WebSocket CONNECT is an HTTP GET, a SPDY one a POST; the items of a
 * deletecollection have no name.
 */
export function candidateVerbs({
  operation,
  name,
  object,
  requestSubResource,
}: Pick<AdmissionRequest, 'operation' | 'name' | 'object' | 'requestSubResource'>): readonly [
  string,
  ...string[],
] {
  switch (operation) {
    case 'CREATE':
      return isServerSideApply(object) ? ['create', 'patch'] : ['create'];
    case 'UPDATE':
      return ['update', 'patch'];
    case 'DELETE':
      return [name === undefined ? 'deletecollection' : 'delete'];
    case 'CONNECT':
      return requestSubResource === 'proxy' ? PROXY_VERBS : ['create', 'get'];
  }
}

function isServerSideApply(object: KubernetesObject | undefined): boolean {
  const managedFields = metadata(object)?.['managedFields'];
  return Array.isArray(managedFields) && managedFields.some((entry) => entry?.operation === 'Apply');
}

function metadataName(object: KubernetesObject | undefined): string | undefined {
  const name = metadata(object)?.['name'];
  return typeof name === 'string' ? name : undefined;
}

function metadata(object: KubernetesObject | undefined): KubernetesObject | undefined {
  return asObject(object?.['metadata']);
}
