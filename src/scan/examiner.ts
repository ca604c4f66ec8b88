import type { Modes } from '../policy/mode.ts';
import type { ObjectIndex } from '../provenance/object-index.ts';
import { objectsFromList } from '../provenance/objects-from-list.ts';
import type { Lookup } from '../provenance/owner.ts';
import { provenanceOf, subjectOfExisting } from '../provenance/provenance.ts';
import type { Kind } from '../kubernetes/objects.ts';
import { asObject } from '../kubernetes/as-object.ts';
import { UNKNOWN } from '../sigma/fields.ts';
import { createJudge, type Finding } from './judge.ts';
import type { Found } from './origin.ts';
import { createOwners } from './owners.ts';
import type { ScanRules } from './rules.ts';
import type { ScannedObject } from './scanned-object.ts';

export interface ExaminerOptions {
  readonly rules: ScanRules;
  readonly modes: Modes;
  /** Everything that was read but pods. */
  readonly objects: readonly ScannedObject[];
  /** Whether all there is of a namespace is among them. */
  readonly complete: (namespace: string) => boolean;
  /** Reads one object as it is now; absent where nothing can be read again, as of files. */
  readonly get?:
    ((namespace: string, kind: Kind, name: string) => Promise<ScannedObject | undefined>) | undefined;
  /** One object could not be read again. What depends on it is undetermined; the others are judged all the same. */
  readonly onFailure?: ((from: string, error: unknown) => void) | undefined;
}

/** More are not read again in one scan: what is still doubted then is undetermined. */
const MAX_READ_AGAIN = 1000;

export type Examiner = ReturnType<typeof createExaminer>;

/** Judges one object after another by what is known of the others. */
export function createExaminer({ rules, modes, objects, complete, get, onFailure = raise }: ExaminerOptions) {
  const owners = createOwners();
  for (const object of objects) owners.add(object);
  const listed = objectsFromList(bodiesOf(objects), complete);
  const fresh = new Map<string, ScannedObject | undefined>();
  const failed = new Set<string>();
  let overlay = objectsFromList([], () => false);
  /** What was read again over what was listed. */
  const known: ObjectIndex = {
    ...listed,
    workload: (of) => (fresh.has(keyOf(of)) ? overlay.workload(of) : listed.workload(of)),
    revision: (namespace, name) => overlay.revision(namespace, name) ?? listed.revision(namespace, name),
    node: (name) => (fresh.has(keyOf({ kind: 'Node', name })) ? overlay.node(name) : listed.node(name)),
  };
  const judgeFound = createJudge({ rules, modes, owners });

  /** An owner may have been made, or changed, after its list was read. Whether all of these are fresh now. */
  async function readAgain(lookups: readonly Lookup[]): Promise<boolean> {
    if (get === undefined) return false;
    for (const lookup of lookups) {
      if (fresh.has(keyOf(lookup))) continue;
      if (failed.has(keyOf(lookup)) || fresh.size + failed.size >= MAX_READ_AGAIN) return false;
      const namespace = lookup.kind === 'Node' ? '' : lookup.namespace;
      let object: ScannedObject | undefined;
      try {
        object = await get(namespace, lookup.kind, lookup.name);
      } catch (error) {
        failed.add(keyOf(lookup));
        onFailure(placeOf(lookup.kind, namespace, lookup.name), error);
        return false;
      }
      fresh.set(keyOf(lookup), object);
      if (object !== undefined) owners.add(object);
      overlay = objectsFromList(
        bodiesOf([...fresh.values()].filter((each) => each !== undefined)),
        () => false,
      );
    }
    return true;
  }

  async function provenanceIn(pod: ScannedObject): Promise<Found & { readonly isDoubted: boolean }> {
    const metadata = { ...asObject(pod.object['metadata']), namespace: pod.namespace };
    const subject = subjectOfExisting({ ...pod.object, metadata }, Date.now());
    const first = provenanceOf(subject, known);
    // Files are all there is: what is wrong among them is wrong.
    if (get === undefined || first.lookups.length === 0) return { ...first, isDoubted: false };
    if (!(await readAgain(first.lookups)))
      return { ...first, fields: first.withoutLookups, isDoubted: false };
    const second = provenanceOf(subject, known);
    return { ...second, isDoubted: second.lookups.length > 0 };
  }

  return {
    /** `isDoubted`: its owner is not what the pod says; the pod may be about to go for the same reason. */
    async examine(
      object: ScannedObject,
    ): Promise<{ readonly finding: Finding; readonly isDoubted: boolean }> {
      if (object.of.kind !== 'Pod') return { finding: judgeFound(object, NO_POD), isDoubted: false };
      const found = await provenanceIn(object);
      return { finding: judgeFound(object, found), isDoubted: found.isDoubted };
    },
    /** Whether an object is still there and is not being removed. One that cannot be read is. */
    async stillExists({ of, namespace, name, uid }: ScannedObject): Promise<boolean> {
      let now: ScannedObject | undefined;
      try {
        now = await get?.(namespace, of.kind, name);
      } catch (error) {
        onFailure(placeOf(of.kind, namespace, name), error);
        return true;
      }
      return now?.uid === uid && asObject(now.object['metadata'])?.['deletionTimestamp'] === undefined;
    },
  };
}

function raise(_from: string, error: unknown): never {
  throw error;
}

function placeOf(kind: string, namespace: string, name: string): string {
  return `${kind} ${namespace === '' ? '' : `${namespace}/`}${name}`;
}

const NO_POD: Found = { fields: { mirrorPod: false, creator: UNKNOWN } };

function* bodiesOf(objects: Iterable<ScannedObject>): Generator<unknown> {
  for (const { object, namespace } of objects) {
    const metadata = asObject(object['metadata']);
    yield namespace === '' || metadata?.['namespace'] === namespace
      ? object
      : { ...object, metadata: { ...metadata, namespace } };
  }
}

function keyOf(of: { readonly kind: string; readonly namespace?: string; readonly name: string }): string {
  return `${of.namespace ?? ''}/${of.kind}/${of.name}`;
}
