/** The controllers of Kubernetes and its kubelets, by the names they ask under. */

/** The controller that makes the pods of each kind, by the name of its service account in kube-system. */
export const POD_CONTROLLERS = {
  DaemonSet: 'daemon-set-controller',
  ReplicaSet: 'replicaset-controller',
  ReplicationController: 'replication-controller',
  Job: 'job-controller',
  StatefulSet: 'statefulset-controller',
} as const;

/** The controller that makes what objects of each kind own: a Deployment's makes ReplicaSets. */
export const CONTROLLERS_BY_KIND = {
  ...POD_CONTROLLERS,
  Deployment: 'deployment-controller',
  CronJob: 'cronjob-controller',
} as const;

/** Every controller, where kube-controller-manager runs without `--use-service-account-credentials`. */
export const KUBE_CONTROLLER_MANAGER = 'system:kube-controller-manager';

/** What the name of a service account begins with; its namespace and name follow, with a colon between. */
export const SERVICE_ACCOUNT_PREFIX = 'system:serviceaccount:';
export const KUBE_SYSTEM_ACCOUNT_PREFIX = `${SERVICE_ACCOUNT_PREFIX}kube-system:`;
export const KUBE_SYSTEM_ACCOUNTS_GROUP = 'system:serviceaccounts:kube-system';

/** Kubelets: the name of the Node follows the prefix. */
export const NODES = { usernamePrefix: 'system:node:', group: 'system:nodes' } as const;

/** In `extra` of a token that is bound to a pod. kube-controller-manager's are bound to none. */
export const POD_NAME = 'authentication.kubernetes.io/pod-name';
/** In `extra` of a token that the API server issued, from 1.30 on (ServiceAccountTokenJTI, beta). */
export const CREDENTIAL_ID = 'authentication.kubernetes.io/credential-id';
