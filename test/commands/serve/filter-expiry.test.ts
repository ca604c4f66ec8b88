import { afterEach, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { followFilterExpiry } from '../../../src/commands/serve/filter-expiry.ts';
import { eventually } from '../../lib/eventually.ts';
import { filter, load, withTerms } from '../../policy/rulesets.ts';

const DAY_MS = 24 * 3_600_000;
const END = Date.UTC(2026, 11, 2);
const ends = (expires: string) => load([withTerms(filter(1, { verb: 'create' }), { expires })]).filters;
const SOON = '0.yml:1: expires: filter "Filter 1" expires 2026-12-01';
const EXPIRED = '0.yml:1: expires: filter "Filter 1" expired 2026-12-01: it accepts nothing';

let stop = () => {};
afterEach(() => stop());

/** Follows one filter, by a clock that is set. */
function follow(at: number) {
  const state = { now: at, filters: ends('2026-12-01'), rounds: 0 };
  const lines: (readonly unknown[])[] = [];
  const events: (readonly string[])[] = [];
  const log = pino(
    { base: null, timestamp: false },
    {
      write(line) {
        const { level, code, msg } = JSON.parse(line) as Record<string, unknown>;
        lines.push([level, code, msg]);
      },
    },
  );
  stop = followFilterExpiry({
    filters: () => state.filters,
    log,
    recordEvent: (...event) => events.push(event),
    now() {
      state.rounds += 1;
      return state.now;
    },
    everyMs: 1,
  });
  const rounds = async () => {
    const { rounds: before } = state;
    await eventually('it has looked twice', () => state.rounds > before + 2);
  };
  return { state, lines, events, rounds };
}

it('says at the start that a filter ends soon, and once more when it has ended, by log and Event', async () => {
  const { state, lines, events, rounds } = follow(END - 1);
  await rounds();
  expect(lines).toEqual([[40, 'filter-expires-soon', SOON]]);
  expect(events).toEqual([['FilterExpiresSoon', 'Accepting', SOON]]);
  state.now = END;
  await rounds();
  expect(lines.slice(1)).toEqual([[40, 'filter-expired', EXPIRED]]);
  expect(events.slice(1)).toEqual([['FilterExpired', 'Ignoring', EXPIRED]]);
});

it('says nothing of a filter that has long to go, until a clock jumps there', async () => {
  const { state, lines, rounds } = follow(END - 30 * DAY_MS);
  await rounds();
  expect(lines).toEqual([]);
  state.now = END + 365 * DAY_MS;
  await rounds();
  expect(lines.map(([, code]) => code)).toEqual(['filter-expired']);
});

it('follows the filters that are loaded: one that is extended is warned of again when its new end comes', async () => {
  const { state, lines, rounds } = follow(END - 1);
  await rounds();
  state.filters = ends('2027-12-01');
  await rounds();
  state.now = Date.UTC(2027, 11, 1);
  await rounds();
  expect(lines.map(([, , msg]) => msg)).toEqual([SOON, SOON.replace('2026', '2027')]);
});
