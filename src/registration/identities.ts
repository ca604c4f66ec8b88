import {
  KUBE_CONTROLLER_MANAGER,
  KUBE_SYSTEM_ACCOUNT_PREFIX,
  KUBE_SYSTEM_ACCOUNTS_GROUP,
  POD_CONTROLLERS,
  POD_NAME,
} from '../kubernetes/identities.ts';

/**
 * The identities that heal a cluster. The match conditions are made from this table, and a test holds the shipped filters
 * to it. docs/install.md lists the users that create pods upstream and in each distribution.
 */

/** The five controllers that make pods. Each is its own service account in full, never a name alone. */
export const CONTROLLERS = {
  usernames: Object.values(POD_CONTROLLERS).map((name) => `${KUBE_SYSTEM_ACCOUNT_PREFIX}${name}`),
  group: KUBE_SYSTEM_ACCOUNTS_GROUP,
  /** The `extra` key that a controller's token does not have. */
  podBoundToken: POD_NAME,
} as const;

/** Kubelets, who mirror their static pods. */
export { NODES } from '../kubernetes/identities.ts';

/** A user of the control plane, by name, and by group where its certificate or token is known to carry one. */
export interface ControlPlaneUser {
  readonly username: string;
  readonly group?: string;
}

/**
 * The upstream components that send requests under their own name. kube-controller-manager does so for every controller
 * where it runs without `--use-service-account-credentials`.
 */
const UPSTREAM: readonly ControlPlaneUser[] = [
  { username: KUBE_CONTROLLER_MANAGER },
  { username: 'system:kube-scheduler' },
  { username: 'system:apiserver' },
];

const MASTERS = 'system:masters';

/**
 * The control plane's own users by distribution. Left out on purpose: names that people are given too (`admin`,
 * `kubecfg`, `kubernetes-admin`, k3s' `system:admin`, AKS' `masterclient`).
 */
export const CONTROL_PLANES = {
  upstream: UPSTREAM,
  aks: [...UPSTREAM, { username: 'aksService' }, { username: 'acsService' }, { username: 'hcpService' }],
  eks: [...UPSTREAM, { username: 'eks:addon-manager' }, { username: 'eks:cluster-bootstrap' }],
  gke: [...UPSTREAM, { username: 'system:addon-manager', group: MASTERS }],
  k3s: [
    ...UPSTREAM,
    { username: 'system:k3s-supervisor', group: MASTERS },
    { username: 'system:k3s-controller' },
  ],
  kops: [...UPSTREAM, { username: 'kops', group: MASTERS }],
  rke2: [
    ...UPSTREAM,
    { username: 'system:rke2-supervisor', group: MASTERS },
    { username: 'system:rke2-controller' },
  ],
  talos: [...UPSTREAM, { username: 'talos:admin', group: MASTERS }],
} as const satisfies Record<string, readonly ControlPlaneUser[]>;

export type Distribution = keyof typeof CONTROL_PLANES;
export const DISTRIBUTIONS = Object.keys(CONTROL_PLANES) as readonly Distribution[];
