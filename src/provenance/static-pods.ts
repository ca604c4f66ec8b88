import { asObject } from '../kubernetes/as-object.ts';
import type { ObjectIndex } from './object-index.ts';
import type { OwnedPod } from './owner.ts';
import { shown } from './pod-names.ts';

/** One thing a pod has of what it passes for: the higher the weight, the more it alone says. */
export interface Clue {
  readonly weight: number;
  readonly text: string;
}

/** Where kubelets run them everywhere. */
const NAMESPACE = 'kube-system';

/** Static pods of the control plane and of nodes, as distributions call them. No watch shows them: they are files. */
const STATIC_PODS = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'cloud-controller-manager',
  'etcd',
  'kube-proxy',
];

/**
 * What a pod has of the mirror of a well-known static pod: `<static>-<node>` of a Node there is, the static pod's name with
 * what looks like a suffix, or the labels that kubeadm gives them. A pod that stands with a mirror's annotation is one, else
 * its kubelet had deleted it.
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
      text: `name ${shown(name)} is that of static pod ${staticPod} on Node ${shown(rest)}`,
    };
  return /^[a-z\d]{5}$/.test(rest)
    ? { weight: 2, text: `name ${shown(name)} begins like those of static pod ${staticPod}` }
    : undefined;
}

/** Kubelets before 1.17 named no Node as the owner. */
function isAnnotated({ object }: OwnedPod): boolean {
  const annotations = asObject(asObject(object['metadata'])?.['annotations']);
  return typeof annotations?.['kubernetes.io/config.mirror'] === 'string';
}
