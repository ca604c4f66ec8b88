import { asObject } from '../kubernetes/as-object.ts';
import { printable } from '../policy/message.ts';
import { controllerOf } from '../kubernetes/owner-reference.ts';
import { controllerFor, kubeletOf, type Creator } from './possible-creators.ts';
import type { Owners } from './owners.ts';
import type { ScannedObject } from './scanned-object.ts';

/** Where an object comes from, as far as it shows. */
export interface Origin {
  readonly verified: boolean;
  /** Who may have made it: each of these. */
  readonly creators: readonly Creator[];
  /** For people. */
  readonly reason: string;
  /** What stands at the beginning of its owners: the Deployment, of a pod of its ReplicaSet. Absent where it has none. */
  readonly root?: { readonly kind: string; readonly name: string };
}

const SOMEBODY: readonly Creator[] = ['somebody'];

/** What was found out about who made an object, as `provenanceOf` gives it; `reason` says why its owner is not known. */
export interface Found {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly reason?: string;
}

export function originOf(scanned: ScannedObject, found: Found, owners: Owners): Origin {
  const owner = controllerOf(scanned.object);
  if (owner === undefined) return { verified: false, creators: SOMEBODY, reason: whyWithout(scanned) };
  const named = `${owner.kind} ${owner.name}`;
  const isMirror = found.fields['mirrorPod'] === true;
  const maker = isMirror ? kubeletOf(owner.name) : controllerFor(owner.kind);
  const root = owners.rootOf(scanned.namespace, owner);
  const by = (verified: boolean, creators: readonly Creator[], reason: string) => ({
    verified,
    creators,
    reason: printable(reason),
    root,
  });
  const { verified, problem } =
    scanned.of.kind === 'Pod' ? ownerOfPod(found) : ownerOfWorkload(scanned, owner, owners);
  if (verified === false) return by(false, SOMEBODY, problem ?? `its owner is not ${named}`);
  if (maker === undefined)
    return by(false, SOMEBODY, `its owner is ${named}, and no controller of Kubernetes makes what that owns`);
  if (verified === true)
    return by(true, [maker], isMirror ? `it mirrors a static pod of ${named}` : `it is made from ${named}`);
  const isRead = owners.uidOf(isMirror ? '' : scanned.namespace, owner.kind, owner.name) !== undefined;
  const why = isRead
    ? problem
    : isMirror
      ? `${named}, which it is to mirror a static pod of, was not read`
      : undefined;
  return by(false, [maker, ...SOMEBODY], why ?? `its owner ${named} was not read`);
}

interface OwnerFound {
  /** Undefined where it is not known. */
  readonly verified: boolean | undefined;
  readonly problem?: string | undefined;
}

function ownerOfPod({ fields, reason }: Found): OwnerFound {
  const { verified, problem } = asObject(fields['owner']) ?? {};
  if (typeof verified !== 'boolean') return { verified: undefined, problem: reason };
  return { verified, problem: typeof problem === 'string' ? problem : undefined };
}

function ownerOfWorkload(
  { namespace }: ScannedObject,
  { kind, name, uid }: { readonly kind: string; readonly name: string; readonly uid: string },
  owners: Owners,
): OwnerFound {
  const known = owners.uidOf(namespace, kind, name);
  if (known === undefined) return { verified: undefined };
  return known === uid
    ? { verified: true }
    : { verified: false, problem: `no ${kind} ${name} with uid ${uid} was read` };
}

/** Only a kubelet's own list shows a static pod like that: what it makes of it at the API server is the mirror. */
const STATIC_SOURCES: readonly unknown[] = ['file', 'http'];

function whyWithout({ of, object }: ScannedObject): string {
  if (of.kind !== 'Pod') return 'who made it is not in it';
  const annotations = asObject(asObject(object['metadata'])?.['annotations']) ?? {};
  if (typeof annotations['kubernetes.io/config.mirror'] === 'string')
    return 'it says it mirrors a static pod, but no Node owns it, as kubelets before 1.18 left it; anybody can write that';
  if (STATIC_SOURCES.includes(annotations['kubernetes.io/config.source']))
    return "it says it is a static pod, as in a kubelet's own list, but it is no mirror of one; anybody can write that";
  return 'it has no owner, and mirrors no static pod';
}
