import { randomUUID } from 'node:crypto';
import { lstat, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';

export interface LockOptions {
  /** After this long (milliseconds) a lock counts as left behind by a process that died. */
  readonly staleMs?: number;
  /** Called once, after half of that time, where another process holds the lock. */
  readonly onWait?: (lock: string) => void;
}

/** Making an authority and a certificate takes a tenth of this. */
const STALE_MS = 10_000;
const POLL_MS = 20;

/**
 * Does `work` while no other process does that has the same lock file. A lock is stale when it is older than `staleMs`, or
 * further than that in the future (a clock was put back), or was seen unchanged for so long: then it is taken over, by one
 * process only. Rejects with what the file system says where the lock cannot be made.
 */
export async function withLock<T>(
  lock: string,
  work: () => Promise<T>,
  { staleMs = STALE_MS, onWait = () => {} }: LockOptions = {},
): Promise<T> {
  const token = randomUUID();
  const began = performance.now();
  let seen: { readonly version: string; readonly since: number } | undefined;
  let said = false;
  while (!(await created(lock, token))) {
    const found = await versionOf(lock);
    if (found === undefined) continue;
    if (found.version !== seen?.version) seen = { version: found.version, since: performance.now() };
    const isStale = Math.abs(Date.now() - found.madeAt) > staleMs || performance.now() - seen.since > staleMs;
    if (isStale && (await takenOver(lock, token, found.version))) break;
    if (!said && performance.now() - began > staleMs / 2) {
      said = true;
      onWait(lock);
    }
    await wait(POLL_MS);
  }
  try {
    return await work();
  } finally {
    if ((await ownerOf(lock)) === token) await rm(lock, { force: true });
  }
}

async function created(lock: string, token: string): Promise<boolean> {
  try {
    await writeFile(lock, token, { flag: 'wx' });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    // Made, but a full disk had no room for what it says.
    if (code === 'ENOSPC') await rm(lock, { force: true });
    throw error;
  }
}

/** Tells one lock from the next, by what it is, not where a link leads; undefined where there is none. */
async function versionOf(
  lock: string,
): Promise<{ readonly version: string; readonly madeAt: number } | undefined> {
  try {
    const { ino, mtimeMs } = await lstat(lock);
    return { version: `${ino} ${mtimeMs}`, madeAt: mtimeMs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Longer than another process takes from looking at a stale lock to replacing it. */
const TAKE_OVER_MS = 200;

/** Puts a lock of ours in its place. Of several that do so at once the last one has it, which each sees after a moment. */
async function takenOver(lock: string, token: string, stale: string): Promise<boolean> {
  const mine = `${lock}.${token}`;
  try {
    await writeFile(mine, token, { flag: 'wx' });
    if ((await versionOf(lock))?.version !== stale) return false;
    await rename(mine, lock);
  } finally {
    await rm(mine, { force: true });
  }
  await wait(TAKE_OVER_MS);
  return (await ownerOf(lock)) === token;
}

async function ownerOf(lock: string): Promise<string | undefined> {
  return readFile(lock, 'utf8').catch(() => undefined);
}
