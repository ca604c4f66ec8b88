import type { Observation } from '../kubernetes/audit-event.ts';

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
  /** How many requests may wait for their end, and how many ended ones are remembered. */
  readonly limit?: number;
}

/** Watches and execs that are open at a time; some 2 KB each. */
const LIMIT = 16_384;
/** Ended requests that are remembered: what the API server sends twice, or out of order, it sends within seconds. */
const REMEMBERED = 4096;

/**
 * Makes requests of events. The API server logs a request up to three times; it is judged at the end, at ResponseComplete
 * or Panic, which shows all there is. One that has not ended waits. An event without stage or audit ID stands alone.
 */
export function createRequests({ onRequest, onEarlyStage, limit = LIMIT }: RequestsOptions) {
  const waiting = new Map<string, Logged>();
  const ended = createMemory(REMEMBERED);
  const counts = { evicted: 0, unfinished: 0, repeated: 0 };

  function add(logged: Logged): void {
    const { event, uid, receivedAt } = logged.observation;
    if (event.stage === undefined || uid === '') {
      onRequest(logged);
    } else if (ended.has(uid, receivedAt)) {
      counts.repeated++;
    } else if (event.stage === 'ResponseComplete' || event.stage === 'Panic') {
      if (isOneRequest(waiting.get(uid), logged)) waiting.delete(uid);
      ended.add(uid, receivedAt);
      onRequest(logged);
    } else {
      onEarlyStage(logged);
      wait(logged);
    }
  }

  function wait(logged: Logged): void {
    const { uid } = logged.observation;
    const other = waiting.get(uid);
    if (other !== undefined && !isOneRequest(other, logged)) evict(other);
    waiting.set(uid, logged);
    if (waiting.size <= limit) return;
    const [oldest] = waiting.values();
    if (oldest !== undefined) evict(oldest);
  }

  function evict(logged: Logged): void {
    const { uid, receivedAt } = logged.observation;
    counts.evicted++;
    waiting.delete(uid);
    ended.add(uid, receivedAt);
    onRequest(logged);
  }

  return {
    add,
    counts,
    /** There are no more events. */
    end(): void {
      counts.unfinished = waiting.size;
      for (const logged of waiting.values()) onRequest(logged);
      waiting.clear();
    },
  };
}

/** The audit ID alone does not say so: a client may choose it, and would hide one request behind another. */
function isOneRequest(one: Logged | undefined, other: Logged): boolean {
  return one?.observation.receivedAt === other.observation.receivedAt;
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
