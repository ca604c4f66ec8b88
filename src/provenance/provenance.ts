import type { AdmissionRequest, KubernetesObject } from '../kubernetes/admission-review.ts';
import { asObject } from '../kubernetes/as-object.ts';
import type { UserInfo } from '../kubernetes/user-info.ts';
import { UNKNOWN, type Unknown } from '../sigma/fields.ts';
import { creatorOf } from './creator.ts';
import { imitationOf, type Imitation } from './imitation.ts';
import type { ObjectIndex } from './object-index.ts';
import { isMirrorPod, isMirrorPodOf } from './mirror-pod.ts';
import { imagesOfOwner, ownerOf, type Lookup, type ImagesFinding, type OwnerFinding } from './owner.ts';

export type { Lookup } from './owner.ts';

/** A pod that is being made, or that stands as if it had just been; or a request that makes none. */
export interface Subject {
  /** Whoever asks; unknown of what stands in a cluster. */
  readonly user: UserInfo | Unknown;
  /** The pod that is made. Absent: the request makes none. */
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

export interface Provenance {
  /** What rules read below `provenance`, with `UNKNOWN` in place of what cannot be said. */
  readonly fields: Readonly<Record<string, unknown>>;
  /**
   * What, read freshly, could make `fields` say better of the pod. Whoever can reads these, puts them over what was known and
   * asks again; lookups that remain of what was read so are none. Whoever cannot takes `withoutLookups`, so that nobody is called a
   * forger because of a cache.
   */
  readonly lookups: readonly Lookup[];
  /** The fields with `UNKNOWN` in place of what the lookups are about; without lookups, `fields`. */
  readonly withoutLookups: Readonly<Record<string, unknown>>;
  /** In words: why `owner.verified` is unknown. */
  readonly reason?: string;
}

/** What an AdmissionRequest is about. Only a CREATE of `pods` itself makes a pod. */
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

/** What a pod in a cluster is about: who made it is not in it. */
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
 * Who really made a pod, what it pretends to be, and whether that is true: docs/provenance.md has each field and check. Pure
 * and synchronous. A pod that is verified costs a few look-ups and a comparison of its labels and images, whatever is known;
 * one that is not costs its name's parts and labels looked up in an index (imitation.ts).
 */
export function provenanceOf(subject: Subject, objects: ObjectIndex): Provenance {
  const { user, pod: object, namespace, name, mirrorPod, now, serverMinor } = subject;
  const creator = user === UNKNOWN ? undefined : creatorOf(user, serverMinor);
  const made = { mirrorPod, creator: creator?.kind ?? UNKNOWN };
  if (object === undefined) return { fields: made, lookups: [], withoutLookups: made };
  const labels = asObject(asObject(object['metadata'])?.['labels']) ?? {};
  const pod = { object, labels, namespace, name };
  const isExisting = creator === undefined;
  const owner = ownerOf(pod, creator, objects, now);
  const images = imagesOfOwner(pod, owner, objects, now);
  const imitation = imitationOf(pod, owner, objects, isExisting);
  const fields = { ...made, ...fieldsOf(owner, images, imitation) };
  const lookups = [...owner.lookups, ...images.lookups];
  if (lookups.length === 0 && owner.verified !== UNKNOWN) return { fields, lookups, withoutLookups: fields };
  const unseen: OwnerFinding = owner.lookups.length === 0 ? owner : { ...owner, verified: UNKNOWN };
  const unseenImages: ImagesFinding = images.lookups.length === 0 ? images : { ...images, match: UNKNOWN };
  const withoutLookups = {
    ...made,
    ...fieldsOf(unseen, unseenImages, imitationOf(pod, unseen, objects, isExisting)),
  };
  const reason = owner.verified === UNKNOWN ? owner.problem : undefined;
  return { fields, lookups, withoutLookups, ...(reason === undefined ? {} : { reason }) };
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
      : present({
          ...{ apiVersion, kind, name, uid, verified, imagesMatch: match },
          problem: verified === UNKNOWN ? UNKNOWN : verified ? undefined : problem,
        });
  return present({ owner, imitates, evidence });
}

function present(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const key in fields) if (fields[key] !== undefined) found[key] = fields[key];
  return found;
}

function nameOf(pod: KubernetesObject | undefined): string {
  const name = asObject(pod?.['metadata'])?.['name'];
  return typeof name === 'string' ? name : '';
}
