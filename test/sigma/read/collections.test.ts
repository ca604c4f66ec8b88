import { describe, expect, it } from '@jest/globals';
import { expandCollections } from '../../../src/sigma/read/collections.ts';
import { parseDocuments } from '../../../src/sigma/read/documents.ts';
import { formatProblem, type Path } from '../../../src/sigma/read/errors.ts';
import { lineOf } from '../../../src/sigma/read/position.ts';

function expand(text: string) {
  const { documents, problems } = expandCollections('r.yml', parseDocuments('r.yml', text).documents);
  return {
    documents,
    values: documents.map(({ value }) => value),
    problems: problems.map(formatProblem),
  };
}

describe('a collection', () => {
  it('is left alone where nothing says action', () => {
    expect(expand('a: 1\n---\nb: 2\n')).toMatchObject({ values: [{ a: 1 }, { b: 2 }], problems: [] });
  });

  it('writes global over what follows: maps merge, lists and scalars are replaced', () => {
    const { values } = expand(`
action: global
level: high
tags: [g]
detection: {sel: {b: g, c: [1]}, condition: sel}
---
level: low
tags: [x, y]
detection: {sel: {a: own, b: own, c: own}, other: {d: 1}}
---
detection: [replaced]
`);
    expect(values).toEqual([
      {
        level: 'high',
        tags: ['g'],
        detection: { sel: { a: 'own', b: 'g', c: [1] }, other: { d: 1 }, condition: 'sel' },
      },
      { level: 'high', tags: ['g'], detection: { sel: { b: 'g', c: [1] }, condition: 'sel' } },
    ]);
  });

  it('ends global at reset, and begins another with the next', () => {
    const documents = [
      'action: global\na: 1',
      'b: 1',
      'action: reset',
      'c: 1',
      'action: global\nd: 1',
      'e: 1',
    ];
    expect(expand(documents.join('\n---\n')).values).toEqual([{ a: 1, b: 1 }, { c: 1 }, { d: 1, e: 1 }]);
  });

  it('repeats the rule before with changes, and that one again', () => {
    const documents = ['a: 1\nm: {x: 1, y: 1}', 'action: repeat\na: 2\nm: {x: 2}', 'action: repeat\nb: 1'];
    expect(expand(documents.join('\n---\n')).values).toEqual([
      { a: 1, m: { x: 1, y: 1 } },
      { a: 2, m: { x: 2, y: 1 } },
      { a: 2, m: { x: 2, y: 1 }, b: 1 },
    ]);
  });

  it('repeats what was global, also after reset, and leaves the global as it was', () => {
    const documents = [
      'action: global\na: 1',
      'action: repeat\na: 2',
      'b: 1',
      'action: reset',
      'action: repeat\nc: 1',
    ];
    expect(expand(documents.join('\n---\n')).values).toEqual([
      { a: 2 },
      { a: 1, b: 1 },
      { a: 1, b: 1, c: 1 },
    ]);
  });

  it('does not touch filters and correlations, nor repeat them', () => {
    const documents = [
      'action: global\na: 1',
      'b: 1',
      'filter: {}',
      'correlation: {}',
      'action: repeat\nc: 1',
    ];
    expect(expand(documents.join('\n---\n')).values).toEqual([
      { a: 1, b: 1 },
      { filter: {} },
      { correlation: {} },
      { a: 1, b: 1, c: 1 },
    ]);
  });

  it.each([
    ['include', 'the text "include"'],
    ['Global', 'the text "Global"'],
    ['[global]', 'a list'],
  ])('knows no action %s', (action, found) => {
    expect(expand(`a: 1\n---\naction: ${action}\n`)).toMatchObject({
      values: [{ a: 1 }],
      problems: [`r.yml:3: action: unknown action ${found}; expected global, reset or repeat`],
    });
  });

  it('merges a key called __proto__ like any other', () => {
    const [value = {}] = expand('action: global\n__proto__: {a: 1}\n---\n__proto__: {b: 1}\n').values;
    expect(Object.entries(value)).toEqual([['__proto__', { b: 1, a: 1 }]]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect('a' in {}).toBe(false);
  });

  it('may not grow without bound', () => {
    const global = `action: global\na: [${'x, '.repeat(200_000)}x]`;
    const { values, problems } = expand(
      [global, ...Array.from({ length: 10 }, () => 'b: 1')].join('\n---\n'),
    );
    expect(values).toHaveLength(4);
    expect(problems).toEqual(['r.yml:12: action: collections make the file grow by more than 1000000 nodes']);
  });

  it('of a thousand repeats is read', () => {
    const repeats = Array.from({ length: 1_000 }, (_, index) => `action: repeat\na: ${index}`);
    const { values, problems } = expand(['a: x', ...repeats].join('\n---\n'));
    expect(problems).toEqual([]);
    expect(values.at(-1)).toEqual({ a: 999 });
  });

  it('is broken where a part of it is', () => {
    const { documents } = expand('action: global\na: 1\na: 2\n---\nb: 1\n---\naction: reset\n---\nc: 1\n');
    expect(documents.map(({ broken }) => broken)).toEqual([true, false]);
  });
});

describe('a line in a collection', () => {
  const text = [
    'action: global', // 1
    'level: high',
    'detection:',
    '  condition: sel',
    '---', // 5
    'title: own',
    'level: low',
    'detection:',
    '  sel: {a: 1}',
    '---', // 10
    'action: repeat',
    'title: repeated',
    'detection:',
    '  sel:',
    '    b: 1', // 15
  ].join('\n');

  it.each<[Path, number, number]>([
    [[], 6, 11],
    [['title'], 6, 12],
    [['level'], 2, 2],
    [['nothing'], 6, 11],
    [['detection', 'condition'], 4, 4],
    [['detection', 'sel'], 9, 14],
    [['detection', 'sel', 'a'], 9, 9],
    [['detection', 'sel', 'b'], 9, 15],
    [['detection', 'nothing'], 3, 13],
  ])('of %j is where its value was written: %d, and %d in the repeat', (path, first, second) => {
    expect(expand(text).documents.map(({ position }) => lineOf(position)(path))).toEqual([first, second]);
  });
});
