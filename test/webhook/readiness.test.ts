import { describe, expect, it } from '@jest/globals';
import { readinessOf, type Check } from '../../src/webhook/readiness.ts';

const NOW = 100_000;
const line = (check: Omit<Check, 'name'>) => readinessOf([{ name: 'it', ...check }], NOW).text.split('\n')[0];

describe('readiness', () => {
  it('has a sign for what is right, for what keeps requests away, and for what is wrong and does not', () => {
    const checks: readonly Check[] = [
      { name: 'serving', state: 'ok' },
      { name: 'rules', state: 'ok', detail: '15 loaded' },
      { name: 'reached', state: 'wrong', detail: 'the probe timed out' },
      { name: 'registered', state: 'unknown', detail: 'not looked at yet' },
    ];
    const lines =
      '[+]serving ok\n[+]rules ok: 15 loaded\n[!]reached wrong: the probe timed out\n[!]registered unknown: not looked at yet\n';
    expect(readinessOf(checks, NOW)).toEqual({ isReady: true, text: `${lines}readyz check passed\n` });
    const ended: Check = { name: 'certificate', state: 'failed', detail: 'ended' };
    expect(readinessOf([...checks, ended], NOW)).toEqual({
      isReady: false,
      text: `${lines}[-]certificate failed: ended\nreadyz check failed\n`,
    });
  });

  it('says how old a look is', () => {
    const seen = { atMs: NOW - 3_999, goodForMs: 15_000 };
    expect(line({ state: 'ok', detail: 'as it should be', seen })).toBe(
      '[+]it ok: as it should be (seen 3 s ago)',
    );
    expect(line({ state: 'wrong', detail: 'guard differs', seen })).toBe(
      '[!]it wrong: guard differs (seen 3 s ago)',
    );
  });

  it('does not say ok of what was last seen too long ago', () => {
    const seen = { atMs: NOW - 15_001, goodForMs: 15_000 };
    expect(line({ state: 'ok', detail: 'as it should be', seen })).toBe(
      '[!]it unknown: as it should be (seen 15 s ago, not since)',
    );
    expect(line({ state: 'failed', detail: 'not trusted', seen })).toBe(
      '[-]it failed: not trusted (seen 15 s ago, not since)',
    );
  });
});
