import {
  CREDENTIAL_ID,
  KUBE_CONTROLLER_MANAGER,
  KUBE_SYSTEM_ACCOUNT_PREFIX,
  KUBE_SYSTEM_ACCOUNTS_GROUP,
  NODES,
  POD_CONTROLLERS,
  POD_NAME,
  SERVICE_ACCOUNT_PREFIX,
} from '../kubernetes/identities.ts';
import type { UserInfo } from '../kubernetes/user-info.ts';

const CREATORS = [
  'controller',
  'node',
  'impersonated-controller',
  'pod-bound-controller-token',
  'user',
  'serviceaccount',
] as const;

/** The client that made the request, as far as the request itself tells. */
export interface Creator {
  readonly kind: (typeof CREATORS)[number];
  /** Without the prefix of its username, of a controller: `daemon-set-controller`, `kubernetes-admin`. */
  readonly name: string;
  /** Of a client with a controller's name: why it is not that controller. */
  readonly problem?: string;
}

const CONTROLLERS: readonly string[] = Object.values(POD_CONTROLLERS);

/** From this minor version on, a service account's token has a credential-id (ServiceAccountTokenJTI, beta). */
const CREDENTIAL_IDS_SINCE = 30;

/**
 * A client with a controller's name is that controller only with its group and a uid, which impersonation lacks; without a
 * pod that its token is bound to, as kube-controller-manager's is bound to none; and, where the API server is known to be
 * 1.30 or later, with a credential-id. A client without one impersonates the controller together with its uid, or has a token
 * from a Secret: kube-controller-manager does neither. An older API server, or one whose version is not known, gives no such
 * evidence. No request shows that a client asked for a controller's token, or impersonates `system:kube-controller-manager`.
 */
export function creatorOf(user: UserInfo, serverMinor?: number): Creator {
  const username = typeof user.username === 'string' ? user.username : '';
  if (username === KUBE_CONTROLLER_MANAGER) return { kind: 'controller', name: 'kube-controller-manager' };
  if (username.startsWith(NODES.usernamePrefix) && groupsOf(user).includes(NODES.group))
    return { kind: 'node', name: username };
  if (!username.startsWith(SERVICE_ACCOUNT_PREFIX))
    return { kind: 'user', name: username === '' ? 'nobody' : username };
  const name = username.startsWith(KUBE_SYSTEM_ACCOUNT_PREFIX)
    ? username.slice(KUBE_SYSTEM_ACCOUNT_PREFIX.length)
    : '';
  return CONTROLLERS.includes(name)
    ? controllerOrNot(name, user, serverMinor)
    : { kind: 'serviceaccount', name: username };
}

function controllerOrNot(name: string, user: UserInfo, serverMinor = 0): Creator {
  const { uid = '', extra } = user;
  const has = (key: string) => typeof extra === 'object' && extra !== null && Object.hasOwn(extra, key);
  if (has(POD_NAME))
    return {
      kind: 'pod-bound-controller-token',
      name,
      problem: `its creator uses a token of ${name} that is bound to a pod`,
    };
  const without =
    uid === ''
      ? 'uid'
      : !groupsOf(user).includes(KUBE_SYSTEM_ACCOUNTS_GROUP)
        ? 'group'
        : serverMinor >= CREDENTIAL_IDS_SINCE && !has(CREDENTIAL_ID)
          ? 'credential-id'
          : undefined;
  if (without === undefined) return { kind: 'controller', name };
  return {
    kind: 'impersonated-controller',
    name,
    problem: `its creator has the name of ${name} without its ${without}`,
  };
}

function groupsOf({ groups }: UserInfo): readonly string[] {
  return Array.isArray(groups) ? groups : [];
}
