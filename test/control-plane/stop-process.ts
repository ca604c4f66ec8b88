import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

/** Longer than any drain in a test, shorter than the clean-up of a test may take. */
const STOPPED_WITHIN_MS = 45_000;
const LAST_LINES = 20;

const running = new Set<ChildProcess>();

/** Notes a process that a test file started, so that `endLeftovers` ends it if the file does not. */
export function noted<Child extends ChildProcess>(child: Child): Child {
  running.add(child);
  child.once('close', () => running.delete(child));
  return child;
}

/** Ends every noted process that still runs, as one does after a failure in a test file; it would keep jest waiting. */
export async function endLeftovers(): Promise<void> {
  await Promise.all(
    [...running].map(async (child) => {
      const gone = once(child, 'close');
      child.kill('SIGKILL');
      await gone;
    }),
  );
}

/**
 * Sends SIGTERM and waits until the process is gone and its output was read. One that does not stop is ended, and what it
 * logged last is told.
 */
export async function stopProcess(
  child: ChildProcess,
  what: string,
  log: () => readonly string[],
): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'close');
  child.kill('SIGTERM');
  // One that stands still would be told of the other signal only then.
  child.kill('SIGCONT');
  const waiting = new AbortController();
  const late = await Promise.race([
    gone.then(() => false),
    delay(STOPPED_WITHIN_MS, true, { signal: waiting.signal }).catch(() => false),
  ]);
  waiting.abort();
  if (!late) return;
  const lines = log().slice(-LAST_LINES).join('\n');
  child.kill('SIGKILL');
  await gone;
  throw new Error(
    `${what} did not stop within ${STOPPED_WITHIN_MS} ms of SIGTERM; it logged last:\n${lines}`,
  );
}
