import type { Observation } from '../../kubernetes/audit-event.ts';

/** An event, and where it stands. */
export interface Logged {
  readonly observation: Observation;
  readonly file: string;
  readonly line: number;
}

export interface RequestsOptions {
  /** Each request once: as it completed, or as far as it had come when the log ended. */
  readonly onRequest: (request: Logged) => void;
  /** An event of a stage before that. */
  readonly onEarlyStage: (event: Logged) => void;
  /** Whether there is anything to say of a request as far as it has come. */
  readonly isOfInterest: (request: Logged) => boolean;
  /** A request of which, at its end, there was nothing to say. */
  readonly onOther: () => void;
  /** Reads an event again that was kept as text. */
  readonly parse: (event: unknown) => Observation;
  /** How many requests may wait for their end. */
  readonly limit?: number;
}

/** Watches and execs that are open at a time. */
const LIMIT = 16_384;
/** Most requests end within some lines. Of those that do not, only what is of interest is kept, as text. */
const RECENT = 512;
/** Ended requests that are remembered: what the API server sends twice, or out of order, it sends within seconds. */
const REMEMBERED = 4096;

/**
 * Makes requests of events. The API server logs a request up to three times; it is judged at the end, at ResponseComplete
 * or Panic, which shows all there is. One that has not ended waits. An event without stage or audit ID stands alone.
 */
export function createRequests(options: RequestsOptions) {
  const { onRequest, onEarlyStage, isOfInterest, onOther, parse, limit = LIMIT } = options;
  const recent = new Map<string, Logged>();
  const parked = new Map<string, Parked>();
  const ended = createMemory(REMEMBERED);
  const counts = { evicted: 0, unfinished: 0, repeated: 0 };

  function add(logged: Logged): void {
    const { event, uid, receivedAt } = logged.observation;
    if (event.stage === undefined || uid === '') {
      onRequest(logged);
    } else if (ended.has(uid, receivedAt)) {
      counts.repeated++;
    } else if (event.stage === 'ResponseComplete' || event.stage === 'Panic') {
      if (isWaiting(uid, receivedAt)) forget(uid);
      ended.add(uid, receivedAt);
      onRequest(logged);
    } else {
      onEarlyStage(logged);
      if (!isWaiting(uid, receivedAt)) evict(uid);
      parked.delete(uid);
      recent.set(uid, logged);
      if (recent.size > RECENT) parkOldest();
      if (recent.size + parked.size > limit) evict(oldestOf(parked) ?? oldestOf(recent) ?? uid);
    }
  }

  /** The audit ID alone does not say so: a client may choose it, and would hide one request behind another. */
  function isWaiting(uid: string, receivedAt: string): boolean {
    const waiting = recent.get(uid)?.observation ?? parked.get(uid);
    return waiting?.receivedAt === receivedAt;
  }

  function forget(uid: string): void {
    if (!recent.delete(uid)) parked.delete(uid);
  }

  function parkOldest(): void {
    const uid = oldestOf(recent);
    const logged = uid === undefined ? undefined : recent.get(uid);
    if (uid === undefined || logged === undefined) return;
    recent.delete(uid);
    const { receivedAt } = logged.observation;
    parked.set(uid, isOfInterest(logged) ? { receivedAt, ...packed(logged) } : { receivedAt });
  }

  function evict(uid: string): void {
    const waiting = recent.get(uid)?.observation ?? parked.get(uid);
    if (waiting === undefined) return;
    counts.evicted++;
    ended.add(uid, waiting.receivedAt);
    end(uid);
  }

  /** Judges a waiting request as far as it has come. */
  function end(uid: string): void {
    const logged = recent.get(uid) ?? restored(parked.get(uid));
    forget(uid);
    if (logged === undefined) onOther();
    else onRequest(logged);
  }

  function restored(waiting: Parked | undefined): Logged | undefined {
    if (waiting === undefined || 'logged' in waiting) return waiting?.logged;
    if (!('text' in waiting)) return undefined;
    const { text, file, line } = waiting;
    return { observation: parse(JSON.parse(text)), file, line };
  }

  return {
    add,
    counts,
    /** There are no more events. */
    end(): void {
      counts.unfinished = parked.size + recent.size;
      for (const uid of [...parked.keys(), ...recent.keys()]) end(uid);
    },
  };
}

/** A request that waits long. If there is anything to say of it, with its event. */
type Parked = { readonly receivedAt: string } | ({ readonly receivedAt: string } & Packed);

/** An event as text; as it is, if it is nested more deeply than JSON.stringify can go. */
type Packed =
  { readonly text: string; readonly file: string; readonly line: number } | { readonly logged: Logged };

function packed(logged: Logged): Packed {
  const { observation, file, line } = logged;
  try {
    return { text: JSON.stringify(observation.event), file, line };
  } catch (error) {
    if (error instanceof RangeError) return { logged };
    throw error;
  }
}

function oldestOf(waiting: ReadonlyMap<string, unknown>): string | undefined {
  return waiting.keys().next().value;
}

/**
 * Remembers about the last `size` requests, each in the place of the one before it that hashes alike. By two hashes, not by
 * the texts: kept, they would be half of the garbage collector's work.
 */
function createMemory(size: number) {
  const uids = new Uint32Array(size);
  const times = new Uint32Array(size);
  return {
    has(uid: string, receivedAt: string): boolean {
      const hash = hashOf(uid);
      return uids[hash % size] === hash && times[hash % size] === hashOf(receivedAt);
    },
    add(uid: string, receivedAt: string): void {
      const hash = hashOf(uid);
      uids[hash % size] = hash;
      times[hash % size] = hashOf(receivedAt);
    },
  };
}

/** The end of an audit ID is random, the end of a time microseconds. */
const HASHED = 16;

function hashOf(text: string): number {
  let hash = 1;
  for (let at = Math.max(0, text.length - HASHED); at < text.length; at++) {
    hash = (Math.imul(hash, 31) + text.charCodeAt(at)) >>> 0;
  }
  return hash;
}
