import { describe, expect, it } from '@jest/globals';
import { InvalidAuditEvent, parseAuditEvent } from '../../src/kubernetes/logged-event.ts';
import { withLoggedProvenance } from '../../src/provenance/logged-provenance.ts';

describe('a logged event', () => {
  it('is what rules see', () => {
    const logged = {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: 'RequestResponse',
      auditID: 'a-1',
      stage: 'ResponseComplete',
      requestURI: '/api/v1/namespaces/default/pods?fieldManager=x&dryRun=All',
      verb: 'create',
      user: { username: 'admin', groups: ['system:masters'] },
      requestObject: { kind: 'Pod' },
      requestReceivedTimestamp: '2026-11-24T08:00:00.000001Z',
    };
    expect(parseAuditEvent(structuredClone(logged))).toEqual({
      uid: 'a-1',
      event: logged,
      verbs: ['create'],
      unknown: [],
      receivedAt: '2026-11-24T08:00:00.000001Z',
      dryRun: true,
    });
  });

  const [request, response, status] = ['requestObject', 'responseObject', 'responseStatus'];
  it.each([
    ['at level RequestResponse', { level: 'RequestResponse' }, []],
    ['at level Request', { level: 'Request' }, [response]],
    ['at level Metadata', { level: 'Metadata' }, [request, 'provenance', response]],
    ['without a level', {}, [request, 'provenance', response]],
    ['without a level, but with a body', { requestObject: {} }, [response]],
    [
      'that was cut off',
      { level: 'RequestResponse', annotations: { 'audit.k8s.io/truncated': 'true' } },
      [request, 'provenance', response],
    ],
    [
      'that was just received',
      { level: 'RequestResponse', stage: 'RequestReceived' },
      [request, 'provenance', response, status],
    ],
    ['whose response has begun', { level: 'RequestResponse', stage: 'ResponseStarted' }, [response]],
  ])('%s has unknown bodies, never absent ones', (_, logged, unknown) => {
    expect(parseAuditEvent({ verb: 'create', ...logged }).unknown).toEqual(unknown);
  });

  const aggregated = { apiGroup: 'wardle.example.com', resource: 'flunders' };
  it.each([
    ['a create', { verb: 'create', objectRef: aggregated }, [request, 'provenance', response]],
    [
      'a deletecollection',
      { verb: 'deletecollection', objectRef: aggregated },
      [request, 'provenance', response],
    ],
    ['an update with a body', { verb: 'update', objectRef: aggregated, requestObject: {} }, [response]],
    ['a read, which has no body', { verb: 'list', objectRef: aggregated }, [response]],
    ['a delete of the core group', { verb: 'delete', objectRef: { resource: 'pods' } }, []],
    ['a delete of one of its groups', { verb: 'delete', objectRef: { apiGroup: 'apps', resource: 'x' } }, []],
    ['a request without an object', { verb: 'post' }, []],
  ])(
    'at level RequestResponse shows what is not there only of the groups of the API server: %s',
    (_, logged, unknown) => {
      expect(parseAuditEvent({ level: 'RequestResponse', ...logged }).unknown).toEqual(unknown);
    },
  );

  it('has no provenance of its own, and none from bodies that are unknown', () => {
    const forged = { verb: 'create', level: 'Metadata', provenance: { mirrorPod: true } };
    expect(withLoggedProvenance(parseAuditEvent(structuredClone(forged))).event.provenance).toBeUndefined();
    const seen = { ...forged, level: 'Request', provenance: { mirrorPod: 'forged' } };
    expect(parseAuditEvent(structuredClone(seen)).event.provenance).toBeUndefined();
    expect(withLoggedProvenance(parseAuditEvent(seen)).event.provenance).toMatchObject({ mirrorPod: false });
  });

  it.each([
    [{ requestReceivedTimestamp: '2026-11-24T08:00:00.1Z', timestamp: 'x' }, '2026-11-24T08:00:00.1Z'],
    [{ timestamp: '2018-10-25T13:58:49Z', stageTimestamp: 'x' }, '2018-10-25T13:58:49Z'],
    [{ stageTimestamp: '2026-11-24T08:00:00.1Z' }, '2026-11-24T08:00:00.1Z'],
    [{ requestReceivedTimestamp: '2022-11-29 00:09:04.38' }, '2022-11-29T00:09:04.38Z'],
    [{ requestReceivedTimestamp: '2022-11-29 00:09:04+01:00' }, '2022-11-29T00:09:04+01:00'],
    [{}, ''],
  ])('was received when it says: %j', (times, receivedAt) => {
    expect(parseAuditEvent({ verb: 'get', ...times })).toMatchObject({ receivedAt });
  });

  it.each([
    ['/api/v1/pods?dryRun=All', true],
    ['/api/v1/pods?a=b&dryRun=All&c=d', true],
    ['/api/v1/pods?dryRun=Alle', false],
    ['/api/v1/pods', false],
  ])('is a dry run if its URI says so: %s', (requestURI, dryRun) => {
    expect(parseAuditEvent({ verb: 'create', requestURI })).toMatchObject({ dryRun });
  });

  it('takes null as absent', () => {
    const { event } = parseAuditEvent({ verb: 'get', user: null, stage: null, objectRef: null });
    expect(event).toEqual({ verb: 'get' });
    const within = { user: { username: null, groups: null, extra: null }, objectRef: { name: null } };
    expect(parseAuditEvent({ verb: 'get', ...within }).event).toEqual({
      verb: 'get',
      user: {},
      objectRef: {},
    });
  });

  it.each([
    [null, 'not an object'],
    [[], 'not an object'],
    [{ verb: 1 }, 'verb: expected a text'],
    [{ verb: 'get', stage: 7 }, 'stage: expected a text'],
    [{ verb: 'get', user: 'admin' }, 'user: expected an object'],
    [{ verb: 'get', objectRef: ['pods'] }, 'objectRef: expected an object'],
    [{ verb: 'get', user: { groups: 'x' } }, 'user.groups: expected a list'],
    [{ verb: 'get', impersonatedUser: { groups: {} } }, 'impersonatedUser.groups: expected a list'],
    [{ verb: 'get', user: { username: 5 } }, 'user.username: expected a text'],
    [{ verb: 'get', user: { uid: {} } }, 'user.uid: expected a text'],
    [{ verb: 'get', user: { extra: [] } }, 'user.extra: expected an object'],
    [{ verb: 'get', user: { groups: ['a', null] } }, 'user.groups[1]: expected a text'],
    [
      { verb: 'get', impersonatedUser: { username: { toString: 1 } } },
      'impersonatedUser.username: expected a text',
    ],
    [{ verb: 'get', objectRef: { namespace: ['kube-system'] } }, 'objectRef.namespace: expected a text'],
    [{ verb: 'get', objectRef: { apiGroup: false } }, 'objectRef.apiGroup: expected a text'],
  ])('is refused: %j', (value, problem) => {
    expect(() => parseAuditEvent(value)).toThrow(new InvalidAuditEvent(problem));
  });
});
