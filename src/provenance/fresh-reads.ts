import { asObject } from '../kubernetes/as-object.ts';
import { objectPath } from '../kubernetes/objects.ts';
import { COLLECTIONS } from './collections.ts';
import { keyOf, type Fresh, type Lookup } from './lookup.ts';

/** Reads one object: undefined where there is none. Rejects where that cannot be told. */
export type GetObject = (path: string) => Promise<unknown>;

/** What came of looking for one object. */
export type ReadResult = 'found' | 'absent' | 'failed' | 'busy';

export interface FreshReadsOptions {
  readonly get: GetObject;
  /** At once. A flood of pods with forged owners must not become a flood of requests to the API server. */
  readonly limit?: number;
  readonly onFailure?: (lookup: Lookup, error: unknown) => void;
}

/** Makes lookups: each object is read once at a time, however many pods ask for it. */
export interface FreshReads {
  /** Adds what it read to `into`. Never rejects. */
  read(lookup: Lookup, into: Fresh): Promise<ReadResult>;
}

const LIMIT = 8;

/** The read of one object that is under way, and the one that begins after it. */
interface Reading {
  readonly current: Promise<unknown>;
  next?: Promise<unknown>;
}

/**
 * A read that began before a pod's request arrived says nothing against that pod: its owner may have been made in between.
 * Requests that arrive while a read is under way wait for the next one, which all of them share.
 */
export function createFreshReads({ get, limit = LIMIT, onFailure }: FreshReadsOptions): FreshReads {
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
      const { kind, namespace, name } = lookup;
      if (!isName(name)) {
        into.set(keyOf(lookup), undefined);
        return 'absent';
      }
      try {
        const reading = shared(objectPath(kind, namespace, name));
        if (reading === undefined) return 'busy';
        const object = asObject(await reading);
        into.set(keyOf(lookup), object && COLLECTIONS[kind].keep(object));
        return object === undefined ? 'absent' : 'found';
      } catch (error) {
        onFailure?.(lookup, error);
        return 'failed';
      }
    },
  };
}

/** No object is called otherwise (RFC 1123 subdomain), and the name was chosen by a client. */
function isName(name: string): boolean {
  return name.length <= 253 && /^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/.test(name);
}
