import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { createConditionParser, isIdentifier, namesIn, negates } from '../../../src/sigma/read/condition.ts';
import { createReporter, type Problem } from '../../../src/sigma/read/errors.ts';
import type { Tree } from '../../../src/sigma/match/tree.ts';

const held = (field: string): Tree => ({
  kind: 'item',
  item: { field, paths: [field], modifiers: [], predicates: [{ kind: 'null' }] },
});
const id = (name: string): Tree => ({ kind: 'identifier', name, of: held(name) });
const and = (...of: Tree[]): Tree => ({ kind: 'and', of });
const or = (...of: Tree[]): Tree => ({ kind: 'or', of });
const not = (of: Tree): Tree => ({ kind: 'not', of });

function parse(text: string, names: readonly string[]) {
  const problems: Problem[] = [];
  const reporter = createReporter('r.yml', () => 1, problems);
  const parseCondition = createConditionParser(new Map(names.map((name) => [name, held(name)])), reporter);
  const tree = parseCondition(text, ['detection', 'condition']);
  return { tree, errors: problems.map(({ code, path, message }) => [code, path, message]) };
}

const NAMES = ['a', 'b', 'c', 'sel_1', 'sel_2', '_x', 'all', 'them', 'not_ok', 'nota', '1', '4-x'];

const unknown = (name: string, index: number) => [
  'unknown-identifier',
  'detection.condition',
  `unknown search identifier "${name}" at index ${index}; expected "a" or "b"`,
];

describe('a condition', () => {
  it.each<[string, Tree]>([
    ['a', id('a')],
    ['a and b or c', or(and(id('a'), id('b')), id('c'))],
    ['a or b and c', or(id('a'), and(id('b'), id('c')))],
    ['a and b and c', and(id('a'), id('b'), id('c'))],
    ['(a and b) and c', and(and(id('a'), id('b')), id('c'))],
    ['not a and b', and(not(id('a')), id('b'))],
    ['not (a and b)', not(and(id('a'), id('b')))],
    ['not not a', not(not(id('a')))],
    ['((a))', id('a')],
    ['(a)and(b)', and(id('a'), id('b'))],
    ['not(a)', not(id('a'))],
    [' a\n\tand\r\n b ', and(id('a'), id('b'))],
    ['nota and not_ok', and(id('nota'), id('not_ok'))],
    ['all and them', and(id('all'), id('them'))],
    ['1 and 4-x', and(id('1'), id('4-x'))],
    ['_x', id('_x')],
    ['1 of sel_*', or(id('sel_1'), id('sel_2'))],
    ['any of sel_*', or(id('sel_1'), id('sel_2'))],
    ['all of sel_*', and(id('sel_1'), id('sel_2'))],
    ['not 1 of sel_*', not(or(id('sel_1'), id('sel_2')))],
    ['1 of a', id('a')],
    ['all of *_1', id('sel_1')],
    ['1 of s*_*1', id('sel_1')],
    ['1 of _*', id('_x')],
    ['1 of all', id('all')],
  ])('%j is read', (text, tree) => {
    expect(parse(text, NAMES)).toEqual({ tree, errors: [] });
  });

  it.each(['1 of them', 'any of *', '1 of **'])('%j leaves out names that begin with _', (text) => {
    const { tree } = parse(text, ['a', '_x', 'b']);
    expect(tree).toEqual(or(id('a'), id('b')));
  });

  it('holds all of `*ab*ba*` apart: a pattern matches a whole name, and no character twice', () => {
    expect(parse('1 of *ab*ba*', ['abba', 'aba', 'xab_bax', 'ab'])).toEqual({
      tree: or(id('abba'), id('xab_bax')),
      errors: [],
    });
    expect(parse('1 of a*a', ['a', 'aa', 'axa', 'ab'])).toEqual({
      tree: or(id('aa'), id('axa')),
      errors: [],
    });
  });

  const operand = 'expected a search identifier, "not", "1 of", "all of" or "("';
  it.each([
    ['', `unexpected end; ${operand}`],
    ['a and', `unexpected end; ${operand}`],
    ['a b', 'unexpected "b" at index 2; expected "and", "or" or the end'],
    ['and a', `unexpected "and" at index 0; ${operand}`],
    ['a and or b', `unexpected "or" at index 6; ${operand}`],
    ['(a or b) and c )', 'unexpected ")" at index 15; expected "and", "or" or the end'],
    ['a and ()', `unexpected ")" at index 7; ${operand}`],
    ['(a or b', 'unexpected end; expected "and", "or", or the ")" of "(" at index 0'],
    ['a(b)', 'unexpected "(" at index 1; expected "and", "or" or the end'],
    ['a AND b', 'unexpected "AND" at index 2; expected "and", "or" or the end; keywords are lower case'],
    ['1 OF a', 'unexpected "OF" at index 2; expected "and", "or" or the end; keywords are lower case'],
    [
      'All of a',
      'unexpected "All" at index 0; expected "1", "any" or "all" before "of"; keywords are lower case',
    ],
    ['2 of sel_*', 'unexpected "2" at index 0; expected "1", "any" or "all" before "of"'],
    ['1of sel_*', 'unexpected "sel_*" at index 4; expected "and", "or" or the end'],
    ['a and1 of sel_*', 'unexpected "and1" at index 2; expected "and", "or" or the end'],
    ['1 of', 'unexpected end; expected "them", or a pattern of letters, digits, "_" and "*"'],
    [
      '1 of (sel_*)',
      'unexpected "(" at index 5; expected "them", or a pattern of letters, digits, "_" and "*"',
    ],
    [
      '1 of sel-*',
      'unexpected "sel-*" at index 5; expected "them", or a pattern of letters, digits, "_" and "*"',
    ],
    ['1 of sel_?', 'unexpected "?" at index 9; expected "and", "or" or the end'],
    ['1 of sel_[12]', 'unexpected "[" at index 9; expected "and", "or" or the end'],
    ['sel_*', 'unexpected "sel_*" at index 0; expected "1 of" or "all of" before a pattern'],
    ['a & b', 'unexpected "&" at index 2; expected "and", "or" or the end'],
    ['a \u{1F600}', 'unexpected "\u{1F600}" at index 2; expected "and", "or" or the end'],
  ])('%j is an error', (text, message) => {
    expect(parse(text, NAMES)).toEqual({
      tree: undefined,
      errors: [['condition-syntax', 'detection.condition', message]],
    });
  });

  it('with an aggregation points to correlations', () => {
    expect(parse('a | count() by b > 5', NAMES).errors).toEqual([
      [
        'aggregation-removed',
        'detection.condition',
        'aggregations such as "| count() > 5" were removed from Sigma; write a correlation rule instead',
      ],
    ]);
  });

  it('reports every name that means nothing, case included, and hostile ones', () => {
    const { errors } = parse('A or __proto__ or constructor and toString', ['a', 'b']);
    expect(errors).toEqual([
      unknown('A', 0),
      unknown('__proto__', 5),
      unknown('constructor', 18),
      unknown('toString', 34),
    ]);
  });

  it.each(['a and 1 of no_*', 'not 1 of no_*', 'all of no_* or a'])('%j: a pattern must match', (text) => {
    expect(parse(text, ['a', 'b']).errors).toEqual([
      [
        'pattern-matches-nothing',
        'detection.condition',
        expect.stringMatching(/^"(1|all) of no_\*" at index \d+ matches no search identifier/),
      ],
    ]);
  });

  it('calls search identifiers by hostile names', () => {
    const names = ['__proto__', 'constructor', 'toString'];
    expect(parse('__proto__ and constructor and toString', names).tree).toEqual(and(...names.map(id)));
    expect(parse('all of *o*', names).tree).toEqual(and(id('constructor'), id('toString')));
  });

  it('tells what it calls and whether it negates', () => {
    const { tree = held('none') } = parse('a or not (b and 1 of sel_*)', NAMES);
    expect([...namesIn(tree)]).toEqual(['a', 'b', 'sel_1', 'sel_2']);
    expect([negates(tree), negates(and(id('a'), id('b')))]).toEqual([true, false]);
  });
});

describe('the limits of a condition', () => {
  it.each([
    ['100 levels are read', 100, []],
    ['101 are not', 101, ['nested deeper than 100 levels']],
    ['nor are 100,000', 100_000, ['nested deeper than 100 levels']],
  ])('%s', (_, depth, messages) => {
    expect(parse(`${'('.repeat(depth)}a${')'.repeat(depth)}`, ['a']).errors.map(([, , m]) => m)).toEqual(
      messages,
    );
    expect(parse(`${'not '.repeat(depth)}a`, ['a']).errors.map(([, , m]) => m)).toEqual(messages);
  });

  it('a hundred thousand names side by side are read', () => {
    const { tree, errors } = parse(Array.from({ length: 100_000 }, () => 'a').join(' or '), ['a']);
    expect(errors).toEqual([]);
    expect(tree?.kind === 'or' && tree.of.length).toBe(100_000);
  });

  it('patterns may not multiply', () => {
    const names = Array.from({ length: 1_000 }, (_, index) => `s${index}`);
    expect(parse(Array.from({ length: 1_000 }, () => '1 of s*').join(' or '), names).errors).toEqual([
      ['condition-limit', 'detection.condition', 'stands for more than 100000 detection items'],
    ]);
    const patterns = Array.from({ length: 1_000 }, (_, index) => `1 of s${index}*`).join(' or ');
    expect(parse(patterns, names).errors).toEqual([
      ['condition-limit', 'detection.condition', 'stands for more than 100000 detection items'],
    ]);
  });
});

/** Whole condition trees over a few names: links of two or more, as the grammar makes them. */
const trees: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.constantFrom('a', 'b', 'nota', '__proto__', '1').map(id),
    tie('tree').map(not),
    fc
      .tuple(fc.constantFrom(and, or), fc.array(tie('tree'), { minLength: 2, maxLength: 4 }))
      .map(([link, of]) => link(...of)),
  ),
})).tree;

/** Writes a tree as a condition: parentheses where needed, and more of them and of space where `spare` says so. */
function write(tree: Tree, spare: () => boolean, within: 'or' | 'and' | 'not' = 'or'): string {
  const space = () => (spare() ? '\n  ' : ' ');
  const parenthesized = (text: string) => `(${spare() ? ' ' : ''}${text})`;
  switch (tree.kind) {
    case 'identifier':
      return spare() ? parenthesized(tree.name) : tree.name;
    case 'not':
      return `not${space()}${write(tree.of, spare, 'not')}`;
    case 'and':
    case 'or': {
      // A link directly within one of its own kind keeps its parentheses: without them the two would be one.
      const text = tree.of
        .map((branch) => {
          const written = write(branch, spare, tree.kind === 'and' ? 'and' : 'or');
          return branch.kind === tree.kind ? parenthesized(written) : written;
        })
        .join(`${space()}${tree.kind}${space()}`);
      return (tree.kind === 'or' && within === 'and') || within === 'not' ? parenthesized(text) : text;
    }
    default:
      throw new TypeError(`a condition has no ${tree.kind}`);
  }
}

describe('any condition', () => {
  it('means, once written and read again, what it meant', () => {
    fc.assert(
      fc.property(trees, fc.infiniteStream(fc.boolean()), (tree, spares) => {
        const text = write(tree, () => spares.next().value === true);
        expect(parse(text, ['a', 'b', 'nota', '__proto__', '1'])).toEqual({ tree, errors: [] });
      }),
      { numRuns: 1000 },
    );
  });

  it('is read, or is an error, and nothing is thrown', () => {
    const words = fc.constantFrom(
      'a',
      'and',
      'or',
      'not',
      'of',
      '1',
      'all',
      'them',
      's*',
      '(',
      ')',
      '|',
      '?',
      '😀',
    );
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(words).map((each) => each.join(' ')),
    );
    fc.assert(
      fc.property(texts, fc.array(fc.string()), (text, names) => {
        const { tree, errors } = parse(text, names);
        expect(tree === undefined && errors.length === 0).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a search identifier', () => {
  it.each([
    ['selection', true],
    ['4-x', true],
    ['_x', true],
    ['nota', true],
    ['__proto__', true],
    ['all', true],
    ['not', false],
    ['sel.x', false],
    ['sel x', false],
    ['sel*', false],
    ['', false],
    ['größe', false],
  ])('may be called %j: %j', (name, may) => {
    expect(isIdentifier(name)).toBe(may);
  });
});
