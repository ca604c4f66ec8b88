import { describe, expect, it } from '@jest/globals';
import { formatProblem } from '../../../src/sigma/read/errors.ts';
import { appliesTo, type Filter } from '../../../src/sigma/read/filter.ts';
import { combine, parseSigma } from '../../../src/sigma/read/load.ts';
import type { Rule } from '../../../src/sigma/read/rule.ts';

const ID = 'a80d927d-ac6e-443f-a867-e8d6e3897318';
const HEAD = `title: Kubelets\nid: ${ID}\nlogsource: {product: kubernetes, service: audit}\n`;
const filterOf = (filter: string) => `${HEAD}filter:\n  ${filter.replaceAll('\n', '\n  ')}\n`;
const SELECTION = 'selection: {verb: create}\ncondition: not selection';

const parse = (text: string) => parseSigma('f.yml', text);
const problemsOf = (text: string) =>
  parse(text).problems.map((problem) => `${problem.severity} ${problem.code} ${formatProblem(problem)}`);

describe('a filter', () => {
  it('is read', () => {
    const { rules, filters, problems } = parse(filterOf(`rules: [${ID.toUpperCase()}, exec]\n${SELECTION}`));
    expect({ rules, problems }).toEqual({ rules: [], problems: [] });
    expect(filters).toEqual([
      {
        id: ID,
        title: 'Kubelets',
        logsource: { product: 'kubernetes', service: 'audit' },
        rules: [ID, 'exec'],
        condition: {
          text: 'not selection',
          tree: { kind: 'not', of: { kind: 'identifier', name: 'selection', of: expect.anything() } },
        },
        file: 'f.yml',
        line: 1,
      },
    ]);
  });

  it.each([
    ['any', 'any'],
    ['Any', 'any'],
    ['[]', 'any'],
    ['exec', ['exec']],
    [ID.toUpperCase(), [ID]],
    ['[Exec, exec]', ['Exec', 'exec']],
  ])('rules: %s is %j', (written, rules) => {
    const { filters, problems } = parse(filterOf(`rules: ${written}\n${SELECTION}`));
    expect(problems).toEqual([]);
    expect(filters.map((filter) => filter.rules)).toEqual([rules]);
  });

  it('with any in a list is for a rule of that name, which is a warning', () => {
    const { filters } = parse(filterOf(`rules: [any]\n${SELECTION}`));
    expect(filters.map((filter) => filter.rules)).toEqual([['any']]);
    expect(problemsOf(filterOf(`rules: [any]\n${SELECTION}`))).toEqual([
      'warning filter-any-in-list f.yml:5: filter.rules.0: "any" in a list is the name of a rule; for every rule write rules: any',
    ]);
  });

  it('is ANDed as written, so one without not is a warning', () => {
    const text = filterOf('rules: any\nselection: {verb: create}\ncondition: selection');
    expect(problemsOf(text)).toEqual([
      'warning filter-without-not f.yml:7: filter.condition: is ANDed onto the rules as written, so without "not" it disarms them except where it holds; expected "not selection"',
    ]);
    const identifier = { kind: 'identifier', name: 'selection', of: expect.anything() };
    expect(parse(text).filters.map(({ condition }) => condition.tree)).toEqual([identifier]);
  });

  it('may call its search identifiers anything, and sees only its own', () => {
    const text = filterOf('rules: any\n_own: {a: 1}\n1: {a: 2}\ncondition: not (1 of them or _own)');
    expect(problemsOf(text)).toEqual([]);
    const rule =
      'title: r\nlogsource: {product: kubernetes}\ndetection: {s: {a: 1}, condition: all of them}\n';
    const { rules, filters } = parse(`${rule}---\n${text}`);
    expect(rules[0]?.conditions[0]?.tree).toEqual({ kind: 'identifier', name: 's', of: expect.anything() });
    expect(filters).toHaveLength(1);
    expect(problemsOf(`${rule}---\n${filterOf('rules: any\nf: {a: 1}\ncondition: not s or f')}`)).toEqual([
      'error unknown-identifier f.yml:11: filter.condition: unknown search identifier "s" at index 4; expected "f"',
    ]);
  });

  it.each([
    [
      `${HEAD}filter: x`,
      'invalid-type f.yml:4: filter: expected a map of rules, search identifiers and a condition, found the text "x"',
    ],
    [
      filterOf(SELECTION),
      'missing-field f.yml:4: filter.rules: no rules; expected ids or names of rules, or any',
    ],
    [
      filterOf(`rules: [1]\n${SELECTION}`),
      'invalid-type f.yml:5: filter.rules.0: expected the id or name of a rule, found the number 1',
    ],
    [
      filterOf(`rules: {a: 1}\n${SELECTION}`),
      'invalid-type f.yml:5: filter.rules: expected the id or name of a rule, found a map',
    ],
    [
      filterOf('rules: any\nselection: {a: 1}'),
      'missing-field f.yml:4: filter.condition: no condition; expected one such as "not selection"',
    ],
    [
      filterOf('rules: any\nselection: {a: 1}\ncondition: [not selection]'),
      'invalid-type f.yml:7: filter.condition: expected exactly one condition, found a list',
    ],
    [
      filterOf('rules: any\ncondition: not selection'),
      'missing-field f.yml:4: filter: no search identifier; expected one beside "rules" and "condition"',
    ],
    [
      filterOf(`rules: any\n${SELECTION}\nexpires: 2026-12-31`),
      'misplaced-key f.yml:8: filter.expires: "expires" here has no meaning; write it at the top of the document, beside "title"',
    ],
    [
      filterOf(`rules: any\n${SELECTION}\nowner: team-a`),
      'misplaced-key f.yml:8: filter.owner: "owner" here has no meaning; write it at the top of the document, beside "title"',
    ],
    [
      filterOf(`rules: any\n${SELECTION}\nticket: SEC-1`),
      'misplaced-key f.yml:8: filter.ticket: "ticket" here has no meaning; write it at the top of the document, beside "title"',
    ],
    [
      filterOf(`rules: any\n${SELECTION}`).replace(/logsource.*\n/, ''),
      'missing-field f.yml:1: logsource: no logsource; expected category, product or service',
    ],
    [
      filterOf(`rules: any\n${SELECTION}`).replace(/title.*\n/, ''),
      'missing-field f.yml:1: title: no title; expected a short one',
    ],
  ])('%j is an error', (text, error) => {
    expect(problemsOf(text)).toContain(`error ${error}`);
    expect(parse(text).filters).toEqual([]);
  });
});

describe('a filter applies to', () => {
  const filter = { logsource: { product: 'kubernetes' }, rules: [ID, 'exec'] } as unknown as Filter;
  const rule = { id: 'other', title: 'Other', logsource: { product: 'kubernetes', service: 'audit' } };
  it.each<[string, Partial<Filter>, object, boolean]>([
    ['the rule of that id', {}, { id: ID }, true],
    ['the rule of that name', {}, { name: 'exec' }, true],
    ['no rule of another name', {}, { name: 'Exec' }, false],
    ['no rule without a name', { rules: ['undefined'] }, {}, false],
    ['no rule by its title', { rules: ['Other'] }, {}, false],
    ['every rule', { rules: 'any' }, {}, true],
    ['no rule, given [any]', { rules: ['any'] }, {}, false],
    ['no rule of another log', { rules: 'any' }, { logsource: { product: 'windows' } }, false],
    [
      'no rule of a wider log',
      { rules: 'any', logsource: { product: 'kubernetes', service: 'audit' } },
      { logsource: { product: 'kubernetes' } },
      false,
    ],
    ['no rule of a log spelled otherwise', { rules: 'any', logsource: { product: 'Kubernetes' } }, {}, false],
  ])('%s', (_, change, of, expected) => {
    expect(appliesTo({ ...filter, ...change }, { ...rule, ...of } as unknown as Rule)).toBe(expected);
  });
});

describe('the end of a filter', () => {
  const withEnd = (lines: string) =>
    filterOf(`rules: any\n${SELECTION}`).replace('filter:', `${lines}\nfilter:`);
  const endOf = (lines: string) => parse(withEnd(lines)).filters.map(({ expires }) => expires);

  it.each([
    ['2026-12-01', Date.UTC(2026, 11, 2)],
    ['2028-02-29', Date.UTC(2028, 2, 1)],
    ['2026-12-01T08:00:00Z', Date.UTC(2026, 11, 1, 8)],
    ['2026-12-01T08:00:00.5+01:00', Date.UTC(2026, 11, 1, 7, 0, 0, 500)],
    ['"2026-12-01"', Date.UTC(2026, 11, 2)],
  ])('%s is the first moment at which it accepts nothing', (written, at) => {
    expect(endOf(`expires: ${written}`)).toEqual([{ text: written.replaceAll('"', ''), at }]);
    expect(problemsOf(withEnd(`expires: ${written}`))).toEqual([]);
  });

  it.each([
    ['2026-02-30', 'the text "2026-02-30"'],
    ['2026-02-30T08:00:00Z', 'the text "2026-02-30T08:00:00Z"'],
    ['2027-02-29', 'the text "2027-02-29"'],
    ['2026-12-01T08:00:00', 'the text "2026-12-01T08:00:00"'],
    ['2026-12-01T24:00:00Z', 'the text "2026-12-01T24:00:00Z"'],
    ['2026-12-01T08:61:00Z', 'the text "2026-12-01T08:61:00Z"'],
    ['2026/12/01', 'the text "2026/12/01"'],
    ['30d', 'the text "30d"'],
    ['never', 'the text "never"'],
    ['1764547200', 'the number 1764547200'],
    ['""', 'the text ""'],
    ['[2026-12-01]', 'a list'],
  ])('%s is none, which is an error', (written, found) => {
    expect(problemsOf(withEnd(`expires: ${written}`))).toEqual([
      `error invalid-expires f.yml:4: expires: expected a date like 2026-12-31, or a time like 2026-12-31T18:00:00Z, found ${found}`,
    ]);
    expect(endOf(`expires: ${written}`)).toEqual([]);
  });

  it('has an owner and a ticket, which are text', () => {
    expect(parse(withEnd('owner: team-a\nticket: OPS-7')).filters).toMatchObject([
      { owner: 'team-a', ticket: 'OPS-7' },
    ]);
    expect(problemsOf(withEnd('owner: [a]\nticket: 7'))).toEqual([
      'error invalid-type f.yml:4: owner: expected text, found a list',
      'error invalid-type f.yml:5: ticket: expected text, found the number 7',
    ]);
  });

  it('is no more than a key that the specification does not define, of a rule', () => {
    const rule = `${HEAD}expires: never\ndetection: {selection: {verb: create}, condition: selection}`;
    expect(problemsOf(rule)).toEqual([]);
  });

  it('is part of its meaning: one id with two ends is an error', () => {
    const parsed = ['2026-12-01', '2026-12-02'].map((end) => parse(withEnd(`expires: ${end}`)));
    expect(combine(parsed).problems.map(({ code }) => code)).toEqual(['duplicate-id']);
  });
});
