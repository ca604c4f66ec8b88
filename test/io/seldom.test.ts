import { expect, it } from '@jest/globals';
import { createSeldom } from '../../src/io/seldom.ts';

it('lets the first be said at once, and then one a minute with how many there were', () => {
  let now = 0;
  const said: [at: number, times: number][] = [];
  const seldom = createSeldom(() => now);
  for (const at of [0, 1, 59_999, 60_000, 60_001, 200_000, 200_001]) {
    now = at;
    seldom((times) => said.push([at, times]));
  }
  expect(said).toEqual([
    [0, 1],
    [60_000, 3],
    [200_000, 2],
  ]);
});
