import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { foldCase } from '../../../src/sigma/match/case-folding.ts';

describe('case', () => {
  it.each([
    ['Pods', 'pODS'],
    ['ΑΣ', 'ας'],
    ['Σ', 'ς'],
    ['σ', 'ς'],
    ['ſ', 'S'],
    ['K', 'k'],
    ['Å', 'å'],
    ['ß', 'ẞ'],
    ['µ', 'Μ'],
    ['𐐀', '𐐨'],
    ['Ꭰ', 'ꭰ'],
    ['ﬅ', 'ﬆ'],
  ])('does not tell %s from %s', (one, other) => {
    expect(foldCase(one)).toBe(foldCase(other));
  });

  it.each([
    ['İ', 'i'],
    ['İ', 'ı'],
    ['İ', 'i\u0307'],
    ['ı', 'I'],
    ['ß', 'ss'],
    ['ŉ', 'ʼn'],
    ['e', 'é'],
  ])('tells %s from %s, which are no simple foldings of each other', (one, other) => {
    expect(foldCase(one)).not.toBe(foldCase(other));
  });

  it('is folded by code point: a sigma in a word is the sigma that ends one', () => {
    expect(foldCase('ΑΣΑ')).toContain(foldCase('ΑΣ'));
  });

  it('is what the language says under /iu, for every code point', () => {
    const classes = Map.groupBy(everyCodePoint(), (character) => foldCase(character));
    const shared = [...classes.values()].filter((members) => members.length > 1);
    for (const members of shared) {
      const pattern = patternFor(members[0] ?? '', 'iu');
      expect(members.filter((member) => !pattern.test(member))).toEqual([]);
    }
    const cased = shared.flat();
    const text = cased.join('');
    for (const character of cased) {
      const equal = text.match(patternFor(character, 'giu', false)) ?? [];
      expect(equal.filter((other) => foldCase(other) !== foldCase(character))).toEqual([]);
    }
    const mapped = everyCodePoint().filter((character) => /\p{Changes_When_Casemapped}/u.test(character));
    const alone = mapped.filter((character) => !cased.includes(character));
    for (const character of alone) {
      expect(text.match(patternFor(character, 'giu', false))).toBeNull();
    }
  });

  it('keeps the length of any text, and is folded once for all', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const folded = foldCase(text);
        expect(folded).toHaveLength(text.length);
        expect(foldCase(folded)).toBe(folded);
        expect(folded).toBe(Array.from(text, foldCase).join(''));
      }),
    );
  });

  it.each(['\ud83d', '\ude00', '\ude00\ud83d', 'É\ud801', '\ud801É'])(
    'leaves half of a surrogate pair alone: %j',
    (text) => {
      expect(foldCase(text)).toBe(text.replace('É', 'é'));
    },
  );

  it('of a long text is folded as a whole', () => {
    expect(foldCase('É'.repeat(100_001))).toBe('é'.repeat(100_001));
  });
});

function everyCodePoint(): readonly string[] {
  const codePoints = Array.from({ length: 0x110000 }, (_, codePoint) => codePoint);
  return codePoints
    .filter((codePoint) => codePoint < 0xd800 || codePoint > 0xdfff)
    .map((codePoint) => String.fromCodePoint(codePoint));
}

function patternFor(character: string, flags: string, whole = true): RegExp {
  const escaped = `\\u{${character.codePointAt(0)?.toString(16)}}`;
  return new RegExp(whole ? `^${escaped}$` : escaped, flags);
}
