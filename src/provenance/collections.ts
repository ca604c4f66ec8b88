import type { KubernetesObject } from '../kubernetes/admission-review.ts';
import { collectionPath, NAMESPACE_ALL } from '../kubernetes/objects.ts';
import { CACHED_KINDS, type CachedKind, type CachedObjects } from './cache.ts';
import { nodeFrom, revisionFrom, serviceFrom, workloadFrom } from './project.ts';

/** What is asked of a kind's collection, and what is kept of its objects. */
interface Collection<Kept> {
  /** Leaves out objects of no use. */
  readonly query?: string;
  readonly metadataOnly?: boolean;
  readonly keep: (object: KubernetesObject) => Kept | undefined;
}

/** Each kind's. The items of a list have no `kind`. */
export const COLLECTIONS: { readonly [Kind in CachedKind]: Collection<CachedObjects[Kind]> } = {
  DaemonSet: {
    keep: (object) => workloadFrom(object, 'DaemonSet'),
  },
  ReplicaSet: {
    keep: (object) => workloadFrom(object, 'ReplicaSet'),
  },
  StatefulSet: {
    keep: (object) => workloadFrom(object, 'StatefulSet'),
  },
  Job: { keep: (object) => workloadFrom(object, 'Job') },
  ReplicationController: {
    keep: (object) => workloadFrom(object, 'ReplicationController'),
  },
  // Those of DaemonSets carry `controller-revision-hash` instead, and no pod needs them.
  ControllerRevision: {
    query: 'labelSelector=controller.kubernetes.io%2Fhash',
    keep: revisionFrom,
  },
  Service: { keep: serviceFrom },
  Node: { metadataOnly: true, keep: nodeFrom },
};

/** Every collection to watch for these namespaces. */
export function collectionsOf(
  namespaces: readonly string[],
): readonly { readonly kind: CachedKind; readonly namespace: string }[] {
  if (namespaces.length === 0) return [];
  return CACHED_KINDS.flatMap((kind) =>
    (kind === 'Node' ? [NAMESPACE_ALL] : namespaces).map((namespace) => ({ kind, namespace })),
  );
}

/** The path to list and watch. */
export function watchedPath(kind: CachedKind, namespace: string): string {
  const { query } = COLLECTIONS[kind];
  return `${collectionPath(kind, namespace)}${query === undefined ? '' : `?${query}`}`;
}
