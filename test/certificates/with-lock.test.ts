import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { withLock } from '../../src/certificates/with-lock.ts';

let directory: string;
let lock: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lock-'));
  lock = join(directory, '.lock');
});
afterEach(() => rm(directory, { recursive: true }));

const HOUR_MS = 3_600_000;

/** A lock that a process left behind that died. */
async function leaveBehind(ageMs: number): Promise<void> {
  await writeFile(lock, 'another');
  const then = new Date(Date.now() - ageMs);
  await utimes(lock, then, then);
}

/** How many are at work at the same time, at most, of so many that want to be. */
async function mostAtOnce(count: number, options: { readonly staleMs?: number } = {}): Promise<number> {
  let working = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: count }, () =>
      withLock(
        lock,
        async () => {
          working += 1;
          most = Math.max(most, working);
          await new Promise((resolve) => setTimeout(resolve, 5));
          working -= 1;
        },
        options,
      ),
    ),
  );
  return most;
}

describe('a lock', () => {
  it('is held by one at a time, and gone afterwards', async () => {
    expect(await mostAtOnce(8)).toBe(1);
    expect(await readdir(directory)).toEqual([]);
  });

  it('is gone where the work fails', async () => {
    await expect(withLock(lock, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    expect(await readdir(directory)).toEqual([]);
  });

  it('gives what the work gives', async () => {
    expect(await withLock(lock, async () => 'done')).toBe('done');
  });

  it.each([
    ['is old', () => leaveBehind(HOUR_MS)],
    ['is from the future', () => leaveBehind(-HOUR_MS)],
  ])('that was left behind and %s is taken over at once, by one of many', async (_, leave) => {
    await leave();
    expect(await mostAtOnce(8)).toBe(1);
    expect(await readdir(directory)).toEqual([]);
  });

  it.each([
    ['is as new as can be', () => leaveBehind(0)],
    ['is a link that leads nowhere', () => symlink('nowhere', lock)],
    [
      'is from a future that is near',
      async () => {
        await leaveBehind(-200);
      },
    ],
  ])('that was left behind and %s is taken over when its time is over', async (_, leave) => {
    await leave();
    expect(await mostAtOnce(4, { staleMs: 500 })).toBe(1);
    expect(await readdir(directory)).toEqual([]);
  });

  it('that is waited for is named once', async () => {
    await leaveBehind(0);
    const waits: string[] = [];
    await withLock(lock, async () => {}, { staleMs: 300, onWait: (file) => waits.push(file) });
    expect(waits).toEqual([lock]);
  });

  it('that is not waited for long is not mentioned', async () => {
    const waits: string[] = [];
    await withLock(lock, async () => {}, { onWait: (file) => waits.push(file) });
    expect(waits).toEqual([]);
  });

  it('of another, who took ours over, is left alone', async () => {
    await withLock(lock, () => writeFile(lock, 'another'));
    expect(await readdir(directory)).toEqual(['.lock']);
  });

  it.each([
    ['a directory', () => mkdir(lock), /EISDIR.*\.lock/],
    ['where there is no directory', () => rm(directory, { recursive: true }), /ENOENT.*\.lock/],
  ])('that cannot be made (%s) is an error that names it', async (_, spoil, message) => {
    await spoil();
    await expect(withLock(lock, async () => {}, { staleMs: 100 })).rejects.toThrow(message);
    await mkdir(directory, { recursive: true });
  });
});
