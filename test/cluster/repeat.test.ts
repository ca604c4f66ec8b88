import { afterEach, describe, expect, it } from '@jest/globals';
import { repeat } from '../../src/cluster/repeat.ts';
import { eventually } from '../lib/eventually.ts';

let stop = () => {};
afterEach(() => stop());

describe('a task that is repeated', () => {
  it('is done at once, and again after it ended', async () => {
    let done = 0;
    stop = repeat({ everyMs: 1, task: async () => void (done += 1), onFailure: () => {} });
    expect(done).toBe(1);
    await eventually('it is done again', () => done > 2);
  });

  it('runs once at a time: one that hangs for many intervals is followed by one, not by those that were missed', async () => {
    const calls: PromiseWithResolvers<void>[] = [];
    let running = 0;
    let most = 0;
    stop = repeat({
      everyMs: 1,
      async task() {
        running += 1;
        most = Math.max(most, running);
        const call = Promise.withResolvers<void>();
        calls.push(call);
        await call.promise;
        running -= 1;
      },
      onFailure: () => {},
    });
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(calls).toHaveLength(1);
    calls[0]?.resolve();
    await eventually('it runs again', () => calls.length === 2);
    expect(most).toBe(1);
    calls[1]?.resolve();
  });

  it('says once what keeps failing, and again what fails in another way, or after it went well', async () => {
    const outcomes = ['one', 'one', 'two', undefined, 'two', 'two'];
    const said: string[] = [];
    let done = 0;
    stop = repeat({
      everyMs: 1,
      async task() {
        const outcome = outcomes[done];
        done += 1;
        if (outcome !== undefined) throw new Error(outcome);
      },
      onFailure: ({ message }) => said.push(message),
    });
    await eventually('all were done', () => done > outcomes.length);
    expect(said).toEqual(['one', 'two', 'two']);
  });

  it('is not done again, and says nothing, once it was ended', async () => {
    const hanging = Promise.withResolvers<void>();
    const said: Error[] = [];
    let done = 0;
    stop = repeat({
      everyMs: 1,
      task: () => {
        done += 1;
        return hanging.promise;
      },
      onFailure: (error) => said.push(error),
    });
    stop();
    hanging.reject(new Error('cut'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([done, said]).toEqual([1, []]);
  });
});
