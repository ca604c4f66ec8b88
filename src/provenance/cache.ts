import { isDeepStrictEqual } from 'node:util';
import { NAMESPACE_ALL } from '../kubernetes/objects.ts';
import {
  WORKLOAD_KINDS,
  type ObjectIndex,
  type Node,
  type Revision,
  type Service,
  type Workload,
  type WorkloadKind,
} from './object-index.ts';

/** The parts of objects that are kept, by kind. */
export interface CachedObjects extends Readonly<Record<WorkloadKind, Workload>> {
  readonly ControllerRevision: Revision;
  readonly Service: Service;
  readonly Node: Node;
}

export type CachedKind = keyof CachedObjects;

/** The kinds that belong to a namespace. A namespace is known completely once all of these, and the Nodes, are listed. */
export const NAMESPACED_KINDS = [
  ...WORKLOAD_KINDS,
  ...(['ControllerRevision', 'Service'] as const),
] satisfies readonly CachedKind[];
export const CACHED_KINDS: readonly CachedKind[] = [...NAMESPACED_KINDS, 'Node'];

/** Projections of objects, as watches last told of them; bounded in number. */
export interface Cache extends ObjectIndex {
  /** Opens a collection for one watch to write. Its objects are forgotten when it is closed. */
  open<Kind extends CachedKind>(kind: Kind, namespace: string): CachedCollection<CachedObjects[Kind]>;
  /** Milliseconds since the API server last told of the collection that is longest silent; Infinity where one was never listed. */
  oldest(): number;
  /** How many objects of each kind there are. */
  counts(): Readonly<Record<CachedKind, number>>;
}

/** One kind's objects in one namespace, or in all. */
export interface CachedCollection<Kept> {
  /** How many it may hold. */
  room(): number;
  replace(objects: readonly Kept[]): void;
  put(object: Kept): void;
  remove(object: Kept): void;
  contact(): void;
  /** The collection cannot be watched at present: nothing is concluded from it until it is listed again. */
  fail(): void;
  close(): void;
}

export interface CacheOptions {
  /** Objects of all kinds together: about a kilobyte each at most, most of them half of that. */
  readonly limit?: number;
  readonly now?: () => number;
}

const LIMIT = 50_000;
/** The API server sends a bookmark every minute. A collection that was silent for this long is not known any more. */
const STALE_MS = 180_000;

/** One open collection. */
interface State {
  listed: boolean;
  /** Until when its objects are believed (ms since the epoch). */
  freshUntil: number;
  contactAt: number;
  /** The watch told of more objects than there was room for. */
  overflowed: boolean;
}

interface Named {
  readonly namespace?: string;
  readonly name: string;
}

/** By namespace and name. */
type Objects = Map<string, Map<string, Named>>;

export function createCache({ limit = LIMIT, now = Date.now }: CacheOptions = {}): Cache {
  const objects = Object.fromEntries(CACHED_KINDS.map((kind) => [kind, new Map()])) as unknown as Record<
    CachedKind,
    Objects
  >;
  const states = new Map<string, Map<CachedKind, State>>();
  /** The workloads of each namespace as a list, made when asked for and kept until one changes. */
  const workloads = new Map<string, readonly Workload[]>();
  let size = 0;

  function find(kind: CachedKind, namespace: string, name: string): Named | undefined {
    return objects[kind].get(namespace)?.get(name);
  }
  function insert(kind: CachedKind, object: Named): void {
    const { namespace = NAMESPACE_ALL, name } = object;
    const among = objects[kind].get(namespace) ?? new Map<string, Named>();
    if (among.size === 0) objects[kind].set(namespace, among);
    if (!among.has(name)) size += 1;
    among.set(name, object);
    if (isWorkload(object)) workloads.delete(namespace);
  }
  function remove(kind: CachedKind, { namespace = NAMESPACE_ALL, name }: Named): void {
    const among = objects[kind].get(namespace);
    const object = among?.get(name);
    if (object === undefined) return;
    among?.delete(name);
    size -= 1;
    if (isWorkload(object)) workloads.delete(namespace);
  }
  function clear(kind: CachedKind, isOurs: (namespace: string) => boolean): void {
    for (const [each, among] of objects[kind]) {
      if (!isOurs(each)) continue;
      size -= among.size;
      objects[kind].delete(each);
      workloads.delete(each);
    }
  }
  /** `before` itself where no kept part changed: most updates of a workload change its status alone. */
  function updated(object: Named, before: Named | undefined): Named {
    const next = dated(object, before);
    return before !== undefined && isDeepStrictEqual(next, before) ? before : next;
  }
  /** The time of a template's change is in no object: the cache notes it. */
  function dated(object: Named, before: Named | undefined): Named {
    if (!isWorkload(object) || before === undefined || !isWorkload(before)) return object;
    if (object.uid !== before.uid) return object;
    const changedAt = isSame(object, before) ? before.changedAt : now();
    const workload: Workload = changedAt === undefined ? object : { ...object, changedAt };
    return workload;
  }
  function isFresh(kind: CachedKind, namespace: string): boolean {
    const state = states.get(namespace)?.get(kind) ?? states.get(NAMESPACE_ALL)?.get(kind);
    return state !== undefined && state.listed && !state.overflowed && now() <= state.freshUntil;
  }

  return {
    open(kind, namespace) {
      const state: State = {
        listed: false,
        freshUntil: 0,
        contactAt: -Infinity,
        overflowed: false,
      };
      const beside = states.get(namespace) ?? new Map<CachedKind, State>();
      states.set(namespace, beside.set(kind, state));
      const isOpen = () => states.get(namespace)?.get(kind) === state;
      // A namespace that is followed by itself is told of by its own collection alone.
      const isOurs = (each: string) =>
        each === namespace || (namespace === NAMESPACE_ALL && states.get(each)?.has(kind) !== true);
      const isTold = (object: Named) => isOpen() && isOurs(namespaceOf(object));
      return {
        room: () => limit - size + countOf(objects[kind], isOurs),
        replace(listed) {
          if (!isOpen()) return;
          const isKnown = (object: Named) => find(kind, namespaceOf(object), object.name) === object;
          const all = listed
            .filter(isTold)
            .map((object) => updated(object, find(kind, namespaceOf(object), object.name)));
          if (all.length !== countOf(objects[kind], isOurs) || !all.every(isKnown)) {
            clear(kind, isOurs);
            for (const object of all) insert(kind, object);
          }
          state.listed = true;
          state.overflowed = false;
        },
        put(object) {
          if (!isTold(object)) return;
          const before = find(kind, namespaceOf(object), object.name);
          const next = updated(object, before);
          if (before === undefined && size >= limit) state.overflowed = true;
          else if (next !== before) insert(kind, next);
        },
        remove: (object) => isTold(object) && remove(kind, object),
        contact() {
          state.contactAt = now();
          state.freshUntil = now() + STALE_MS;
        },
        fail: () => (state.freshUntil = -Infinity),
        close() {
          if (!isOpen()) return;
          states.get(namespace)?.delete(kind);
          if (states.get(namespace)?.size === 0) states.delete(namespace);
          if (namespace === NAMESPACE_ALL || states.get(NAMESPACE_ALL)?.has(kind) !== true)
            clear(kind, isOurs);
        },
      };
    },
    complete: (namespace) =>
      NAMESPACED_KINDS.every((kind) => isFresh(kind, namespace)) && isFresh('Node', NAMESPACE_ALL),
    // An object of a silent collection is not known any more: an owner that was deleted meanwhile would be taken for one that exists.
    workload: ({ kind, namespace, name }) =>
      isFresh(kind, namespace) ? (find(kind, namespace, name) as Workload | undefined) : undefined,
    workloadsIn(namespace) {
      if (!NAMESPACED_KINDS.every((kind) => isFresh(kind, namespace))) return NONE;
      const known = workloads.get(namespace);
      if (known !== undefined) return known;
      const found = NAMESPACED_KINDS.flatMap((kind) => [...(objects[kind].get(namespace)?.values() ?? [])]);
      const made = found.filter(isWorkload);
      workloads.set(namespace, made);
      return made;
    },
    revision: (namespace, name) =>
      isFresh('ControllerRevision', namespace)
        ? (find('ControllerRevision', namespace, name) as Revision | undefined)
        : undefined,
    servicesIn: (namespace) =>
      isFresh('Service', namespace)
        ? ((objects.Service.get(namespace)?.values() ?? NONE) as Iterable<Service>)
        : NONE,
    node: (name) =>
      isFresh('Node', NAMESPACE_ALL) ? (find('Node', NAMESPACE_ALL, name) as Node | undefined) : undefined,
    oldest() {
      const all = [...states.values()].flatMap((kinds) => [...kinds.values()]);
      return Math.max(0, ...all.map((state) => (state.listed ? now() - state.contactAt : Infinity)));
    },
    counts() {
      const counted = CACHED_KINDS.map((kind) => [kind, countOf(objects[kind])]);
      return Object.fromEntries(counted) as Record<CachedKind, number>;
    },
  };
}

const NONE: readonly never[] = [];

function namespaceOf({ namespace = NAMESPACE_ALL }: Named): string {
  return namespace;
}

function countOf(objects: Objects, isCounted: (namespace: string) => boolean = () => true): number {
  return [...objects].reduce((sum, [namespace, among]) => sum + (isCounted(namespace) ? among.size : 0), 0);
}

/** Whether pods are compared with the same selector and template. */
export function isSame(one: Workload, other: Workload): boolean {
  return isDeepStrictEqual([one.selector, one.template], [other.selector, other.template]);
}

/** No other object has a uid and a template. */
function isWorkload(object: Named): object is Workload {
  return 'template' in object && 'uid' in object;
}
