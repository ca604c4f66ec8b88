import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createLimit } from '../../src/io/limit.ts';

describe('a limit', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  function limited() {
    const leftOut: string[] = [];
    const limit = createLimit({
      burst: 3,
      everyMs: 60_000,
      onLeftOut: (reason, count) => leftOut.push(`${reason}: ${count}`),
      now: () => Date.now(),
    });
    const admitted = (reason: string, times: number) =>
      Array.from({ length: times }, () => limit.admits(reason)).filter(Boolean).length;
    return { admitted, leftOut };
  }

  it('admits some at once, then one a minute, each reason by itself', () => {
    const { admitted } = limited();
    expect([admitted('a', 2_000), admitted('b', 2)]).toEqual([3, 2]);
    jest.advanceTimersByTime(59_999);
    expect([admitted('a', 1), admitted('b', 2_000)]).toEqual([0, 1]);
    jest.advanceTimersByTime(1);
    expect(admitted('a', 2_000)).toBe(1);
  });

  it('admits no more at once after a long silence', () => {
    const { admitted } = limited();
    admitted('a', 1);
    jest.advanceTimersByTime(3_600_000);
    expect(admitted('a', 2_000)).toBe(3);
  });

  it('says once a minute how many were left out, by reason', () => {
    const { admitted, leftOut } = limited();
    admitted('a', 2_000);
    admitted('b', 5);
    expect(leftOut).toEqual([]);
    jest.advanceTimersByTime(60_000);
    expect(leftOut).toEqual(['a: 1997', 'b: 2']);
    jest.advanceTimersByTime(60_000);
    expect(leftOut).toHaveLength(2);
    admitted('a', 10);
    jest.advanceTimersByTime(60_000);
    expect(leftOut).toEqual(['a: 1997', 'b: 2', 'a: 8']);
  });
});
