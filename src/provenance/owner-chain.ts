import type { KubernetesObject } from '../kubernetes/admission-review.ts';
import { controllerOf } from '../kubernetes/owner-reference.ts';
import { UNKNOWN } from '../sigma/match/fields.ts';
import { WORKLOAD_KINDS } from './object-index.ts';
import type { ListedObjects, Owner } from './objects-from-list.ts';
import type { OwnerFinding } from './owner.ts';

interface Named {
  readonly kind: string;
  readonly name: string;
}

/** An object that is named as an owner, whatever its uid: undefined where it is not among these objects. */
export function namedOwner(
  objects: ListedObjects,
  namespace: string,
  { kind, name }: Named,
): Owner | undefined {
  if (kind === 'Node') return objects.node(name);
  const workloadKind = WORKLOAD_KINDS.find((each) => each === kind);
  return workloadKind === undefined
    ? objects.workloadOwner(namespace, kind, name)
    : objects.workload({ kind: workloadKind, namespace, name });
}

/** What is to be said of the controller that a workload names as its owner: only whether it is there is known of those. */
export function ownerOfWorkload(
  object: KubernetesObject,
  namespace: string,
  objects: ListedObjects,
): OwnerFinding {
  const claim = controllerOf(object);
  if (claim === undefined) return { lookups: [] };
  const { kind, name, uid } = claim;
  const owner = namedOwner(objects, namespace, claim);
  if (owner === undefined) return { claim, verified: UNKNOWN, lookups: [] };
  return owner.uid === uid
    ? { claim, verified: true, lookups: [] }
    : { claim, verified: false, problem: `no ${kind} ${name} with uid ${uid} was read`, lookups: [] };
}

/** ReplicaSet and Deployment, Job and CronJob, and what controllers of others put on top. */
const MAX_DEPTH = 8;

/** Up from an owner, as long as what it names is among these objects. */
export function rootOf(objects: ListedObjects, namespace: string, owner: Named): Named {
  let root = owner;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const above = namedOwner(objects, namespace, root)?.owner;
    if (above === undefined) break;
    root = above;
  }
  return root;
}
