import type { UserInfo } from '../kubernetes/user-info.ts';
import { CONTROL_PLANES, CONTROLLERS, NODES, type Distribution } from './identities.ts';

/** Whether a user is one of the identities that heal a cluster, as the match condition `heals` says in CEL. */
export function isSystemIdentity(
  { username = '', uid = '', groups = [], extra = {} }: UserInfo,
  distribution: Distribution,
): boolean {
  const isControlPlane = CONTROL_PLANES[distribution].some(
    (user: { username: string; group?: string }) =>
      user.username === username && (user.group === undefined || groups.includes(user.group)),
  );
  const isNode = username.startsWith(NODES.usernamePrefix) && groups.includes(NODES.group);
  const isController =
    CONTROLLERS.usernames.some((name) => name === username) &&
    groups.includes(CONTROLLERS.group) &&
    uid !== '' &&
    !Object.hasOwn(extra, CONTROLLERS.podBoundToken);
  return isControlPlane || isNode || isController;
}
