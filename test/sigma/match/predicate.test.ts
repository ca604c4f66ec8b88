import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parsePattern } from '../../../src/sigma/match/pattern.ts';
import { compilePredicate, compilePredicates } from '../../../src/sigma/match/predicate.ts';
import { TIME_PARTS, type Predicate, type TimePart } from '../../../src/sigma/match/tree.ts';

const text = (written: string, cased = false): Predicate => ({
  kind: 'string',
  pattern: parsePattern(written),
  cased,
});
const number = (value: number): Predicate => ({ kind: 'number', value });
const boolean = (value: boolean): Predicate => ({ kind: 'boolean', value });
const regex = (source: string, flags = ''): Predicate => ({ kind: 'regex', source, flags });
const cidr = (network: string): Predicate => ({ kind: 'cidr', network });
const compare = (operator: 'lt' | 'lte' | 'gt' | 'gte', value: number): Predicate => ({
  kind: 'compare',
  operator,
  value,
});

describe('a text in a rule', () => {
  it.each<[written: string, reading: unknown, expected: boolean]>([
    ['pods', 'PODS', true],
    ['403', 403, true],
    ['403', 4033, false],
    ['40*', 403, true],
    ['1.5', 1.5, true],
    ['5', 5.0, true],
    ['5.0', 5, false],
    ['-0', -0, false],
    ['true', true, true],
    ['TRUE', true, true],
    ['false', true, false],
    ['t*', true, true],
    ['1', true, false],
    ['', '', true],
    ['', null, false],
    ['', undefined, false],
    ['*', '', true],
    ['*', null, false],
    ['*', undefined, false],
    ['*', {}, false],
    ['*', { hostPath: '/' }, false],
    ['*', [], false],
    ['', [], false],
    ['', {}, false],
    ['null', null, false],
    ['[object Object]', {}, false],
  ])('%j compares with %j: %s', (written, reading, expected) => {
    expect(compilePredicate(text(written))(reading)).toBe(expected);
  });

  it('is case sensitive where it is cased, also against a boolean', () => {
    expect([true, 'True', 'true'].map(compilePredicate(text('True', true)))).toEqual([false, true, false]);
  });
});

describe('a number in a rule', () => {
  it.each<[value: number, reading: unknown, expected: boolean]>([
    [403, 403, true],
    [403, '403', true],
    [403, '403.0', true],
    [403, '0403', true],
    [403, '4.03e2', true],
    [403, '4033', false],
    [403, ' 403', false],
    [403, '403 ', false],
    [403, '+403', false],
    [403, '403x', false],
    [403, '0x193', false],
    [403, '٤٠٣', false],
    [0, '', false],
    [0, null, false],
    [0, false, false],
    [1, true, false],
    [0, [], false],
    [0, -0, true],
    [9007199254740991, '9007199254740991', true],
    [9007199254740991, '9007199254740993', false],
    [9007199254740991, '9007199254740992', false],
  ])('%d compares with %j: %s', (value, reading, expected) => {
    expect(compilePredicate(number(value))(reading)).toBe(expected);
  });
});

describe('a boolean in a rule', () => {
  it.each<[value: boolean, reading: unknown, expected: boolean]>([
    [true, true, true],
    [true, 'true', true],
    [true, 'True', true],
    [true, 'yes', false],
    [true, '1', false],
    [true, 1, false],
    [true, 'true ', false],
    [false, false, true],
    [false, 'FALSE', true],
    [false, '', false],
    [false, 0, false],
    [false, null, false],
    [false, undefined, false],
  ])('%s compares with %j: %s', (value, reading, expected) => {
    expect(compilePredicate(boolean(value))(reading)).toBe(expected);
  });
});

describe('lt, lte, gt and gte', () => {
  it.each<[Parameters<typeof compare>, reading: unknown, expected: boolean]>([
    [['lt', 5], 4, true],
    [['lt', 5], 5, false],
    [['lte', 5], 5, true],
    [['gt', 5], 5, false],
    [['gt', 5], 5.1, true],
    [['gte', 5], '5', true],
    [['gte', 0.5], '0.5', true],
    [['gt', 5], '1e3', true],
    [['gt', 5], ' 6', false],
    [['gt', 5], '6x', false],
    [['gt', 5], '0x10', false],
    [['lt', 5], '', false],
    [['lt', 5], Number.NaN, false],
    [['gte', 5], Number.NaN, false],
    [['lt', 5], 'NaN', false],
    [['gt', 5], 'Infinity', false],
    [['gt', 0], true, false],
    [['lt', 5], null, false],
    [['lt', 5], undefined, false],
    [['lt', 5], [], false],
    [['gt', 9007199254740991], '9007199254740993', true],
    [['lte', 9007199254740991], '9007199254740992', false],
  ])('%j of %j: %s', (comparison, reading, expected) => {
    expect(compilePredicate(compare(...comparison))(reading)).toBe(expected);
  });
});

describe('a network', () => {
  it.each<[network: string, reading: unknown, expected: boolean]>([
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.0.0.1', '10.0.0.1', true],
    ['10.0.0.1', '10.0.0.2', false],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['0.0.0.0/0', '::1', false],
    ['10.0.0.0/8', '::ffff:10.0.0.1', false],
    ['::ffff:0:0/96', '::ffff:10.0.0.1', true],
    ['::ffff:0:0/96', '10.0.0.1', false],
    ['::/0', '10.0.0.1', false],
    ['fd00::/8', 'FD12:3456::1', true],
    ['fd00::/8', 'fe80::1', false],
    ['::1', '0:0:0:0:0:0:0:1', true],
    ['10.0.0.0/8', '10.0.0.1:443', false],
    ['::/0', '[::1]', false],
    ['::/0', '[::1]:443', false],
    ['10.0.0.0/8', '10.0.0.0/8', false],
    ['10.0.0.0/8', '10.0.1', false],
    ['10.0.0.0/8', '010.0.0.1', false],
    ['10.0.0.0/8', ' 10.0.0.1', false],
    ['10.0.0.0/8', '', false],
    ['0.0.0.0/0', 167772161, false],
    ['0.0.0.0/0', null, false],
    ['0.0.0.0/0', ['10.0.0.1'], false],
  ])('%s has %j: %s', (network, reading, expected) => {
    expect(compilePredicate(cidr(network))(reading)).toBe(expected);
  });
});

describe('an instant', () => {
  it.each<[reading: string, parts: Partial<Record<TimePart, number>>]>([
    ['2026-11-24T13:05:59Z', { minute: 5, hour: 13, day: 24, week: 48, month: 11, year: 2026 }],
    ['2026-11-24T13:05:59.123456Z', { minute: 5, hour: 13, day: 24, week: 48, month: 11, year: 2026 }],
    ['2026-11-24t13:05:59z', { minute: 5, hour: 13, day: 24, week: 48, month: 11, year: 2026 }],
    ['2026-11-24 13:05:59Z', { minute: 5, hour: 13, day: 24, week: 48, month: 11, year: 2026 }],
    ['2026-12-31T23:30:00-01:15', { minute: 45, hour: 0, day: 1, week: 53, month: 1, year: 2027 }],
    ['2027-01-01T00:15:00+05:30', { minute: 45, hour: 18, day: 31, week: 53, month: 12, year: 2026 }],
    ['2016-12-31T23:59:60Z', { minute: 59, hour: 23, day: 31, week: 52, month: 12, year: 2016 }],
    ['2024-02-29T00:00:00Z', { minute: 0, hour: 0, day: 29, week: 9, month: 2, year: 2024 }],
    ['2021-01-03T00:00:00Z', { minute: 0, hour: 0, day: 3, week: 53, month: 1, year: 2021 }],
    ['2021-01-04T00:00:00Z', { minute: 0, hour: 0, day: 4, week: 1, month: 1, year: 2021 }],
    ['2024-12-30T00:00:00Z', { minute: 0, hour: 0, day: 30, week: 1, month: 12, year: 2024 }],
    ['2020-12-28T00:00:00Z', { minute: 0, hour: 0, day: 28, week: 53, month: 12, year: 2020 }],
    ['0050-06-01T00:00:00Z', { minute: 0, hour: 0, day: 1, week: 22, month: 6, year: 50 }],
  ])('%s has its parts in UTC, its week by ISO 8601', (reading, parts) => {
    expect(Object.fromEntries(partsOf(reading))).toEqual(parts);
  });

  it.each<unknown>([
    '2026-11-24',
    '13:05:59Z',
    '2026-11-24T13:05:59',
    '2026-11-24T13:05Z',
    '2026-02-30T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-11-24T24:00:00Z',
    '2026-11-24T13:60:00Z',
    '2026-11-24T13:00:61Z',
    '2026-11-24T13:00:00+24:00',
    ' 2026-11-24T13:05:59Z',
    'Tue Nov 24 2026 13:05:59 GMT',
    '',
    1795525559,
    null,
    undefined,
    {},
    new Date(0),
  ])('is not %j', (reading) => {
    expect(partsOf(reading)).toEqual([]);
  });
});

function partsOf(reading: unknown) {
  return TIME_PARTS.map((part) => [part, valueOf(part, reading)]).filter(([, value]) => value !== undefined);
}

function valueOf(part: TimePart, reading: unknown): number | undefined {
  const candidates =
    part === 'year' ? [50, 2016, 2020, 2021, 2024, 2026, 2027] : Array.from({ length: 60 }, (_, n) => n);
  return candidates.find((value) => compilePredicate({ kind: 'time', part, value })(reading));
}

describe('an expression', () => {
  it.each<[Parameters<typeof regex>, reading: unknown, expected: boolean]>([
    [['kube-.*-[a-z0-9]{5}$'], 'a kube-proxy-bv61v', true],
    [['^kube'], 'a kube', false],
    [['KUBE'], 'kube', false],
    [['KUBE', 'i'], 'kube', true],
    [['Σ', 'i'], 'ς', true],
    [['a.b'], 'a\nb', false],
    [['a.b', 's'], 'a\nb', true],
    [['^b$'], 'a\nb', false],
    [['^b$', 'm'], 'a\nb', true],
    [['^B.c$', 'ims'], 'a\nb\nc', true],
    [['(?i)KUBE'], 'kube', true],
    [['(?s)a.b'], 'a\nb', true],
    [['(?m)^b$'], 'a\nb', true],
    [['^403$'], 403, true],
    [['^true$'], true, true],
    [[''], '', true],
    [[''], null, false],
    [['.*'], {}, false],
    [['^.$'], '😀', true],
  ])('%j finds itself in %j: %s', (expression, reading, expected) => {
    expect(compilePredicate(regex(...expression))(reading)).toBe(expected);
  });
});

describe('a list of predicates', () => {
  const readings: fc.Arbitrary<unknown> = fc.oneof(
    fc.constantFrom('a', 'A', 'ab', 'B', '5', 'true', 'x\ny', '😀', '\ud83d', '', 'ς', '10.1.2.3'),
    fc.constantFrom<unknown>(5, -0, 1.5, true, false, null, undefined, {}, []),
    fc.string({ unit: 'binary' }),
  );
  const predicates: fc.Arbitrary<Predicate> = fc.oneof(
    fc
      .tuple(fc.constantFrom('a', 'A', 'b*', '*B', '*a*', 'a?', '?', '*', '', 'Σ', '5', 'TRUE'), fc.boolean())
      .map((each) => text(...each)),
    fc.constantFrom(number(5), number(0), boolean(true), boolean(false), compare('lt', 3), compare('gte', 5)),
    fc.constantFrom(regex('^a'), regex('B', 'i'), cidr('10.0.0.0/8')),
    fc.constantFrom<Predicate>(
      { kind: 'null' },
      { kind: 'exists', value: true },
      { kind: 'time', part: 'hour', value: 0 },
      { kind: 'fieldref', field: 'a', paths: ['a'], comparison: 'equals' },
    ),
  );

  it('holds where any of them does', () => {
    fc.assert(
      fc.property(fc.array(predicates, { maxLength: 6 }), readings, (list, reading) => {
        const expected = list.some((predicate) => compilePredicate(predicate)(reading));
        expect(compilePredicates(list)(reading)).toBe(expected);
      }),
      { numRuns: 3000 },
    );
  });

  it('may be long: a thousand names, cased and not', () => {
    const names = Array.from({ length: 1000 }, (_, index) => `Name-${index}`);
    const uncased = compilePredicates(names.map((name) => text(name)));
    const cased = compilePredicates(names.map((name) => text(name, true)));
    expect(['name-0', 'NAME-999', 'name-1000', 'name'].map(uncased)).toEqual([true, true, false, false]);
    expect(['name-0', 'Name-999', 'Name-1000'].map(cased)).toEqual([false, true, false]);
  });

  it('has no opinion of what one reading cannot decide', () => {
    const satisfies = compilePredicates([{ kind: 'null' }, { kind: 'exists', value: false }]);
    expect([null, undefined, '', 'a'].map(satisfies)).toEqual([false, false, false, false]);
  });

  it('never throws, whatever it is asked about', () => {
    const every = [
      text('*a?b*'),
      text('x', true),
      number(1),
      boolean(true),
      regex('(a+)+$', 'ims'),
      cidr('fd00::/8'),
      compare('gt', 1),
      ...TIME_PARTS.map((part): Predicate => ({ kind: 'time', part, value: 1 })),
    ];
    const satisfies = compilePredicates(every);
    let deep: unknown = {};
    for (let level = 0; level < 100_000; level += 1) deep = { deep };
    const hostile: readonly unknown[] = [
      deep,
      Object.create(null),
      JSON.parse('{"__proto__": {"toString": 1}, "constructor": null}'),
      Array.from({ length: 10_000 }, () => 'a'),
      'a'.repeat(3_000_000),
      '1'.repeat(3_000_000),
      '1.'.repeat(1_000_000),
      ':'.repeat(1_000_000),
      '\ud83d'.repeat(1_000_000),
      'é'.repeat(1_000_000),
      Symbol('unknown'),
      10n,
      () => 1,
    ];
    expect(hostile.map((reading) => typeof satisfies(reading))).toEqual(hostile.map(() => 'boolean'));
    fc.assert(
      fc.property(fc.anything(), (reading) => {
        expect(typeof satisfies(reading)).toBe('boolean');
      }),
    );
  });
});
