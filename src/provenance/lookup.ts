import type { AdmissionRequest } from '../kubernetes/admission-review.ts';
import { UNKNOWN } from '../sigma/fields.ts';
import { createFreshReads, keyOf, withFresh, type GetObject, type ReadResult } from './fresh-reads.ts';
import type { CachedKind, CachedObjects } from './cache.ts';
import type { ObjectIndex } from './object-index.ts';
import type { Lookup } from './owner.ts';
import { provenanceOf, subjectOf, type Subject } from './provenance.ts';

export type ProvenanceFields = Readonly<Record<string, unknown>>;

export interface ProvenanceOptions {
  readonly objects: ObjectIndex;
  /** Absent: nothing is read, and what depends on more than the request is unknown. */
  readonly get?: GetObject | undefined;
  /** Whether a loaded rule asks for more than the request itself tells, of pods in this namespace. */
  readonly isNeeded: (namespace: string) => boolean;
  readonly serverMinor: () => number | undefined;
  readonly now?: () => number;
  readonly onRead: (result: ReadResult | 'late') => void;
}

/** Finds out who made a pod, before `deadline`. No promise where nothing must be awaited. */
export type FindProvenance = (
  request: AdmissionRequest,
  deadline: number,
) => ProvenanceFields | Promise<ProvenanceFields>;

/** What is read may take this share of the time we have: the answer must be out before the rest is gone. */
const SHARE_OF_TIME = 0.5;
const NOT_LOOKED_UP = { owner: UNKNOWN, imitates: UNKNOWN, evidence: UNKNOWN };

export function createProvenance({
  objects,
  get,
  isNeeded,
  serverMinor,
  now = Date.now,
  onRead,
}: ProvenanceOptions): FindProvenance {
  const reads = get === undefined ? undefined : createFreshReads({ get });

  /** Reads what the lookups are about, and asks again; what stays in lookup unread is unknown. */
  async function settle(
    subject: Subject,
    first: readonly Lookup[],
    until: number,
  ): Promise<ProvenanceFields> {
    const fresh = new Map<string, CachedObjects[CachedKind] | undefined>();
    const asked = new Set<string>();
    let lookups = first;
    for (;;) {
      for (const lookup of lookups) asked.add(keyOfLookup(lookup));
      await readAll(lookups, fresh, until);
      const found = provenanceOf(subject, withFresh(objects, fresh, now()));
      lookups = found.lookups.filter((lookup) => !fresh.has(keyOfLookup(lookup)));
      if (lookups.length === 0) return found.fields;
      // A StatefulSet that was not known raises the question of its revision. What could not be read once is not asked again.
      if (lookups.some((lookup) => asked.has(keyOfLookup(lookup)))) return found.withoutLookups;
    }
  }
  async function readAll(
    lookups: readonly Lookup[],
    fresh: Map<string, CachedObjects[CachedKind] | undefined>,
    until: number,
  ): Promise<void> {
    let late: NodeJS.Timeout | undefined;
    const waited = new Promise<'late'>((resolve) => {
      late = setTimeout(() => resolve('late'), Math.max(0, until - now()));
    });
    // What comes late is not for this request, which has had its answer.
    const inTime = new Map<string, CachedObjects[CachedKind] | undefined>();
    const results = lookups.map((lookup) =>
      Promise.race([reads?.read(lookup, inTime) ?? ('failed' as const), waited]),
    );
    for (const result of await Promise.all(results)) onRead(result);
    clearTimeout(late);
    for (const [key, object] of inTime) fresh.set(key, object);
  }

  return function find(request, deadline) {
    const at = now();
    const subject = subjectOf(request, at, serverMinor());
    if (subject.pod !== undefined && !isNeeded(subject.namespace)) {
      return { ...provenanceOf({ ...subject, pod: undefined }, objects).fields, ...NOT_LOOKED_UP };
    }
    const { fields, lookups, withoutLookups } = provenanceOf(subject, objects);
    if (lookups.length === 0) return fields;
    if (reads === undefined) return withoutLookups;
    return settle(subject, lookups, at + (deadline - at) * SHARE_OF_TIME);
  };
}

function keyOfLookup(lookup: Lookup): string {
  return lookup.kind === 'Node'
    ? keyOf('Node', '', lookup.name)
    : keyOf(lookup.kind, lookup.namespace, lookup.name);
}
