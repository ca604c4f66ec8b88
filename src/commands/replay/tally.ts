/** Entries by key, made when a key is first seen. */
export interface Tally<Entry> {
  at(key: string, make: (key: string) => Entry): Entry;
  entries(): readonly Entry[];
}

/** A client may use any number of names. */
const LIMIT = 10_000;

/** The key that counts all keys beyond the limit. */
export const OTHERS = '(others)';

export function createTally<Entry>(limit = LIMIT): Tally<Entry> {
  const byKey = new Map<string, Entry>();
  function at(key: string, make: (key: string) => Entry): Entry {
    const known = byKey.get(key);
    if (known !== undefined) return known;
    if (byKey.size >= limit && key !== OTHERS) return at(OTHERS, make);
    const entry = make(key);
    byKey.set(key, entry);
    return entry;
  }
  return { at, entries: () => [...byKey.values()] };
}
