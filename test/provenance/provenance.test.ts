import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { POD_CONTROLLERS } from '../../src/kubernetes/identities.ts';
import { apiVersionOf } from '../../src/kubernetes/objects.ts';
import type { ObjectIndex, Workload, WorkloadKind } from '../../src/provenance/object-index.ts';
import { WORKLOAD_KINDS } from '../../src/provenance/object-index.ts';
import { creatorOf } from '../../src/provenance/creator.ts';
import { FIELD_MEANINGS } from '../../src/provenance/field-meanings.ts';
import { loggedProvenance } from '../../src/provenance/logged-provenance.ts';
import { objectsFromList } from '../../src/provenance/objects-from-list.ts';
import { provenanceOf, subjectOf, subjectOfExisting } from '../../src/provenance/provenance.ts';
import { UNKNOWN } from '../../src/sigma/match/fields.ts';
import {
  ADMIN,
  ALL,
  CLUSTER,
  controller,
  EMPTY,
  GENUINE,
  KUBELET,
  MIRROR,
  NOT_SYNCED,
  NOW,
  pod,
  reference,
  subject,
  type PodOptions,
} from './cluster.ts';

const DAEMON = GENUINE['of a DaemonSet'];

interface Owner {
  readonly verified?: unknown;
  readonly problem?: unknown;
  readonly imagesMatch?: unknown;
}

function ownerIn(fields: Readonly<Record<string, unknown>>): Owner | undefined {
  return fields['owner'] as Owner | undefined;
}

describe('creator', () => {
  const POD_BOUND = { 'authentication.kubernetes.io/pod-name': ['shell'] };
  it.each([
    ['a controller', controller('job-controller'), 37, 'controller'],
    ['its name without a uid', controller('job-controller', { uid: '' }), 37, 'impersonated-controller'],
    [
      'its name without its group',
      { ...controller('job-controller'), groups: ['dev'] },
      37,
      'impersonated-controller',
    ],
    [
      'a uid without a credential-id',
      controller('job-controller', { extra: {} }),
      30,
      'impersonated-controller',
    ],
    ['the same of an older server', controller('job-controller', { extra: {} }), 29, 'controller'],
    ['the same of a server not known', controller('job-controller', { extra: {} }), undefined, 'controller'],
    [
      'a token bound to a pod',
      controller('job-controller', { extra: POD_BOUND }),
      37,
      'pod-bound-controller-token',
    ],
    ['kube-controller-manager itself', { username: 'system:kube-controller-manager' }, 37, 'controller'],
    ['a kubelet', KUBELET, 37, 'node'],
    ['a node’s name without its group', { username: 'system:node:node1' }, 37, 'user'],
    ['a controller that makes no pods', controller('cronjob-controller'), 37, 'serviceaccount'],
    [
      'its like in another namespace',
      { username: 'system:serviceaccount:dev:job-controller' },
      37,
      'serviceaccount',
    ],
    ['a person', ADMIN, 37, 'user'],
    ['nobody', {}, 37, 'user'],
  ])('is told of %s', (_, user, serverMinor, expected) => {
    expect(creatorOf(user, serverMinor).kind).toBe(expected);
  });
});

describe('a pod that its controller made', () => {
  it.each(Object.entries(GENUINE))(
    '%s is verified, has its images, and imitates nobody',
    (_, { user, ...options }) => {
      const { apiVersion, kind, name, uid } = options.owner;
      const fields = {
        mirrorPod: false,
        creator: 'controller',
        owner: { apiVersion, kind, name, uid, verified: true, imagesMatch: true },
      };
      const found = provenanceOf(subject(user, options), ALL);
      expect([found.fields, found.lookups, found.withoutLookups.fields]).toEqual([fields, [], fields]);
    },
  );

  it.each(Object.entries(GENUINE))(
    '%s is so where one user makes the pods of every kind',
    (_, { user: _user, ...options }) => {
      const manager = { username: 'system:kube-controller-manager', groups: ['system:authenticated'] };
      expect(ownerIn(provenanceOf(subject(manager, options), ALL).fields)?.verified).toBe(true);
    },
  );

  it.each(Object.entries(GENUINE))(
    '%s is so where it stands, by the rest',
    (_, { user: _user, ...options }) => {
      const { creator, owner } = provenanceOf(subjectOfExisting(pod(options), NOW), ALL).fields;
      expect({ creator, owner }).toEqual({
        creator: UNKNOWN,
        owner: expect.objectContaining({ verified: true }),
      });
    },
  );

  it('by a kubelet mirrors a static pod', () => {
    const { user, ...options } = MIRROR;
    expect(provenanceOf({ ...subject(user, options), mirrorPod: true }, ALL).fields).toEqual({
      mirrorPod: true,
      creator: 'node',
      owner: { apiVersion: 'v1', kind: 'Node', name: 'node1', uid: 'node-uid', verified: true },
    });
  });

  it('is so with a prefix cut to 58 characters', () => {
    const name = 'a'.repeat(70);
    const owner = reference('DaemonSet', name, 'long-uid');
    const [daemonSet] = CLUSTER;
    const long = { ...daemonSet, metadata: { namespace: 'kube-system', name, uid: 'long-uid' } };
    const options = { ...DAEMON, owner, generateName: `${name}-`, name: `${'a'.repeat(58)}bcdfg` };
    const found = provenanceOf(
      subject(DAEMON.user, options),
      objectsFromList([long], () => true),
    );
    expect(ownerIn(found.fields)?.verified).toBe(true);
  });

  const suffix = fc.array(fc.constantFrom(...'bcdfghjklmnpqrstvwxz2456789'), { minLength: 5, maxLength: 5 });
  const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,60}[a-z0-9])?$/);
  it('is verified, whatever its owner is called', () => {
    const kinds = fc.constantFrom(...WORKLOAD_KINDS);
    fc.assert(
      fc.property(
        kinds,
        label,
        fc.array(label, { maxLength: 3 }),
        suffix,
        fc.nat(2_000_000_000),
        fc.boolean(),
        (kind, first, others, letters, index, indexed) => {
          const name = [first, ...others]
            .join('.')
            .slice(0, 253)
            .replace(/[-.]+$/, '');
          const generateName = prefixOf(kind, name, index, indexed);
          const spec = {
            ...(kind === 'ReplicationController'
              ? { selector: { a: 'b' } }
              : { selector: { matchLabels: { a: 'b' } } }),
            ...(indexed ? { completionMode: 'Indexed' } : {}),
          };
          const metadata = { namespace: 'kube-system', name, uid: 'u' };
          const owner = { apiVersion: apiVersionOf(kind), kind, metadata, spec };
          const options = {
            name: kind === 'StatefulSet' ? `${name}-${index}` : generateName.slice(0, 58) + letters.join(''),
            generateName,
            labels: { a: 'b', c: 'd' },
            owner: reference(kind, name, 'u', apiVersionOf(kind)),
          };
          const found = provenanceOf(
            subject(controller(POD_CONTROLLERS[kind]), options),
            objectsFromList([owner], () => true),
          );
          expect(ownerIn(found.fields)).toMatchObject({ verified: true });
          expect(found.fields['imitates']).toBeUndefined();
        },
      ),
    );
  });

  /** As job_controller and controller_utils make it. */
  function prefixOf(kind: WorkloadKind, name: string, index: number, indexed: boolean): string {
    if (kind === 'Job' && indexed) {
      const appended = `-${index}-`;
      return (name + appended).length > 58 ? name.slice(0, 58 - appended.length) + appended : name + appended;
    }
    return name.length === 253 ? name : `${name}-`;
  }
});

describe('an owner is not verified', () => {
  const ELSEWHERE = { ...CLUSTER[0], metadata: { namespace: 'default', name: 'kube-proxy', uid: 'ds-uid' } };
  it.each<[string, unknown, Partial<PodOptions>, string, ObjectIndex?]>([
    [
      'another uid',
      DAEMON.user,
      { owner: reference('DaemonSet', 'kube-proxy', 'x') },
      'no DaemonSet kube-proxy with uid x in kube-system',
    ],
    [
      'in another namespace',
      DAEMON.user,
      {},
      'no DaemonSet kube-proxy with uid ds-uid in kube-system',
      objectsFromList([ELSEWHERE], () => true),
    ],
    [
      'made by a person',
      ADMIN,
      {},
      'it is made by kubernetes-admin, and only daemon-set-controller makes the pods of a DaemonSet',
    ],
    [
      'made by another controller',
      controller('job-controller'),
      {},
      'it is made by job-controller, and only daemon-set-controller makes the pods of a DaemonSet',
    ],
    [
      'impersonated',
      controller('daemon-set-controller', { uid: '' }),
      {},
      'its creator has the name of daemon-set-controller without its uid',
    ],
    [
      'no generateName',
      DAEMON.user,
      { generateName: '' },
      'it has no generateName, which DaemonSet kube-proxy gives each of its pods',
    ],
    [
      'another generateName',
      DAEMON.user,
      { generateName: 'kube-proxie-' },
      'generateName kube-proxie- is not one that DaemonSet kube-proxy gives',
    ],
    [
      'a name of its own',
      DAEMON.user,
      { name: 'kube-proxy' },
      'name kube-proxy was not made from generateName kube-proxy-',
    ],
    [
      'an impossible suffix',
      DAEMON.user,
      { name: 'kube-proxy-bv61v' },
      'name kube-proxy-bv61v has a suffix no controller generates',
    ],
    [
      'other labels',
      DAEMON.user,
      { labels: { a: 'b' } },
      'its labels do not match the selector of DaemonSet kube-proxy',
    ],
    [
      'no labels',
      DAEMON.user,
      { labels: {} },
      'its labels do not match the selector of DaemonSet kube-proxy',
    ],
    [
      'a kind no controller has',
      DAEMON.user,
      { owner: reference('Workflow', 'w', 'u', 'argoproj.io/v1alpha1') },
      'daemon-set-controller makes no pods of a Workflow',
    ],
    [
      'a node that mirrors nothing',
      KUBELET,
      {},
      'it is made by system:node:node1, and only daemon-set-controller makes the pods of a DaemonSet',
    ],
    [
      'a controller’s pod without one',
      DAEMON.user,
      { owner: {} },
      'it names no owner, and daemon-set-controller makes no pod without one',
    ],
    [
      'a kubelet’s pod without one',
      KUBELET,
      { owner: {} },
      'it names no owner, and a kubelet’s mirror pods name their Node',
    ],
    [
      'an ordinal with a zero',
      controller('statefulset-controller'),
      { ...GENUINE['of a StatefulSet’s earlier revision'], name: 'db-01' },
      'name db-01 is not one that StatefulSet db gives',
    ],
    [
      'an index of a plain Job',
      controller('job-controller'),
      { ...GENUINE['of a Job'], generateName: 'backup-1-', name: 'backup-1-bcdfg' },
      'generateName backup-1- is not one that Job backup gives',
    ],
  ])('%s', (_, user, changed, problem, objects = ALL) => {
    const found = provenanceOf(subject(user as typeof ADMIN, { ...DAEMON, ...changed }), objects);
    expect(ownerIn(found.fields)).toMatchObject({ verified: false, problem });
  });

  it.each([
    ['another Node of that name', { owner: { ...MIRROR.owner, uid: 'x' } }, 'no Node node1 with uid x'],
    [
      'a name of another node',
      { name: 'kube-apiserver-node2' },
      'name kube-apiserver-node2 is not one that the kubelet of Node node1 gives',
    ],
    ['no mirror annotation', { annotations: {} }, 'it is no mirror pod of Node node1'],
  ])('of a Node: %s', (_, changed, problem) => {
    const found = provenanceOf(subject(KUBELET, { ...MIRROR, ...changed }), ALL);
    expect(ownerIn(found.fields)).toMatchObject({ verified: false, problem });
  });

  it('but a recycler’s pod needs none where every controller is one user', () => {
    const manager = { username: 'system:kube-controller-manager' };
    expect(provenanceOf(subject(manager, { name: 'recycler-for-pv1' }), ALL).fields['owner']).toBeUndefined();
  });
});

describe('what a look could change', () => {
  const reference1 = { kind: 'DaemonSet', namespace: 'kube-system', name: 'kube-proxy' };
  it.each<[string, Partial<PodOptions>, ObjectIndex]>([
    ['an owner that is missing', {}, EMPTY],
    ['an owner with another uid', { owner: reference('DaemonSet', 'kube-proxy', 'x') }, ALL],
    ['labels the selector does not match', { labels: { a: 'b' } }, ALL],
  ])('is doubted, and unknown without one: %s', (_, changed, objects) => {
    const found = provenanceOf(subject(DAEMON.user, { ...DAEMON, ...changed }), objects);
    expect(found.lookups).toEqual([reference1]);
    expect(ownerIn(found.fields)?.verified).toBe(false);
    expect(ownerIn(found.withoutLookups.fields)).toMatchObject({ verified: UNKNOWN, problem: UNKNOWN });
    expect(found.withoutLookups.fields['imitates']).toBe(UNKNOWN);
  });

  it('is nothing of what the request itself shows: no client makes us ask about a name it invents', () => {
    const found = provenanceOf(
      subject(ADMIN, { ...DAEMON, owner: reference('DaemonSet', 'no', 'x') }),
      EMPTY,
    );
    expect(found.lookups).toEqual([]);
    expect(found.withoutLookups.fields).toBe(found.fields);
  });

  it('is everything where not all is known: unknown, never false', () => {
    const found = provenanceOf(subject(DAEMON.user, DAEMON), NOT_SYNCED);
    expect(ownerIn(found.fields)).toMatchObject({ verified: UNKNOWN, imagesMatch: UNKNOWN });
    expect(found).toMatchObject({
      fields: { imitates: UNKNOWN },
      lookups: [reference1],
      owner: { verified: UNKNOWN, problem: 'DaemonSet kube-proxy is not among what is known of kube-system' },
    });
  });

  it('is a Node that is not known', () => {
    const found = provenanceOf(subject(KUBELET, MIRROR), EMPTY);
    expect(found.lookups).toEqual([{ kind: 'Node', namespace: '', name: 'node1' }]);
    expect(ownerIn(found.fields)?.verified).toBe(UNKNOWN);
  });

  it('is a revision that is not known, of the images alone', () => {
    const { user, ...options } = GENUINE['of a StatefulSet’s earlier revision'];
    const labels = { ...options.labels, 'controller-revision-hash': 'db-5555555' };
    const found = provenanceOf(subject(user, { ...options, labels }), ALL);
    expect(found.lookups).toEqual([
      { kind: 'ControllerRevision', namespace: 'kube-system', name: 'db-5555555' },
    ]);
    expect(ownerIn(found.fields)).toMatchObject({ verified: true, imagesMatch: false });
    expect(ownerIn(found.withoutLookups.fields)).toMatchObject({ verified: true, imagesMatch: UNKNOWN });
  });

  it('is nothing of an owner of a kind nobody here knows: it stays unknown', () => {
    const owner = reference('Workflow', 'w', 'u', 'argoproj.io/v1alpha1');
    const found = provenanceOf(subject(ADMIN, { name: 'w-step-1', owner }), ALL);
    expect(found.lookups).toEqual([]);
    expect(ownerIn(found.fields)?.verified).toBe(UNKNOWN);
    expect(found.fields['imitates']).toBeUndefined();
  });
});

describe('images', () => {
  function changedAgo(ms: number, changes: Partial<Workload> = {}): ObjectIndex {
    const changed = {
      ...ALL.workload({ kind: 'DaemonSet', namespace: 'kube-system', name: 'kube-proxy' }),
      ...changes,
    };
    return { ...ALL, workload: () => ({ ...changed, changedAt: NOW - ms }) as Workload };
  }
  it.each<[string, Readonly<Record<string, string>>, ObjectIndex, unknown]>([
    ['another image', { 'kube-proxy': 'mirror/kube-proxy:v1' }, ALL, false],
    ['another container', { ...DAEMON.images, sidecar: 's:1' }, ALL, false],
    ['no container', {}, ALL, false],
    [
      'another image, and the template has just changed',
      { 'kube-proxy': 'old:1' },
      changedAgo(29_999),
      UNKNOWN,
    ],
    ['another image, and it changed before', { 'kube-proxy': 'old:1' }, changedAgo(30_000), false],
    ['the same, and it has just changed', DAEMON.images, changedAgo(0), true],
  ])('never make an owner unverified: %s', (_, images, objects, imagesMatch) => {
    const found = provenanceOf(subject(DAEMON.user, { ...DAEMON, images }), objects);
    expect(ownerIn(found.fields)).toMatchObject({ verified: true, imagesMatch });
  });

  it('of init containers count', () => {
    const { spec, ...rest } = pod(DAEMON);
    const initContainers = [{ name: 'init', image: 'init:1' }];
    const object = { ...rest, spec: { ...(spec as object), initContainers } };
    const found = provenanceOf({ ...subject(DAEMON.user, DAEMON), pod: object }, ALL);
    expect(ownerIn(found.fields)).toMatchObject({ verified: true, imagesMatch: false });
  });

  it('a selector that may have just changed leaves unknown what it does not match', () => {
    const { user, ...options } = GENUINE['of a ReplicationController'];
    const known = ALL.workload({ kind: 'ReplicationController', namespace: 'kube-system', name: 'legacy' });
    const objects = { ...ALL, workload: () => ({ ...known, changedAt: NOW }) as Workload };
    const found = provenanceOf(subject(user, { ...options, labels: {} }), objects);
    expect(ownerIn(found.fields)?.verified).toBe(UNKNOWN);
  });
});

describe('provenance', () => {
  it('is only of a pod that is made: who asks is all there is to say of anything else', () => {
    const resource = { group: '', version: 'v1', resource: 'pods' };
    const kind = { group: '', version: 'v1', kind: 'Pod' };
    const request = {
      ...{ uid: 'u', kind, resource, requestKind: kind, requestResource: resource, dryRun: false },
      ...{
        namespace: 'kube-system',
        name: 'kube-proxy-bv61v',
        userInfo: ADMIN,
        object: pod({ name: 'kube-proxy-bv61v' }),
      },
    };
    const others = [
      { ...request, operation: 'UPDATE' as const },
      { ...request, operation: 'CREATE' as const, requestSubResource: 'binding' },
      { ...request, operation: 'CREATE' as const, requestResource: { ...resource, resource: 'secrets' } },
    ];
    for (const other of others)
      expect(provenanceOf(subjectOf(other, NOW), ALL).fields).toEqual({ mirrorPod: false, creator: 'user' });
    expect(provenanceOf(subjectOf({ ...request, operation: 'CREATE' }, NOW), ALL).fields).toMatchObject({
      imitates: 'DaemonSet kube-proxy',
    });
  });

  it('is unknown to a log, but for the mirror pod', () => {
    expect(loggedProvenance({ verb: 'create' })).toEqual({
      ...{ mirrorPod: false, creator: UNKNOWN, owner: UNKNOWN, imitates: UNKNOWN, evidence: UNKNOWN },
    });
  });

  it('has no field without a meaning', () => {
    const fields = ['by-user', 'wrong'].flatMap((kind) => {
      const user = kind === 'wrong' ? DAEMON.user : ADMIN;
      const { owner, ...rest } = provenanceOf(subject(user, { ...DAEMON, labels: {} }), ALL).fields;
      return [...Object.keys(rest), ...Object.keys(owner as object).map((key) => `owner.${key}`)];
    });
    for (const field of fields) expect(Object.keys(FIELD_MEANINGS)).toContain(`provenance.${field}`);
  });

  it('takes any object, whatever stands in it', () => {
    const key = fc.constantFrom(
      ...[
        'metadata',
        'spec',
        'labels',
        'annotations',
        'ownerReferences',
        'controller',
        'kind',
        'apiVersion',
        'name',
      ],
      ...[
        'uid',
        'namespace',
        'generateName',
        'selector',
        'matchLabels',
        'matchExpressions',
        'template',
        'containers',
      ],
      ...['image', 'data', 'operator', 'values', 'key', '__proto__', 'constructor', 'toString'],
    );
    const { junk } = fc.letrec((tie) => ({
      leaf: fc.oneof(
        fc.constantFrom(
          'DaemonSet',
          'apps/v1',
          'v1',
          'Node',
          'Service',
          'kube-system',
          'kube-proxy',
          '',
          'Exists',
          true,
          null,
        ),
        fc.string(),
        fc.integer(),
      ),
      junk: fc.oneof(
        { depthSize: 'medium' },
        tie('leaf'),
        fc.array(tie('junk'), { maxLength: 3 }),
        fc.dictionary(key, tie('junk'), { maxKeys: 6 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(key, junk), fc.array(junk), junk, (object, objects, user) => {
        const known = objectsFromList([...CLUSTER, ...objects], () => true);
        const asking = (typeof user === 'object' && user !== null ? user : {}) as typeof ADMIN;
        provenanceOf({ ...subject(asking, { name: 'kube-proxy-bv61v' }), pod: object }, known);
        provenanceOf(subjectOfExisting(object, NOW), known);
      }),
    );
  });
});
