/**
 * What stands at a field of Kubernetes' own objects, by its name; `name` is a text without capitals or letters beyond ASCII. The API server decodes those into typed structures, so
 * that a name has one shape wherever it stands (a test compares with the client library). What is not listed here, and every
 * field of a custom resource, may be anything, and costs more to ask.
 */
export type Shape =
  'object' | 'objects' | 'texts' | 'map' | 'text' | 'name' | 'boolean' | 'number' | 'anything';

const NAMES: Readonly<Record<Exclude<Shape, 'name' | 'anything'>, string>> = {
  object:
    'metadata spec template jobTemplate securityContext capabilities hostPath roleRef secretKeyRef configMapKeyRef seccompProfile',
  objects:
    'containers initContainers ephemeralContainers volumes env envFrom volumeMounts volumeDevices tolerations ' +
    'imagePullSecrets ownerReferences managedFields subjects rules hostAliases volumeClaimTemplates ' +
    // Of pods/portforward they are numbers.
    'containers.ports initContainers.ports ephemeralContainers.ports spec.ports',
  texts:
    'add drop args command finalizers verbs apiGroups resourceNames nonResourceURLs externalIPs loadBalancerSourceRanges ' +
    'accessModes rules.resources',
  map: 'labels annotations matchLabels',
  text:
    'name namespace generateName path mountPath subPath serviceAccountName serviceAccount nodeName schedulerName ' +
    'runtimeClassName priorityClassName restartPolicy imagePullPolicy kind apiVersion containers.image initContainers.image ' +
    'ephemeralContainers.image targetContainerName clusterIP externalName operation manager ' +
    'roleRef.apiGroup subjects.apiGroup env.value key operator effect secretName claimName hostIP',
  boolean:
    'hostPID hostIPC hostNetwork hostUsers shareProcessNamespace privileged allowPrivilegeEscalation runAsNonRoot ' +
    'readOnlyRootFilesystem automountServiceAccountToken suspend immutable stdin tty',
  number: 'runAsUser runAsGroup fsGroup replicas hostPort containerPort nodePort expirationSeconds',
};

const SHAPES = new Map(
  Object.entries(NAMES).flatMap(([shape, names]) =>
    names.split(' ').map((name) => [name, shape as Shape] as const),
  ),
);

/** The shape of `name` below `parent` in an object of Kubernetes' own. */
export function shapeOf(parent: string, name: string): Shape {
  return SHAPES.get(`${parent}.${name}`) ?? SHAPES.get(name) ?? 'anything';
}

/** The API groups of Kubernetes' own resources that rules are written about. A custom resource may have such a name too. */
const GROUPS: Readonly<Record<string, string>> = {
  '':
    'bindings configmaps endpoints limitranges namespaces nodes persistentvolumeclaims persistentvolumes pods podtemplates ' +
    'replicationcontrollers resourcequotas secrets serviceaccounts services',
  apps: 'controllerrevisions daemonsets deployments replicasets statefulsets',
  autoscaling: 'horizontalpodautoscalers',
  batch: 'cronjobs jobs',
  'certificates.k8s.io': 'certificatesigningrequests',
  'networking.k8s.io': 'ingressclasses ingresses networkpolicies',
  policy: 'poddisruptionbudgets',
  'rbac.authorization.k8s.io': 'clusterrolebindings clusterroles rolebindings roles',
  'scheduling.k8s.io': 'priorityclasses',
  'storage.k8s.io': 'csidrivers csinodes storageclasses volumeattachments',
};

const GROUP_OF = new Map(
  Object.entries(GROUPS).flatMap(([group, resources]) =>
    resources.split(' ').map((resource) => [resource, group] as const),
  ),
);

/** The group that Kubernetes itself has a resource of this name in. */
export function builtInGroupOf(resource: string): string | undefined {
  return GROUP_OF.get(resource);
}
