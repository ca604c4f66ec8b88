import type { Follow } from '../follow-paths.ts';

/** Something that may be replaced at any time. What is no good leaves the last that was. */
export interface Followed<T> {
  current(): T;
  /** What is wrong with the newest; undefined when that is the current one. */
  refused(): Error | undefined;
  /** Calls `listener` with each new one. Returns what ends that. */
  onChange(listener: (next: T) => void): () => void;
  close(): void;
}

export interface FollowedOptions<T> {
  /** Gives it as it is now, or throws saying what is wrong with it. */
  readonly load: () => Promise<T>;
  readonly isSame: (one: T, other: T) => boolean;
  readonly follow: Follow;
  /** Called once for each new thing that is wrong. */
  readonly onRefuse: (error: Error) => void;
}

/** Loads it, or throws; then follows it. */
export async function createFollowed<T>({
  load,
  isSame,
  follow,
  onRefuse,
}: FollowedOptions<T>): Promise<Followed<T>> {
  const listeners = new Set<(next: T) => void>();
  let refused: Error | undefined;
  // Followed before it is read, so that no change falls between the two.
  const first = Promise.withResolvers<void>();
  let loading = first.promise;
  const stopFollowing = follow(() => {
    loading = loading.then(reload);
  });
  let current: T;
  try {
    current = await load();
  } catch (error) {
    stopFollowing();
    throw error;
  }

  async function reload(): Promise<void> {
    try {
      const next = await load();
      refused = undefined;
      if (isSame(next, current)) return;
      current = next;
      for (const listener of listeners) listener(current);
    } catch (error) {
      const before = refused?.message;
      refused = error as Error;
      if (refused.message !== before) onRefuse(refused);
    }
  }
  first.resolve();
  return {
    current: () => current,
    refused: () => refused,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      stopFollowing();
      listeners.clear();
    },
  };
}
