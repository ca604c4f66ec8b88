import type { KubernetesObject } from '../kubernetes/admission-review.ts';
import { CACHED_KINDS, EVERYWHERE, type CachedKind, type CachedObjects } from './cache.ts';
import { nodeFrom, revisionFrom, serviceFrom, workloadFrom } from './trim.ts';

/** Where the API server has a kind, and what is kept of its objects. */
interface Collection<Kept> {
  readonly api: string;
  readonly resource: string;
  /** Leaves out what is of no use. */
  readonly query?: string;
  readonly metadataOnly?: boolean;
  readonly keep: (object: KubernetesObject) => Kept | undefined;
}

/** Each kind's. The items of a list say no kind, so it is said for them. */
export const COLLECTIONS: { readonly [Kind in CachedKind]: Collection<CachedObjects[Kind]> } = {
  DaemonSet: {
    api: '/apis/apps/v1',
    resource: 'daemonsets',
    keep: (object) => workloadFrom(object, 'DaemonSet'),
  },
  ReplicaSet: {
    api: '/apis/apps/v1',
    resource: 'replicasets',
    keep: (object) => workloadFrom(object, 'ReplicaSet'),
  },
  StatefulSet: {
    api: '/apis/apps/v1',
    resource: 'statefulsets',
    keep: (object) => workloadFrom(object, 'StatefulSet'),
  },
  Job: { api: '/apis/batch/v1', resource: 'jobs', keep: (object) => workloadFrom(object, 'Job') },
  ReplicationController: {
    api: '/api/v1',
    resource: 'replicationcontrollers',
    keep: (object) => workloadFrom(object, 'ReplicationController'),
  },
  // Those of DaemonSets carry `controller-revision-hash` instead, and no pod needs them.
  ControllerRevision: {
    api: '/apis/apps/v1',
    resource: 'controllerrevisions',
    query: 'labelSelector=controller.kubernetes.io%2Fhash',
    keep: revisionFrom,
  },
  Service: { api: '/api/v1', resource: 'services', keep: serviceFrom },
  Node: { api: '/api/v1', resource: 'nodes', metadataOnly: true, keep: nodeFrom },
};

/** Every collection that tells of these namespaces. */
export function collectionsOf(
  namespaces: readonly string[],
): readonly { readonly kind: CachedKind; readonly namespace: string }[] {
  if (namespaces.length === 0) return [];
  return CACHED_KINDS.flatMap((kind) =>
    (kind === 'Node' ? [EVERYWHERE] : namespaces).map((namespace) => ({ kind, namespace })),
  );
}

/** The path to list and watch. */
export function collectionPath(kind: CachedKind, namespace: string): string {
  const { api, resource, query } = COLLECTIONS[kind];
  return `${api}${within(namespace)}/${resource}${query === undefined ? '' : `?${query}`}`;
}

/** The path of one object. */
export function objectPath(kind: CachedKind, namespace: string, name: string): string {
  const { api, resource } = COLLECTIONS[kind];
  return `${api}${within(namespace)}/${resource}/${encodeURIComponent(name)}`;
}

function within(namespace: string): string {
  return namespace === EVERYWHERE ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
}
