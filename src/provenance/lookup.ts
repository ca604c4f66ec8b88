import { NAMESPACE_ALL } from '../kubernetes/objects.ts';
import { isSame, type CachedKind, type CachedObjects } from './cache.ts';
import type { ObjectIndex, Workload } from './object-index.ts';

/** An object that, read at this moment, could turn what was found into something better. */
export interface Lookup {
  readonly kind: CachedKind;
  /** NAMESPACE_ALL of a Node. */
  readonly namespace: string;
  readonly name: string;
}

/** What lookups read, by `keyOf`. Undefined: the object is not there. */
export type Fresh = Map<string, CachedObjects[CachedKind] | undefined>;

export function keyOf({ kind, namespace, name }: Lookup): string {
  return `${kind}/${namespace}/${name}`;
}

/** What is known, and over it what lookups read, now and from now on. */
export function withFresh<Index extends ObjectIndex>(
  known: Index,
  fresh: ReadonlyMap<string, CachedObjects[CachedKind] | undefined>,
  now: () => number,
): Index {
  const over = <Kept>(lookup: Lookup, otherwise: () => Kept) => {
    const key = keyOf(lookup);
    return fresh.has(key) ? (fresh.get(key) as Kept) : otherwise();
  };
  return {
    ...known,
    workload(reference) {
      const before = () => known.workload(reference);
      const read = over<Workload | undefined>(reference, before);
      return read === undefined ? undefined : dated(read, before(), now());
    },
    revision: (namespace, name) =>
      over({ kind: 'ControllerRevision', namespace, name }, () => known.revision(namespace, name)),
    node: (name) => over({ kind: 'Node', namespace: NAMESPACE_ALL, name }, () => known.node(name)),
  };
}

/** One that changed before the watch could tell has changed just now. */
function dated(read: Workload, known: Workload | undefined, now: number): Workload {
  if (read === known || known === undefined || known.uid !== read.uid) return read;
  const changedAt = isSame(read, known) ? known.changedAt : now;
  return changedAt === undefined ? read : { ...read, changedAt };
}
