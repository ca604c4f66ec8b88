/** How a process's clock differs from ours. */
export interface OtherClock {
  /** How much later it is there; earlier, where negative. */
  readonly aheadMs?: number;
  /** How many times as fast time goes there: what it does every so often it does so much more often. */
  readonly speed?: number;
}

/**
 * A flag of Node by which a process has another clock: what time it is, and how long it waits between its rounds (`setTimeout`
 * of node:timers/promises). Sockets and timers of requests keep ours, so that what it asks and answers takes as long as ever.
 */
export function otherClock({ aheadMs = 0, speed = 1 }: OtherClock): string {
  const preload = `
    import timers from 'node:timers/promises';
    import { syncBuiltinESMExports } from 'node:module';
    const True = Date;
    const began = True.now();
    const now = () => Math.round(began + (True.now() - began) * ${speed} + ${aheadMs});
    globalThis.Date = class Date extends True {
      constructor(...when) {
        if (when.length === 0) super(now());
        else super(...when);
      }
      static now() {
        return now();
      }
    };
    const wait = timers.setTimeout;
    timers.setTimeout = (ms, ...rest) => wait(ms / ${speed}, ...rest);
    syncBuiltinESMExports();`;
  return `--import=data:text/javascript,${encodeURIComponent(preload)}`;
}
