import { withoutUndefined } from '../io/without-undefined.ts';
import type { AdmissionRequest, KubernetesObject } from '../kubernetes/admission-review.ts';
import { asObject } from '../kubernetes/as-object.ts';
import type { UserInfo } from '../kubernetes/user-info.ts';
import { UNKNOWN, type Unknown } from '../sigma/match/fields.ts';
import { creatorOf } from './creator.ts';
import { imitationOf, type Imitation } from './imitation.ts';
import type { Lookup } from './lookup.ts';
import type { ObjectIndex } from './object-index.ts';
import { isMirrorPod, isMirrorPodOf } from './mirror-pod.ts';
import { imagesOfOwner, ownerOf, type ImagesFinding, type OwnerFinding } from './owner.ts';

/** A request that creates a pod or not; or an existing pod, taken as if it were just being created. */
export interface Subject {
  /** The client that made the request; unknown of an existing pod. */
  readonly user: UserInfo | Unknown;
  /** Absent where the request creates no pod. */
  readonly pod?: KubernetesObject | undefined;
  readonly namespace: string;
  /** As generated, where it is. */
  readonly name: string;
  readonly mirrorPod: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The API server's minor version, where it is known: 30 of 1.30. */
  readonly serverMinor?: number | undefined;
}

/** What rules read below `provenance`, with `UNKNOWN` in place of what cannot be said. */
export type ProvenanceFields = Readonly<Record<string, unknown>>;

interface Findings {
  readonly fields: ProvenanceFields;
  /** Of the controller that the pod names as its owner, from which `fields.owner` is made. */
  readonly owner: OwnerFinding;
}

export interface Provenance extends Findings {
  /** Objects that, read at this moment, could make the findings better for the pod; see `settle`. */
  readonly lookups: readonly Lookup[];
  /**
   * What is said where the lookups cannot be made: `UNKNOWN` in place of what they are about, so that no pod is called forged
   * because of a cache.
   */
  readonly withoutLookups: Findings;
}

/** The subject of an AdmissionRequest. Only a CREATE of `pods` itself creates a pod. */
export function subjectOf(request: AdmissionRequest, now: number, serverMinor?: number): Subject {
  const { requestResource, requestSubResource, operation, userInfo, namespace = '', name } = request;
  const isPods = requestResource.group === '' && requestResource.resource === 'pods';
  const pod =
    isPods && requestSubResource === undefined && operation === 'CREATE' ? request.object : undefined;
  return {
    user: userInfo,
    pod,
    namespace,
    name: name ?? nameOf(pod),
    mirrorPod: isMirrorPod(request),
    now,
    serverMinor,
  };
}

/** The subject of an existing pod. An object does not say which client created it. */
export function subjectOfExisting(pod: KubernetesObject, now: number): Subject {
  const { namespace, name } = asObject(pod['metadata']) ?? {};
  const node = asObject(pod['spec'])?.['nodeName'];
  return {
    user: UNKNOWN,
    pod,
    namespace: typeof namespace === 'string' ? namespace : '',
    name: typeof name === 'string' ? name : '',
    mirrorPod: typeof node === 'string' && isMirrorPodOf(node, pod),
    now,
  };
}

/**
 * The client that really created a pod, the owner the pod names, and the workload it imitates: docs/provenance.md has each
 * field and check. Pure and synchronous. A verified pod costs a few look-ups in an index and a comparison of its labels and
 * images, however many objects are known; any other costs its name's parts and labels looked up in an index (imitation.ts).
 */
export function provenanceOf(subject: Subject, objects: ObjectIndex): Provenance {
  const { user, pod: object, namespace, name, mirrorPod, now, serverMinor } = subject;
  const creator = user === UNKNOWN ? undefined : creatorOf(user, serverMinor);
  const made = { mirrorPod, creator: creator?.kind ?? UNKNOWN };
  if (object === undefined) {
    const findings = { fields: made, owner: NO_OWNER };
    return { ...findings, lookups: [], withoutLookups: findings };
  }
  const labels = asObject(asObject(object['metadata'])?.['labels']) ?? {};
  const pod = { object, labels, namespace, name };
  const isExisting = creator === undefined;
  const say = (owner: OwnerFinding, images: ImagesFinding): Findings => {
    const imitation = imitationOf(pod, owner, objects, isExisting);
    return { owner, fields: { ...made, ...fieldsOf(owner, images, imitation) } };
  };
  const owner = ownerOf(pod, creator, objects, now);
  const images = imagesOfOwner(pod, owner, objects, now);
  const findings = say(owner, images);
  const lookups = [...owner.lookups, ...images.lookups];
  if (lookups.length === 0) return { ...findings, lookups, withoutLookups: findings };
  const unseenImages: ImagesFinding = images.lookups.length === 0 ? images : { ...images, match: UNKNOWN };
  return { ...findings, lookups, withoutLookups: say(unseen(owner), unseenImages) };
}

const NO_OWNER: OwnerFinding = { lookups: [] };

function unseen(owner: OwnerFinding): OwnerFinding {
  if (owner.lookups.length === 0 || owner.verified === UNKNOWN) return owner;
  const { problem: _, ...rest } = owner;
  return { ...rest, verified: UNKNOWN };
}

function fieldsOf(
  { claim, verified, problem }: OwnerFinding,
  { match }: ImagesFinding,
  { imitates, evidence }: Imitation,
): Readonly<Record<string, unknown>> {
  const { apiVersion, kind, name, uid } = claim ?? {};
  const owner =
    verified === undefined
      ? undefined
      : withoutUndefined({
          ...{ apiVersion, kind, name, uid, verified, imagesMatch: match },
          problem: verified === UNKNOWN ? UNKNOWN : verified ? undefined : problem,
        });
  return withoutUndefined({ owner, imitates, evidence });
}

function nameOf(pod: KubernetesObject | undefined): string {
  const name = asObject(pod?.['metadata'])?.['name'];
  return typeof name === 'string' ? name : '';
}
