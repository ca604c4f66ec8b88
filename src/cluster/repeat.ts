import { setTimeout as wait } from 'node:timers/promises';

export interface Repetition {
  /** From the end of one to the beginning of the next, give or take a fifth: replicas that start together must not stay so. */
  readonly everyMs: number;
  readonly task: () => Promise<void>;
  /** It failed, in a way it did not the last time; it is tried again all the same. */
  readonly onFailure: (error: Error) => void;
}

/**
 * Does something now and then again and again. Nothing is watched: a watch that dies says nothing, and reading one object
 * every few seconds costs less than noticing that. Returns what ends it.
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
