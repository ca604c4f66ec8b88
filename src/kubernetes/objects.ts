/** The kinds of objects that are read here, and where the API server has them. */

interface Place {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

const core = (resource: string): Place => ({ group: '', version: 'v1', resource });
const apps = (resource: string): Place => ({ group: 'apps', version: 'v1', resource });
const batch = (resource: string): Place => ({ group: 'batch', version: 'v1', resource });

export const KINDS = {
  Node: core('nodes'),
  Service: core('services'),
  ControllerRevision: apps('controllerrevisions'),
  Deployment: apps('deployments'),
  ReplicaSet: apps('replicasets'),
  DaemonSet: apps('daemonsets'),
  StatefulSet: apps('statefulsets'),
  ReplicationController: core('replicationcontrollers'),
  CronJob: batch('cronjobs'),
  Job: batch('jobs'),
  Pod: core('pods'),
} as const satisfies Record<string, Place>;

export type Kind = keyof typeof KINDS;

/** Stands for every namespace, as `metav1.NamespaceAll` does, and for the one of what belongs to none. */
export const NAMESPACE_ALL = '';

/** As objects of this kind carry it: `apps/v1`. */
export function apiVersionOf(kind: Kind): string {
  const { group, version } = KINDS[kind];
  return group === '' ? version : `${group}/${version}`;
}

/** The path to list and watch. */
export function collectionPath(kind: Kind, namespace: string): string {
  const api = KINDS[kind].group === '' ? '/api' : '/apis';
  const within = namespace === NAMESPACE_ALL ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${api}/${apiVersionOf(kind)}${within}/${KINDS[kind].resource}`;
}

/** The path of one object. */
export function objectPath(kind: Kind, namespace: string, name: string): string {
  return `${collectionPath(kind, namespace)}/${encodeURIComponent(name)}`;
}

/** The subresources of pods, services and nodes that clients connect to: admission is asked with CONNECT. */
export const CONNECT_SUBRESOURCES: readonly string[] = ['exec', 'attach', 'portforward', 'proxy'];
