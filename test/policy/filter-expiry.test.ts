import { expect, it } from '@jest/globals';
import { expiryProblems, termsOf } from '../../src/policy/filter-expiry.ts';
import { filter, load, withTerms } from './rulesets.ts';

const DAY_MS = 24 * 3_600_000;
const END = Date.UTC(2026, 11, 2);
const ALICE = filter(1, { 'user.username': 'alice' });
const filtersOf = (terms: object) => load([withTerms(ALICE, terms)]).filters;
const saidAt = (now: number, terms: object = { expires: '2026-12-01' }) =>
  expiryProblems(filtersOf(terms), now).map(({ code, message }) => [code, message]);

it('a filter that ends within 14 days is a warning, and one that has ended is another', () => {
  const soon = ['filter-expires-soon', 'filter "Filter 1" expires 2026-12-01'];
  const expired = ['filter-expired', 'filter "Filter 1" expired 2026-12-01: it accepts nothing'];
  expect([END - 14 * DAY_MS - 1, END - 14 * DAY_MS, END - 1, END].map((now) => saidAt(now))).toEqual([
    [],
    [soon],
    [soon],
    [expired],
  ]);
});

it('is said with the file, the line, the owner and the ticket', () => {
  const terms = { expires: '2026-12-01', owner: 'team-a', ticket: 'OPS-7' };
  expect(expiryProblems(filtersOf(terms), END)).toEqual([
    {
      code: 'filter-expired',
      severity: 'warning',
      file: '0.yml',
      line: 1,
      path: 'expires',
      message: 'filter "Filter 1" expired 2026-12-01 (owner "team-a", ticket "OPS-7"): it accepts nothing',
    },
  ]);
});

it('nothing is said of a filter without an end', () => {
  expect(saidAt(END, { owner: 'team-a' })).toEqual([]);
});

it('a filter says until when it accepts, who answers for it and where it was asked for, as far as it has them', () => {
  const terms = [{}, { owner: 'team-a' }, { expires: '2026-12-01', ticket: 'OPS-7' }];
  expect(terms.map((each) => filtersOf(each).map((found) => termsOf(found, END - 1)))).toEqual([
    [[]],
    [['owner "team-a"']],
    [['until 2026-12-01', 'ticket "OPS-7"']],
  ]);
  expect(filtersOf({ expires: '2026-12-01' }).map((found) => termsOf(found, END))).toEqual([
    ['expired 2026-12-01'],
  ]);
});
