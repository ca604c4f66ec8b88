import { describe, expect, it } from '@jest/globals';
import { eventually } from './eventually.ts';

describe('eventually', () => {
  it('looks again until it sees something', async () => {
    const looks = [undefined, null, false, 0];
    expect(await eventually('a number', () => looks.shift())).toBe(0);
  });

  it('shows what it last saw', async () => {
    await expect(eventually('the end', () => false, 0)).rejects.toThrow(
      'the end: not within 0 ms; last seen: false',
    );
  });

  it('shows why the last look failed', async () => {
    await expect(
      eventually('an answer', () => Promise.reject(new Error('no connection')), 0),
    ).rejects.toThrow('an answer: not within 0 ms; last error: no connection');
  });
});
