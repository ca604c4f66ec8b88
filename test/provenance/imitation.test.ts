import { describe, expect, it } from '@jest/globals';
import type { ObjectIndex } from '../../src/provenance/object-index.ts';
import { objectsFromList } from '../../src/provenance/objects-from-list.ts';
import { provenanceOf, subjectOfExisting } from '../../src/provenance/provenance.ts';
import { UNKNOWN } from '../../src/sigma/match/fields.ts';
import {
  ADMIN,
  ALL,
  CLUSTER,
  controller,
  GENUINE,
  MIRROR,
  NOT_SYNCED,
  NOW,
  pod,
  reference,
  subject,
  type PodOptions,
} from './cluster.ts';

const DIFFERS = 'image busybox:1 differs from';

function imitation(
  options: PodOptions,
  objects: ObjectIndex = ALL,
  user: Parameters<typeof subject>[0] = ADMIN,
) {
  const { imitates, evidence } = provenanceOf(subject(user, options), objects).fields;
  return [imitates, evidence];
}

describe('a person’s pod imitates', () => {
  it.each<[string, PodOptions, string, readonly string[]]>([
    [
      'the pods of a DaemonSet, by a name it could not have',
      { name: 'kube-proxy-bv61v' },
      'DaemonSet kube-proxy',
      ['name kube-proxy-bv61v has a suffix no controller generates', `${DIFFERS} DaemonSet kube-proxy`],
    ],
    [
      'by a name it could have',
      { name: 'kube-proxy-x7k2p' },
      'DaemonSet kube-proxy',
      [
        'name kube-proxy-x7k2p is like those of the pods of DaemonSet kube-proxy',
        `${DIFFERS} DaemonSet kube-proxy`,
      ],
    ],
    [
      'by its very name',
      { name: 'kube-proxy' },
      'DaemonSet kube-proxy',
      ['name kube-proxy is that of DaemonSet kube-proxy', `${DIFFERS} DaemonSet kube-proxy`],
    ],
    [
      'those of a Deployment',
      { name: 'coredns-5d78c9869d-x7k2p' },
      'Deployment coredns',
      [
        'name coredns-5d78c9869d-x7k2p is like those of the pods of Deployment coredns',
        `${DIFFERS} Deployment coredns`,
      ],
    ],
    [
      'by another hash',
      { name: 'coredns-6d8b-x7k2p' },
      'Deployment coredns',
      [
        'name coredns-6d8b-x7k2p is like those of the pods of Deployment coredns',
        `${DIFFERS} Deployment coredns`,
      ],
    ],
    [
      'by a hash that is none',
      { name: 'coredns-a1-x7k2p' },
      'Deployment coredns',
      ['name coredns-a1-x7k2p has a hash no ReplicaSet has', `${DIFFERS} Deployment coredns`],
    ],
    [
      'without a hash',
      { name: 'coredns-x7k2p' },
      'Deployment coredns',
      [
        'name coredns-x7k2p begins like those of the pods of Deployment coredns',
        `${DIFFERS} Deployment coredns`,
      ],
    ],
    [
      'a StatefulSet’s next pod',
      { name: 'db-1' },
      'StatefulSet db',
      ['name db-1 is one that StatefulSet db gives its pods', `${DIFFERS} StatefulSet db`],
    ],
    [
      'by labels, to be adopted',
      { name: 'shell', labels: { 'k8s-app': 'kube-proxy' } },
      'DaemonSet kube-proxy',
      [
        'labels match the selector of DaemonSet kube-proxy, which adopts such pods',
        `${DIFFERS} DaemonSet kube-proxy`,
      ],
    ],
    [
      'by labels, to be sent what it is sent',
      { name: 'shell', labels: { 'k8s-app': 'kube-dns' } },
      'Deployment coredns',
      ['labels select it into Service kube-dns', `${DIFFERS} Deployment coredns`],
    ],
    [
      'by an image called so',
      { name: 'shell', images: { c: 'example.org:5000/kube-proxy@sha256:00' } },
      'DaemonSet kube-proxy',
      [
        'image example.org:5000/kube-proxy@sha256:00 is called like DaemonSet kube-proxy and comes from elsewhere',
        'image example.org:5000/kube-proxy@sha256:00 differs from DaemonSet kube-proxy',
      ],
    ],
    [
      'by naming it, without what controllers set',
      { name: 'shell', owner: { ...reference('DaemonSet', 'kube-proxy', 'x'), blockOwnerDeletion: false } },
      'DaemonSet kube-proxy',
      [
        'it names DaemonSet kube-proxy as its owner',
        `${DIFFERS} DaemonSet kube-proxy`,
        'its owner reference lacks blockOwnerDeletion, which controllers set',
      ],
    ],
    [
      'a static pod of a Node there is',
      { name: 'kube-apiserver-node1' },
      'static pod kube-apiserver',
      ['name kube-apiserver-node1 is that of static pod kube-apiserver on Node node1'],
    ],
    [
      'one by something like a suffix, and by its labels',
      { name: 'etcd-x7k2p', labels: { component: 'etcd', tier: 'control-plane' } },
      'static pod etcd',
      ['labels are those of static pod etcd', 'name etcd-x7k2p begins like those of static pod etcd'],
    ],
    [
      'the one it has most of',
      { name: 'db-1', labels: { 'k8s-app': 'kube-proxy' } },
      'StatefulSet db',
      ['name db-1 is one that StatefulSet db gives its pods', `${DIFFERS} StatefulSet db`],
    ],
  ])('%s', (_, options, imitates, evidence) => {
    expect(imitation(options)).toEqual([imitates, evidence]);
  });
});

describe('a pod imitates nobody', () => {
  const OWN = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'kube-system', name: 'registry', uid: 'u' },
  };
  const WITH_OWN = objectsFromList(
    [...CLUSTER, { ...OWN, spec: { selector: { app: 'registry' } } }],
    () => true,
  );
  it.each<[string, PodOptions, ObjectIndex?]>([
    ['that debugs a node', { name: 'node-debugger-node1-x7k2p', nodeName: 'node1' }],
    [
      'that tests a chart',
      { name: 'coredns-test-connection', labels: { 'app.kubernetes.io/name': 'coredns' } },
    ],
    ['that helps a provisioner', { name: 'helper-pod-create-pvc-0f3bb2a1-7d1e-4b0e-8f0a-51a4b6f0d6c1' }],
    ['of an addon without a workload', { name: 'storage-provisioner' }],
    ['of an addon behind a Service of its own', { name: 'registry', labels: { app: 'registry' } }, WITH_OWN],
    ['whose name goes on in words', { name: 'coredns-autoscaler-x7k2p' }],
    ['whose name only begins the same', { name: 'kube-proxying' }],
    ['whose name ends so', { name: 'my-kube-proxy-x7k2p' }],
    ['with some of the labels', { name: 'shell', labels: { 'pod-template-hash': '5d78c9869d' } }],
    ['with the same image, to debug', { name: 'shell', images: { c: 'registry.k8s.io/kube-proxy:v1' } }],
    ['with a tool’s image that a workload has too', { name: 'shell', images: { c: 'coredns:1' } }],
    ['with a static pod’s name that goes on in words', { name: 'etcd-backup-job' }],
  ])('%s', (_, options, objects = ALL) => {
    expect(imitation(options, objects)).toEqual([undefined, undefined]);
  });

  it.each(Object.entries(GENUINE))('that is %s, though it looks like it', (_, { user, ...options }) => {
    expect(imitation(options, ALL, user)).toEqual([undefined, undefined]);
  });

  it('in another namespace, where that workload is not', () => {
    const found = provenanceOf(
      subject(ADMIN, { name: 'kube-apiserver-node1' }, { namespace: 'default' }),
      ALL,
    );
    expect(found.fields).toEqual({ mirrorPod: false, creator: 'user' });
  });

  it('that stands as the mirror of a static pod since before these named their Node', () => {
    const { owner: _owner, user: _user, ...options } = MIRROR;
    expect(provenanceOf(subjectOfExisting(pod(options), NOW), ALL).fields).toEqual({
      mirrorPod: false,
      creator: UNKNOWN,
    });
  });
});

describe('whom a pod imitates', () => {
  it('is unknown where not all is known', () => {
    expect(imitation({ name: 'kube-apiserver-node1' }, NOT_SYNCED)).toEqual([UNKNOWN, UNKNOWN]);
    expect(imitation({ name: 'db-1' }, { ...ALL, complete: () => false })).toEqual([UNKNOWN, UNKNOWN]);
  });

  it('is what is seen of pods that stand, even if not all was read', () => {
    const partly = { ...ALL, complete: () => false };
    const imitates = (name: string) =>
      provenanceOf(subjectOfExisting(pod({ name }), NOW), partly).fields['imitates'];
    expect([imitates('db-1'), imitates('shell')]).toEqual(['StatefulSet db', UNKNOWN]);
  });

  it('is the owner it names, whose controller did not make it', () => {
    const { user: _user, ...options } = GENUINE['of a Deployment’s ReplicaSet'];
    expect(imitation(options)).toEqual([
      'Deployment coredns',
      [
        'it names ReplicaSet coredns-5d78c9869d as its owner',
        'name coredns-5d78c9869d-x7k2p is like those of the pods of Deployment coredns',
        'labels match the selector of ReplicaSet coredns-5d78c9869d, which adopts such pods',
        'labels select it into Service kube-dns',
      ],
    ]);
  });

  it('is found by a name cut to fit', () => {
    const name = `${'a'.repeat(45)}-5d78c9869d`;
    const metadata = { namespace: 'kube-system', name, uid: 'u' };
    const owner = reference('Deployment', 'a'.repeat(45), 'd');
    const long = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { ...metadata, ownerReferences: [owner] },
    };
    const known = objectsFromList([long], () => true);
    const [imitates] = imitation({ name: `${`${name}-`.slice(0, 58)}x7k2p` }, known);
    expect(imitates).toBe(`Deployment ${'a'.repeat(45)}`);
  });

  it('is told of a controller whose token somebody has', () => {
    const stolen = controller('daemon-set-controller');
    expect(imitation({ name: 'kube-proxy-bv61v' }, ALL, stolen)[0]).toBe('DaemonSet kube-proxy');
  });

  it('is found among 45,000 labels by the few that selectors have, without going through the others', () => {
    const others = Object.fromEntries(Array.from({ length: 45_000 }, (_, i) => [`forged-${i}`, 'x']));
    const asked: (string | symbol)[] = [];
    let isEnumerated = false;
    const labels = new Proxy<Record<string, string>>(
      { ...others, 'k8s-app': 'kube-proxy' },
      {
        get: (target, key) => (asked.push(key), Reflect.get(target, key)),
        getOwnPropertyDescriptor: (target, key) => (
          asked.push(key),
          Reflect.getOwnPropertyDescriptor(target, key)
        ),
        ownKeys: (target) => ((isEnumerated = true), Reflect.ownKeys(target)),
      },
    );
    const made = subject(ADMIN, { name: 'shell' });
    const { imitates } = provenanceOf(
      { ...made, pod: { ...made.pod, metadata: { ...(made.pod?.['metadata'] as object), labels } } },
      ALL,
    ).fields;
    expect([imitates, isEnumerated, asked.length < 50]).toEqual(['DaemonSet kube-proxy', false, true]);
  });

  it('is told in a bounded number of words, however many containers there are', () => {
    const images = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, i) => [`c${i}`, `${'x'.repeat(500)}${i}`]),
    );
    const [, evidence] = imitation({ name: 'kube-proxy-bv61v', images }) as [unknown, readonly string[]];
    expect(evidence).toHaveLength(3);
    for (const each of evidence) expect(each.length).toBeLessThan(200);
  });
});
