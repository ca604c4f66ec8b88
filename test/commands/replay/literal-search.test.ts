import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createLiteralSearch } from '../../../src/commands/replay/literal-search.ts';

/** Where a literal begins, looked for at every place. */
function first(literals: readonly string[], text: string, from: number, to: number): number {
  const lower = text.toLowerCase();
  for (let at = from; at < to; at++) {
    if (literals.some((literal) => lower.startsWith(literal, at) && at + literal.length <= to)) return at;
  }
  return to;
}

describe('a search for literals', () => {
  it.each([
    [['"pods'], 'x "PoDs" y', 2],
    [['"pods', '"secrets', ':403'], '{"code":403,"resource":"secrets"}', 7],
    [['kube-system'], 'kube-syste', 10],
    [['abc', 'abcdef'], 'xabcdef', 1],
    [['[@`'], 'x[@`', 1],
    [['[@`'], 'x{@@', 4],
    [[], 'anything', 8],
  ])('for %j in %s', (literals, text, at) => {
    expect(createLiteralSearch(literals)(Buffer.from(text), 0, text.length)).toBe(at);
  });

  it('finds what a look at every place finds', () => {
    const letters = fc.constantFrom('a', 'b', 'A', 'B', '@', '"');
    const text = fc.string({ unit: letters, maxLength: 60 });
    const literals = fc.array(
      fc.string({ unit: fc.constantFrom('a', 'b', '@', '"'), minLength: 3, maxLength: 6 }),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(literals, text, fc.nat(20), fc.nat(20), (sought, within, skipped, cut) => {
        const to = Math.max(0, within.length - cut);
        const from = Math.min(skipped, to);
        expect(createLiteralSearch(sought)(Buffer.from(within), from, to)).toBe(
          first(sought, within, from, to),
        );
      }),
      { numRuns: 2000 },
    );
  });
});
