/*
 * Sigma twins of Falco's rules for audit events, in our own words. Its lists of what is allowed or trusted are Sigma filters.
 */

const done = { stage: 'ResponseComplete' };
const allowed = { 'responseStatus.code|lt': 300 };
const change = (verb: string, resource: string | readonly string[]) => ({
  ...done,
  ...allowed,
  verb,
  'objectRef.resource': resource,
});
const onPod = (more: object) => ({ ...done, verb: 'create', 'objectRef.resource': 'pods', ...more });
const rbac = ['roles', 'clusterroles'];
const bindings = ['rolebindings', 'clusterrolebindings'];
const kube = { 'objectRef.namespace': ['kube-system', 'kube-public'] };
const writes = ['create', 'update', 'patch', 'delete', 'deletecollection'];
const only = (selection: object) => ({ selection, condition: 'selection' });

/** Of somebody's doing something out of place. By Falco's name, a detection. */
export const FALCO_TWINS: Readonly<Record<string, object>> = {
  'Disallowed K8s User': {
    selection: { ...done, 'user.username': '*' },
    system: { 'user.username|startswith|cased': 'system:' },
    known: {
      'user.username|cased': ['minikube', 'minikube-user', 'kubelet', 'kops', 'admin', 'kube', 'kube-proxy'],
    },
    condition: 'selection and not (system or known)',
  },
  'Create Privileged Pod': only(onPod({ privileged: true })),
  'Create Sensitive Mount Pod': only(
    onPod({
      hostPath: ['/', '/proc*', '/var/run/docker.sock', '/etc', '/etc/*', '/root*', '/var/lib/kubelet*'],
    }),
  ),
  'Create HostNetwork Pod': only(onPod({ 'requestObject.spec.hostNetwork': true })),
  'Create NodePort Service': only({ ...change('create', 'services'), 'requestObject.spec.type': 'NodePort' }),
  'Create/Modify Configmap With Private Credentials': only({
    ...change('create', 'configmaps'),
    'requestObject.data.ui.properties|contains': ['aws_access_key_id', 'password', 'passphrase'],
  }),
  'Anonymous Request Allowed': {
    selection: {
      ...done,
      'user.username|cased': 'system:anonymous',
      'annotations.authorization.k8s.io/decision': 'allow',
    },
    health: { requestURI: ['/healthz*', '/livez*', '/readyz*'] },
    condition: 'selection and not health',
  },
  'Attach/Exec Pod': only({
    verb: ['create', 'get'],
    'objectRef.resource': 'pods',
    'objectRef.subresource': ['exec', 'attach'],
  }),
  'Create Disallowed Namespace': {
    selection: change('create', 'namespaces'),
    known: { 'objectRef.name': ['default', 'kube-system', 'kube-public'] },
    condition: 'selection and not known',
  },
  'Pod Created in Kube Namespace': only(onPod(kube)),
  'Service Account Created in Kube Namespace': only({ ...change('create', 'serviceaccounts'), ...kube }),
  'ClusterRole With Wildcard Created': {
    selection: change('create', rbac),
    wildcard: [{ 'requestObject.rules.resources': '\\*' }, { 'requestObject.rules.verbs': '\\*' }],
    condition: 'selection and wildcard',
  },
  'ClusterRole With Write Privileges Created': {
    selection: change('create', rbac),
    writes: { 'requestObject.rules.verbs': writes },
    condition: 'selection and writes',
  },
};

/** Of what is done all day. A user who does not care switches them off. */
export const FALCO_ACTIVITY_TWINS: Readonly<Record<string, object>> = {
  'K8s Deployment Created': only(change('create', 'deployments')),
  'K8s Service Created': only(change('create', 'services')),
  'K8s Service Deleted': only(change('delete', 'services')),
  'K8s ConfigMap Deleted': only(change('delete', 'configmaps')),
  'K8s Namespace Created': only(change('create', 'namespaces')),
  'K8s Namespace Deleted': only(change('delete', 'namespaces')),
  'K8s Serviceaccount Created': only(change('create', 'serviceaccounts')),
  'K8s Role/Clusterrole Deleted': only(change('delete', rbac)),
  'K8s Role/Clusterrolebinding Created': only(change('create', bindings)),
};

/** What a file adds to Falco's lists, as the filter it is to us: the rules it is for, and what it accepts. */
export const FALCO_FILTERS: Readonly<
  Record<string, { readonly rules: readonly string[]; readonly selection: object }>
> = {
  // One container that is trusted is enough for Sigma, which cannot say "all of them"; Falco wants all.
  'trust_nginx_container.yaml': {
    rules: ['Create Privileged Pod', 'Create Sensitive Mount Pod', 'Create HostNetwork Pod'],
    selection: { 'requestObject.spec.containers.image': ['nginx', 'nginx:*'] },
  },
  'allow_namespace_foo.yaml': {
    rules: ['Create Disallowed Namespace'],
    selection: { 'objectRef.name': 'foo' },
  },
  'allow_user_some-user.yaml': {
    rules: ['Disallowed K8s User'],
    selection: { 'user.username|cased': 'some-user' },
  },
};
