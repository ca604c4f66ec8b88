import { describe, expect, it } from '@jest/globals';
import { parseAdmissionReview } from '../../src/kubernetes/admission-review.ts';
import { auditEventFromAdmission, UNKNOWN_AT_ADMISSION } from '../../src/kubernetes/audit-event.ts';
import { parseAuditEvent } from '../../src/kubernetes/logged-event.ts';
import { rebuildAdmission } from '../../src/kubernetes/rebuilt-admission.ts';
import { corpusLines, describeWithCorpus } from '../corpus.ts';

const rebuild = (logged: object) => rebuildAdmission(parseAuditEvent(structuredClone(logged)));

const created = {
  level: 'Request',
  auditID: 'a-1',
  stage: 'ResponseComplete',
  verb: 'create',
  user: { username: 'admin' },
  objectRef: {
    resource: 'pods',
    namespace: 'kube-system',
    name: 'x',
    apiVersion: 'v1',
    uid: 'u',
    resourceVersion: '7',
  },
  responseStatus: { code: 201 },
  requestObject: { kind: 'Pod' },
  requestReceivedTimestamp: '2026-11-24T08:00:00Z',
};

describe('the admission of a logged request', () => {
  it('is what the webhook would have been asked', () => {
    expect(rebuild(created)).toEqual({
      uid: 'a-1',
      event: {
        kind: 'Event',
        apiVersion: 'audit.k8s.io/v1',
        verb: 'create',
        user: { username: 'admin' },
        objectRef: { resource: 'pods', namespace: 'kube-system', name: 'x', apiVersion: 'v1' },
        requestObject: { kind: 'Pod' },
      },
      verbs: ['create'],
      unknown: UNKNOWN_AT_ADMISSION,
      receivedAt: '2026-11-24T08:00:00Z',
      dryRun: false,
    });
  });

  const pods = (subresource?: string) => ({ objectRef: { resource: 'pods', subresource, name: 'x' } });
  it.each([
    ['a create', {}, ['create']],
    ['a patch that created', { verb: 'patch' }, ['create', 'patch']],
    ['a patch', { verb: 'patch', responseStatus: { code: 200 } }, ['update', 'patch']],
    ['an update', { verb: 'update', responseStatus: { code: 200 } }, ['update', 'patch']],
    ['a delete', { verb: 'delete' }, ['delete']],
    [
      'a deletecollection',
      { verb: 'deletecollection', objectRef: { resource: 'pods' } },
      ['deletecollection'],
    ],
    ['an exec by WebSocket', { verb: 'get', ...pods('exec') }, ['create', 'get']],
    ['a port-forward by SPDY', pods('portforward'), ['create', 'get']],
    ['a proxied patch', { verb: 'patch', ...pods('proxy') }, ['create', 'get', 'update', 'patch', 'delete']],
  ])('may be called, of %s', (_, logged, verbs) => {
    expect(rebuild({ ...created, ...logged })?.verbs).toEqual(verbs);
  });

  it.each([
    ['a read', { verb: 'list' }],
    ['a read of a subresource', { verb: 'get', ...pods('log') }],
    ['what is about no resource', { verb: 'post', objectRef: undefined }],
    [
      'what nobody may do',
      { responseStatus: { code: 403, message: 'pods is forbidden: User "x" cannot create' } },
    ],
    ['what nobody was', { responseStatus: { code: 401 } }],
    ['what is not valid', { responseStatus: { code: 422 } }],
  ])('is none of %s', (_, logged) => {
    expect(rebuild({ ...created, ...logged })).toBeUndefined();
  });

  it.each([
    ['a name that is taken', { code: 409 }],
    ['a refusal by a webhook', { code: 403, message: 'admission webhook "x" denied the request: no' }],
    ['an exec that failed', { code: 500 }],
    ['a request that has not ended', undefined],
    ['a proxied request that was not found', { code: 404 }, pods('proxy')],
  ])('is one of %s', (_, responseStatus, logged: object = {}) => {
    expect(rebuild({ ...created, responseStatus, ...logged })).toBeDefined();
  });

  it('is by the impersonated user', () => {
    expect(rebuild({ ...created, impersonatedUser: { username: 'other' } })?.event.user).toEqual({
      username: 'other',
    });
  });

  it('sees the object of a patch where the response shows it, and what it is called', () => {
    const patch = {
      ...created,
      verb: 'patch',
      requestObject: [{ op: 'add' }],
      objectRef: { resource: 'pods' },
    };
    expect(rebuild(patch)).toMatchObject({
      event: {},
      unknown: [...UNKNOWN_AT_ADMISSION, 'requestObject', 'provenance'],
    });
    const responseObject = { kind: 'Pod', metadata: { name: 'generated' } };
    expect(rebuild({ ...patch, level: 'RequestResponse', responseObject })).toMatchObject({
      event: { requestObject: responseObject, objectRef: { name: 'generated' } },
      unknown: UNKNOWN_AT_ADMISSION,
    });
  });
});

interface Pair {
  readonly step: string;
  readonly auditEvent: { readonly verb: string; readonly objectRef: Record<string, string> };
  readonly admissionReviews: readonly object[];
}

/** The API server finds no need to ask: nothing would change, or the request turns out to be stale. */
const NOT_ASKED_ALL_THE_SAME = new Set([22, 36, 57, 58, 84]);

describeWithCorpus('124 recorded requests', () => {
  const pairs = corpusLines('pairs/requests.ndjson') as readonly Pair[];

  it.each(pairs.map((pair, index) => ({ ...pair, index })))(
    'rebuilt: $index $step, $auditEvent.verb $auditEvent.objectRef.resource',
    ({ auditEvent, admissionReviews, index }) => {
      const rebuilt = rebuild(auditEvent);
      const [review] = admissionReviews;
      if (NOT_ASKED_ALL_THE_SAME.has(index))
        expect([review, rebuilt?.verbs.length]).toEqual([undefined, expect.any(Number)]);
      else if (review === undefined) expect(rebuilt).toBeUndefined();
      else {
        const asked = auditEventFromAdmission(
          parseAdmissionReview(Buffer.from(JSON.stringify(review))),
          {},
          '',
        );
        expect(rebuilt?.verbs).toEqual(asked.verbs);
        expect(rebuilt?.dryRun).toBe(asked.dryRun);
        expect({ uid: undefined, ...rebuilt?.event.user }).toMatchObject({
          username: asked.event.user?.username,
          groups: asked.event.user?.groups,
        });
        const { name, ...objectRef } = asked.event.objectRef ?? {};
        // One event stands for all that a deletecollection deletes.
        const isCollection = auditEvent.verb === 'deletecollection';
        expect(rebuilt?.event.objectRef).toEqual(
          isCollection ? { ...objectRef, name: undefined } : { ...objectRef, name },
        );
      }
    },
  );
});
