import { keyOf, type Lookup } from './lookup.ts';
import type { ObjectIndex } from './object-index.ts';
import { provenanceOf, type Provenance, type Subject } from './provenance.ts';

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
