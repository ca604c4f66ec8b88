const EVERY_MS = 60_000;

/** Lets the first of its kind be said, and then one a minute with how many there were since. */
export type Seldom = (say: (times: number) => void) => void;

/** For what a client can cause as often as it likes. `now` is in milliseconds. */
export function createSeldom(now: () => number = Date.now): Seldom {
  let next = -Infinity;
  let times = 0;
  return function seldom(say) {
    times += 1;
    if (now() < next) return;
    say(times);
    next = now() + EVERY_MS;
    times = 0;
  };
}
