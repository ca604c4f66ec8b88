/** The fields that rules may name below `provenance`, each in words. docs/provenance.md says more. */
export const FIELD_MEANINGS: Readonly<Record<string, string>> = {
  'provenance.mirrorPod':
    'true or false: the kubelet of the node a pod is for made it, to mirror a static pod; known at every door',
  'provenance.creator':
    'who asks: controller, node, impersonated-controller, pod-bound-controller-token, user or serviceaccount; known to serve',
  'provenance.owner.apiVersion': 'of the controller that the pod names as its owner',
  'provenance.owner.kind': 'of the controller that the pod names as its owner',
  'provenance.owner.name': 'of the controller that the pod names as its owner',
  'provenance.owner.uid': 'of the controller that the pod names as its owner',
  'provenance.owner.verified':
    'true: that owner is there, its controller made the pod, and the pod’s names and labels are what it makes; false: not so; absent of a pod that names no owner and need not; unknown where the owner could not be looked up',
  'provenance.owner.problem': 'where verified is false, the check that failed, in words',
  'provenance.owner.imagesMatch':
    'true or false: the pod has the containers and images of its owner’s template, or of the revision it names; mutating admission may have changed them',
  'provenance.imitates':
    'whose pods a pod passes for, unless its owner is verified: DaemonSet kube-proxy; absent of a pod that passes for none',
  'provenance.evidence': 'by what, in words: several',
};

/** The meanings of the fields on these paths, and of what lies below them. */
export function meaningsOf(paths: readonly string[]): readonly (readonly [field: string, meaning: string])[] {
  return Object.entries(FIELD_MEANINGS).filter(([field]) =>
    paths.some((path) => path === field || field.startsWith(`${path}.`)),
  );
}
