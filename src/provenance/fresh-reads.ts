import type { KubernetesObject } from '../kubernetes/admission-review.ts';
import { asObject } from '../kubernetes/as-object.ts';
import { NAMESPACE_ALL, objectPath } from '../kubernetes/objects.ts';
import { isSame, type CachedKind, type CachedObjects } from './cache.ts';
import { COLLECTIONS } from './collections.ts';
import type { ObjectIndex, Workload } from './object-index.ts';
import type { Lookup } from './owner.ts';

/** Objects read at this moment, and laid over what is known. Those that are not there are in it, too. */
export type Fresh = ReadonlyMap<string, CachedObjects[CachedKind] | undefined>;

/** Reads one object: undefined where there is none. Rejects where nobody can tell. */
export type GetObject = (path: string) => Promise<unknown>;

/** What came of looking for one object. */
export type ReadResult = 'found' | 'absent' | 'failed' | 'busy';

export interface FreshReadsOptions {
  readonly get: GetObject;
  /** At once. Whoever floods us with forged owners must not make us flood the API server. */
  readonly limit?: number;
}

/** Reads what lookups are about, each object once at a time, whoever asks for it. */
export interface FreshReads {
  /** Adds what it read to `into`. Never rejects. */
  read(lookup: Lookup, into: Map<string, CachedObjects[CachedKind] | undefined>): Promise<ReadResult>;
}

const LIMIT = 8;

/** The read of one object that is under way, and the one that begins after it. */
interface Reading {
  readonly current: Promise<unknown>;
  next?: Promise<unknown>;
}

/**
 * A read that began before a request came says nothing against it: the owner may have been made in between. So whoever comes
 * while one is under way waits for the next, which all of them share.
 */
export function createFreshReads({ get, limit = LIMIT }: FreshReadsOptions): FreshReads {
  const readings = new Map<string, Reading>();

  function begin(path: string): Promise<unknown> {
    const current = get(path);
    const reading: Reading = { current };
    readings.set(path, reading);
    const end = () => {
      if (readings.get(path) === reading) readings.delete(path);
    };
    void current.then(end, end);
    return current;
  }
  function shared(path: string): Promise<unknown> | undefined {
    const reading = readings.get(path);
    if (reading === undefined) return readings.size < limit ? begin(path) : undefined;
    const again = () => begin(path);
    return (reading.next ??= reading.current.then(again, again));
  }

  return {
    async read(lookup, into) {
      const namespace = lookup.kind === 'Node' ? NAMESPACE_ALL : lookup.namespace;
      if (!isName(lookup.name)) {
        into.set(keyOf(lookup.kind, namespace, lookup.name), undefined);
        return 'absent';
      }
      try {
        const reading = shared(objectPath(lookup.kind, namespace, lookup.name));
        if (reading === undefined) return 'busy';
        const object = asObject(await reading);
        into.set(keyOf(lookup.kind, namespace, lookup.name), object && kept(lookup.kind, object));
        return object === undefined ? 'absent' : 'found';
      } catch {
        return 'failed';
      }
    },
  };
}

function kept(kind: CachedKind, object: KubernetesObject) {
  return COLLECTIONS[kind].keep(object);
}

/** Nothing is called otherwise (RFC 1123 subdomain), and what is asked for was chosen by a client. */
function isName(name: string): boolean {
  return name.length <= 253 && /^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/.test(name);
}

export function keyOf(kind: CachedKind, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}

/** What is known, and over it what was read just now. */
export function withFresh(known: ObjectIndex, fresh: Fresh, now: number): ObjectIndex {
  const over = <Kept>(kind: CachedKind, namespace: string, name: string, otherwise: () => Kept) => {
    const key = keyOf(kind, namespace, name);
    return fresh.has(key) ? (fresh.get(key) as Kept) : otherwise();
  };
  return {
    ...known,
    workload(reference) {
      const { kind, namespace, name } = reference;
      const before = () => known.workload(reference);
      const read = over<Workload | undefined>(kind, namespace, name, before);
      return read === undefined ? undefined : dated(read, before(), now);
    },
    revision: (namespace, name) =>
      over('ControllerRevision', namespace, name, () => known.revision(namespace, name)),
    node: (name) => over('Node', NAMESPACE_ALL, name, () => known.node(name)),
  };
}

/** One that changed before the watch could tell has changed just now. */
function dated(read: Workload, known: Workload | undefined, now: number): Workload {
  if (read === known || known === undefined || known.uid !== read.uid) return read;
  const changedAt = isSame(read, known) ? known.changedAt : now;
  return changedAt === undefined ? read : { ...read, changedAt };
}
