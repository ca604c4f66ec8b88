/*
 * Sigma twins of Panther's Kubernetes rules: what each looks for, in our own words, as far as one event can show it. How often
 * it must happen is left out, as in Panther's own tests.
 */

const PRIVATE = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '127.0.0.0/8',
  '169.254.0.0/16',
  'fc00::/7',
  'fe80::/10',
  '::1/128',
];

const created = (resource: string | readonly string[]) => ({
  verb: 'create',
  'objectRef.resource': resource,
});
const failed = { 'responseStatus.code|gte': 400 };
const system = { 'user.username|startswith|cased': 'system:' };
const systemNamespace = { 'objectRef.namespace': ['kube-system', 'kube-public', 'kube-node-lease'] };
const exec = { ...created('pods'), 'objectRef.subresource': 'exec' };
/** Every address, not one of several: a proxy's is among those it forwarded for. */
const publicly = { from: { sourceIPs: '*' }, privately: { 'sourceIPs|cidr': PRIVATE } };

/** By Panther's id, a detection. */
export const PANTHER_TWINS: Readonly<Record<string, object>> = {
  'Amazon.EKS.AnonymousAPIAccess': {
    selection: { 'user.username|cased': 'system:anonymous' },
    balancer: { 'userAgent|startswith': 'ELB-HealthChecker', 'sourceIPs|cidr': PRIVATE },
    condition: 'selection and not balancer',
  },
  'Amazon.EKS.Audit.SystemNamespaceFromPublicIP': {
    ...publicly,
    selection: { 'user.username|startswith|cased': ['system:', 'eks:'], stage: 'ResponseComplete' },
    forbidden: { 'responseStatus.code': 403 },
    lambda: { 'user.username|cased': 'eks:addon-manager', 'user.extra.arn|contains': 'AddonManagerRole' },
    condition: 'selection and from and not (privately or forbidden or lambda)',
  },
  'Kubernetes.API.AnonymousAccess': {
    selection: { 'user.username|cased': ['system:anonymous', 'system:unauthenticated'] },
    local: { 'sourceIPs|cidr': ['127.0.0.0/8', '::1/128'] },
    probe: { 'userAgent|startswith': ['ELB-HealthChecker', 'kube-probe'] },
    condition: 'selection and not (local or probe)',
  },
  'Kubernetes.ClusterRoleBinding.Privileged': {
    selection: {
      ...created('clusterrolebindings'),
      'requestObject.roleRef.name': [
        'cluster-admin',
        'admin',
        'edit',
        'system:kube-controller-manager',
        'system:masters',
      ],
    },
    system,
    failed,
    condition: 'selection and not (system or failed)',
  },
  'Kubernetes.DaemonSet.Created': {
    selection: created('daemonsets'),
    failed,
    excluded: { ...system, ...systemNamespace },
    condition: 'selection and not (failed or excluded)',
  },
  'Kubernetes.Pod.Exec': { selection: { ...exec, verb: ['create', 'get'] }, condition: 'selection' },
  'Kubernetes.Kubectl.CP.Operation': {
    selection: { ...exec, 'requestURI|contains|all': ['command=tar&', 'command=cf&', 'command=-&'] },
    failed,
    excluded: { ...system, ...systemNamespace },
    condition: 'selection and not (failed or excluded)',
  },
  'Kubernetes.API.Multiple403.PublicIP': {
    ...publicly,
    selection: { 'responseStatus.code': 403 },
    condition: 'selection and from and not privately',
  },
  'Kubernetes.Pod.SystemNamespace': {
    selection: { ...created('pods'), ...systemNamespace },
    system,
    failed,
    condition: 'selection and not (system or failed)',
  },
  'Kubernetes.Pod.Host.Network': {
    selection: { ...created('pods'), 'requestObject.spec.hostNetwork': true },
    failed,
    condition: 'selection and not failed',
  },
  'Kubernetes.Pod.HostPath.Volume': {
    selection: {
      ...created('pods'),
      'hostPath|startswith': [
        '/var/lib/kubelet',
        '/var/lib/docker',
        '/var/lib/cni',
        '/var/run/docker.sock',
        '/etc',
        '/proc',
        '/root',
      ],
    },
    failed,
    excluded: { ...system, ...systemNamespace },
    condition: 'selection and not (failed or excluded)',
  },
  'Kubernetes.Role.NodeProxyPermissions': {
    selection: {
      ...created(['roles', 'clusterroles']),
      'requestObject.rules.resources': ['nodes/proxy', 'nodes/\\*', '\\*'],
    },
    system,
    failed,
    condition: 'selection and not (system or failed)',
  },
  'Kubernetes.Role.Wildcard': {
    selection: created(['roles', 'clusterroles']),
    wildcard: [{ 'requestObject.rules.resources': '\\*' }, { 'requestObject.rules.verbs': '\\*' }],
    system,
    failed,
    condition: 'selection and wildcard and not (system or failed)',
  },
  'Kubernetes.Secret.AccessDenied': {
    selection: { verb: 'get', 'objectRef.resource': 'secrets', ...failed },
    system: { 'user.username|startswith|cased': 'system:serviceaccount:kube-system:' },
    condition: 'selection and not system',
  },
  'Kubernetes.BulkSecretAccess': {
    selection: { verb: ['get', 'list', 'watch'], 'objectRef.resource': 'secrets', stage: 'ResponseComplete' },
    system,
    condition: 'selection and not system',
  },
  'Kubernetes.Service.NodePort.Deployed': {
    selection: { ...created('services'), 'requestObject.spec.type': 'NodePort' },
    failed,
    condition: 'selection and not failed',
  },
  'Kubernetes.Pod.StealServiceAccountToken': {
    selection: {
      ...exec,
      'requestObject.command|contains': [
        '/secrets/kubernetes.io/serviceaccount',
        '/secrets/eks.amazonaws.com/serviceaccount',
      ],
    },
    failed,
    excluded: { ...system, ...systemNamespace },
    condition: 'selection and not (failed or excluded)',
  },
  'Kubernetes.System.Principal.PublicIP': {
    ...publicly,
    selection: system,
    nobody: { 'user.username|cased': ['system:anonymous', 'system:unauthenticated'] },
    forbidden: { 'responseStatus.code': 403 },
    condition: 'selection and from and not (nobody or privately or forbidden)',
  },
};

const NO_VERB = 'it has no verb, so it is no audit event: a log that holds it has a bad line';
const ENRICHED = 'the address is Amazon’s, which Panther adds to the event and no audit log says';

/** By line: where our verdict is another, and why. */
export const PANTHER_DISAGREEMENTS: Readonly<Record<number, string>> = {
  1: NO_VERB,
  7: NO_VERB,
  15: ENRICHED,
  18: NO_VERB,
  101: ENRICHED,
};
