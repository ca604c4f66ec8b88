import { describe, expect, it } from '@jest/globals';
import { MODIFIERS } from '../../../src/sigma/read/modifiers.ts';
import { codesOf, judge, parse, problemsOf, show, treeOf } from '../detections.ts';

const under = (modifiers: string, value: unknown) => ({ [`f|${modifiers}`]: value });

/** What one value stands for. */
function variants(value: string, modifiers = 'windash'): readonly string[] {
  const tree = treeOf(under(modifiers, value));
  return tree.kind === 'item' ? show(tree).slice(2, -1).split(' | ') : [];
}

/** The only problem. */
function error(modifiers: string): string {
  const [problem, ...others] = parse(under(modifiers, 'abc')).problems;
  expect(others).toEqual([]);
  return `${problem?.severity} ${problem?.code}: ${problem?.message}`;
}

describe('a modifier', () => {
  it.each<[modifiers: string, value: unknown, tree: string]>([
    // Where in the text.
    ['contains', 'foo', 'f[<*>foo<*>]'],
    ['startswith', 'foo', 'f[foo<*>]'],
    ['endswith', 'foo', 'f[<*>foo]'],
    ['contains', ['a', 'b'], 'f[<*>a<*> | <*>b<*>]'],
    ['startswith|endswith', 'foo', 'f[<*>foo<*>]'],
    ['endswith|startswith', 'foo', 'f[<*>foo<*>]'],
    ['contains|contains', 'foo', 'f[<*>foo<*>]'],
    ['contains|startswith', 'foo', 'f[<*>foo<*>]'],
    ['contains', '?foo', 'f[<*><?>foo<*>]'],
    ['contains', 'foo\\', 'f[<*>foo\\\\<*>]'],
    // All of the values.
    ['contains|all', ['a', 'b'], 'and(f[<*>a<*>], f[<*>b<*>])'],
    ['all|contains', ['a', 'b'], 'and(f[<*>a<*>], f[<*>b<*>])'],
    ['all', ['a*', '*b', 5], 'and(f[a<*>], f[<*>b], f[number 5])'],
    ['all|re', ['a', 'b'], 'and(f[/a/], f[/b/])'],
    // Case.
    ['cased', ['A', 'b'], 'f[cased A | cased b]'],
    ['cased|contains', 'A', 'f[cased <*>A<*>]'],
    ['contains|cased', 'A', 'f[cased <*>A<*>]'],
    ['cased|base64', 'foobar', 'f[cased Zm9vYmFy]'],
    ['base64|cased', 'foobar', 'f[cased Zm9vYmFy]'],
    // Not.
    ['neq', 'a', 'not(f[a])'],
    ['neq', ['a', 'b'], 'not(f[a | b])'],
    ['contains|all|neq', ['a', 'b'], 'not(and(f[<*>a<*>], f[<*>b<*>]))'],
    ['neq|contains|all', ['a', 'b'], 'not(and(f[<*>a<*>], f[<*>b<*>]))'],
    ['neq', null, 'not(f[null])'],
    ['re|neq', 'a', 'not(f[/a/])'],
    ['cidr|neq', '10.0.0.0/8', 'not(f[in 10.0.0.0/8])'],
    ['exists|neq', true, 'not(f[exists true])'],
    ['gt|neq', 5, 'not(f[gt 5])'],
    ['neq|gt', 5, 'not(f[gt 5])'],
    ['hour|neq', 5, 'not(f[hour 5])'],
    ['all|neq', ['a', 'b'], 'not(and(f[a], f[b]))'],
    // Presence.
    ['exists', true, 'f[exists true]'],
    ['exists', [true, false], 'f[exists true | exists false]'],
    // Expressions.
    ['re', 'a.*\\*b', 'f[/a.*\\*b/]'],
    ['re', ['a', 'b'], 'f[/a/ | /b/]'],
    ['re|all', ['a', 'b'], 'and(f[/a/], f[/b/])'],
    ['re|i', 'a', 'f[/a/i]'],
    ['re|ignorecase', 'a', 'f[/a/i]'],
    ['re|m|s', 'a', 'f[/a/ms]'],
    ['re|multiline|dotall', 'a', 'f[/a/ms]'],
    ['re|i|m|s|i', 'a', 'f[/a/ims]'],
    ['re', '(?is)a', 'f[/(?is)a/]'],
    ['re|contains', 'a|b', 'f[/a|b/]'],
    ['re|startswith', 'a', 'f[/a/]'],
    ['re|endswith', 'a$', 'f[/a$/]'],
    // Encodings.
    ['base64', 'foobar', 'f[Zm9vYmFy]'],
    ['base64', 'foo', 'f[Zm9v]'],
    ['base64', 'a', 'f[YQ==]'],
    ['base64|base64', 'a', 'f[WVE9PQ==]'],
    ['base64', 'foo\\*', 'f[Zm9vKg==]'],
    ['base64', 'fooé', 'f[Zm9vw6k=]'],
    ['base64', '', 'f[]'],
    ['base64|contains', 'foo', 'f[<*>Zm9v<*>]'],
    ['base64offset', 'foobar', 'f[Zm9vYmFy | Zvb2Jhc | mb29iYX]'],
    ['base64offset|contains', 'foobar', 'f[<*>Zm9vYmFy<*> | <*>Zvb2Jhc<*> | <*>mb29iYX<*>]'],
    ['base64offset|contains', 'fooé', 'f[<*>Zm9vw6<*> | <*>Zvb8Op<*> | <*>mb2/Dq<*>]'],
    [
      'base64offset|contains|all',
      ['foobar', 'http://'],
      'and(f[<*>Zm9vYmFy<*> | <*>Zvb2Jhc<*> | <*>mb29iYX<*>], f[<*>aHR0cDovL<*> | <*>h0dHA6Ly<*> | <*>odHRwOi8v<*>])',
    ],
    ['wide', 'cmd', 'f[c\\u0000m\\u0000d\\u0000]'],
    ['utf16le', 'cmd', 'f[c\\u0000m\\u0000d\\u0000]'],
    ['utf16be', 'cmd', 'f[\\u0000c\\u0000m\\u0000d]'],
    ['wide', '*foo*', 'f[<*>f\\u0000o\\u0000o\\u0000<*>]'],
    ['wide|contains', 'c?', 'f[<*>c\\u0000<?><*>]'],
    ['wide|base64', 'cmd', 'f[YwBtAGQA]'],
    ['utf16le|base64', 'cmd', 'f[YwBtAGQA]'],
    ['utf16be|base64', 'cmd', 'f[AGMAbQBk]'],
    ['utf16|base64', 'cmd', 'f[//5jAG0AZAA=]'],
    ['wide|base64', 'é😀', 'f[6QA92ADe]'],
    ['utf16be|base64', 'é', 'f[AOk=]'],
    [
      'wide|base64offset|contains',
      'http://',
      'f[<*>aAB0AHQAcAA6AC8ALw<*> | <*>gAdAB0AHAAOgAvAC8A<*> | <*>oAHQAdABwADoALwAvA<*>]',
    ],
    ['base64|wide|base64', 'a', 'f[WQBRAD0APQA=]'],
    // Numbers and instants.
    ['lt', 5, 'f[lt 5]'],
    ['lte', 5.5, 'f[lte 5.5]'],
    ['gt', -1, 'f[gt -1]'],
    ['gte', [1, 2], 'f[gte 1 | gte 2]'],
    ['gte|all', [1, 2], 'and(f[gte 1], f[gte 2])'],
    ['gte|all|neq', [1, 2], 'not(and(f[gte 1], f[gte 2]))'],
    ['minute', 59, 'f[minute 59]'],
    ['hour', [0, 23], 'f[hour 0 | hour 23]'],
    ['day', 31, 'f[day 31]'],
    ['week', 53, 'f[week 53]'],
    ['month', 12, 'f[month 12]'],
    ['year', 2026, 'f[year 2026]'],
    ['hour', 5.7, 'f[hour 5]'],
    // Networks.
    ['cidr', ['10.0.0.0/8', 'fd00::/8'], 'f[in 10.0.0.0/8 | in fd00::/8]'],
    ['cidr|all', ['10.0.0.0/8', '10.1.0.0/16'], 'and(f[in 10.0.0.0/8], f[in 10.1.0.0/16])'],
    ['cidr', '10.0.0.1', 'f[in 10.0.0.1]'],
    ['cidr', '::1', 'f[in ::1]'],
    ['cidr', '::ffff:0:0/96', 'f[in ::ffff:0:0/96]'],
    // Another field.
    ['fieldref', 'g.h', 'f[equals g.h at g.h]'],
    ['fieldref', ['g', 'h'], 'f[equals g at g | equals h at h]'],
    ['fieldref|all', ['g', 'h'], 'and(f[equals g at g], f[equals h at h])'],
    ['fieldref|contains', 'g', 'f[contains g at g]'],
    ['fieldref|startswith', 'g', 'f[startswith g at g]'],
    ['fieldref|endswith', 'g', 'f[endswith g at g]'],
    ['fieldref|startswith|endswith', 'g', 'f[contains g at g]'],
    ['fieldref|contains|startswith', 'g', 'f[contains g at g]'],
    ['fieldref|startswith|startswith', 'g', 'f[startswith g at g]'],
    ['fieldref|neq', 'g', 'not(f[equals g at g])'],
    ['neq|fieldref', 'g', 'not(f[equals g at g])'],
    ['neq|fieldref|contains', 'g', 'not(f[contains g at g])'],
  ])('%s of %j', (modifiers, value, tree) => {
    expect(show(treeOf(under(modifiers, value)))).toBe(tree);
  });

  it('is tested above, each of them', () => {
    const names =
      'all startswith endswith contains exists cased neq windash wide utf16le utf16be utf16 base64 base64offset ' +
      're i ignorecase m multiline s dotall lt lte gt gte minute hour day week month year cidr expand fieldref';
    expect([...MODIFIERS.keys()]).toEqual(names.split(' '));
  });
});

describe('windash', () => {
  it('is every dash in the place of one that begins a word', () => {
    expect(variants('-f')).toEqual(['-f', '/f', '–f', '—f', '―f']);
    expect(variants(' /f ')).toEqual([' -f ', ' /f ', ' –f ', ' —f ', ' ―f ']);
    expect(variants('-é')).toHaveLength(5);
    expect(variants('-param-1 -param2')).toHaveLength(25);
    expect(variants('-param-1 -param2')).toEqual(
      expect.arrayContaining([
        '-param-1 -param2',
        '/param-1 -param2',
        '-param-1 /param2',
        '―param-1 ―param2',
      ]),
    );
  });

  it.each(['a-b', 'a/b', 'é-b', '-', '- a', 'a-', '--', '–a', '—a', '―a', 'a_-b', '1-2'])(
    'leaves %s alone',
    (value) => {
      expect(variants(value)).toEqual([value]);
    },
  );

  it('keeps wildcards, and goes with contains on either side', () => {
    expect(variants('*-f*').slice(0, 2)).toEqual(['<*>-f<*>', '<*>/f<*>']);
    expect(variants('-f', 'contains|windash').slice(0, 2)).toEqual(['<*>-f<*>', '<*>/f<*>']);
    expect(variants('-f', 'windash|contains|cased').slice(0, 2)).toEqual([
      'cased <*>-f<*>',
      'cased <*>/f<*>',
    ]);
    expect(variants('--f')).toEqual(['--f', '-/f', '-–f', '-—f', '-―f']);
  });

  it('is OR even under all', () => {
    const tree = treeOf(under('windash|contains|all', ['-a', 'b']));
    expect(show(tree)).toBe('and(f[<*>-a<*> | <*>/a<*> | <*>–a<*> | <*>—a<*> | <*>―a<*>], f[<*>b<*>])');
  });

  it('takes five dashes, 3,125 variants, and no more', () => {
    expect(new Set(variants('-a -b -c -d -e')).size).toBe(3125);
    expect(problemsOf(under('windash', '-a -b -c -d -e -f'))).toEqual([
      'error too-many-values: selection.f|windash: "-a -b -c -d -e -f" has more than 5 dashes, each of which stands for 5; expected fewer',
    ]);
  });
});

describe('expand', () => {
  const placeholders = {
    admins: ['alice', 'bo*'],
    one: [1],
    two: ['x', 'y'],
    empty: [],
    'a-b.c': ['z'],
    back: ['\\'],
  };
  const expanded = (modifiers: string, value: unknown) => show(treeOf(under(modifiers, value), placeholders));

  it.each<[modifiers: string, value: unknown, tree: string]>([
    ['expand', '%admins%', 'f[alice | bo<*>]'],
    ['expand', 'a-%admins%-b', 'f[a-alice-b | a-bo<*>-b]'],
    ['expand', '%one%', 'f[1]'],
    ['expand', '%two%%two%', 'f[xx | xy | yx | yy]'],
    ['expand', '%a-b.c%', 'f[z]'],
    ['contains|expand', '%two%', 'f[<*>x<*> | <*>y<*>]'],
    ['expand|contains', '%two%', 'f[<*>x<*> | <*>y<*>]'],
    ['expand|contains|all', ['%two%', 'z'], 'and(f[<*>x<*> | <*>y<*>], f[<*>z<*>])'],
    ['expand|cased', '%two%', 'f[cased x | cased y]'],
    ['expand|base64', '%two%', 'f[eA== | eQ==]'],
    ['expand|neq', '%two%', 'not(f[x | y])'],
    ['expand', '*%two%', 'f[<*>x | <*>y]'],
    ['expand', 'a%b', 'f[a%b]'],
    ['expand', '%%', 'f[%%]'],
    ['expand', '100% of %two%', 'f[100% of x | 100% of y]'],
    ['expand', '\\%two%', 'f[%two%]'],
    ['expand', '\\%two\\%', 'f[%two%]'],
    ['expand', '\\\\%two%', 'f[\\\\x | \\\\y]'],
    ['expand', '%back%*', 'f[\\\\<*>]'],
    ['expand', '\\*%one%', 'f[*1]'],
    ['re|expand', '^%admins%$', 'f[/^alice$/ | /^bo\\*$/]'],
    ['re|i|expand', '%one%.', 'f[/1./i]'],
    ['re|expand', '\\%one%', 'f[/\\%one%/]'],
    ['contains', '%admins%', 'f[<*>%admins%<*>]'],
    ['re', '%admins%', 'f[/%admins%/]'],
  ])('%s of %j', (modifiers, value, tree) => {
    expect(expanded(modifiers, value)).toBe(tree);
  });

  it('never reads a value from the event', () => {
    expect(judge(under('expand', '%admins%'), { f: 'mallory', admins: 'mallory' }, placeholders)).toBe(false);
  });

  it.each<[value: string, given: Record<string, readonly (string | number)[]>, problem: string]>([
    [
      '%nobody%',
      {},
      'placeholder "%nobody%" has no values; none is defined: name a file of values with --placeholders',
    ],
    [
      'a %nobody% b',
      placeholders,
      'placeholder "%nobody%" has no values; defined are "admins", "one", "two", "empty", "a-b.c", …',
    ],
    ['%empty%', { empty: [] }, 'placeholder "%empty%" has no values; defined are "empty"'],
    [
      '%toString%',
      {},
      'placeholder "%toString%" has no values; none is defined: name a file of values with --placeholders',
    ],
  ])('rejects %s without values', (value, given, problem) => {
    expect(problemsOf(under('expand', value), given)).toEqual([
      `error unresolved-placeholder: selection.f|expand: ${problem}`,
    ]);
    expect(codesOf(under('re|expand', value), given)).toEqual(['error unresolved-placeholder']);
  });

  it('is bounded', () => {
    const many = { p: Array.from({ length: 1000 }, (_, index) => index) };
    expect(codesOf(under('expand', '%p%%p%'), many)).toEqual(['error too-many-values']);
    expect(codesOf(under('re|expand', '%p%%p%'), many)).toEqual(['error too-many-values']);
    expect(codesOf(under('expand|windash', '%p% -a -b -c -d'), many)).toEqual(['error too-many-values']);
  });
});

describe('a chain that means nothing', () => {
  const KNOWN = [...MODIFIERS.keys()].join(', ');

  it.each([
    ['contain', `error unknown-modifier: unknown modifier "contain"; expected one of ${KNOWN}`],
    ['', `error unknown-modifier: a modifier is missing after "|"; expected one of ${KNOWN}`],
    ['contains|', `error unknown-modifier: a modifier is missing after "|"; expected one of ${KNOWN}`],
    ['Contains', 'error unknown-modifier: unknown modifier "Contains"; expected "contains"'],
    [' contains', 'error unknown-modifier: unknown modifier " contains"; expected "contains"'],
    ['toString', `error unknown-modifier: unknown modifier "toString"; expected one of ${KNOWN}`],
    [
      're|cased',
      'error modifier-conflict: "cased" cannot follow "re"; expected all, startswith, endswith, contains, neq, i, ignorecase, m, multiline, s, dotall, expand there',
    ],
    ['contains|re', 'error modifier-conflict: "re" cannot follow "contains"; expected it first'],
    ['neq|re', 'error modifier-conflict: "re" cannot follow "neq"; expected it first'],
    ['expand|re', 'error modifier-conflict: "re" cannot follow "expand"; expected it first'],
    ['re|re', 'error modifier-conflict: "re" cannot follow "re"; expected it first'],
    ['neq|cidr', 'error modifier-conflict: "cidr" cannot follow "neq"; expected it first'],
    ['contains|cidr', 'error modifier-conflict: "cidr" cannot follow "contains"; expected it first'],
    ['cidr|contains', 'error modifier-conflict: "contains" cannot follow "cidr"; expected all, neq there'],
    ['neq|exists', 'error modifier-conflict: "exists" cannot follow "neq"; expected it first'],
    [
      'exists|contains',
      'error modifier-conflict: "contains" cannot follow "exists"; expected all, neq there',
    ],
    ['exists|cased', 'error modifier-conflict: "cased" cannot follow "exists"; expected all, neq there'],
    ['i', 'error modifier-conflict: "i" cannot stand first; expected re before it'],
    ['i|re', 'error modifier-conflict: "i" cannot stand first; expected re before it'],
    [
      'contains|i',
      'error modifier-conflict: "i" cannot follow "contains"; expected all, startswith, endswith, contains, cased, neq, windash, wide, utf16le, utf16be, utf16, base64, base64offset, expand there',
    ],
    ['lt|gt', 'error modifier-conflict: "gt" cannot follow "lt"; expected it first'],
    ['contains|lt', 'error modifier-conflict: "lt" cannot follow "contains"; expected it first'],
    ['lt|contains', 'error modifier-conflict: "contains" cannot follow "lt"; expected all, neq there'],
    ['hour|gte', 'error modifier-conflict: "gte" cannot follow "hour"; expected it first'],
    ['gte|hour', 'error modifier-conflict: "hour" cannot follow "gte"; expected it first'],
    ['hour|minute', 'error modifier-conflict: "minute" cannot follow "hour"; expected it first'],
    [
      'fieldref|cased',
      'error modifier-conflict: "cased" cannot follow "fieldref"; expected all, startswith, endswith, contains, neq there',
    ],
    ['cased|fieldref', 'error modifier-conflict: "fieldref" cannot follow "cased"; expected it first'],
    ['contains|fieldref', 'error modifier-conflict: "fieldref" cannot follow "contains"; expected it first'],
    ['fieldref|re', 'error modifier-conflict: "re" cannot follow "fieldref"; expected it first'],
    [
      'fieldref|expand',
      'error modifier-conflict: "expand" cannot follow "fieldref"; expected all, startswith, endswith, contains, neq there',
    ],
    [
      'base64|windash',
      'error modifier-conflict: "windash" cannot follow "base64"; expected all, startswith, endswith, contains, cased, neq, wide, utf16le, utf16be, utf16, base64, base64offset there',
    ],
    [
      'base64|expand',
      'error modifier-conflict: "expand" cannot follow "base64"; expected all, startswith, endswith, contains, cased, neq, wide, utf16le, utf16be, utf16, base64, base64offset there',
    ],
    [
      'wide|wide',
      'error modifier-conflict: "wide" cannot follow "wide"; expected all, startswith, endswith, contains, cased, neq, base64, base64offset there',
    ],
    [
      'wide|utf16be',
      'error modifier-conflict: "utf16be" cannot follow "wide"; expected all, startswith, endswith, contains, cased, neq, base64, base64offset there',
    ],
    ['neq|neq', 'error modifier-conflict: "neq" stands twice; expected it once'],
    ['windash|windash', 'error modifier-conflict: "windash" stands twice; expected it once'],
    [
      're|base64',
      'error modifier-conflict: "base64" cannot follow "re"; expected all, startswith, endswith, contains, neq, i, ignorecase, m, multiline, s, dotall, expand there',
    ],
  ])('%s', (modifiers, problem) => {
    expect(error(modifiers)).toBe(problem);
  });

  it('is reported once, however many values stand below it', () => {
    expect(problemsOf(under('cidr|contains', ['a', 'b']))).toEqual([
      'error modifier-conflict: selection.f|cidr|contains: "contains" cannot follow "cidr"; expected all, neq there',
    ]);
  });

  it.each(['exists', 'fieldref', 'lt', 'lte', 'gt', 'gte', 'minute', 'year'])(
    '|%s without a field',
    (modifier) => {
      expect(problemsOf({ [`|${modifier}`]: 'x' })).toEqual([
        `error modifier-conflict: selection.|${modifier}: "${modifier}" needs a field; expected its name before "|"`,
      ]);
    },
  );
});

describe('a value that a modifier cannot take', () => {
  const text = [
    'contains',
    'startswith',
    'endswith',
    'cased',
    'windash',
    'base64',
    'base64offset',
    'wide',
    'utf16',
    're',
    'cidr',
    'expand',
    'fieldref',
  ];

  it.each(text)('is a number, boolean or null for %s', (modifier) => {
    expect([5, true, null].map((value) => parse(under(modifier, value)).problems[0]?.message)).toEqual([
      `expected text for "${modifier}", found the number 5`,
      `expected text for "${modifier}", found true`,
      `expected text for "${modifier}", found null`,
    ]);
  });

  it.each(['lt', 'lte', 'gt', 'gte', 'minute', 'hour', 'day', 'week', 'month', 'year'])(
    'is anything but a number for %s',
    (modifier) => {
      expect(
        ['5', true, null, '*'].map((value) => parse(under(modifier, value)).problems[0]?.message),
      ).toEqual([
        `expected a number for "${modifier}", found the text "5"`,
        `expected a number for "${modifier}", found true`,
        `expected a number for "${modifier}", found null`,
        `expected a number for "${modifier}", found the text "*"`,
      ]);
      expect(codesOf(under(modifier, Number.NaN))).toEqual(['error invalid-number']);
    },
  );

  it('is anything but a boolean for exists', () => {
    expect(['true', 1, null].map((value) => parse(under('exists', value)).problems[0]?.message)).toEqual([
      'expected true or false for "exists", found the text "true"',
      'expected true or false for "exists", found the number 1',
      'expected true or false for "exists", found null',
    ]);
    expect(codesOf(under('exists', 'true'))).toEqual(['error modifier-type']);
  });

  it.each<[modifiers: string, value: unknown, problem: string]>([
    [
      'base64',
      'a*',
      'wildcard-not-allowed: wildcards in "a*" cannot be encoded; expected text, a literal "*" or "?" as "\\*" or "\\?", and "contains" after the encoding',
    ],
    [
      'contains|base64',
      'foo',
      'wildcard-not-allowed: wildcards in "foo" cannot be encoded; expected text, a literal "*" or "?" as "\\*" or "\\?", and "contains" after the encoding',
    ],
    [
      'base64offset|contains',
      'fo?',
      'wildcard-not-allowed: wildcards in "fo?" cannot be encoded; expected text, a literal "*" or "?" as "\\*" or "\\?", and "contains" after the encoding',
    ],
    [
      'base64offset|contains',
      'a',
      'base64offset-too-short: "a" is 1 bytes, too few to be found in base64; expected at least 3',
    ],
    [
      'base64offset|contains',
      'ab',
      'base64offset-too-short: "ab" is 2 bytes, too few to be found in base64; expected at least 3',
    ],
    [
      'base64offset|contains',
      '',
      'base64offset-too-short: "" is 0 bytes, too few to be found in base64; expected at least 3',
    ],
    [
      'wide',
      'é',
      'bytes-without-base64: "é" under "wide" is bytes that no text has; expected "base64" or "base64offset" after the encoding',
    ],
    [
      'utf16',
      'cmd',
      'bytes-without-base64: "cmd" under "utf16" is bytes that no text has; expected "base64" or "base64offset" after the encoding',
    ],
    [
      'fieldref',
      'g*',
      'wildcard-not-allowed: a field\'s name has no wildcards, "g*" does; expected one field\'s name',
    ],
    [
      'fieldref',
      'g[].h',
      'invalid-field: "g[].h" is not standard Sigma; expected "g.h": a path that meets a list asks every member',
    ],
    ['fieldref', '', 'invalid-field: "" has an empty part; expected names between dots'],
    ['hour', 24, 'time-part-range: no instant has the hour "24"; expected 0 to 23'],
    ['minute', -1, 'time-part-range: no instant has the minute "-1"; expected 0 to 59'],
    ['week', 0, 'time-part-range: no instant has the week "0"; expected 1 to 53'],
    ['month', 13, 'time-part-range: no instant has the month "13"; expected 1 to 12'],
    [
      'cidr',
      '10.0.0.1/8',
      'invalid-network: "10.0.0.1/8" has bits set beyond its prefix; expected "10.0.0.0/8"',
    ],
    ['cidr', 'fd00::1/8', 'invalid-network: "fd00::1/8" has bits set beyond its prefix; expected "fd00::/8"'],
    [
      'cidr',
      '10.0.0.0/33',
      'invalid-network: "10.0.0.0/33" is no network; expected one such as "10.0.0.0/8" or "fd00::/8"',
    ],
    [
      'cidr',
      '::/129',
      'invalid-network: "::/129" is no network; expected one such as "10.0.0.0/8" or "fd00::/8"',
    ],
    [
      'cidr',
      '10.0.0.0/',
      'invalid-network: "10.0.0.0/" is no network; expected one such as "10.0.0.0/8" or "fd00::/8"',
    ],
    [
      'cidr',
      '10.0.0.0/8/8',
      'invalid-network: "10.0.0.0/8/8" is no network; expected one such as "10.0.0.0/8" or "fd00::/8"',
    ],
    [
      'cidr',
      '10.0.*',
      'invalid-network: "10.0.*" is no network; expected one such as "10.0.0.0/8" or "fd00::/8"',
    ],
    [
      'cidr',
      '010.0.0.0/8',
      'invalid-network: "010.0.0.0/8" is no network; expected one such as "10.0.0.0/8" or "fd00::/8"',
    ],
    [
      'cidr',
      'fe80::%eth0/10',
      'invalid-network: "fe80::%eth0/10" is no network; expected one such as "10.0.0.0/8" or "fd00::/8"',
    ],
    ['cidr', '', 'invalid-network: "" is no network; expected one such as "10.0.0.0/8" or "fd00::/8"'],
    ['re', '(', 'regex-syntax: missing closing ): "("; expected an expression in RE2 syntax'],
  ])('%s: %j', (modifiers, value, problem) => {
    expect(problemsOf(under(modifiers, value))).toContain(
      `error ${problem.replace(': ', `: selection.f|${modifiers}: `)}`,
    );
  });

  it('is reported where it stands in a list', () => {
    expect(problemsOf(under('cidr', ['10.0.0.0/8', 'x']))).toEqual([
      'error invalid-network: selection.f|cidr.1: "x" is no network; expected one such as "10.0.0.0/8" or "fd00::/8"',
    ]);
  });
});

describe('a doubtful chain is a warning', () => {
  it.each<[modifiers: string, value: unknown, problem: string]>([
    ['all', 'a', 'all-on-single-value: "all" on one value changes nothing; expected a list'],
    ['contains|all', ['a'], 'all-on-single-value: "all" on one value changes nothing; expected a list'],
    [
      're|contains',
      'a',
      'modifier-without-effect: an expression is searched for anywhere, whatever "contains", "startswith" and "endswith" say; expected "^" or "$" in it',
    ],
    [
      'base64offset',
      'foobar',
      'base64offset-without-contains: "base64offset" gives parts of a longer text, which no whole value equals; expected "contains" after it',
    ],
  ])('%s of %j', (modifiers, value, problem) => {
    const { tree, problems } = parse(under(modifiers, value));
    expect(tree).toBeDefined();
    expect(problems.map(({ severity, code, message }) => `${severity} ${code}: ${message}`)).toEqual([
      `warning ${problem}`,
    ]);
  });

  it.each([
    ['contains|all', ['a', 'b']],
    ['base64offset|contains', 'foobar'],
    ['re', 'a'],
  ])('%s of %j is none', (modifiers, value) => {
    expect(codesOf(under(modifiers, value))).toEqual([]);
  });
});

describe('what a modifier means for an event', () => {
  it.each<[modifiers: string, value: unknown, reading: unknown, expected: boolean]>([
    ['contains', 'ΑΣ', 'ασα', true],
    ['contains', 'a*c', 'xx a\nb c', true],
    ['cased', 'create', 'CREATE', false],
    ['base64offset|contains', 'foobar', Buffer.from('x foobar y').toString('base64'), true],
    ['base64offset|contains', 'foobar', Buffer.from('xy foobar y').toString('base64'), true],
    ['base64offset|contains', 'foobar', Buffer.from('foobar').toString('base64').toLowerCase(), true],
    ['base64offset|contains|cased', 'foobar', Buffer.from('foobar').toString('base64').toLowerCase(), false],
    ['wide|base64offset|contains', 'ping', Buffer.from('x ping', 'utf16le').toString('base64'), true],
    ['windash|contains', ' -enc ', 'powershell /enc x', true],
    ['windash|contains', ' -enc ', 'powershell ―enc x', true],
    ['re|neq', '^kube-', 'kube-system', false],
    ['cidr', '10.0.0.0/8', ['192.168.0.1', '10.0.0.1'], true],
    ['cidr', '10.0.0.0/8', '::ffff:10.0.0.1', false],
    ['gte', 400, '403', true],
    ['gte', 400, 'many', false],
    ['hour', [13, 14], '2026-11-24T13:05:59Z', true],
    ['hour|neq', 13, '2026-11-24T13:05:59Z', false],
  ])('%s of %j is asked of %j: %s', (modifiers, value, reading, expected) => {
    expect(judge(under(modifiers, value), { f: reading })).toBe(expected);
  });

  it.each<[what: string, modifiers: string, event: object, expected: boolean]>([
    ['the same, whatever the case', 'fieldref', { f: 'A', g: 'a' }, true],
    ['another', 'fieldref', { f: 'a', g: 'b' }, false],
    ['any pair', 'fieldref', { f: ['a', 'b'], g: ['c', 'b'] }, true],
    ['a missing one', 'fieldref', { f: 'a' }, false],
    ['two missing ones', 'fieldref', {}, false],
    ['two nulls', 'fieldref', { f: null, g: null }, false],
    ['a missing one, negated', 'fieldref|neq', { f: 'a' }, true],
    ['a part', 'fieldref|contains', { f: 'system:node:a', g: 'NODE' }, true],
    ['a beginning', 'fieldref|startswith', { f: 'node-1', g: 'node' }, true],
    ['an end', 'fieldref|endswith', { f: 'node-1', g: 'node' }, false],
  ])('fieldref asks about %s', (_, modifiers, event, expected) => {
    expect(judge(under(modifiers, 'g'), event)).toBe(expected);
  });
});
