import type { AdmissionRequest, KubernetesObject } from '../kubernetes/admission-review.ts';
import { asObject } from '../kubernetes/as-object.ts';
import type { AuditEvent } from '../kubernetes/audit-event.ts';
import { NODES } from '../kubernetes/identities.ts';

/**
 * Whether a pod is the mirror of a static pod, made by the kubelet of the node it stands for. All five must hold; the
 * annotation alone is any client's to set:
 * 1. the user is `system:node:<node>`, 2. in the group `system:nodes`, 3. `spec.nodeName` is that node,
 * 4. its only owner is that Node, 5. it carries the mirror annotation.
 */
export function isMirrorPod({
  requestResource,
  requestSubResource,
  userInfo,
  object,
}: Pick<AdmissionRequest, 'requestResource' | 'requestSubResource' | 'userInfo' | 'object'>): boolean {
  if (
    requestResource.group !== '' ||
    requestResource.resource !== 'pods' ||
    requestSubResource !== undefined
  ) {
    return false;
  }
  const { username = '', groups = [] } = userInfo;
  if (!username.startsWith(NODES.usernamePrefix) || !groups.includes(NODES.group)) return false;
  return isMirrorPodOf(username.slice(NODES.usernamePrefix.length), object);
}

/** `isMirrorPod` of a logged request. A user that impersonates a node is not that node. */
export function isLoggedMirrorPod({ objectRef, user, requestObject }: AuditEvent): boolean {
  const { apiGroup: group = '', apiVersion: version = '', resource = '', subresource } = objectRef ?? {};
  return isMirrorPod({
    requestResource: { group, version, resource },
    requestSubResource: subresource,
    userInfo: user ?? {},
    object: asObject(requestObject),
  });
}

/** Conditions 3 to 5: what the pod itself says. */
export function isMirrorPodOf(node: string, pod: KubernetesObject | undefined): boolean {
  const metadata = asObject(pod?.['metadata']);
  const owners = metadata?.['ownerReferences'];
  const [owner, ...others] = Array.isArray(owners) ? owners.map(asObject) : [];
  const mirror = asObject(metadata?.['annotations'])?.['kubernetes.io/config.mirror'];
  return (
    node !== '' &&
    asObject(pod?.['spec'])?.['nodeName'] === node &&
    others.length === 0 &&
    owner?.['apiVersion'] === 'v1' &&
    owner['kind'] === 'Node' &&
    owner['name'] === node &&
    typeof mirror === 'string' &&
    mirror !== ''
  );
}
