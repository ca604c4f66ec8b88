import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { parseDocuments } from '../../../src/sigma/read/documents.ts';
import { formatProblem, type Path } from '../../../src/sigma/read/errors.ts';
import { lineOf } from '../../../src/sigma/read/position.ts';

const valuesOf = (text: string) => parseDocuments('r.yml', text).documents.map(({ value }) => value);
const problemsOf = (text: string) => parseDocuments('r.yml', text).problems.map(formatProblem);
const codesOf = (text: string) => parseDocuments('r.yml', text).problems.map(({ code }) => code);

describe('the documents of a file', () => {
  it.each([
    ['one', 'a: 1\n', [{ a: 1 }]],
    ['several', 'a: 1\n---\nb: 2\n...\n---\nc: 3\n', [{ a: 1 }, { b: 2 }, { c: 3 }]],
    ['not what a last separator makes', '---\na: 1\n---\n', [{ a: 1 }]],
    ['not comments', '# one\n---\n# two\n---\na: 1\n--- # three\n', [{ a: 1 }]],
    ['none in an empty file', '', []],
    ['JSON', '{"a": [1, {"b": null}]}', [{ a: [1, { b: null }] }]],
    ['a byte order mark aside', '\uFEFFa: 1\n', [{ a: 1 }]],
  ])('are %s', (_, text, values) => {
    expect(parseDocuments('r.yml', text)).toMatchObject({ problems: [] });
    expect(valuesOf(text)).toEqual(values);
  });

  it.each([
    ['- a', 'r.yml:1: a document is a map, this one is a list'],
    ['a: 1\n---\n\njust text', 'r.yml:4: a document is a map, this one is the text "just text"'],
    ['--- ~', 'r.yml:1: a document is a map, this one is null'],
    ["--- ''", 'r.yml:1: a document is a map, this one is the text ""'],
    ['5', 'r.yml:1: a document is a map, this one is the number 5'],
  ])('are maps: %j is not', (text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });

  it('are read one by one: what is wrong with one leaves the others', () => {
    const { documents, problems } = parseDocuments(
      'r.yml',
      'a: !!binary x\n---\nb: 1\n---\n- c\n---\nd: 1\n',
    );
    expect(documents.map(({ value }) => value)).toEqual([{ b: 1 }, { d: 1 }]);
    expect(problems.map(formatProblem)).toEqual([
      'r.yml:1: unknown scalar tag !<tag:yaml.org,2002:binary> at column 4',
      'r.yml:5: a document is a map, this one is a list',
    ]);
  });

  it('keep keys that are dangerous elsewhere', () => {
    const [value = {}] = valuesOf('__proto__: {x: 1}\nconstructor: 2\ntoString: 3\n');
    expect(Object.entries(value)).toEqual([
      ['__proto__', { x: 1 }],
      ['constructor', 2],
      ['toString', 3],
    ]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });
});

describe('YAML that cannot be read', () => {
  it.each([
    ['a: 1\nb: [1, 2\n', 'r.yml:3: deficient indentation at column 1'],
    ['a: 1\n  b: 2\n', 'r.yml:2: bad indentation of a mapping entry at column 4'],
    ['a: "\u0000"', 'r.yml:1: null byte is not allowed in input at column 5'],
    ['a: *nowhere\n', 'r.yml:1: unidentified alias "nowhere" at column 5'],
    [
      'a: 1\n---\nb: !!int x\n',
      'r.yml:3: cannot resolve a node with !<tag:yaml.org,2002:int> explicit tag at column 4',
    ],
    ['? [a]\n: 1\n', 'r.yml:1: object-based map does not support complex keys at column 1'],
  ])('%j names the line', (text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
    expect(codesOf(text)).toEqual(['yaml-syntax']);
  });
});

describe('a line', () => {
  const text = [
    '# a comment', // 1
    'title: >-',
    '  two',
    '  lines',
    'tags:', // 5
    '  - one',
    '  -',
    '    two',
    'detection:',
    '  selection:', // 10
    '    a.b: 1',
    '    "c": &c',
    '      - x',
    '      - {d: 1,',
    '         e: 2}', // 15
    '  other: *c',
    '  condition: |',
    '    selection',
    '---',
    'second: 1', // 20
  ].join('\n');

  it.each<[Path, number]>([
    [[], 2],
    [['title'], 2],
    [['tags'], 5],
    [['tags', 0], 6],
    [['tags', 1], 8],
    [['tags', 2], 5],
    [['detection', 'selection'], 10],
    [['detection', 'selection', 'a.b'], 11],
    [['detection', 'selection', 'a.b', 0], 11],
    [['detection', 'selection', 'c'], 12],
    [['detection', 'selection', 'c', 0], 13],
    [['detection', 'selection', 'c', 1, 'd'], 14],
    [['detection', 'selection', 'c', 1, 'e'], 15],
    [['detection', 'other', 0], 16],
    [['detection', 'condition'], 17],
    [['detection', 'timeframe'], 9],
    [['nothing', 'here'], 2],
    [['__proto__'], 2],
    [['constructor', 'name'], 2],
  ])('of %j is that of its key, or of what is nearest', (path, line) => {
    for (const end of ['\n', '\r\n', '\r']) {
      const [first, second] = parseDocuments('r.yml', text.replaceAll('\n', end)).documents;
      expect(first && lineOf(first.position)(path)).toBe(line);
      expect(second && lineOf(second.position)(path)).toBe(20);
    }
  });
});

describe('YAML is read as version 1.2', () => {
  it.each([
    ['yes', 'yes', 'true'],
    ['n', 'n', 'false'],
    ['Off', 'Off', 'false'],
    ['010', 10, 'the number 8'],
    ['0o17', 15, 'the text "0o17"'],
    ['1e3', 1000, 'the text "1e3"'],
    ['1_000', '1_000', 'the number 1000'],
    ['22:30', '22:30', 'the number 1350'],
    ['0b11', '0b11', 'the number 3'],
    ['2024-03-26', '2024-03-26', 'a date'],
  ])('%s is %j, and a warning that YAML 1.1 reads %s', (written, value, yaml11) => {
    const text = `detection:\n  selection:\n    - ${written}\n`;
    expect(valuesOf(text)).toEqual([{ detection: { selection: [value] } }]);
    expect(problemsOf(text)).toEqual([
      expect.stringContaining(`r.yml:3: detection.selection.0: "${written}" is ${yaml11} in YAML 1.1 and`),
    ]);
    expect(codesOf(text)).toEqual(['yaml-ambiguous']);
    expect(parseDocuments('r.yml', text).problems[0]?.severity).toBe('warning');
  });

  it.each([
    "'yes'",
    '"yes"',
    '|-\n    yes',
    '>-\n    010',
    '!!str yes',
    'true',
    'True',
    '10',
    '0x10',
    '5.0',
    '.inf',
    '~',
    'null',
    'text',
    '1.2.3.4',
  ])('%j is the same in both, or says what it is, and is no warning', (written) => {
    expect(problemsOf(`detection:\n  selection: ${written}\n`)).toEqual([]);
  });

  it('keys too', () => {
    expect(problemsOf('detection:\n  selection:\n    on: 1\n')).toEqual([
      'r.yml:3: detection.selection.on: "on" is true in YAML 1.1 and the text "on" here, in YAML 1.2; quote it if it is text',
    ]);
    expect(problemsOf('detection:\n  <<: {a: 1}\n')).toEqual([
      'r.yml:2: detection.<<: "<<" merges maps in YAML 1.1; here, in YAML 1.2, it is a key like any other',
    ]);
  });

  it('dates outside what is matched are nobody’s concern', () => {
    expect(problemsOf('date: 2024-03-26\nmodified: 2024-03-26\n')).toEqual([]);
    expect(codesOf('title: yes\n')).toEqual(['yaml-ambiguous']);
  });

  it.each(['1e3: x', 'True: x', '~: x', ': x', '0x10: x'])(
    '%j: a key that would be rewritten is an error',
    (text) => {
      const { documents, problems } = parseDocuments('r.yml', text);
      expect(problems.filter(({ severity }) => severity === 'error').map(({ code }) => code)).toEqual([
        'yaml-key',
      ]);
      expect(documents.map(({ broken }) => broken)).toEqual([true]);
    },
  );

  it.each(["'1e3': x", '10: x', 'true: x'])('%j is spelled as written, and is not', (text) => {
    expect(problemsOf(text)).toEqual([]);
  });
});

describe('a duplicate key', () => {
  it('is an error with its line and column, every one of them, however it is quoted', () => {
    const text = 'a: 1\nb:\n  c: 1\n  "c": 2\n  d: [{e: 1, e: 2}]\na: 2\n__proto__: 1\n__proto__: 2\n';
    expect(problemsOf(text)).toEqual([
      'r.yml:4: b.c: "c" at column 4 is already a key at line 3',
      'r.yml:5: b.d.0.e: "e" at column 14 is already a key at line 5',
      'r.yml:6: a: "a" at column 1 is already a key at line 1',
      'r.yml:8: __proto__: "__proto__" at column 1 is already a key at line 7',
    ]);
    expect(new Set(codesOf(text))).toEqual(new Set(['yaml-duplicate-key']));
    expect(parseDocuments('r.yml', text).documents.map(({ broken }) => broken)).toEqual([true]);
  });

  it('is found when an alias stands for the key', () => {
    expect(problemsOf('&k a: 1\n*k : 2\n')).toEqual([
      'r.yml:2: a: "a" at column 2 is already a key at line 1',
    ]);
  });

  it('is none in another map', () => {
    expect(problemsOf('a: {b: 1}\nc: {b: 1}\n---\na: 1\n')).toEqual([]);
  });
});

const nested = (name: string, inner: string) => `&${name} ${'['.repeat(60)}${inner}${']'.repeat(60)}`;

describe('aliases', () => {
  it('stand for what they name', () => {
    expect(valuesOf('a: &x {b: [1, 2]}\nc: *x\nd: [*x, *x]\n')).toEqual([
      { a: { b: [1, 2] }, c: { b: [1, 2] }, d: [{ b: [1, 2] }, { b: [1, 2] }] },
    ]);
    expect(valuesOf('&k key: &v value\n*v : *k\n')).toEqual([{ key: 'value', value: 'key' }]);
  });

  it('may not make a bomb', () => {
    const lines = Array.from(
      { length: 30 },
      (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(9)}*a${i}]`,
    );
    expect(problemsOf(`a0: &a0 x\n${lines.join('\n')}\n`)).toEqual([
      'r.yml:5: a4.7: alias "a3" makes the document grow by more than 10000 nodes',
    ]);
    expect(codesOf(`a0: &a0 x\n${lines.join('\n')}\n`)).toEqual(['yaml-limit']);
  });

  it.each([
    ['a: &x [*x]\n', 'r.yml:1: a.0: alias "x" refers to a node that contains it'],
    ['&x a: &y\n  b: {c: *y}\n', 'r.yml:2: a.b.c: alias "y" refers to a node that contains it'],
  ])('may not go round: %j', (text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });

  it('may not nest deeper than what is written may', () => {
    expect(problemsOf(`a: ${nested('x', '1')}\nb: ${nested('y', '*x')}\n`)).toEqual([
      `r.yml:2: b${'.0'.repeat(60)}: alias "x" makes the document deeper than 100 levels`,
    ]);
  });
});

describe('hostile YAML', () => {
  it.each([100, 1_000, 100_000])('nested %d deep is an error, not an overflow', (depth) => {
    expect(codesOf(`a: ${'['.repeat(depth)}${']'.repeat(depth)}`)).toEqual(['yaml-limit']);
    expect(codesOf(`a: ${'{a: '.repeat(depth)}${'}'.repeat(depth)}`)).toEqual(['yaml-limit']);
    expect(codesOf('- '.repeat(depth))).toEqual(['yaml-limit']);
  });

  it('a list of 100,000 and a line with 200,000 duplicates are read', () => {
    expect(valuesOf(`a: [${'x, '.repeat(100_000)}x]`)).toMatchObject([{ a: { length: 100_001 } }]);
    expect(codesOf(`{${'a: 1, '.repeat(200_000)}a: 1}`)).toHaveLength(200_000);
  });

  it('is never thrown back, and every problem has a line', () => {
    const pieces = fc.constantFrom(
      'a',
      'b: ',
      '- ',
      ': ',
      '\n',
      '  ',
      '&x ',
      '*x',
      '[',
      ']',
      '{',
      '}',
      ', ',
      '!!str ',
      '!t ',
      '"',
      "'",
      '|\n',
      '---\n',
      '...\n',
      '%YAML 1.1\n',
      '? ',
      '# c',
      '\t',
      'yes',
      '010',
      '<<: ',
      '__proto__: ',
      '\r',
      '\u0085',
    );
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(pieces, { maxLength: 40 }).map((each) => each.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        for (const { line } of parseDocuments('r.yml', text).problems) expect(line).toBeGreaterThan(0);
      }),
      { numRuns: 3000 },
    );
  });

  it('any JSON value is the map it says, or an error', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const text = JSON.stringify(value);
        const { documents, problems } = parseDocuments('r.yml', text);
        if (problems.every(({ severity }) => severity === 'warning')) {
          // Not the value itself: JSON has no -0.
          expect(documents.map((each) => each.value)).toEqual([JSON.parse(text)]);
        }
      }),
      { numRuns: 500 },
    );
  });
});
