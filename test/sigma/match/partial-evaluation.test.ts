import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createCompiler } from '../../../src/sigma/match/compile.ts';
import { compilePath } from '../../../src/sigma/match/fields.ts';
import {
  canBe,
  itemsOf,
  mayBeUnknown,
  partiallyEvaluate,
  requiredValues,
} from '../../../src/sigma/match/partial-evaluation.ts';
import { foldCase } from '../../../src/sigma/match/case-folding.ts';
import type { DetectionItem, Predicate, Tree, Truth } from '../../../src/sigma/match/tree.ts';
import { events, trees } from '../trees.ts';

const text = (value: string): Predicate => ({ kind: 'string', pattern: [value], cased: false });
const is = (field: string, ...predicates: Predicate[]): Tree => ({
  kind: 'item',
  item: { field, paths: [field], modifiers: [], predicates },
});
const and = (...of: Tree[]): Tree => ({ kind: 'and', of });
const or = (...of: Tree[]): Tree => ({ kind: 'or', of });
const not = (of: Tree): Tree => ({ kind: 'not', of });
const constant = (value: Truth): Tree => ({ kind: 'constant', value });

/** Kleene's definitions, by the book. */
function interpret(tree: Tree, judge: (item: DetectionItem) => Truth): Truth {
  const rank = (truth: Truth) => (truth === 'unknown' ? 0.5 : Number(truth));
  const truthOf = (number: number): Truth => (number === 0.5 ? 'unknown' : number === 1);
  switch (tree.kind) {
    case 'constant':
      return tree.value;
    case 'item':
      return judge(tree.item);
    case 'identifier':
      return interpret(tree.of, judge);
    case 'not':
      return truthOf(1 - rank(interpret(tree.of, judge)));
    case 'and':
      return truthOf(Math.min(1, ...tree.of.map((branch) => rank(interpret(branch, judge)))));
    case 'or':
      return truthOf(Math.max(0, ...tree.of.map((branch) => rank(interpret(branch, judge)))));
  }
}

function judgeOf(event: object): (item: DetectionItem) => Truth {
  const compiler = createCompiler();
  return (item) => compiler.compile({ kind: 'item', item })(event);
}

describe('partial evaluation', () => {
  const a = is('a', text('x'));
  const b = is('b', text('x'));
  it.each([
    ['false decides an and', and(a, b), { a: false }, constant(false)],
    ['true leaves an and to the rest', and(a, b), { a: true }, b],
    [
      'unknown stays beside what may still decide an and',
      and(a, b),
      { a: 'unknown' },
      and(b, constant('unknown')),
    ],
    ['true decides an or, whatever is unknown', or(a, b), { a: true, b: 'unknown' }, constant(true)],
    ['not of unknown is unknown', not(a), { a: 'unknown' }, constant('unknown')],
    ['an empty and is true, an empty or false', or(and(), or()), {}, constant(true)],
    [
      'a label goes when it is decided',
      { kind: 'identifier', name: 's', of: a },
      { a: true },
      constant(true),
    ],
    [
      'a label stays while it is open',
      { kind: 'identifier', name: 's', of: and(a, b) },
      { b: true },
      { kind: 'identifier', name: 's', of: a },
    ],
  ] as [string, Tree, Record<string, Truth>, Tree][])('%s', (_, tree, known, rest) => {
    expect(partiallyEvaluate(tree, ({ field = '' }) => known[field])).toEqual(rest);
  });

  it('substituting some fields, folding and evaluating the rest gives what evaluating at once gives', () => {
    fc.assert(
      fc.property(trees, events, fc.subarray(['a', 'b', 'c.d']), (tree, event, known) => {
        const judge = judgeOf(event);
        const rest = partiallyEvaluate(tree, (item) =>
          known.includes(item.field ?? '') ? judge(item) : undefined,
        );
        expect(partiallyEvaluate(rest, judge)).toEqual(constant(interpret(tree, judge)));
      }),
      { numRuns: 2000 },
    );
  });

  it('agrees with the compiled closure and with the interpreter', () => {
    fc.assert(
      fc.property(trees, events, (tree, event) => {
        expect(createCompiler().compile(tree)(event)).toBe(interpret(tree, judgeOf(event)));
      }),
      { numRuns: 2000 },
    );
  });

  it('never says that a tree which is true cannot be', () => {
    fc.assert(
      fc.property(trees, events, (tree, event) => {
        const truth = interpret(tree, judgeOf(event));
        if (truth !== 'unknown') expect(canBe(truth, tree)).toBe(true);
        expect(mayBeUnknown(tree)).toBe(false);
      }),
    );
  });
});

describe('the required values of a field', () => {
  const seed = and(is('verb', text('create')), is('resource', text('Pods')));
  it.each([
    ['are those of a selection, folded', seed, 'resource', ['pods']],
    ['are a list where any will do', is('verb', text('create'), text('patch')), 'verb', ['create', 'patch']],
    [
      'are as few as suffice where several are needed',
      and(is('g', text('x')), is('g', text('y'))),
      'g',
      ['y'],
    ],
    [
      'leave out what is only excluded',
      and(is('verb', text('create')), not(is('verb', text('get')))),
      'verb',
      ['create'],
    ],
    [
      'are none where another branch asks for nothing of it',
      or(seed, is('other', text('x'))),
      'verb',
      undefined,
    ],
    ['are none below not', not(is('verb', text('create'))), 'verb', undefined],
    ['are none where absence will do', is('verb', text('create'), { kind: 'null' }), 'verb', undefined],
    [
      'are none where presence will do',
      is('verb', text('create'), { kind: 'exists', value: true }),
      'verb',
      undefined,
    ],
    [
      'are none where a pattern is asked',
      is('verb', { kind: 'string', pattern: ['c', { wildcard: '*' }], cased: false }),
      'verb',
      undefined,
    ],
    ['are none of a field it does not name', seed, 'namespace', undefined],
  ] as [string, Tree, string, string[] | undefined][])('%s', (_, tree, path, values) => {
    expect(requiredValues(tree, path)).toEqual(values && new Set(values));
  });

  it('are few where one of two lists holds all of the other', () => {
    const both = or(is('g', text('a'), text('b')), and(is('g', text('a')), is('h', text('x'))));
    expect(requiredValues(both, 'g')).toEqual(new Set(['a', 'b']));
    const narrower = and(is('g', text('a'), text('b')), or(is('g', text('b')), is('g', text('c'))));
    expect(requiredValues(narrower, 'g')).toEqual(new Set(['b', 'c']));
  });

  it.each(['one list of them', 'as many items'])(
    'look at an item as often for many values as for few: %s',
    (shape) => {
      const looksAt = (count: number) => {
        let looks = 0;
        const counting = (...predicates: Predicate[]): Tree => ({
          kind: 'item',
          item: {
            field: 'g',
            paths: ['g'],
            modifiers: [],
            get predicates() {
              looks += 1;
              return predicates;
            },
          },
        });
        const values = Array.from({ length: count }, (_, index) => text(`v${index}`));
        const tree =
          shape === 'as many items' ? or(...values.map((value) => counting(value))) : counting(...values);
        expect(requiredValues(tree, 'g')?.size).toBe(count);
        return shape === 'as many items' ? looks / count : looks;
      };
      expect(looksAt(1000)).toBe(looksAt(10));
    },
  );

  it('hold for every event that matches', () => {
    fc.assert(
      fc.property(trees, events, fc.constantFrom('a', 'b', 'c.d'), (tree, event, path) => {
        const required = requiredValues(tree, path);
        const readings = compilePath(path)(event);
        fc.pre(required !== undefined && !readings.unknown && createCompiler().compile(tree)(event) === true);
        expect(readings.values.some((value) => required?.has(foldCase(String(value))))).toBe(true);
      }),
      { numRuns: 1000, maxSkipsPerRun: 1000 },
    );
  });
});

describe('the items of a tree', () => {
  it('are its leaves in order', () => {
    expect(
      itemsOf(or(and(is('a', text('x')), not(is('b', text('y')))), is('c', text('z')))).map(
        ({ field }) => field,
      ),
    ).toEqual(['a', 'b', 'c']);
  });
});
