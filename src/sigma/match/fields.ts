/**
 * How a dotted field name reads an event. The standard is silent on paths and arrays; what follows is this project's
 * reading of it (sigma-specification issue 212 proposes the same for plain fields).
 */

/** Stands in an event where a value would be that this door, or this event, cannot show. Never for what is absent. */
export const UNKNOWN: unique symbol = Symbol('unknown');
export type Unknown = typeof UNKNOWN;

/** A member of an array on the path that lacks the rest of it. JSON has no `undefined`, so it cannot be a value. */
export const MISSING = undefined;

/**
 * What an event gives for a field: one reading for each array member on its path, `MISSING` where a member lacks the rest.
 * A field that is absent, or below an empty list, gives none; an empty list at the path's end is itself one reading.
 */
export interface Readings {
  readonly values: readonly unknown[];
  /** Something on the path is `UNKNOWN`: there may be more than `values` shows. */
  readonly unknown: boolean;
}

export type Reader = (event: unknown) => Readings;

/** The keys that may follow at one point of a path, and the point each leads to: a key may itself contain dots. */
type Steps = readonly (readonly { readonly key: string; readonly next: number }[])[];

/**
 * Compiles `metadata.labels.app.kubernetes.io/name`. Every way to read it counts, keys with dots included, and the readings
 * are their union, so that a key that a client adds cannot shadow a path. Own properties only.
 */
export function compilePath(path: string): Reader {
  const parts = path.split('.');
  const steps: Steps = parts.map((_, from) =>
    parts.slice(from).map((_, length) => ({
      key: parts.slice(from, from + length + 1).join('.'),
      next: from + length + 1,
    })),
  );
  return function readPath(event) {
    const found = { values: [] as unknown[], unknown: false };
    walk(event, steps, 0, found);
    return found;
  };
}

/** Adds the readings below `node`; false if the path leads nowhere from here. Recurses once a step, never once a level of the event. */
function walk(
  node: unknown,
  steps: Steps,
  at: number,
  found: { values: unknown[]; unknown: boolean },
): boolean {
  if (node === UNKNOWN) return (found.unknown = true);
  const keys = steps[at];
  if (Array.isArray(node)) {
    if (keys === undefined && node.length === 0) found.values.push(node);
    for (const member of members(node)) {
      if (keys === undefined) found.values.push(member);
      else if (!walk(member, steps, at, found)) found.values.push(MISSING);
    }
    return true;
  }
  if (keys === undefined) {
    found.values.push(node);
    return true;
  }
  if (typeof node !== 'object' || node === null) return false;
  let leads = false;
  for (const { key, next } of keys) {
    if (!Object.hasOwn(node, key)) continue;
    const child = (node as Record<string, unknown>)[key];
    if (child !== undefined && walk(child, steps, next, found)) leads = true;
  }
  return leads;
}

/** The members of an array, those of arrays within it in their place. A loop, because nesting is the client's to choose. */
function members(array: readonly unknown[]): readonly unknown[] {
  if (!array.some(Array.isArray)) return array;
  const flat: unknown[] = [];
  const open: unknown[] = array.toReversed();
  while (open.length > 0) {
    const member = open.pop();
    if (!Array.isArray(member)) flat.push(member);
    else for (let at = member.length - 1; at >= 0; at -= 1) open.push(member[at]);
  }
  return flat;
}

/** Every scalar leaf of an event, for keywords. Keys are not searched. */
export function readLeaves(event: unknown): Readings {
  const values: unknown[] = [];
  let unknown = false;
  const open: unknown[] = [event];
  while (open.length > 0) {
    const node = open.pop();
    if (node === UNKNOWN) unknown = true;
    else if (typeof node === 'object' && node !== null) {
      for (const child of Object.values(node)) open.push(child);
    } else if (node !== null && node !== undefined) values.push(node);
  }
  return { values, unknown };
}
