import type { AdmissionRequest } from '../kubernetes/admission-review.ts';
import { UNKNOWN } from '../sigma/fields.ts';
import { createFreshReads, keyOf, withFresh, type GetObject, type ReadResult } from './fresh-reads.ts';
import type { CachedKind, CachedObjects } from './cache.ts';
import type { KnownObjects } from './known-objects.ts';
import type { Doubt } from './owner.ts';
import { provenanceOf, subjectOf, type Subject } from './provenance.ts';

export type ProvenanceFields = Readonly<Record<string, unknown>>;

export interface ProvenanceOptions {
  readonly objects: KnownObjects;
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

  /** Reads what the doubts are about, and asks again; what stays in doubt unread is unknown. */
  async function settle(subject: Subject, first: readonly Doubt[], until: number): Promise<ProvenanceFields> {
    const fresh = new Map<string, CachedObjects[CachedKind] | undefined>();
    const asked = new Set<string>();
    let doubts = first;
    for (;;) {
      for (const doubt of doubts) asked.add(keyOfDoubt(doubt));
      await readAll(doubts, fresh, until);
      const found = provenanceOf(subject, withFresh(objects, fresh, now()));
      doubts = found.doubts.filter((doubt) => !fresh.has(keyOfDoubt(doubt)));
      if (doubts.length === 0) return found.fields;
      // A StatefulSet that was not known raises the question of its revision. What could not be read once is not asked again.
      if (doubts.some((doubt) => asked.has(keyOfDoubt(doubt)))) return found.undecided;
    }
  }
  async function readAll(
    doubts: readonly Doubt[],
    fresh: Map<string, CachedObjects[CachedKind] | undefined>,
    until: number,
  ): Promise<void> {
    let late: NodeJS.Timeout | undefined;
    const waited = new Promise<'late'>((resolve) => {
      late = setTimeout(() => resolve('late'), Math.max(0, until - now()));
    });
    // What comes late is not for this request, which has had its answer.
    const inTime = new Map<string, CachedObjects[CachedKind] | undefined>();
    const results = doubts.map((doubt) =>
      Promise.race([reads?.read(doubt, inTime) ?? ('failed' as const), waited]),
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
    const { fields, doubts, undecided } = provenanceOf(subject, objects);
    if (doubts.length === 0) return fields;
    if (reads === undefined) return undecided;
    return settle(subject, doubts, at + (deadline - at) * SHARE_OF_TIME);
  };
}

function keyOfDoubt(doubt: Doubt): string {
  return doubt.kind === 'Node'
    ? keyOf('Node', '', doubt.name)
    : keyOf(doubt.kind, doubt.namespace, doubt.name);
}
