import type { KubernetesObject } from '../kubernetes/admission-review.ts';
import { asObject } from '../kubernetes/as-object.ts';
import { KUBE_CONTROLLER_MANAGER, NODES, POD_CONTROLLERS } from '../kubernetes/identities.ts';
import { NAMESPACE_ALL } from '../kubernetes/objects.ts';
import { controllerOf, type ControllerReference } from '../kubernetes/owner-reference.ts';
import { UNKNOWN, type Unknown } from '../sigma/match/fields.ts';
import type { Creator } from './creator.ts';
import type { Lookup } from './lookup.ts';
import type { ObjectIndex, Workload, WorkloadKind } from './object-index.ts';
import { isMirrorPodOf } from './mirror-pod.ts';
import { nameProblem, abbreviate } from './pod-names.ts';
import { isSubset, selects, type Labels } from '../kubernetes/label-selector.ts';
import { imagesOf, workloadKind } from './project.ts';

/** The controller that a pod names as its owner, and whether that is true. */
export interface OwnerFinding {
  readonly claim?: ControllerReference;
  /** The workload it names, where that has the uid it names. */
  readonly workload?: Workload;
  /** Absent where the pod names no owner and needs none. */
  readonly verified?: boolean | Unknown;
  /** Of `false`: the first check that failed. Of unknown: why it cannot be said. */
  readonly problem?: string;
  /** Objects that could change `verified`. */
  readonly lookups: readonly Lookup[];
}

export interface OwnedPod {
  readonly object: KubernetesObject;
  /** As the object has them. There may be a hundred thousand; few are looked at. */
  readonly labels: Labels;
  readonly namespace: string;
  readonly name: string;
}

/** A selector or template that changed so recently may not be the one that the controller saw. */
const SETTLES_WITHIN_MS = 30_000;

/**
 * Compares a pod with the owner it names. The pod's creator and names come first, because they need no lookup; then whether
 * the owner exists with that uid; then the owner's selector.
 */
export function ownerOf(
  pod: OwnedPod,
  creator: Creator | undefined,
  objects: ObjectIndex,
  now: number,
): OwnerFinding {
  const claim = controllerOf(pod.object);
  if (claim === undefined) return withoutOwner(pod, creator);
  if (claim.kind === 'Node' && claim.apiVersion === 'v1')
    return heldAgainstNode(pod, claim, creator, objects);
  const kind = workloadKind(claim.kind, claim.apiVersion);
  if (kind === undefined) return ofForeignKind(claim, creator);
  return heldAgainstWorkload(pod, kind, claim, creator, objects, now);
}

/** The PV recycler's pods have no owner. Where controllers share one user, the recycler cannot be told from them. */
const RECYCLER = 'recycler-for-';

/** A user's pod without an owner has none to verify. A controller makes no pod without one, so such a pod is forged. */
function withoutOwner({ name }: OwnedPod, creator: Creator | undefined): OwnerFinding {
  const problem = creator === undefined ? undefined : missedOwner(name, creator);
  return problem === undefined ? { lookups: [] } : { verified: false, problem, lookups: [] };
}

function missedOwner(name: string, creator: Creator): string | undefined {
  if (creator.problem !== undefined) return creator.problem;
  if (creator.kind === 'node') return 'it names no owner, and a kubelet’s mirror pods name their Node';
  if (creator.kind !== 'controller') return undefined;
  if (creator.name === MANAGER && name.startsWith(RECYCLER)) return undefined;
  return `it names no owner, and ${creator.name} makes no pod without one`;
}

const MANAGER = KUBE_CONTROLLER_MANAGER.slice('system:'.length);

function ofForeignKind(claim: ControllerReference, creator: Creator | undefined): OwnerFinding {
  const of = abbreviate(claim.kind);
  if (creator?.problem !== undefined) return refuted(claim, creator.problem);
  if (creator?.kind === 'controller') return refuted(claim, `${creator.name} makes no pods of a ${of}`);
  if (creator?.kind === 'node')
    return refuted(claim, 'a kubelet makes no pods but the mirrors of static ones');
  return { claim, verified: UNKNOWN, problem: `nothing is known of a ${of}’s pods`, lookups: [] };
}

function heldAgainstNode(
  pod: OwnedPod,
  claim: ControllerReference,
  creator: Creator | undefined,
  objects: ObjectIndex,
): OwnerFinding {
  const of = `Node ${abbreviate(claim.name)}`;
  if (
    creator !== undefined &&
    !(creator.kind === 'node' && creator.name === `${NODES.usernamePrefix}${claim.name}`)
  )
    return refuted(claim, creator.problem ?? `${by(creator)}, and only its kubelet makes the pods of ${of}`);
  if (!isMirrorPodOf(claim.name, pod.object)) return refuted(claim, `it is no mirror pod of ${of}`);
  const ending = `-${claim.name.toLowerCase()}`;
  if (!pod.name.endsWith(ending) || pod.name.length === ending.length || generateNameOf(pod) !== undefined)
    return refuted(claim, `name ${abbreviate(pod.name)} is not one that the kubelet of ${of} gives`);
  const node = objects.node(claim.name);
  const lookups = [{ kind: 'Node', namespace: NAMESPACE_ALL, name: claim.name }] as const;
  if (node === undefined) return { claim, verified: UNKNOWN, problem: `${of} is not known`, lookups };
  return node.uid === claim.uid
    ? { claim, verified: true, lookups: [] }
    : { ...refuted(claim, `no ${of} with uid ${abbreviate(claim.uid)}`), lookups };
}

function heldAgainstWorkload(
  pod: OwnedPod,
  kind: WorkloadKind,
  claim: ControllerReference,
  creator: Creator | undefined,
  objects: ObjectIndex,
  now: number,
): OwnerFinding {
  const { namespace } = pod;
  const reference = { kind, namespace, name: claim.name };
  const known = objects.workload(reference);
  const workload = known?.uid === claim.uid ? known : undefined;
  const found = workload === undefined ? {} : { workload };
  const problem =
    problemOfCreator(kind, creator) ??
    nameProblem(
      { kind, name: claim.name, indexed: workload === undefined ? undefined : workload.indexed === true },
      { name: pod.name, generateName: generateNameOf(pod) },
    );
  if (problem !== undefined) return { ...refuted(claim, problem), ...found };
  const of = `${kind} ${abbreviate(claim.name)}`;
  const lookups = [reference];
  if (workload === undefined) {
    if (known === undefined && !objects.complete(namespace))
      return {
        claim,
        verified: UNKNOWN,
        problem: `${of} is not among what is known of ${namespace}`,
        lookups,
      };
    return { ...refuted(claim, `no ${of} with uid ${abbreviate(claim.uid)} in ${namespace}`), lookups };
  }
  if (selects(workload.selector, pod.labels)) return { claim, workload, verified: true, lookups: [] };
  // The selectors of the other kinds never change.
  if (kind === 'ReplicationController' && isUnsettled(workload, now))
    return { claim, workload, verified: UNKNOWN, problem: `${of} has just changed`, lookups };
  return { ...refuted(claim, `its labels do not match the selector of ${of}`), workload, lookups };
}

function problemOfCreator(kind: WorkloadKind, creator: Creator | undefined): string | undefined {
  if (creator === undefined || creator.problem !== undefined) return creator?.problem;
  const maker = POD_CONTROLLERS[kind];
  if (creator.kind === 'controller' && (creator.name === maker || creator.name === MANAGER)) return undefined;
  return `${by(creator)}, and only ${maker} makes the pods of a ${kind}`;
}

/** Whether a pod's images are its owner's, apart from `verified`, because mutating admission may change images. */
export interface ImagesFinding {
  readonly match?: boolean | Unknown;
  readonly lookups: readonly Lookup[];
}

/**
 * Compares a pod's containers and images with its owner's template. A StatefulSet also makes pods from earlier revisions: the
 * pod names its revision. A DaemonSet's pod names one as well, which is compared first: the template may be newer.
 */
export function imagesOfOwner(
  pod: OwnedPod,
  { claim, workload, verified }: OwnerFinding,
  objects: ObjectIndex,
  now: number,
): ImagesFinding {
  if (claim === undefined || claim.kind === 'Node') return { lookups: [] };
  if (workload === undefined) return verified === UNKNOWN ? { match: UNKNOWN, lookups: [] } : { lookups: [] };
  const name = revisionName(workload, pod.labels['controller-revision-hash']);
  const revision = name === undefined ? undefined : objects.revision(workload.namespace, name);
  const own = revision?.ownerUid === workload.uid ? revision : undefined;
  const images = imagesOf(asObject(pod.object['spec']));
  if (own === undefined && name !== undefined && workload.kind === 'StatefulSet') {
    const match = objects.complete(workload.namespace) ? false : UNKNOWN;
    return { match, lookups: [{ kind: 'ControllerRevision', namespace: workload.namespace, name }] };
  }
  if (isSame(images, (own ?? workload).template.images)) return { match: true, lookups: [] };
  return { match: own === undefined && isUnsettled(workload, now) ? UNKNOWN : false, lookups: [] };
}

/** The label is the ControllerRevision's whole name on a StatefulSet's pod, and on a DaemonSet's its end. */
function revisionName({ kind, name }: Workload, label: unknown): string | undefined {
  if (typeof label !== 'string' || label === '') return undefined;
  if (kind === 'StatefulSet') return label;
  return kind === 'DaemonSet' ? `${name}-${label}` : undefined;
}

function isSame(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return isSubset(a, b) && Object.keys(a).length === Object.keys(b).length;
}

function isUnsettled({ changedAt }: Workload, now: number): boolean {
  return changedAt !== undefined && now - changedAt < SETTLES_WITHIN_MS;
}

function generateNameOf({ object }: OwnedPod): string | undefined {
  const generateName = asObject(object['metadata'])?.['generateName'];
  return typeof generateName === 'string' && generateName !== '' ? generateName : undefined;
}

function refuted(claim: ControllerReference, problem: string): OwnerFinding {
  return { claim, verified: false, problem, lookups: [] };
}

function by({ name }: Creator): string {
  return `it is made by ${abbreviate(name)}`;
}
