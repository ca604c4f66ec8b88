const CONTAINER_LISTS = ['containers', 'initContainers', 'ephemeralContainers'];

function ofEveryContainer(path: string): readonly string[] {
  return CONTAINER_LISTS.map((list) => `requestObject.spec.${list}.${path}`);
}

/**
 * Bare names that public rules use, and where an audit event has them. After pySigma's Kubernetes pipeline, with two
 * differences: a hostPath volume is an object, so its path is what `'*'` can match; and every container list counts.
 */
export const FIELD_MAPPING: Readonly<Record<string, readonly string[]>> = {
  apiGroup: ['objectRef.apiGroup'],
  resource: ['objectRef.resource'],
  subresource: ['objectRef.subresource'],
  namespace: ['objectRef.namespace'],
  name: ['objectRef.name'],
  username: ['user.username'],
  capabilities: ofEveryContainer('securityContext.capabilities.add'),
  privileged: ofEveryContainer('securityContext.privileged'),
  hostPath: ['requestObject.spec.volumes.hostPath.path'],
};
