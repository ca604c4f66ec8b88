import { asObject } from '../kubernetes/as-object.ts';
import type { ObjectIndex } from './object-index.ts';
import type { OwnedPod } from './owner.ts';
import { abbreviate } from './pod-names.ts';

/** A property that a pod shares with the workload it passes for: the higher the weight, the more it says alone. */
export interface Clue {
  readonly weight: number;
  readonly text: string;
}

/** Static pods of the control plane are in this namespace in every distribution. */
const NAMESPACE = 'kube-system';

/** Static pods of the control plane and of nodes, by the names distributions give them. They are files: no watch shows them. */
const STATIC_PODS = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'cloud-controller-manager',
  'etcd',
  'kube-proxy',
];

/**
 * Clues that a pod passes for the mirror of a well-known static pod: `<static>-<node>` of a known Node, the static pod's name
 * with the like of a suffix, or the labels that kubeadm gives static pods. An existing pod with a mirror pod's annotation is a
 * mirror pod: its kubelet deletes any other.
 */
export function staticPodClues(
  pod: OwnedPod,
  objects: ObjectIndex,
  isExisting: boolean,
): readonly { readonly of: string; readonly clue: Clue }[] {
  if (pod.namespace !== NAMESPACE || (isExisting && isAnnotated(pod))) return [];
  const { component, tier } = pod.labels;
  return STATIC_PODS.flatMap((name) => {
    const of = `static pod ${name}`;
    const clues = [
      likeName(pod.name, name, objects),
      ...(component === name && tier === 'control-plane'
        ? [{ weight: 3, text: `labels are those of ${of}` }]
        : []),
    ];
    return clues.flatMap((clue) => (clue === undefined ? [] : [{ of, clue }]));
  });
}

function likeName(name: string, staticPod: string, objects: ObjectIndex): Clue | undefined {
  if (name === staticPod) return { weight: 2, text: `name ${name} is that of a static pod` };
  if (!name.startsWith(`${staticPod}-`)) return undefined;
  const rest = name.slice(staticPod.length + 1);
  if (objects.node(rest) !== undefined)
    return {
      weight: 4,
      text: `name ${abbreviate(name)} is that of static pod ${staticPod} on Node ${abbreviate(rest)}`,
    };
  return /^[a-z\d]{5}$/.test(rest)
    ? { weight: 2, text: `name ${abbreviate(name)} begins like those of static pod ${staticPod}` }
    : undefined;
}

/** Kubelets before 1.17 named no Node as the owner. */
function isAnnotated({ object }: OwnedPod): boolean {
  const annotations = asObject(asObject(object['metadata'])?.['annotations']);
  return typeof annotations?.['kubernetes.io/config.mirror'] === 'string';
}
