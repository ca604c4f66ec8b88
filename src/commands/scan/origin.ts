import { printable } from '../../io/text.ts';
import { asObject } from '../../kubernetes/as-object.ts';
import type { ListedObjects } from '../../provenance/objects-from-list.ts';
import { namedOwner, rootOf } from '../../provenance/owner-chain.ts';
import type { Provenance } from '../../provenance/provenance.ts';
import { controllerFor, kubeletOf, type PossibleCreator } from './possible-creators.ts';
import type { ScannedObject } from './scanned-object.ts';

/** Where an object comes from, as far as it shows. */
export interface Origin {
  readonly verified: boolean;
  /** The creators that are possible. */
  readonly creators: readonly PossibleCreator[];
  /** Why, as text for people. */
  readonly reason: string;
  /** The last owner in the chain, such as the Deployment of a ReplicaSet's pod. Absent if the object has no owner. */
  readonly root?: { readonly kind: string; readonly name: string };
}

const UNKNOWN_USER: readonly PossibleCreator[] = ['unknown user'];

/** The part of the provenance that an origin is made of. */
export type Found = Pick<Provenance, 'fields' | 'owner'>;

export function originOf(scanned: ScannedObject, { fields, owner }: Found, objects: ListedObjects): Origin {
  const { claim, verified, problem } = owner;
  if (claim === undefined) return { verified: false, creators: UNKNOWN_USER, reason: whyWithout(scanned) };
  const named = `${claim.kind} ${claim.name}`;
  const isMirror = fields['mirrorPod'] === true;
  const maker = isMirror ? kubeletOf(claim.name) : controllerFor(claim.kind);
  const { kind, name } = rootOf(objects, scanned.namespace, claim);
  const root = { kind: printable(kind), name: printable(name) };
  const by = (isVerified: boolean, creators: readonly PossibleCreator[], reason: string) => ({
    verified: isVerified,
    creators,
    reason: printable(reason),
    root,
  });
  if (verified === false) return by(false, UNKNOWN_USER, problem ?? `its owner is not ${named}`);
  if (maker === undefined)
    return by(
      false,
      UNKNOWN_USER,
      `its owner is ${named}, and no controller of Kubernetes makes what that owns`,
    );
  if (verified === true)
    return by(true, [maker], isMirror ? `it mirrors a static pod of ${named}` : `it is made from ${named}`);
  const isRead = namedOwner(objects, scanned.namespace, claim) !== undefined;
  const why = isRead
    ? problem
    : isMirror
      ? `${named}, which it is to mirror a static pod of, was not read`
      : undefined;
  return by(false, [maker, ...UNKNOWN_USER], why ?? `its owner ${named} was not read`);
}

/** The sources that a kubelet's own list shows of static pods. The API server has only their mirror pods. */
const STATIC_SOURCES: readonly unknown[] = ['file', 'http'];

function whyWithout({ kind, object }: ScannedObject): string {
  if (kind !== 'Pod') return 'who made it is not in it';
  const annotations = asObject(asObject(object['metadata'])?.['annotations']) ?? {};
  if (typeof annotations['kubernetes.io/config.mirror'] === 'string')
    return 'it says it mirrors a static pod, but no Node owns it, as kubelets before 1.18 left it; any client can write that';
  if (STATIC_SOURCES.includes(annotations['kubernetes.io/config.source']))
    return "it says it is a static pod, as in a kubelet's own list, but it is no mirror of one; any client can write that";
  return 'it has no owner, and mirrors no static pod';
}
