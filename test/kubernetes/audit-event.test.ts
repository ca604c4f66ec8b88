import { describe, expect, it } from '@jest/globals';
import { parseAdmissionReview } from '../../src/kubernetes/admission-review.ts';
import {
  auditEventFromAdmission,
  candidateVerbs,
  UNKNOWN_AT_ADMISSION,
} from '../../src/kubernetes/audit-event.ts';
import { corpusLines, describeWithCorpus } from '../corpus.ts';

const pods = { group: '', version: 'v1', resource: 'pods' };

describe('the audit verbs a request may have', () => {
  const applied = { metadata: { managedFields: [{ operation: 'Apply' }] } };
  it.each([
    ['a CREATE', { operation: 'CREATE' }, ['create']],
    ['a CREATE by server-side apply', { operation: 'CREATE', object: applied }, ['create', 'patch']],
    [
      'a CREATE with managedFields that are none',
      { operation: 'CREATE', object: { metadata: { managedFields: [null] } } },
      ['create'],
    ],
    ['an UPDATE', { operation: 'UPDATE' }, ['update', 'patch']],
    ['a DELETE', { operation: 'DELETE', name: 'a' }, ['delete']],
    ['a DELETE without a name', { operation: 'DELETE' }, ['deletecollection']],
    ['an exec', { operation: 'CONNECT', requestSubResource: 'exec' }, ['create', 'get']],
    [
      'a proxied request',
      { operation: 'CONNECT', requestSubResource: 'proxy' },
      ['create', 'get', 'update', 'patch', 'delete'],
    ],
  ] as const)('%s', (_, request, verbs) => {
    expect(candidateVerbs(request)).toEqual(verbs);
  });
});

describe('the audit event of a request', () => {
  const request = {
    uid: 'u-1',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: pods,
    requestKind: { group: '', version: 'v1', kind: 'Pod' },
    requestResource: pods,
    namespace: 'kube-system',
    operation: 'DELETE',
    userInfo: { username: 'admin' },
    oldObject: { metadata: { name: 'kube-proxy-bv61v' } },
    options: { kind: 'DeleteOptions' },
    dryRun: true,
  } as const;

  it('has what the audit log will have, and says what it cannot know', () => {
    expect(auditEventFromAdmission(request, { mirrorPod: false }, '2026-11-24T00:00:00.000Z')).toEqual({
      uid: 'u-1',
      event: {
        kind: 'Event',
        apiVersion: 'audit.k8s.io/v1',
        verb: 'deletecollection',
        user: { username: 'admin' },
        objectRef: { resource: 'pods', namespace: 'kube-system', name: 'kube-proxy-bv61v', apiVersion: 'v1' },
        requestObject: { kind: 'DeleteOptions' },
        provenance: { mirrorPod: false },
      },
      verbs: ['deletecollection'],
      unknown: UNKNOWN_AT_ADMISSION,
      receivedAt: '2026-11-24T00:00:00.000Z',
      dryRun: true,
    });
  });
});

interface Pair {
  readonly step: string;
  readonly auditEvent: {
    readonly verb: string;
    readonly user: { readonly username: string };
    readonly impersonatedUser?: { readonly username: string };
    readonly objectRef: Record<string, string>;
    readonly requestObject?: { readonly metadata?: { readonly name?: string } };
  };
  readonly admissionReviews: readonly { readonly request: { readonly operation: string } }[];
}

describeWithCorpus('124 recorded requests, as webhook and as audit log saw them', () => {
  const pairs = (corpusLines('pairs/requests.ndjson') as Pair[]).flatMap(
    ({ step, auditEvent, admissionReviews }) =>
      admissionReviews.map((review) => ({ step, auditEvent, review })),
  );

  it('are all of them', () => {
    expect(corpusLines('pairs/requests.ndjson')).toHaveLength(124);
  });

  it.each(pairs)('$step: $auditEvent.verb $auditEvent.objectRef.resource', ({ auditEvent, review }) => {
    const request = parseAdmissionReview(Buffer.from(JSON.stringify(review)));
    const { event, verbs } = auditEventFromAdmission(request, {}, '');
    expect(verbs).toContain(auditEvent.verb);
    const { name, uid: _, resourceVersion: __, namespace, ...objectRef } = auditEvent.objectRef;
    expect(event.objectRef).toMatchObject(objectRef);
    // A Namespace's own namespace, and generated names, are where the doors differ.
    const isNamespace = auditEvent.objectRef['resource'] === 'namespaces';
    expect(event.objectRef?.namespace).toBe(isNamespace ? name : namespace);
    expect(event.objectRef?.name).toEqual(name ?? expect.any(String));
    const who = auditEvent.impersonatedUser ?? auditEvent.user;
    expect(event.user).toEqual({ uid: undefined, extra: undefined, ...who });
    if (request.operation === 'CREATE' && auditEvent.requestObject?.metadata?.name !== undefined) {
      expect(event.requestObject).toMatchObject({
        metadata: { name: auditEvent.requestObject.metadata.name },
      });
    }
  });
});
