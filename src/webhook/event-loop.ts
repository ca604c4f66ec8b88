import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';

/*
 * What a client sent lies in its socket until the event loop reads it. There is one event loop, so there is one of this room.
 */

let readAt: number | undefined;

/**
 * When (ms, as `performance.now`) the event loop read what it reads in this turn: a request waits while those that were read
 * with it are judged.
 */
export function arrival(): number {
  if (readAt === undefined) {
    readAt = performance.now();
    setImmediate(() => {
      readAt = undefined;
    });
  }
  return readAt;
}

const clock = () => ({ at: performance.now(), idle: performance.nodeTiming.idleTime });
const busyMs = (since: ReturnType<typeof clock>, now = clock()) =>
  now.at - since.at - (now.idle - since.idle);

let before = clock();
let busyBeforeMs = 0;

/** Right after what arrived was read, in each turn. */
function follow(): void {
  const now = clock();
  busyBeforeMs = busyMs(before, now);
  before = now;
  setImmediate(follow).unref();
}
follow();

/** Short for a caller who waits a second, and long for one who hangs up. */
const UNREAD_MS = 50;

/** Whether the event loop was kept from reading for so long that clients may have hung up unseen. */
export function isBehind(): boolean {
  return busyBeforeMs + busyMs(before) >= UNREAD_MS;
}

/** Lets the event loop read, so that it is known which clients have hung up. */
export async function readWhatArrived(): Promise<void> {
  // The first comes right after what was read in this turn.
  await turn();
  await turn();
}
