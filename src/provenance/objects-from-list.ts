import { asObject } from '../kubernetes/as-object.ts';
import type { ObjectIndex, Node, Revision, Service, Workload } from './object-index.ts';
import { nodeFrom, revisionFrom, serviceFrom, workloadFrom } from './project.ts';

/**
 * What is known from objects read at once, from files or from a list; what is of no use here among them is passed over.
 * `complete` says of which namespaces all there is was read.
 */
export function objectsFromList(
  objects: Iterable<unknown>,
  complete: (namespace: string) => boolean,
): ObjectIndex {
  const workloads = new Map<string, Workload>();
  const workloadsByNamespace = new Map<string, Workload[]>();
  const revisions = new Map<string, Revision>();
  const services = new Map<string, Service[]>();
  const nodes = new Map<string, Node>();
  for (const object of objects) {
    const workload = workloadFrom(object);
    if (workload !== undefined) {
      workloads.set([workload.kind, workload.namespace, workload.name].join('/'), workload);
      append(workloadsByNamespace, workload.namespace, workload);
      continue;
    }
    const kind = asObject(object)?.['kind'];
    if (kind === 'ControllerRevision') {
      const revision = revisionFrom(object);
      if (revision !== undefined) revisions.set(`${revision.namespace}/${revision.name}`, revision);
    } else if (kind === 'Service') {
      const service = serviceFrom(object);
      if (service !== undefined) append(services, service.namespace, service);
    } else if (kind === 'Node') {
      const node = nodeFrom(object);
      if (node !== undefined) nodes.set(node.name, node);
    }
  }
  return {
    complete,
    workload: ({ kind, namespace, name }) => workloads.get([kind, namespace, name].join('/')),
    workloadsIn: (namespace) => workloadsByNamespace.get(namespace) ?? NONE,
    revision: (namespace, name) => revisions.get(`${namespace}/${name}`),
    servicesIn: (namespace) => services.get(namespace) ?? NONE,
    node: (name) => nodes.get(name),
  };
}

const NONE: readonly never[] = [];

function append<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
