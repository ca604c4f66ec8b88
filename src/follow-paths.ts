import { watch, type FSWatcher } from 'node:fs';

/** Says when something may have changed, and returns what ends that. */
export type Follow = (changed: () => void) => () => void;

/** A mounted Secret or ConfigMap changes by several renames at once, a pair of files one after the other. */
const SETTLE_MS = 50;
/** Watches can fail and file systems stay silent; looking costs some small reads. Also how late we can be. */
const LOOK_EVERY_MS = 60_000;

/**
 * Follows whatever happens in directories, or to files. What is mounted is replaced by swapping the `..data` link that its
 * files go through: a change in the directory like any other. Keeps no process alive.
 */
export function followPaths(paths: readonly string[]): Follow {
  return (changed) => {
    let settling: NodeJS.Timeout | undefined;
    const settle = () => {
      clearTimeout(settling);
      settling = setTimeout(changed, SETTLE_MS);
    };
    const looking = setInterval(changed, LOOK_EVERY_MS).unref();
    const watchers = [...new Set(paths)].flatMap((path) => watcher(path, settle));
    return () => {
      clearInterval(looking);
      clearTimeout(settling);
      for (const each of watchers) each.close();
    };
  };
}

/** None where the machine has no watches left: then it is looked at every minute. */
function watcher(path: string, changed: () => void): FSWatcher[] {
  try {
    return [watch(path, { persistent: false }, changed).on('error', changed)];
  } catch {
    return [];
  }
}
