import type { ApiClient } from './api-client.ts';
import type { ProgramName } from './program-flags.ts';

const NAMESPACES = ['default', 'kube-system'];
const POD_CREATORS = ['daemon-set', 'replicaset', 'replication', 'job', 'statefulset'];

/** Whether a program does what the next one, or a test, needs of it. */
export function readiness(
  program: ProgramName,
  apiClient: ApiClient,
  etcdPort: number,
): () => Promise<boolean> {
  const exists = async (path: string) => (await apiClient.api('GET', path)).status === 200;
  switch (program) {
    case 'etcd':
      return async () => (await fetch(`http://127.0.0.1:${etcdPort}/readyz`)).ok;
    case 'kube-apiserver':
      return () => allOf(['/readyz', ...NAMESPACES.map((name) => `/api/v1/namespaces/${name}`)], exists);
    case 'kube-controller-manager':
      return async () =>
        (await allOf(serviceAccounts().map(pathOf), exists)) && (await isAggregated(apiClient, 'edit'));
    case 'kube-scheduler':
      return async () => true; // Nothing tells before the first pod is bound.
  }
}

/** What the controller manager would make, and pods cannot be created without. */
export async function createDefaultServiceAccounts({ api }: ApiClient): Promise<void> {
  for (const namespace of NAMESPACES) {
    const body = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
    await api('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, { body });
  }
}

interface ServiceAccount {
  readonly namespace: string;
  readonly name: string;
}

/** Without its `default` no namespace takes a pod; the controllers' own are made as each of them starts. */
function serviceAccounts(): ServiceAccount[] {
  return [
    ...NAMESPACES.map((namespace) => ({ namespace, name: 'default' })),
    ...POD_CREATORS.map((creator) => ({ namespace: 'kube-system', name: `${creator}-controller` })),
  ];
}

function pathOf({ namespace, name }: ServiceAccount): string {
  return `/api/v1/namespaces/${namespace}/serviceaccounts/${name}`;
}

/** The rules of `edit` and its like are collected from other roles, a moment after the start. */
async function isAggregated({ api }: ApiClient, clusterRole: string): Promise<boolean> {
  const { body } = await api('GET', `/apis/rbac.authorization.k8s.io/v1/clusterroles/${clusterRole}`);
  return Array.isArray(body['rules']) && body['rules'].length > 0;
}

async function allOf(paths: readonly string[], exists: (path: string) => Promise<boolean>): Promise<boolean> {
  return (await Promise.all(paths.map(exists))).every(Boolean);
}
