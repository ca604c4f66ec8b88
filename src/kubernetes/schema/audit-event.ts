import type { Fields, FieldType } from './schema.ts';

/** HTTP methods stand for verbs where a request is not about a resource. `replace` is not among them, though rules name it. */
export const AUDIT_VERBS: readonly string[] =
  'create get update patch delete list watch deletecollection proxy post put head options'.split(' ');

const USER_INFO: FieldType = {
  fields: { username: 'string', uid: 'string', groups: 'string', extra: { of: 'string' } },
};

/** The fields of an audit event (audit.k8s.io/v1 Event), which no API server publishes. */
const AUDIT_EVENT: Fields = {
  kind: 'string',
  apiVersion: 'string',
  level: ['Metadata', 'Request', 'RequestResponse'],
  auditID: 'string',
  stage: ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'],
  requestURI: 'string',
  verb: AUDIT_VERBS,
  user: USER_INFO,
  impersonatedUser: USER_INFO,
  authenticationMetadata: { fields: { impersonationConstraint: 'string' } },
  sourceIPs: 'string',
  userAgent: 'string',
  objectRef: {
    fields: {
      resource: 'segment',
      namespace: 'segment',
      name: 'string',
      uid: 'string',
      apiGroup: 'segment',
      apiVersion: 'segment',
      resourceVersion: 'string',
      subresource: 'segment',
    },
  },
  responseStatus: 'meta.v1.Status',
  requestObject: 'any',
  responseObject: 'any',
  requestReceivedTimestamp: 'string',
  stageTimestamp: 'string',
  annotations: { of: 'string' },
};

const PROVENANCE: FieldType = {
  fields: {
    mirrorPod: 'boolean',
    creator: [
      'controller',
      'node',
      'impersonated-controller',
      'pod-bound-controller-token',
      'user',
      'serviceaccount',
    ],
    owner: {
      fields: {
        apiVersion: 'string',
        kind: 'string',
        name: 'string',
        uid: 'string',
        verified: 'boolean',
        problem: 'string',
        imagesMatch: 'boolean',
      },
    },
    imitates: 'string',
    evidence: 'string',
  },
};

/** The fields that rules see: an audit event's, and what the doors add. docs/provenance.md says what `provenance` holds. */
export const EVENT: FieldType = {
  fields: { ...AUDIT_EVENT, receivedAt: 'string', provenance: PROVENANCE },
};

/** Names of an AdmissionReview's request, which people know better, and where an audit event has the same. */
export const FROM_ADMISSION: Readonly<Record<string, string>> = {
  object: 'requestObject',
  userInfo: 'user',
  operation: 'verb',
  name: 'objectRef.name',
  namespace: 'objectRef.namespace',
  resource: 'objectRef.resource',
  subResource: 'objectRef.subresource',
  options: 'requestObject',
};
