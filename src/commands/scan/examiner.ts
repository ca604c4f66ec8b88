import { asObject } from '../../kubernetes/as-object.ts';
import { NAMESPACE_ALL, objectPath } from '../../kubernetes/objects.ts';
import type { Modes } from '../../policy/mode.ts';
import { createFreshReads, type GetObject } from '../../provenance/fresh-reads.ts';
import { keyOf, withFresh, type Fresh, type Lookup } from '../../provenance/lookup.ts';
import { settle } from '../../provenance/settle.ts';
import { objectsFromList } from '../../provenance/objects-from-list.ts';
import { ownerOfWorkload } from '../../provenance/owner-chain.ts';
import { provenanceOf, subjectOfExisting } from '../../provenance/provenance.ts';
import { UNKNOWN } from '../../sigma/match/fields.ts';
import { createJudge, type Finding } from './judge.ts';
import type { ScanRules } from './rules.ts';
import type { ScannedObject } from './scanned-object.ts';

export interface ExaminerOptions {
  readonly rules: ScanRules;
  readonly modes: Modes;
  /** Everything that was read but pods. */
  readonly objects: readonly ScannedObject[];
  /** Whether all objects of a namespace are among them. */
  readonly complete: (namespace: string) => boolean;
  /** Reads one object as it is now; absent where nothing can be read again, as of files. */
  readonly get?: GetObject | undefined;
  /** One object could not be read again. What depends on it is undetermined; the others are judged all the same. */
  readonly onFailure?: ((from: string, error: unknown) => void) | undefined;
}

/** More lookups are not made in one scan: what is still in doubt then is undetermined. */
const MAX_LOOKUPS = 1000;

/** Judges one object after another by what is known of the others. */
export function createExaminer({ rules, modes, objects, complete, get, onFailure }: ExaminerOptions) {
  const fresh: Fresh = new Map();
  const failed = new Set<string>();
  const known = withFresh(
    objectsFromList(
      objects.map(({ object }) => object),
      complete,
    ),
    fresh,
    Date.now,
  );
  const judge = createJudge({ rules, modes, objects: known });
  const reads =
    get === undefined
      ? undefined
      : createFreshReads({
          get,
          onFailure({ kind, namespace, name }, error) {
            onFailure?.(placeOf(kind, namespace, name), error);
          },
        });

  /** An owner may have been made, or changed, after its list was read. */
  async function readAll(lookups: readonly Lookup[]): Promise<void> {
    for (const lookup of lookups) {
      const key = keyOf(lookup);
      if (failed.has(key) || fresh.size + failed.size >= MAX_LOOKUPS) continue;
      if ((await reads?.read(lookup, fresh)) === 'failed') failed.add(key);
    }
  }

  return {
    /** `isDoubted`: a pod's owner is not what the pod says; the pod may be about to go for the same reason. */
    async examine(
      scanned: ScannedObject,
    ): Promise<{ readonly finding: Finding; readonly isDoubted: boolean }> {
      const { kind, namespace, object } = scanned;
      if (kind !== 'Pod') {
        const owner = ownerOfWorkload(object, namespace, known);
        return { finding: judge(scanned, { fields: NO_POD, owner }), isDoubted: false };
      }
      const subject = subjectOfExisting(object, Date.now());
      const first = provenanceOf(subject, known);
      // Files are all there is: what is wrong among them is wrong.
      if (reads === undefined) return { finding: judge(scanned, first), isDoubted: false };
      const settled = await settle(subject, first, { objects: known, fresh, read: readAll });
      return { finding: judge(scanned, settled), isDoubted: settled.lookups.length > 0 };
    },
    /** Whether an object is still there and is not being removed. One that cannot be read is. */
    async stillExists({ kind, namespace, name, uid }: ScannedObject): Promise<boolean> {
      try {
        const now = asObject(asObject(await get?.(objectPath(kind, namespace, name)))?.['metadata']);
        return now?.['uid'] === uid && now['deletionTimestamp'] === undefined;
      } catch (error) {
        onFailure?.(placeOf(kind, namespace, name), error);
        return true;
      }
    },
  };
}

const NO_POD = { mirrorPod: false, creator: UNKNOWN };

function placeOf(kind: string, namespace: string, name: string): string {
  return `${kind} ${namespace === NAMESPACE_ALL ? '' : `${namespace}/`}${name}`;
}
