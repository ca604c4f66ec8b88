import type { UserInfo } from '../kubernetes/user-info.ts';
import type { WorkloadKind } from './known-objects.ts';

export const CREATORS = [
  'controller',
  'node',
  'impersonated-controller',
  'pod-bound-controller-token',
  'user',
  'serviceaccount',
] as const;

/** Who asks, by what can be told of them from the request alone. */
export interface Creator {
  readonly kind: (typeof CREATORS)[number];
  /** As people call them: `daemon-set-controller`, `kubernetes-admin`. */
  readonly name: string;
  /** Why who has a controller's name is none. */
  readonly problem?: string;
}

/** The service account of the controller that makes the pods of each kind. */
export const CONTROLLER_OF = {
  DaemonSet: 'daemon-set-controller',
  ReplicaSet: 'replicaset-controller',
  StatefulSet: 'statefulset-controller',
  Job: 'job-controller',
  ReplicationController: 'replication-controller',
} as const satisfies Record<WorkloadKind, string>;

/** Every controller, where kube-controller-manager runs without `--use-service-account-credentials`. */
export const CONTROLLER_MANAGER = 'system:kube-controller-manager';

const SERVICE_ACCOUNT = 'system:serviceaccount:';
const IN_KUBE_SYSTEM = `${SERVICE_ACCOUNT}kube-system:`;
const CONTROLLERS: readonly string[] = Object.values(CONTROLLER_OF);

const NODE = 'system:node:';
const POD_NAME = 'authentication.kubernetes.io/pod-name';
const CREDENTIAL_ID = 'authentication.kubernetes.io/credential-id';

/** From this minor version on, a service account's token has a credential-id (ServiceAccountTokenJTI, beta). */
const CREDENTIAL_IDS_SINCE = 30;

/**
 * A controller's name is a controller only with its group and a uid, which impersonation lacks; with no pod behind its
 * token, as kube-controller-manager's has none; and, where the API server is known to be 1.30 or later, with a
 * credential-id. Without one it is impersonated together with its uid, or comes from a token in a Secret:
 * kube-controller-manager uses neither. An older server, or one whose version is not known, gives no such evidence. What no
 * request tells: a controller's token that somebody asked for, and `system:kube-controller-manager` impersonated.
 */
export function creatorOf(user: UserInfo, serverMinor?: number): Creator {
  const username = typeof user.username === 'string' ? user.username : '';
  if (username === CONTROLLER_MANAGER) return { kind: 'controller', name: 'kube-controller-manager' };
  if (username.startsWith(NODE) && groupsOf(user).includes('system:nodes'))
    return { kind: 'node', name: username };
  if (!username.startsWith(SERVICE_ACCOUNT))
    return { kind: 'user', name: username === '' ? 'nobody' : username };
  const name = username.startsWith(IN_KUBE_SYSTEM) ? username.slice(IN_KUBE_SYSTEM.length) : '';
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
      : !groupsOf(user).includes('system:serviceaccounts:kube-system')
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
