import { describe, expect, it } from '@jest/globals';
import { budgetOf } from '../../src/webhook/answer-review.ts';

describe('the time for an answer is 80 % of what the API server waits', () => {
  it.each([
    ['/guard?timeout=3s', 2_400],
    ['/guard?timeout=1s', 800],
    ['/guard?timeout=30s', 24_000],
    ['/guard?timeout=500ms', 400],
    ['/guard?timeout=1.5s', 1_200],
    ['/guard?timeout=0m2s', 1_600],
    ['/guard?timeout=2000000%C2%B5s', 1_600],
    ['/guard?a=b&timeout=3s', 2_400],
  ])('%s', (url, ms) => {
    expect(budgetOf(url, 30_000)).toBeCloseTo(ms);
  });

  it.each(['/guard?timeout=4s', '/guard?timeout=1m0s', '/guard?timeout=99999h'])(
    'and of what we let it wait at most: %s',
    (url) => {
      expect(budgetOf(url, 3_000)).toBe(2_400);
    },
  );

  it.each([
    '/guard',
    '/guard?',
    '/guard?timeout',
    '/guard?timeout=',
    '/guard?timeout=0s',
    '/guard?timeout=-3s',
    '/guard?timeout=3',
    '/guard?timeout=3 s',
    '/guard?timeout=3s4',
    '/guard?timeout=soon',
    '/guard?timeout=1e9s',
    '/guard?timeout=%',
  ])('and of just that where nothing is to be read: %s', (url) => {
    expect(budgetOf(url, 3_000)).toBe(2_400);
  });
});
