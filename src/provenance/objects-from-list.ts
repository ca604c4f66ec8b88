import { asObject } from '../kubernetes/as-object.ts';
import { controllerOf } from '../kubernetes/owner-reference.ts';
import type { Node, ObjectIndex, Revision, Service, Workload } from './object-index.ts';
import { identityOf, nodeFrom, revisionFrom, serviceFrom, workloadFrom } from './project.ts';

/** An object that may own another. */
export interface Owner {
  readonly uid: string;
  /** Its own controller. */
  readonly owner?: { readonly kind: string; readonly name: string };
}

/** An index of objects that were listed once, with those, too, that own workloads: Deployments, CronJobs. */
export interface ListedObjects extends ObjectIndex {
  workloadOwner(namespace: string, kind: string, name: string): Owner | undefined;
}

/**
 * An index of whole objects, from files or from a list. Objects of which nothing is kept are passed over. `complete` says
 * whether all objects of a namespace are among them.
 */
export function objectsFromList(
  objects: Iterable<unknown>,
  complete: (namespace: string) => boolean,
): ListedObjects {
  const workloads = new Map<string, Workload>();
  const workloadsByNamespace = new Map<string, Workload[]>();
  const workloadOwners = new Map<string, Owner>();
  const revisions = new Map<string, Revision>();
  const services = new Map<string, Service[]>();
  const nodes = new Map<string, Node>();
  for (const value of objects) {
    const workload = workloadFrom(value);
    if (workload !== undefined) {
      workloads.set(keyOf(workload.namespace, workload.kind, workload.name), workload);
      append(workloadsByNamespace, workload.namespace, workload);
      continue;
    }
    const object = asObject(value);
    const kind = object?.['kind'];
    if (kind === 'ControllerRevision') {
      const revision = revisionFrom(object);
      if (revision !== undefined) revisions.set(`${revision.namespace}/${revision.name}`, revision);
    } else if (kind === 'Service') {
      const service = serviceFrom(object);
      if (service !== undefined) append(services, service.namespace, service);
    } else if (kind === 'Node') {
      const node = nodeFrom(object);
      if (node !== undefined) nodes.set(node.name, node);
    } else if (kind === 'Deployment' || kind === 'CronJob') {
      const { namespace = '', name, uid } = identityOf(object) ?? {};
      const owner = controllerOf(object);
      if (name !== undefined && uid !== undefined)
        workloadOwners.set(keyOf(namespace, kind, name), { uid, ...(owner === undefined ? {} : { owner }) });
    }
  }
  return {
    complete,
    workload: ({ kind, namespace, name }) => workloads.get(keyOf(namespace, kind, name)),
    workloadsIn: (namespace) => workloadsByNamespace.get(namespace) ?? NONE,
    workloadOwner: (namespace, kind, name) => workloadOwners.get(keyOf(namespace, kind, name)),
    revision: (namespace, name) => revisions.get(`${namespace}/${name}`),
    servicesIn: (namespace) => services.get(namespace) ?? NONE,
    node: (name) => nodes.get(name),
  };
}

const NONE: readonly never[] = [];

function keyOf(namespace: string, kind: string, name: string): string {
  return `${namespace}/${kind}/${name}`;
}

function append<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
