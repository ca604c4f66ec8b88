import type { KubernetesObject } from '../../src/kubernetes/admission-review.ts';
import type { UserInfo } from '../../src/kubernetes/user-info.ts';
import { objectsFromList } from '../../src/provenance/objects-from-list.ts';
import type { Subject } from '../../src/provenance/provenance.ts';

/** A small kube-system, and what its controllers make. */

export const UIDS = {
  'kube-proxy': 'ds-uid',
  'coredns-5d78c9869d': 'rs-uid',
  db: 'sts-uid',
  backup: 'job-uid',
  parallel: 'indexed-uid',
  legacy: 'rc-uid',
  node1: 'node-uid',
} as const;

export function reference(kind: string, name: string, uid: string, apiVersion = 'apps/v1') {
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

function template(labels: object, images: Readonly<Record<string, string>>) {
  const containers = Object.entries(images).map(([name, image]) => ({ name, image }));
  return { metadata: { labels }, spec: { containers } };
}

function standing(apiVersion: string, kind: string, name: string, uid: string, rest: object, owner?: object) {
  const metadata = { name, uid, namespace: 'kube-system', ...(owner && { ownerReferences: [owner] }) };
  return { apiVersion, kind, metadata, ...rest };
}

function workload(apiVersion: string, kind: string, name: keyof typeof UIDS, labels: object, image: string) {
  const spec = { selector: { matchLabels: labels }, template: template(labels, { [name]: image }) };
  return standing(apiVersion, kind, name, UIDS[name], { spec });
}

const HASH = { 'k8s-app': 'kube-dns', 'pod-template-hash': '5d78c9869d' };

export const CLUSTER: readonly KubernetesObject[] = [
  workload(
    'apps/v1',
    'DaemonSet',
    'kube-proxy',
    { 'k8s-app': 'kube-proxy' },
    'registry.k8s.io/kube-proxy:v1',
  ),
  standing(
    'apps/v1',
    'ReplicaSet',
    'coredns-5d78c9869d',
    'rs-uid',
    { spec: { selector: { matchLabels: HASH }, template: template(HASH, { coredns: 'coredns:1' }) } },
    reference('Deployment', 'coredns', 'deployment-uid'),
  ),
  workload('apps/v1', 'StatefulSet', 'db', { app: 'db' }, 'db:2'),
  standing(
    'apps/v1',
    'ControllerRevision',
    'db-6c9f8d7b5',
    'revision-uid',
    { data: { spec: { template: template({ app: 'db' }, { db: 'db:1' }) } } },
    reference('StatefulSet', 'db', 'sts-uid'),
  ),
  workload('batch/v1', 'Job', 'backup', { 'controller-uid': 'job-uid' }, 'backup:1'),
  standing('batch/v1', 'Job', 'parallel', 'indexed-uid', {
    spec: {
      completionMode: 'Indexed',
      selector: { matchLabels: { 'controller-uid': 'indexed-uid' } },
      template: template({ 'controller-uid': 'indexed-uid' }, { parallel: 'parallel:1' }),
    },
  }),
  standing('v1', 'ReplicationController', 'legacy', 'rc-uid', {
    spec: { selector: { app: 'legacy' }, template: template({ app: 'legacy' }, { legacy: 'legacy:1' }) },
  }),
  standing('v1', 'Service', 'kube-dns', 'service-uid', { spec: { selector: { 'k8s-app': 'kube-dns' } } }),
  { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node1', uid: 'node-uid' } },
];

export const ALL = objectsFromList(CLUSTER, () => true);
export const NOT_SYNCED = objectsFromList([], () => false);
export const EMPTY = objectsFromList([], () => true);

const CREDENTIAL = { 'authentication.kubernetes.io/credential-id': ['JTI=1'] };

export function controller(name: string, { uid = 'sa-uid', extra = CREDENTIAL }: Partial<UserInfo> = {}) {
  const groups = ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'];
  return { username: `system:serviceaccount:kube-system:${name}`, uid, groups, extra };
}

export const ADMIN: UserInfo = { username: 'kubernetes-admin', groups: ['system:masters'] };
export const KUBELET: UserInfo = { username: 'system:node:node1', groups: ['system:nodes'] };

export interface PodOptions {
  readonly name: string;
  readonly generateName?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly owner?: object;
  readonly images?: Readonly<Record<string, string>>;
  readonly annotations?: object;
  readonly nodeName?: string;
}

export function pod({
  images = { c: 'busybox:1' },
  owner,
  nodeName,
  ...metadata
}: PodOptions): KubernetesObject {
  const { spec } = template({}, images);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'kube-system', ...metadata, ...(owner && { ownerReferences: [owner] }) },
    spec: { ...spec, ...(nodeName !== undefined && { nodeName }) },
  };
}

export const NOW = Date.UTC(2026, 10, 24);

export function subject(
  user: Subject['user'],
  options: PodOptions,
  { serverMinor, namespace = 'kube-system' }: { serverMinor?: number; namespace?: string } = {},
): Subject {
  return {
    ...{ user, pod: pod(options), name: options.name, namespace, mirrorPod: false, now: NOW },
    serverMinor,
  };
}

/** As their controllers make them. */
export const GENUINE = {
  'of a DaemonSet': {
    user: controller('daemon-set-controller'),
    name: 'kube-proxy-n99q2',
    generateName: 'kube-proxy-',
    labels: { 'k8s-app': 'kube-proxy', 'controller-revision-hash': '7ccfdf6f4f' },
    owner: reference('DaemonSet', 'kube-proxy', 'ds-uid'),
    images: { 'kube-proxy': 'registry.k8s.io/kube-proxy:v1' },
  },
  'of a Deployment’s ReplicaSet': {
    user: controller('replicaset-controller'),
    name: 'coredns-5d78c9869d-x7k2p',
    generateName: 'coredns-5d78c9869d-',
    labels: HASH,
    owner: reference('ReplicaSet', 'coredns-5d78c9869d', 'rs-uid'),
    images: { coredns: 'coredns:1' },
  },
  'of a StatefulSet’s earlier revision': {
    user: controller('statefulset-controller'),
    name: 'db-0',
    generateName: 'db-',
    labels: { app: 'db', 'controller-revision-hash': 'db-6c9f8d7b5' },
    owner: reference('StatefulSet', 'db', 'sts-uid'),
    images: { db: 'db:1' },
  },
  'of a Job': {
    user: controller('job-controller'),
    name: 'backup-bcdfg',
    generateName: 'backup-',
    labels: { 'controller-uid': 'job-uid' },
    owner: reference('Job', 'backup', 'job-uid', 'batch/v1'),
    images: { backup: 'backup:1' },
  },
  'of an Indexed Job': {
    user: controller('job-controller'),
    name: 'parallel-17-bcdfg',
    generateName: 'parallel-17-',
    labels: { 'controller-uid': 'indexed-uid' },
    owner: reference('Job', 'parallel', 'indexed-uid', 'batch/v1'),
    images: { parallel: 'parallel:1' },
  },
  'of a ReplicationController': {
    user: controller('replication-controller'),
    name: 'legacy-x7k2p',
    generateName: 'legacy-',
    labels: { app: 'legacy' },
    owner: reference('ReplicationController', 'legacy', 'rc-uid', 'v1'),
    images: { legacy: 'legacy:1' },
  },
} as const satisfies Record<string, PodOptions & { user: UserInfo }>;

export const MIRROR = {
  user: KUBELET,
  name: 'kube-apiserver-node1',
  owner: { apiVersion: 'v1', kind: 'Node', name: 'node1', uid: 'node-uid', controller: true },
  annotations: { 'kubernetes.io/config.mirror': '0123456789abcdef' },
  nodeName: 'node1',
  labels: { component: 'kube-apiserver', tier: 'control-plane' },
} as const;
