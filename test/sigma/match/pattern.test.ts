import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compilePattern, literalOf, parsePattern, withWildcards } from '../../../src/sigma/match/pattern.ts';
import type { Pattern, PatternPart } from '../../../src/sigma/match/tree.ts';

const ANY = { wildcard: '*' } as const;
const ONE = { wildcard: '?' } as const;

const matches = (written: string, text: string, cased = false) =>
  compilePattern(parsePattern(written), cased)(text);

describe('the escapes of a value', () => {
  it.each<[written: string, pattern: Pattern]>([
    ['\\*', ['*']],
    ['\\\\*', ['\\', ANY]],
    ['\\\\\\*', ['\\*']],
    ['\\\\', ['\\']],
    ['\\\\\\\\', ['\\\\']],
    ['a\\b', ['a\\b']],
    ['a\\\\b', ['a\\b']],
    ['a\\\\\\b', ['a\\\\b']],
    ['\\', ['\\']],
    ['\\?', ['?']],
    ['C:\\*', ['C:*']],
    ['C:\\\\*', ['C:\\', ANY]],
    ['*\\*', [ANY, '*']],
    ['', []],
    ['a*b?c', ['a', ANY, 'b', ONE, 'c']],
    ['**', [ANY, ANY]],
    ['\\n\\d\\%', ['\\n\\d\\%']],
  ])('%s', (written, pattern) => {
    expect(parsePattern(written)).toEqual(pattern);
  });

  it('leave a literal only where no wildcard is', () => {
    expect(['a\\*', '', 'a*', '?'].map((written) => literalOf(parsePattern(written)))).toEqual([
      'a*',
      '',
      undefined,
      undefined,
    ]);
  });

  it('can write any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const escaped = text.replaceAll(/[\\*?]/g, '\\$&');
        expect(literalOf(parsePattern(escaped))).toBe(text);
      }),
    );
  });
});

describe('wildcards that are added', () => {
  it.each([
    ['contains', '*foo', [ANY, 'foo', ANY]],
    ['endswith', '*foo', [ANY, 'foo']],
    ['startswith', '*foo', [ANY, 'foo', ANY]],
    ['contains', 'foo\\', [ANY, 'foo\\', ANY]],
    ['contains', 'foo\\\\', [ANY, 'foo\\', ANY]],
    ['contains', 'foo\\*', [ANY, 'foo*', ANY]],
    ['contains', '?foo', [ANY, ONE, 'foo', ANY]],
    ['contains', '', [ANY]],
    ['startswith', '', [ANY]],
    ['endswith', '', [ANY]],
    ['startswith', 'foo', ['foo', ANY]],
  ])('by %s to %j stand only where none stood', (modifier, written, pattern) => {
    const where = { before: modifier !== 'startswith', after: modifier !== 'endswith' };
    expect(withWildcards(parsePattern(written), where)).toEqual(pattern);
  });
});

describe('a pattern', () => {
  it.each([
    ['pods', 'pods', true],
    ['pods', 'pods/exec', false],
    ['pods', 'a pods', false],
    ['pod', 'pods', false],
    ['', '', true],
    ['', 'a', false],
    ['kube-*', 'kube-', true],
    ['kube-*', 'a kube-', false],
    ['*-system', 'kube-system', true],
    ['*-system', 'kube-systems', false],
    ['*be-sy*', 'kube-system', true],
    ['k*m', 'kube-system', true],
    ['k*m', 'km', true],
    ['k*km', 'km', false],
    ['a*bc*c', 'abc', false],
    ['a*bc*c', 'abcc', true],
    ['*ab*ab', 'ab', false],
    ['*ab*ab', 'abab', true],
    ['*aab*', 'aaab', true],
    ['?', '', false],
    ['?', 'a', true],
    ['?', 'ab', false],
    ['?*', '', false],
    ['?*', 'a', true],
    ['*?', '', false],
    ['*?', 'ab', true],
    ['**', '', true],
    ['a**b', 'ab', true],
    ['*a?c*', 'aabc abc', true],
    ['*a?c*', 'aac', true],
    ['*a??c*', 'aac', false],
    ['*?b*', 'b', false],
    ['*?b*', 'ab', true],
    ['a?*?b', 'a12b', true],
    ['a?*?b', 'a1b', false],
    ['\\*', '*', true],
    ['\\*', 'a', false],
  ])('%s on %j: %s', (written, text, expected) => {
    expect(matches(written, text)).toBe(expected);
  });

  it('has wildcards that match newlines', () => {
    expect(matches('a*b', 'a\n\r\n\u2028b')).toBe(true);
    expect(matches('a?b', 'a\nb')).toBe(true);
    expect(matches('*b', 'a\nb')).toBe(true);
  });

  it('has a question mark that is one code point, not one unit and not one grapheme', () => {
    expect(['?', '??'].map((written) => matches(written, '😀'))).toEqual([true, false]);
    expect(['a?b', 'a??b', '*?b', '*??b'].map((written) => matches(written, 'a😀b'))).toEqual([
      true,
      false,
      true,
      true,
    ]);
    expect(matches('*???b', 'a😀b')).toBe(false);
    expect(['?', '??'].map((written) => matches(written, 'e\u0301'))).toEqual([false, true]);
  });

  it('takes half of a surrogate pair in a text for a character, and never half of a whole one', () => {
    expect(matches('?', '\ud83d')).toBe(true);
    expect(matches('??', '\ude00\ud83d')).toBe(true);
    expect(matches('*😀', '\ud83d😀')).toBe(true);
    expect(matches('?😀?', '\ud83d😀\ude00')).toBe(true);
  });

  it('is indifferent to case unless it is cased', () => {
    expect(['PODS', 'Pods', 'pods'].map((text) => matches('Pods', text))).toEqual([true, true, true]);
    expect(['PODS', 'Pods', 'pods'].map((text) => matches('Pods', text, true))).toEqual([false, true, false]);
    expect(matches('*ΑΣ*', 'ασα')).toBe(true);
    expect(matches('*ς', 'ΑΣ')).toBe(true);
    expect(matches('*ß*', 'GROẞ')).toBe(true);
    expect(matches('*SS*', 'groß')).toBe(false);
    expect(matches('*i*', 'İ')).toBe(false);
    expect(matches('*𐐀?', 'a𐐨b')).toBe(true);
    expect(matches('*ς', 'ΑΣ', true)).toBe(false);
  });

  it('matches what a naive reading of it matches', () => {
    const unit = fc.constantFrom('a', 'A', 'b', 'ß', 'ẞ', 'σ', 'ς', '😀', '𐐀', '𐐨', '\n');
    const part = fc.oneof(fc.string({ unit, minLength: 1, maxLength: 3 }), fc.constantFrom(ANY, ANY, ONE));
    const half = fc.constantFrom('\ud83d', '\ude00', '\ud801', '\udc00');
    const text = fc.string({ unit: fc.oneof({ weight: 9, arbitrary: unit }, half), maxLength: 10 });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 7 }), text, fc.boolean(), (pattern, subject, cased) => {
        expect(compilePattern(pattern, cased)(subject)).toBe(naivelyMatches(pattern, subject, cased));
      }),
      { numRuns: 5000 },
    );
  });
});

/** By definition: every way to divide the text, code point by code point, letters compared by the language. */
function naivelyMatches(pattern: Pattern, text: string, cased: boolean): boolean {
  const units = pattern.flatMap((part): readonly PatternPart[] =>
    typeof part === 'string' ? [...part] : [part],
  );
  const characters = [...text];
  const equal = (one: string, other: string) =>
    one === other || (!cased && new RegExp(`^\\u{${one.codePointAt(0)?.toString(16)}}$`, 'iu').test(other));
  const from = (unit: number, at: number): boolean => {
    const part = units[unit];
    if (part === undefined) return at === characters.length;
    if (part === ANY) return from(unit + 1, at) || (at < characters.length && from(unit, at + 1));
    const character = characters[at];
    if (character === undefined) return false;
    return (part === ONE || (typeof part === 'string' && equal(part, character))) && from(unit + 1, at + 1);
  };
  return from(0, 0);
}
