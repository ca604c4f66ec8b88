import type { Follow } from './follow-paths.ts';

/** A value that may be replaced at any time. A replacement that cannot be loaded leaves the last good value. */
export interface Reloadable<T> {
  current(): T;
  /** Why the newest value was refused; undefined when the newest is the current one. */
  refused(): Error | undefined;
  /** Calls `listener` with each new value. Returns what ends that. */
  onChange(listener: (next: T) => void): () => void;
  close(): void;
}

export interface ReloadableOptions<T> {
  /** Gives the value as it is now, or throws saying what is wrong with it. */
  readonly load: () => Promise<T>;
  readonly isSame: (one: T, other: T) => boolean;
  readonly follow: Follow;
  /** Called once for each new error: not again while `load` throws the same message. */
  readonly onRefuse: (error: Error) => void;
}

/**
 * Loads a value, or throws; then loads it again whenever it may have changed. One load runs at a time, and however many
 * changes come meanwhile, one more load follows: after a load that hangs there is no queue of others.
 */
export async function watchReloadable<T>({
  load,
  isSame,
  follow,
  onRefuse,
}: ReloadableOptions<T>): Promise<Reloadable<T>> {
  const listeners = new Set<(next: T) => void>();
  let current: T;
  let refused: Error | undefined;
  let closed = false;
  /** The first load counts as running: a change that comes during it is loaded next. */
  let state: 'idle' | 'loading' | 'loading, then again' = 'loading';
  // Followed before it is loaded, so that no change falls between the two.
  const stopFollowing = follow(() => {
    if (state === 'idle') void reload();
    else state = 'loading, then again';
  });

  async function reload(): Promise<void> {
    state = 'loading';
    await loadNext();
    settle();
  }
  function settle(): void {
    if (state === 'loading, then again' && !closed) void reload();
    else state = 'idle';
  }
  async function loadNext(): Promise<void> {
    try {
      const next = await load();
      if (closed) return;
      refused = undefined;
      if (isSame(next, current)) return;
      current = next;
      for (const listener of listeners) listener(current);
    } catch (error) {
      if (closed) return;
      const before = refused?.message;
      refused = error as Error;
      if (refused.message !== before) onRefuse(refused);
    }
  }

  try {
    current = await load();
  } catch (error) {
    stopFollowing();
    throw error;
  }
  settle();
  return {
    current: () => current,
    refused: () => refused,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      closed = true;
      stopFollowing();
      listeners.clear();
    },
  };
}
