import { describe, expect, it } from '@jest/globals';
import { createCompiler } from '../../../src/sigma/match/compile.ts';
import type { DetectionItem } from '../../../src/sigma/match/tree.ts';

describe('a compiler', () => {
  it('compiles an item once, however often it is asked about alone', () => {
    let looks = 0;
    const item: DetectionItem = {
      field: 'f',
      paths: ['f'],
      modifiers: [],
      get predicates() {
        looks += 1;
        return [{ kind: 'string' as const, pattern: ['x'], cased: false }];
      },
    };
    const compiler = createCompiler();
    const matches = compiler.compile({ kind: 'and', of: [{ kind: 'item', item }] });
    const before = looks;
    expect(matches({ f: 'X' })).toBe(true);
    expect(compiler.compile({ kind: 'item', item })({ f: 'y' })).toBe(false);
    expect(compiler.compile({ kind: 'item', item })({ f: 'x' })).toBe(true);
    expect(looks).toBe(before);
  });
});
