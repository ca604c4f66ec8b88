import { describe, expect, it } from '@jest/globals';
import { describeItem } from '../../../src/commands/rules/describe-item.ts';
import { treeLines } from '../../../src/commands/rules/tree-lines.ts';
import { parseSigma } from '../../../src/sigma/read/load.ts';
import type { Tree } from '../../../src/sigma/match/tree.ts';
import { ruleOf } from './written.ts';

/** The tree of what stands under a search identifier. */
function treeOf(selection: string): Tree {
  const text = ruleOf(
    '11111111-1111-4111-8111-111111111111',
    't',
    `  s:\n    ${selection.replaceAll('\n', '\n    ')}\n  condition: s\n`,
  );
  const { rules, problems } = parseSigma('t.yml', text);
  const tree = rules[0]?.searchIdentifiers['s'];
  if (tree === undefined) throw new Error(JSON.stringify(problems));
  return tree;
}

const linesOf = (selection: string) => treeLines(treeOf(selection)).map(({ text }) => text);

describe('an item in words', () => {
  it.each([
    ['a: b', 'a = b'],
    ['a: [b, c, d]', 'a = b, c or d'],
    ['a: [b*, c]', 'a starts with b or a = c'],
    ["a: ''", 'a = ""'],
    ["a: 'b c'", 'a = "b c"'],
    ["a: 'b,'", 'a = "b,"'],
    ['a: "b\\u202ec"', 'a = b\ufffdc'],
    ["a: '*'", 'a is any text'],
    ["a: '?*'", 'a is like ?*'],
    ["a: 'b*c'", 'a is like b*c'],
    ["a: 'b*c\\*'", 'a is like b*c\\*'],
    ['a|contains: b', 'a contains b'],
    ['a|endswith: b', 'a ends with b'],
    ['a|cased: b', 'a = (cased) b'],
    ['a: 5', 'a = 5'],
    ['a: true', 'a = true'],
    ['a: null', 'a is missing or null'],
    ['a|exists: true', 'a is present'],
    ['a|exists: false', 'a is missing'],
    ["a|re|i: '^b+$'", 'a matches /^b+$/i'],
    ['a|cidr: 10.0.0.0/8', 'a is in 10.0.0.0/8'],
    ['a|gte: 5', 'a >= 5'],
    ['a|hour: 3', 'a has the hour 3'],
    ['a|fieldref: b', 'a = field b'],
    ['a|fieldref|startswith: b', 'a starts with field b'],
    ['- b', 'any value contains b'],
  ])('%s is %s', (selection, expected) => {
    expect(linesOf(selection)).toEqual([expected]);
  });

  it('says once what several values come to', () => {
    const paths = ['a'];
    const predicate = { kind: 'null' } as const;
    expect(describeItem({ field: 'a', paths, modifiers: [], predicates: [predicate, predicate] })).toBe(
      'a is missing or null',
    );
  });
});

describe('a tree in words', () => {
  it('has a line an item, linked', () => {
    expect(linesOf('a: b\nc|neq: d\ne|contains|all: [f, g]')).toEqual([
      'a = b',
      'and not c = d',
      'and all of:',
      '  e contains f',
      '  e contains g',
    ]);
  });

  it('has the maps of a list as groups', () => {
    expect(linesOf('- a: b\n  c: d\n- e: f')).toEqual(['all of:', '  a = b', '  c = d', 'or e = f']);
  });

  it('names what has a name, and shows what a not is about', () => {
    const of: Tree = { kind: 'identifier', name: 's', of: treeOf('a: b') };
    expect(treeLines({ kind: 'not', of: { kind: 'or', of: [of, of] } }).map(({ text }) => text)).toEqual([
      'not',
      '  any of:',
      '    s',
      '    s',
    ]);
  });
});
