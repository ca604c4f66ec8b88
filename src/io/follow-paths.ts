import { watch, type FSWatcher } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';

/** Says when something may have changed, and returns what ends that. */
export type Follow = (changed: () => void) => () => void;

/** A mounted Secret or ConfigMap changes by several renames at once, a pair of files one after the other. */
const SETTLE_MS = 50;
/** Watches can fail and file systems stay silent; looking costs some small reads. Also how late we can be. */
const LOOK_EVERY_MS = 60_000;

/**
 * Follows files, and whatever happens in directories. Either may be removed and made again, or replaced by a rename. What is
 * mounted is replaced by swapping the `..data` link that its files go through. Keeps no process alive.
 */
export function followPaths(paths: readonly string[]): Follow {
  return (changed) => {
    let settling: NodeJS.Timeout | undefined;
    const settle = () => {
      clearTimeout(settling);
      settling = setTimeout(changed, SETTLE_MS);
    };
    const watches = [...new Set(paths.map((path) => resolve(path)))].map((path) => watchPath(path, settle));
    const looking = setInterval(() => {
      for (const each of watches) each.renew();
      changed();
    }, LOOK_EVERY_MS).unref();
    return () => {
      clearInterval(looking);
      clearTimeout(settling);
      for (const each of watches) each.close();
    };
  };
}

/**
 * Watches a path and the directory that it is in. A watch is on what a name means at that moment (an inode); only the directory
 * tells when the name comes to mean something else, and then the watch is renewed.
 */
function watchPath(path: string, changed: () => void) {
  const name = basename(path);
  let own: FSWatcher | undefined;
  let parent: FSWatcher | undefined;
  function close(): void {
    own?.close();
    parent?.close();
  }
  function watchOwn(): void {
    own?.close();
    own = watchIfPossible(path, changed);
  }
  function renew(): void {
    parent?.close();
    parent = watchIfPossible(dirname(path), (entry) => {
      if (entry !== null && entry !== name && !entry.startsWith('..')) return;
      watchOwn();
      changed();
    });
    watchOwn();
  }
  renew();
  return { renew, close };
}

/** None where there is nothing to watch, or the machine has no watches left: then it is looked at every minute. */
function watchIfPossible(path: string, changed: (entry: string | null) => void): FSWatcher | undefined {
  try {
    return watch(path, { persistent: false }, (_event, entry) => changed(entry)).on('error', () =>
      changed(null),
    );
  } catch {
    return undefined;
  }
}
