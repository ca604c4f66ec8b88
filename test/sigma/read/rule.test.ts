import { describe, expect, it } from '@jest/globals';
import { createCompiler } from '../../../src/sigma/match/compile.ts';
import { parseSigma } from '../../../src/sigma/read/load.ts';
import { formatProblem } from '../../../src/sigma/read/errors.ts';

const ID = 'a80d927d-ac6e-443f-a867-e8d6e3897318';
const BODY = `
logsource: {product: kubernetes, service: audit}
detection:
  selection: {verb: create}
  condition: selection
`;

const parse = (text: string) => parseSigma('r.yml', text);
const problemsOf = (text: string) =>
  parse(text).problems.map((problem) => `${problem.severity} ${problem.code} ${formatProblem(problem)}`);
const errorsOf = (text: string) =>
  parse(text).problems.map(({ code, path, message }) => `${code} ${path}: ${message}`);

describe('a rule', () => {
  it('is read, field by field', () => {
    const { rules, filters, problems } = parse(`
# a comment
title: Exec
id: ${ID.toUpperCase()}
name: exec
status: experimental
level: high
description: |
  Two
  lines
author: Somebody
date: 2024-03-26
modified: 2024-03-27
references: [https://example.com/]
tags: [attack.stealth, attack.defense-evasion, attack.t1609, our-own.thing, cve.2024-1]
falsepositives: [Unlikely]
related:
  - {id: ${ID}, type: similar}
logsource: {category: application, product: kubernetes, service: audit, definition: prose}
detection:
  selection: {verb: create}
  other: {verb: patch}
  condition:
    - selection
    - 1 of o*
custom: {anything: [1]}
`);
    expect({ filters, problems }).toEqual({ filters: [], problems: [] });
    expect(rules).toEqual([
      {
        id: ID,
        name: 'exec',
        title: 'Exec',
        status: 'experimental',
        level: 'high',
        description: 'Two\nlines\n',
        author: 'Somebody',
        date: '2024-03-26',
        tags: ['attack.stealth', 'attack.defense-evasion', 'attack.t1609', 'our-own.thing', 'cve.2024-1'],
        references: ['https://example.com/'],
        falsepositives: ['Unlikely'],
        logsource: { category: 'application', product: 'kubernetes', service: 'audit' },
        searchIdentifiers: { selection: expect.anything(), other: expect.anything() },
        conditions: [
          {
            text: 'selection',
            tree: { kind: 'identifier', name: 'selection', of: rules[0]?.searchIdentifiers['selection'] },
          },
          {
            text: '1 of o*',
            tree: { kind: 'identifier', name: 'other', of: rules[0]?.searchIdentifiers['other'] },
          },
        ],
        file: 'r.yml',
        line: 3,
      },
    ]);
  });

  it('needs little, and has defaults for the rest', () => {
    const { rules, problems } = parse(`title: Exec\nid:\nlevel: ~${BODY}`);
    expect(problems).toEqual([]);
    expect(rules).toEqual([
      {
        id: 'r.yml#Exec',
        title: 'Exec',
        status: 'test',
        level: 'medium',
        tags: [],
        references: [],
        falsepositives: [],
        logsource: { product: 'kubernetes', service: 'audit' },
        searchIdentifiers: expect.anything(),
        conditions: [expect.anything()],
        file: 'r.yml',
        line: 1,
      },
    ]);
  });

  it('may call its search identifiers anything the standard allows', () => {
    const { rules, problems } = parse(`
title: t
logsource: {product: x}
detection:
  __proto__: {a: 1}
  constructor: {a: 2}
  toString: {a: 3}
  1: {a: 4}
  _x-y: {a: 5}
  condition: __proto__ and constructor and toString and 1 and _x-y
`);
    expect(problems).toEqual([]);
    const identifiers = rules[0]?.searchIdentifiers ?? {};
    expect(Object.keys(identifiers).toSorted()).toEqual(
      ['1', '__proto__', '_x-y', 'constructor', 'toString'].toSorted(),
    );
    expect(identifiers['hasOwnProperty']).toBeUndefined();
  });

  it('of 256 characters in its title is read', () => {
    expect(errorsOf(`title: ${'t'.repeat(256)}${BODY}`)).toEqual([]);
  });
});

describe('what a rule says of itself', () => {
  it.each([
    ['id: x', 'missing-field title: no title; expected a short one'],
    ["title: ''", 'missing-field title: no title; expected a short one'],
    ['title: 5', 'invalid-type title: expected text, found the number 5'],
    [`title: ${'t'.repeat(257)}`, 'title-too-long title: has 257 characters; expected at most 256'],
    ['title: t\nid: exec', 'invalid-id id: expected a UUID, found the text "exec"'],
    [`title: t\nid: ${ID}0`, `invalid-id id: expected a UUID, found the text "${ID}0"`],
    ['title: t\nid: 5', 'invalid-id id: expected a UUID, found the number 5'],
    ["title: t\nname: ''", 'invalid-type name: expected a name, found an empty text'],
    [
      'title: t\nlevel: High',
      'unknown-value level: unknown level the text "High"; expected one of informational, low, medium, high, critical',
    ],
    [
      'title: t\nstatus: done',
      'unknown-value status: unknown status the text "done"; expected one of stable, test, experimental, deprecated, unsupported',
    ],
    [
      'title: t\ndate: 2024/02/30',
      'invalid-date date: expected a date like 2024-03-26, found the text "2024/02/30"',
    ],
    [
      'title: t\ndate: 2023-02-29',
      'invalid-date date: expected a date like 2024-03-26, found the text "2023-02-29"',
    ],
    [
      'title: t\nmodified: 2024',
      'invalid-date modified: expected a date like 2024-03-26, found the number 2024',
    ],
    ['title: t\ntags: attack.t1609', 'invalid-type tags: expected a list, found the text "attack.t1609"'],
    [
      'title: t\ntags: [attack.t1609, attack]',
      'invalid-tag tags.1: "attack" is no tag; expected a namespace and a name, like attack.t1609',
    ],
    ['title: t\nreferences: [{a: 1}]', 'invalid-type references.0: expected text, found a map'],
    ['title: t\nfalsepositives: [1]', 'invalid-type falsepositives.0: expected text, found the number 1'],
    ['title: t\nauthor: [a]', 'invalid-type author: expected text, found a list'],
    ['title: t\ndescription: {}', 'invalid-type description: expected text, found a map'],
    ['title: t\nrelated: x', 'invalid-type related: expected a list, found the text "x"'],
    [
      'title: t\nrelated: [x]',
      'invalid-related related.0: expected a map of id and type, found the text "x"',
    ],
    [
      `title: t\nrelated: [{id: x, type: similar}]`,
      'invalid-related related.0.id: expected a UUID, found the text "x"',
    ],
    [
      `title: t\nrelated: [{id: ${ID}, type: obsoletes}]`,
      'invalid-related related.0.type: expected one of derived, obsolete, merged, renamed, similar, found the text "obsoletes"',
    ],
  ])('%j is an error', (text, error) => {
    expect(errorsOf(`${text}${BODY}`)).toContain(error);
    expect(parse(`${text}${BODY}`).rules).toEqual([]);
  });
});

describe('the detection of a rule', () => {
  const HEAD = 'title: t\nlogsource: {product: x}\n';
  it.each([
    ['', 'missing-field detection: no detection; a rule needs one'],
    ['detection:', 'missing-field detection: no detection; a rule needs one'],
    [
      'detection: [a]',
      'invalid-type detection: expected a map of search identifiers and a condition, found a list',
    ],
    [
      'detection: {a: {b: 1}}',
      'missing-field detection.condition: no condition; expected one such as "selection"',
    ],
    [
      'detection: {a: {b: 1}, condition: []}',
      'missing-field detection.condition: no condition; expected one such as "selection"',
    ],
    [
      'detection: {a: {b: 1}, condition: {a: 1}}',
      'invalid-type detection.condition: expected a condition, found a map',
    ],
    [
      'detection: {a: {b: 1}, condition: [a, 5]}',
      'invalid-type detection.condition.1: expected a condition, found the number 5',
    ],
    [
      'detection: {a: {b: 1}, condition: [a, a b]}',
      'condition-syntax detection.condition.1: unexpected "b" at index 2; expected "and", "or" or the end',
    ],
    [
      'detection: {a: {b: 1}, condition: b}',
      'unknown-identifier detection.condition: unknown search identifier "b" at index 0; expected "a"',
    ],
    [
      'detection: {condition: a}',
      'missing-field detection: no search identifier; expected one beside "condition"',
    ],
    [
      'detection: {or: {b: 1}, a: {b: 1}, condition: a}',
      'invalid-identifier detection.or: "or" cannot name a search identifier; expected letters, digits, "_" and "-", and not "and", "or" or "not"',
    ],
    [
      'detection: {a: {b: 1}, timeframe: 5m, condition: a}',
      'aggregation-removed detection.timeframe: "timeframe" was removed from Sigma; write a correlation rule with a timespan instead',
    ],
    [
      'detection: {a: {b: 1}, condition: a | count() > 5}',
      'aggregation-removed detection.condition: aggregations such as "| count() > 5" were removed from Sigma; write a correlation rule instead',
    ],
  ])('%j is an error', (text, error) => {
    expect(errorsOf(HEAD + text)).toContain(error);
    expect(parse(HEAD + text).rules).toEqual([]);
  });

  it('that is not used is a warning, at its line', () => {
    const text = `${HEAD}detection:\n  a: {b: 1}\n  unused: {b: 1}\n  _kept: {b: 2}\n  condition: [a, not a]\n`;
    expect(problemsOf(text)).toEqual([
      'warning unused-identifier r.yml:5: detection.unused: search identifier "unused" is not used in the condition',
      'warning unused-identifier r.yml:6: detection._kept: search identifier "_kept" is not used in the condition',
    ]);
    expect(parse(text).rules).toHaveLength(1);
  });

  it('is checked to its end: everything wrong is reported together, each at its line', () => {
    expect(
      problemsOf(`id: x
level: loud
logsource: {}
detection:
  not: {a: 1}
  b: {c: 1}
  condition:
    - b and
    - d or 1 of e*
`),
    ).toEqual([
      'error missing-field r.yml:1: title: no title; expected a short one',
      'error invalid-id r.yml:1: id: expected a UUID, found the text "x"',
      'error unknown-value r.yml:2: level: unknown level the text "loud"; expected one of informational, low, medium, high, critical',
      'error logsource-empty r.yml:3: logsource: names no log; expected at least one of category, product, service',
      'error invalid-identifier r.yml:5: detection.not: "not" cannot name a search identifier; expected letters, digits, "_" and "-", and not "and", "or" or "not"',
      'error condition-syntax r.yml:8: detection.condition.0: unexpected end; expected a search identifier, "not", "1 of", "all of" or "("',
      'error unknown-identifier r.yml:9: detection.condition.1: unknown search identifier "d" at index 0; expected "b"',
      'error pattern-matches-nothing r.yml:9: detection.condition.1: "1 of e*" at index 5 matches no search identifier; expected "b"',
    ]);
  });
});

describe('what people write and no verdict depends on', () => {
  it.each([
    [
      'title: t\ndate: 2026/04/07',
      'invalid-date date: expected 2026-04-07, with dashes, found the text "2026/04/07"',
      '2026-04-07',
    ],
    [
      'title: t\ndate: 2017/3/4',
      'invalid-date date: expected 2017-03-04, with dashes, found the text "2017/3/4"',
      '2017-03-04',
    ],
  ])('%j is a warning', (text, warning, date) => {
    const { rules, problems } = parse(`${text}${BODY}`);
    expect(
      problems.map(({ severity, code, path, message }) => `${severity} ${code} ${path}: ${message}`),
    ).toEqual([`warning ${warning}`]);
    expect(rules.map((rule) => rule.date)).toEqual([date]);
  });

  it('a search identifier that only a pattern can call is called by it', () => {
    const text = 'detection: {a: {b: 1}, filter_x.conf: {c: 2}, condition: a and not 1 of filter_*}';
    const { rules, problems } = parse(`title: t\nlogsource: {product: x}\n${text}`);
    expect(problems.map(({ severity, code, path }) => `${severity} ${code} ${path}`)).toEqual([
      'warning invalid-identifier detection.filter_x.conf',
    ]);
    const [tree] = rules[0]?.conditions.map((condition) => condition.tree) ?? [];
    const matches = tree === undefined ? undefined : createCompiler().compile(tree);
    expect([matches?.({ b: 1 }), matches?.({ b: 1, c: 2 })]).toEqual([true, false]);
  });
});
