import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { codesOf, judge, parse, problemsOf, show, treeOf } from '../detections.ts';

describe('a detection', () => {
  it.each<[what: string, value: unknown, tree: string]>([
    ['a map: AND', { a: 'x', b: 'y' }, 'and(a[x], b[y])'],
    ['a map of one', { a: 'x' }, 'a[x]'],
    ['a list of maps: OR', [{ a: 'x', b: 'y' }, { c: 'z' }], 'or(and(a[x], b[y]), c[z])'],
    ['a list of one map', [{ a: 'x' }], 'a[x]'],
    ['a value list: OR, in one item', { a: ['x', 'y*', 5] }, 'a[x | y<*> | number 5]'],
    ['each type of value', { a: ['5', 5, true, 'true', ''] }, 'a[5 | number 5 | boolean true | true | ]'],
    ['null', { a: null }, 'a[null]'],
    ['an empty text', { a: '' }, 'a[]'],
    ['an empty text or null', { a: ['', null] }, 'a[ | null]'],
    ['a keyword', 'x', '*[<*>x<*>]'],
    ['keywords: OR, in one item', ['x', 'y*z', '*w'], '*[<*>x<*> | <*>y<*>z<*> | <*>w<*>]'],
    ['keywords that are numbers or booleans', [403, true], '*[<*>403<*> | <*>true<*>]'],
    ['keywords and maps', ['x', { a: 'y' }, 'z'], 'or(*[<*>x<*> | <*>z<*>], a[y])'],
    ['a list in a list', [['x', 'y'], [{ a: 'z' }], 'w'], 'or(*[<*>w<*>], *[<*>x<*> | <*>y<*>], a[z])'],
    ['keywords below an empty key', { '': ['x', 'y'] }, '*[<*>x<*> | <*>y<*>]'],
    ['keywords below |all: AND', { '|all': ['x', 'y'] }, 'and(*[<*>x<*>], *[<*>y<*>])'],
    ['keywords below |contains', { '|contains': 'x' }, '*[<*>x<*>]'],
    ['keywords below |contains|all', { '|contains|all': ['x', 'y'] }, 'and(*[<*>x<*>], *[<*>y<*>])'],
    ['keywords below |startswith', { '|startswith': 'x' }, '*[x<*>]'],
    ['keywords below |re', { '|re': ['x.', 'y'] }, '*[/x./ | /y/]'],
    ['keywords below |cased', { '|cased': 'x' }, '*[cased <*>x<*>]'],
    ['keywords below |base64', { '|base64': 'foobar' }, '*[<*>Zm9vYmFy<*>]'],
    [
      'keywords and fields in a map',
      { '|all': ['x', 'y'], a: 'z' },
      'and(and(*[<*>x<*>], *[<*>y<*>]), a[z])',
    ],
    ['keywords below |neq', { '|neq': 'x' }, 'not(*[<*>x<*>])'],
    ['a bigint', { a: 5n }, 'a[number 5]'],
    [
      'the largest exact number',
      { a: [9007199254740991, -9007199254740991] },
      'a[number 9007199254740991 | number -9007199254740991]',
    ],
  ])('is %s', (_, value, tree) => {
    expect(show(treeOf(value))).toBe(tree);
  });

  it('keeps the field, where it is read, and the modifiers as written', () => {
    expect(treeOf({ 'user.username|startswith|cased': 'system:node:' })).toEqual({
      kind: 'item',
      item: {
        field: 'user.username',
        paths: ['user.username'],
        modifiers: ['startswith', 'cased'],
        predicates: [{ kind: 'string', pattern: ['system:node:', { wildcard: '*' }], cased: true }],
      },
    });
    expect(treeOf({ '|all': ['x', 'y'] })).toMatchObject({
      of: [{ item: { paths: [], modifiers: ['all'] } }, { item: { paths: [], modifiers: ['all'] } }],
    });
    expect(treeOf('x')).not.toHaveProperty('item.field');
  });

  it('takes a field called __proto__ or constructor for a field', () => {
    const value: unknown = JSON.parse('{"__proto__": "x", "constructor|contains": "y"}');
    expect(show(treeOf(value))).toBe('and(__proto__[x], constructor[<*>y<*>])');
    expect(judge(value, {})).toBe(false);
    expect(judge(value, JSON.parse('{"__proto__": "x", "constructor": "xyz"}'))).toBe(true);
  });
});

describe('null, empty texts, exists and what is missing', () => {
  const [missing, isNull, empty, text] = [{}, { a: null }, { a: '' }, { a: 'x' }];
  const events = [missing, isNull, empty, text, { a: {} }, { a: [] }];

  it.each<[what: string, detection: unknown, truths: readonly boolean[]]>([
    ['an empty text is not a missing field', { a: '' }, [false, false, true, false, false, false]],
    ['null is a missing field or a null', { a: null }, [true, true, false, false, false, false]],
    ['null in a list is what it is alone', { a: ['', null] }, [true, true, true, false, false, false]],
    ['any text is there, and no object or list', { a: '*' }, [false, false, true, true, false, false]],
    ['contains nothing is any text', { 'a|contains': '' }, [false, false, true, true, false, false]],
    ['what exists may be null or empty', { 'a|exists': true }, [false, true, true, true, true, true]],
    ['exists: false is the opposite', { 'a|exists': false }, [true, false, false, false, false, false]],
    ['either is always', { 'a|exists': [true, false] }, [true, true, true, true, true, true]],
    ['exists can be negated', { 'a|exists|neq': true }, [true, false, false, false, false, false]],
    ['not null is there and not null', { 'a|neq': null }, [false, false, true, true, true, true]],
    ['neq is true of a missing field', { 'a|neq': 'x' }, [true, true, true, false, true, true]],
  ])('%s', (_, detection, truths) => {
    expect(events.map((event) => judge(detection, event))).toEqual(truths);
  });

  it('null in a list is a warning, null alone is not', () => {
    expect(codesOf({ a: ['', null] })).toEqual(['warning null-in-list']);
    expect(codesOf({ a: [null] })).toEqual(['warning null-in-list']);
    expect(codesOf({ a: null })).toEqual([]);
  });
});

describe('lists in an event', () => {
  const containers = {
    containers: [
      { name: 'a', image: 'x' },
      { name: 'b', image: 'bad' },
    ],
  };

  it('match if any member does, and neq if none does', () => {
    expect(judge({ 'containers.image': 'bad' }, containers)).toBe(true);
    expect(judge({ 'containers.image|neq': 'bad' }, containers)).toBe(false);
    expect(judge({ 'containers.image|neq': 'good' }, containers)).toBe(true);
  });

  it('do not bind two keys to one member', () => {
    expect(judge({ 'containers.name': 'a', 'containers.image': 'bad' }, containers)).toBe(true);
  });

  it('satisfy all if every value of the rule is some member, whatever the other members are', () => {
    expect(judge({ 'containers.name|all': ['a', 'b'] }, containers)).toBe(true);
    expect(judge({ 'containers.name|all': ['a', 'c'] }, containers)).toBe(false);
    expect(judge({ 'containers.name|contains|all': ['a', 'a*'] }, containers)).toBe(true);
  });
});

describe('keywords', () => {
  const event = {
    log: 'All sorts of RED things',
    code: 403,
    ok: true,
    list: ['x', { deep: 'blue' }],
    n: null,
  };

  it.each<[detection: unknown, expected: boolean]>([
    ['red', true],
    ['sorts*things', true],
    ['?ed thing', true],
    ['log', false],
    ['blue', true],
    [40, true],
    ['403', true],
    [404, false],
    [true, true],
    ['things403', false],
    ['red*blue', false],
    ['x\\*', false],
    [{ '|all': ['red', 'blue'] }, true],
    [{ '|all': ['red', 'green'] }, false],
    [{ '|re': 'RED|green' }, true],
    [{ '|re': 'red.*blue' }, false],
    [{ '|re|i|all': ['red', 'BLUE'] }, true],
    [{ '|cased': 'red' }, false],
    [{ '|neq': 'green' }, true],
  ])('%j are looked for in each scalar of the event, on its own: %s', (detection, expected) => {
    expect(judge(detection, event)).toBe(expected);
  });
});

describe('what no detection is', () => {
  const at = 'selection';

  it.each<[value: unknown, problem: string]>([
    [{}, `error empty-detection: ${at}: an empty map; expected fields and their values`],
    [
      Array.from({ length: 20_001 }, () => 'x'),
      `error too-many-values: ${at}: a list of 20001; expected at most 20000 in one list`,
    ],
    [
      { a: Array.from({ length: 20_001 }, () => 'x') },
      `error too-many-values: ${at}.a: a list of 20001; expected at most 20000 in one list`,
    ],
    [[], `error empty-detection: ${at}: an empty list; expected maps or keywords`],
    [[[]], `error empty-detection: ${at}.0: an empty list; expected maps or keywords`],
    [[{}], `error empty-detection: ${at}.0: an empty map; expected fields and their values`],
    [
      { a: [] },
      `error empty-detection: ${at}.a: an empty list; expected values, or null for a missing field`,
    ],
    [null, `error invalid-value: ${at}: null is no keyword; expected text or an integer`],
    [undefined, `error invalid-value: ${at}: null is no keyword; expected text or an integer`],
    [['x', null], `error invalid-value: ${at}.1: null is no keyword; expected text or an integer`],
    ['', `error invalid-value: ${at}: an empty keyword is found everywhere; expected text`],
    [{ '': '' }, `error invalid-value: ${at}.: an empty keyword is found everywhere; expected text`],
    [
      { a: { b: 'c' } },
      `error nested-value: ${at}.a: a map where a value is; expected a value or a flat list of values; a field within a field is written "outer.inner: value"`,
    ],
    [
      { a: [['b']] },
      `error nested-value: ${at}.a.0: a list where a value is; expected a value or a flat list of values; a field within a field is written "outer.inner: value"`,
    ],
    [
      { a: ['x', { b: 'c' }] },
      `error nested-value: ${at}.a.1: a map where a value is; expected a value or a flat list of values; a field within a field is written "outer.inner: value"`,
    ],
    [
      { '|all': [{ b: 'c' }, 'x'] },
      `error nested-value: ${at}.|all.0: a map where a value is; expected text or an integer`,
    ],
    [
      { a: 1.5 },
      `error invalid-number: ${at}.a: the number 1.5 is no integer; expected one, or its text in quotes`,
    ],
    [
      { a: Number.NaN },
      `error invalid-number: ${at}.a: the number NaN cannot be compared; expected an integer`,
    ],
    [
      { a: Number.POSITIVE_INFINITY },
      `error invalid-number: ${at}.a: the number Infinity cannot be compared; expected an integer`,
    ],
    [
      { a: 9007199254740992 },
      `error invalid-number: ${at}.a: the number 9007199254740992 is beyond 2^53, where numbers are no longer exact; expected a smaller one, or its digits in quotes`,
    ],
    [
      { 'a|gt': 9007199254740993n },
      `error invalid-number: ${at}.a|gt: 9007199254740993 is beyond 2^53, where numbers are no longer exact; expected a smaller one, or its digits in quotes`,
    ],
    [
      { a: new Date(0) },
      `error nested-value: ${at}.a: a date where a value is; expected a value or a flat list of values; a field within a field is written "outer.inner: value"`,
    ],
    [
      { a: 'x\ud83d' },
      `error invalid-value: ${at}.a: "x\\ud83d" holds half of a surrogate pair; expected whole characters`,
    ],
    [
      { a: Symbol('x') },
      `error invalid-value: ${at}.a: found Symbol(x); expected text, a number, a boolean or null`,
    ],
  ])('%p', (value, problem) => {
    expect(problemsOf(value)).toEqual([problem]);
    expect(parse(value).tree).toBeUndefined();
  });

  it('is reported with everything else that is wrong', () => {
    expect(codesOf({ a: {}, 'b|nope': 'x', 'c[]': 'y', d: 'fine', 'e|re': ['(', 'ok', '(?=x)'] })).toEqual([
      'error nested-value',
      'error unknown-modifier',
      'error invalid-field',
      'error regex-syntax',
      'error regex-unsupported',
    ]);
  });
});

describe('a field of another spelling', () => {
  it.each([
    ['containers[].image', 'containers.image'],
    ['containers[*].image', 'containers.image'],
    ['containers.0.image', 'containers.image'],
    ['containers[0].image', 'containers.image'],
    ['containers[-1].image', 'containers.image'],
    ['containers[any].image', 'containers.image'],
    ['containers[]', 'containers'],
    ['containers.0', 'containers'],
    ['a[].b[*].c.1.d', 'a.b.c.d'],
    ['annotations["authorization.k8s.io/decision"]', 'annotations.authorization.k8s.io/decision'],
    ["annotations['a.b']", 'annotations.a.b'],
    ['[0].image', 'image'],
  ])('%s is an error that names %s', (field, expected) => {
    expect(problemsOf({ [field]: 'x' })).toEqual([standard(field, expected)]);
    expect(parse({ [field]: 'x' }).tree).toBeUndefined();
  });

  it.each([
    ['a..b', '"a..b" has an empty part; expected names between dots'],
    ['.a', '".a" has an empty part; expected names between dots'],
    ['a.', '"a." has an empty part; expected names between dots'],
    ['.', '"." has an empty part; expected names between dots'],
    ['a.'.repeat(3000) + 'a', `"${'a.'.repeat(30)}…" has 3001 parts; expected at most 64`],
    [' a', '" a" begins or ends with a space; expected "a"'],
    ['a ', '"a " begins or ends with a space; expected "a"'],
  ])('%j is an error', (field, message) => {
    expect(problemsOf({ [field]: 'x' })).toEqual([`error invalid-field: selection.${field}: ${message}`]);
  });

  it.each(['metadata.labels.app.kubernetes.io/name', 'a b', '0', 'v1.x', 'a.1b', '@timestamp', 'a-b.c_d'])(
    '%s is a field',
    (field) => {
      expect(show(treeOf({ [field]: 'x' }))).toBe(`${field}[x]`);
    },
  );

  it.each(['requestObject.data.10.0.0.1', 'requestObject.metadata.labels.0', 'a.1.b'])(
    '%s may be a key made of digits, which is a warning',
    (field) => {
      expect(problemsOf({ [field]: 'x' })).toEqual([
        `warning invalid-field: selection.${field}: ${JSON.stringify(field)} names a key made of digits; an index is not standard Sigma: a path that meets a list asks every member`,
      ]);
      expect(show(treeOf({ [field]: 'x' }))).toBe(`${field}[x]`);
    },
  );

  it('of nothing but opened brackets is read in time that grows with its length, not with the square of it', () => {
    const field = '['.repeat(1_000_000);
    expect(show(treeOf({ [field]: 'x' }))).toBe(`${field}[x]`);
  });
});

function standard(field: string, expected: string): string {
  return `error invalid-field: selection.${field}: ${JSON.stringify(field)} is not standard Sigma; expected ${JSON.stringify(expected)}: a path that meets a list asks every member`;
}

describe('any value at all', () => {
  const names = [
    'contains',
    'startswith',
    'endswith',
    'all',
    'cased',
    'neq',
    'exists',
    're',
    'i',
    'm',
    's',
    'base64',
  ];
  const others = [
    'base64offset',
    'wide',
    'utf16',
    'utf16be',
    'windash',
    'cidr',
    'lt',
    'gte',
    'hour',
    'year',
    'expand',
    'fieldref',
    'x',
    '',
  ];
  const key = fc
    .tuple(
      fc.constantFrom('a', 'b.c', '', 'd[]'),
      fc.array(fc.constantFrom(...names, ...others), { maxLength: 3 }),
    )
    .map((parts) => parts.flat().join('|'));
  const scalar = fc.oneof(
    fc.constantFrom<unknown>(
      'a*',
      '-x /y',
      '%p%',
      '%q%',
      '10.0.0.0/8',
      '(a|b)+',
      'foobar',
      '',
      null,
      true,
      5,
      1.5,
    ),
    fc.string({ unit: 'binary' }),
    fc.double(),
  );
  const values = fc.letrec<{ detection: unknown }>((tie) => ({
    detection: fc.oneof(
      { depthSize: 'small' },
      scalar,
      fc.dictionary(key, fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }), tie('detection')), {
        maxKeys: 3,
      }),
      fc.array(tie('detection'), { maxLength: 3 }),
    ),
  })).detection;
  const event = { a: 'foo', b: [{ c: '-x' }, { c: 5 }], d: null, e: '2026-11-24T13:05:59Z' };

  it('is a tree that can be judged, or an error', () => {
    fc.assert(
      fc.property(values, (value) => {
        const { tree, problems } = parse(value, { p: ['one', 2] });
        const errors = problems.filter(({ severity }) => severity === 'error');
        expect(tree === undefined).toBe(errors.length > 0);
        if (tree !== undefined) expect([true, false]).toContain(judge(value, event, { p: ['one', 2] }));
      }),
      { numRuns: 3000 },
    );
  });
});
