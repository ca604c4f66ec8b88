import { setTimeout as wait } from 'node:timers/promises';

export interface Repetition {
  /** Milliseconds from the end of one run to the start of the next, varied by a fifth so that replicas do not stay in step. */
  readonly everyMs: number;
  readonly task: () => Promise<void>;
  /** Called when a run fails with another error than the last run. The next run follows all the same. */
  readonly onFailure: (error: Error) => void;
}

/**
 * Runs `task` at once and then periodically. It replaces a watch: a watch may die silently, and to read one object every few
 * seconds costs less than to notice that. Returns a function that ends it.
 */
export function repeat({ everyMs, task, onFailure }: Repetition): () => void {
  const ended = new AbortController();
  let lastFailure: string | undefined;
  async function attempt(): Promise<void> {
    try {
      await task();
      lastFailure = undefined;
    } catch (error) {
      const { message } = error as Error;
      if (message !== lastFailure && !ended.signal.aborted) onFailure(error as Error);
      lastFailure = message;
    }
  }
  async function run(): Promise<void> {
    while (!ended.signal.aborted) {
      await attempt();
      const jitter = 0.8 + 0.4 * Math.random();
      await wait(everyMs * jitter, undefined, { signal: ended.signal, ref: false }).catch(() => {});
    }
  }
  void run();
  return () => ended.abort();
}
