import type { AdmissionRequest } from '../kubernetes/admission-review.ts';
import { UNKNOWN } from '../sigma/match/fields.ts';
import { createFreshReads, type GetObject, type ReadResult } from './fresh-reads.ts';
import { withFresh, type Fresh, type Lookup } from './lookup.ts';
import type { ObjectIndex } from './object-index.ts';
import {
  provenanceOf,
  subjectOf,
  type Provenance,
  type ProvenanceFields,
  type Subject,
} from './provenance.ts';
import { settle } from './settle.ts';

export interface ProvenanceOptions {
  readonly objects: ObjectIndex;
  /** Absent: no lookups are made, and fields that depend on more than the request are unknown. */
  readonly get?: GetObject | undefined;
  /** Whether a loaded rule asks for more than the request itself tells, of pods in this namespace. */
  readonly isNeeded: (namespace: string) => boolean;
  readonly serverMinor: () => number | undefined;
  readonly now?: () => number;
  readonly onRead: (result: ReadResult | 'late') => void;
}

/** Finds the provenance of a request's pod before `deadline` (ms since the epoch). No promise where no lookup is needed. */
export type FindProvenance = (
  request: AdmissionRequest,
  deadline: number,
) => ProvenanceFields | Promise<ProvenanceFields>;

/** Lookups may take this share of the time there is: the review must be answered before the rest has passed. */
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

  async function readAll(lookups: readonly Lookup[], fresh: Fresh, until: number): Promise<void> {
    let late: NodeJS.Timeout | undefined;
    const waited = new Promise<'late'>((resolve) => {
      late = setTimeout(() => resolve('late'), Math.max(0, until - now()));
    });
    // What is read too late is not for this request, which has had its answer.
    const inTime: Fresh = new Map();
    const results = lookups.map((lookup) =>
      Promise.race([reads?.read(lookup, inTime) ?? ('failed' as const), waited]),
    );
    for (const result of await Promise.all(results)) onRead(result);
    clearTimeout(late);
    for (const [key, object] of inTime) fresh.set(key, object);
  }
  async function lookUp(subject: Subject, first: Provenance, until: number): Promise<ProvenanceFields> {
    const fresh: Fresh = new Map();
    const { fields } = await settle(subject, first, {
      objects: withFresh(objects, fresh, now),
      fresh,
      read: (lookups) => readAll(lookups, fresh, until),
    });
    return fields;
  }

  return function find(request, deadline) {
    const at = now();
    const subject = subjectOf(request, at, serverMinor());
    if (subject.pod !== undefined && !isNeeded(subject.namespace)) {
      return { ...provenanceOf({ ...subject, pod: undefined }, objects).fields, ...NOT_LOOKED_UP };
    }
    const first = provenanceOf(subject, objects);
    if (first.lookups.length === 0) return first.fields;
    if (reads === undefined) return first.withoutLookups.fields;
    return lookUp(subject, first, at + (deadline - at) * SHARE_OF_TIME);
  };
}
