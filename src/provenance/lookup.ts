import { NAMESPACE_ALL } from '../kubernetes/objects.ts';
import { isSame, type CachedKind, type CachedObjects } from './cache.ts';
import type { ObjectIndex, Workload } from './object-index.ts';
import { provenanceOf, type Provenance, type Subject } from './provenance.ts';

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

export interface Settling<Index extends ObjectIndex> {
  /** `withFresh` of `fresh`. */
  readonly objects: Index;
  readonly fresh: ReadonlyMap<string, unknown>;
  /** Reads objects into `fresh`. Those that cannot be read stay out of it. */
  readonly read: (lookups: readonly Lookup[]) => Promise<void>;
}

/**
 * Makes the lookups that `first` asks for and finds out again, until there is nothing more to look up. A StatefulSet that was
 * not known raises the question of its ControllerRevision. Where an object cannot be read, what depends on it is unknown; it
 * is not asked for twice. `lookups` of the result are those that were made and leave it as it is.
 */
export async function settle(
  subject: Subject,
  first: Provenance,
  { objects, fresh, read }: Settling<ObjectIndex>,
): Promise<Pick<Provenance, 'fields' | 'owner' | 'lookups'>> {
  const asked = new Set<string>();
  for (let found = first; ; found = provenanceOf(subject, objects)) {
    const open = found.lookups.filter((lookup) => !fresh.has(keyOf(lookup)));
    if (open.length === 0) return found;
    if (open.some((lookup) => asked.has(keyOf(lookup)))) return { ...found.withoutLookups, lookups: [] };
    for (const lookup of open) asked.add(keyOf(lookup));
    await read(open);
  }
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
