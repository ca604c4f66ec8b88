import type { Literal } from './required-literals.ts';

/** The first position in `bytes` from `from` up to `to` where one of the literals begins; `to` if none does. */
export type LiteralSearch = (bytes: Buffer, from: number, to: number) => number;

/** Two bytes at once, a table of all pairs. */
const PAIRS = 0x1_00_00;

/**
 * Looks for any of many literals at once, ASCII case aside (Wu and Manber's algorithm, with blocks of two bytes): where the
 * two bytes at the end of a window stand in no literal, the window moves on by nearly its length. It walks over bytes as
 * they were read. (A native regular expression of all literals is no faster, and would be built from the text of rules.)
 */
export function createLiteralSearch(literals: Iterable<Literal>): LiteralSearch {
  const needles = [...new Set(literals)].map((literal) => Buffer.from(literal, 'latin1'));
  const length = Math.min(...needles.map((needle) => needle.length));
  const shifts = new Uint8Array(PAIRS).fill(Math.min(length - 1, 0xff));
  const ending = new Map<number, Buffer[]>();
  for (const needle of needles) {
    for (let end = 1; end < length; end++) {
      for (const pair of spellings(needle[end - 1] ?? 0, needle[end] ?? 0)) {
        const shift = length - 1 - end;
        shifts[pair] = Math.min(shifts[pair] ?? 0, shift);
        if (shift === 0) ending.set(pair, [...(ending.get(pair) ?? []), needle]);
      }
    }
  }
  if (needles.length === 0) return (_bytes, _from, to) => to;
  return function search(bytes, from, to) {
    let last = from + length - 1;
    while (last < to) {
      const pair = (bytes[last - 1]! << 8) | bytes[last]!;
      const shift = shifts[pair]!;
      if (shift === 0) {
        const start = last - length + 1;
        for (const needle of ending.get(pair)!) if (standsAt(needle, bytes, start, to)) return start;
        last++;
      } else last += shift;
    }
    return to;
  };
}

function standsAt(needle: Buffer, bytes: Buffer, start: number, to: number): boolean {
  if (start + needle.length > to) return false;
  for (let at = 0; at < needle.length; at++) {
    if (LOWER[bytes[start + at]!] !== needle[at]) return false;
  }
  return true;
}

/** The pairs of bytes that read the same in either case. */
function spellings(first: number, second: number): readonly number[] {
  return casesOf(first).flatMap((one) => casesOf(second).map((other) => (one << 8) | other));
}

function casesOf(lower: number): readonly number[] {
  return LOWER[lower - 32] === lower && lower >= 97 ? [lower, lower - 32] : [lower];
}

const LOWER = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 65 && byte <= 90 ? byte + 32 : byte));
