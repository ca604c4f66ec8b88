import { describe, expect, it } from '@jest/globals';
import { watchReloadable } from '../../src/io/reloadable.ts';

/** Loads that a test answers one by one, and the changes that it tells of. */
async function opened(first = 'a') {
  const loads: PromiseWithResolvers<string>[] = [];
  const refusals: string[] = [];
  let asked = Promise.withResolvers<void>();
  let changed = () => {};
  let following = false;
  const loaded = watchReloadable({
    load() {
      const load = Promise.withResolvers<string>();
      loads.push(load);
      asked.resolve();
      asked = Promise.withResolvers();
      return load.promise;
    },
    isSame: (one, other) => one === other,
    follow(listener) {
      following = true;
      changed = listener;
      return () => (following = false);
    },
    onRefuse: ({ message }) => refusals.push(message),
  });
  const change = () => changed();
  const nextLoad = () => asked.promise;
  const answer = () => loads.at(-1)!;
  if (first !== '') answer().resolve(first);
  return { loaded, loads, refusals, change, nextLoad, answer, isFollowing: () => following };
}

/** Everything that is due has happened. */
const idle = () => new Promise((resolve) => setImmediate(resolve));

describe('a value that is loaded again', () => {
  it('is replaced, and that is told, unless it is the same', async () => {
    const { loaded, change, answer } = await opened();
    const value = await loaded;
    const told: string[] = [];
    value.onChange((next) => told.push(next));
    for (const next of ['a', 'b', 'b', 'c']) {
      change();
      answer().resolve(next);
      await idle();
    }
    expect([value.current(), told]).toEqual(['c', ['b', 'c']]);
  });

  it('is loaded once more, however many changes come while a load hangs', async () => {
    const { loaded, loads, change, nextLoad, answer } = await opened();
    const value = await loaded;
    change();
    for (let times = 0; times < 80; times += 1) change();
    expect(loads).toHaveLength(2);
    const next = nextLoad();
    answer().resolve('b');
    await next;
    answer().resolve('c');
    await idle();
    expect([loads.length, value.current()]).toEqual([3, 'c']);
    change();
    answer().resolve('d');
    await idle();
    expect([loads.length, value.current()]).toEqual([4, 'd']);
  });

  it('is loaded once more also where the load that hung fails', async () => {
    const { loaded, loads, refusals, change, nextLoad, answer } = await opened();
    const value = await loaded;
    for (let times = 0; times < 80; times += 1) change();
    const next = nextLoad();
    answer().reject(new Error('no answer'));
    await next;
    answer().resolve('b');
    await idle();
    expect([loads.length, value.current(), refusals, value.refused()]).toEqual([
      3,
      'b',
      ['no answer'],
      undefined,
    ]);
  });

  it('is loaded once more where it changed during the first load', async () => {
    const { loaded, loads, change, answer } = await opened('');
    change();
    change();
    answer().resolve('a');
    const value = await loaded;
    answer().resolve('b');
    await idle();
    expect([loads.length, value.current()]).toEqual([2, 'b']);
  });

  it('keeps the last that was good, and says once what is wrong with the newest', async () => {
    const { loaded, refusals, change, answer } = await opened();
    const value = await loaded;
    for (const message of ['torn', 'torn', 'empty', 'torn']) {
      change();
      answer().reject(new Error(message));
      await idle();
    }
    expect([value.current(), value.refused()?.message, refusals]).toEqual([
      'a',
      'torn',
      ['torn', 'empty', 'torn'],
    ]);
    change();
    answer().resolve('a');
    await idle();
    expect([value.current(), value.refused()]).toEqual(['a', undefined]);
  });

  it('is no longer followed where the first load fails', async () => {
    const { loaded, isFollowing, answer } = await opened('');
    answer().reject(new Error('nothing there'));
    await expect(loaded).rejects.toThrow('nothing there');
    expect(isFollowing()).toBe(false);
  });

  it('tells nothing once it is closed, not of the load that runs, and loads no more', async () => {
    const { loaded, loads, refusals, change, answer, isFollowing } = await opened();
    const value = await loaded;
    const told: string[] = [];
    value.onChange((next) => told.push(next));
    change();
    change();
    value.close();
    answer().reject(new Error('closed meanwhile'));
    await idle();
    expect([loads.length, isFollowing(), told, refusals]).toEqual([2, false, [], []]);
  });
});
