import { foldCase } from './case-folding.ts';
import type { Pattern, PatternPart } from './tree.ts';

/**
 * Reads Sigma's wildcards and escapes: `*` any length, `?` one character, and a backslash escapes only `*`, `?` and itself;
 * before anything else it is a backslash (specification, Escape Character).
 */
export function parsePattern(text: string): Pattern {
  const parts: PatternPart[] = [];
  let literal = '';
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    const next = text.charAt(at + 1);
    if (character === '\\' && next !== '' && '*?\\'.includes(next)) {
      literal += next;
      at += 1;
    } else if (character === '*' || character === '?') {
      if (literal !== '') parts.push(literal);
      literal = '';
      parts.push({ wildcard: character });
    } else literal += character;
  }
  return literal === '' ? parts : [...parts, literal];
}

/** The text of a pattern without wildcards. */
export function literalOf(pattern: Pattern): string | undefined {
  if (pattern.length > 1) return undefined;
  const only = pattern[0] ?? '';
  return typeof only === 'string' ? only : undefined;
}

const ANY: PatternPart = { wildcard: '*' };

/** What `contains`, `startswith` and `endswith` do: add `*` at an end where none stands. */
export function withWildcards(pattern: Pattern, { before = false, after = false }): Pattern {
  const begun = before && !isAny(pattern[0]) ? [ANY, ...pattern] : pattern;
  return after && !isAny(begun.at(-1)) ? [...begun, ANY] : begun;
}

function isAny(part: PatternPart | undefined): boolean {
  return typeof part === 'object' && part.wildcard === '*';
}

/** One pattern after another. */
export function joinPatterns(before: Pattern, after: Pattern): Pattern {
  const [last, first] = [before.at(-1), after[0]];
  if (typeof last !== 'string' || typeof first !== 'string') return [...before, ...after];
  return [...before.slice(0, -1), last + first, ...after.slice(1)];
}

/** The pattern that a text whose case was folded must match, where case does not count. */
export function foldPattern(pattern: Pattern): Pattern {
  return pattern.map((part) => (typeof part === 'string' ? foldCase(part) : part));
}

/**
 * Compiles to an anchored test. Wildcards match newlines too: container arguments and ConfigMap values have many lines.
 * Literals are well formed (no half of a surrogate pair), so wherever one stands in a text, whole code points stand before
 * and after it, and searching by UTF-16 unit finds what searching by code point would.
 */
export function compilePattern(pattern: Pattern, cased: boolean): (text: string) => boolean {
  if (!cased) {
    const matches = compilePattern(foldPattern(pattern), true);
    return (text) => matches(foldCase(text));
  }
  const literal = literalOf(pattern);
  if (literal !== undefined) return (text) => text === literal;
  const [first, second, third] = pattern;
  if (pattern.length === 1 && isAny(first)) return () => true;
  if (pattern.length === 2 && typeof first === 'string' && isAny(second)) {
    return (text) => text.startsWith(first);
  }
  if (pattern.length === 2 && isAny(first) && typeof second === 'string') {
    return (text) => text.endsWith(second);
  }
  if (pattern.length === 3 && isAny(first) && typeof second === 'string' && isAny(third)) {
    return (text) => text.includes(second);
  }
  return compilePieces(splitAtAny(pattern));
}

/** What stands between two `*`: literals, and `?` as undefined. */
type Piece = readonly (string | undefined)[];

/** `a*b?c` is the pieces `a` and `b?c`. A `*` at an end leaves an empty piece there. */
function splitAtAny(parts: Pattern): readonly Piece[] {
  const pieces: (string | undefined)[][] = [[]];
  for (const part of parts) {
    if (isAny(part)) pieces.push([]);
    else pieces.at(-1)?.push(typeof part === 'string' ? part : undefined);
  }
  return pieces;
}

/**
 * The first piece stands at the beginning, the last at the end, each other one as far left as it can: nothing is gained by
 * leaving less room for the rest. So each is looked for once, and time is at most the text's length times the pattern's.
 */
function compilePieces([first = [], ...rest]: readonly Piece[]): (text: string) => boolean {
  const last = rest.pop()?.toReversed();
  const searches = rest.map(compileSearch);
  return function matchesPieces(text) {
    let from = endOf(first, text, 0);
    if (last === undefined) return from === text.length;
    for (const search of searches) {
      if (from === undefined) return false;
      from = search(text, from);
    }
    const start = startOf(last, text);
    return from !== undefined && start !== undefined && from <= start;
  };
}

/** Where a piece that begins at `from` ends. */
function endOf(piece: Piece, text: string, from: number): number | undefined {
  let at = from;
  for (const part of piece) {
    if (part === undefined) {
      if (at >= text.length) return undefined;
      at += isPair(text, at) ? 2 : 1;
    } else {
      if (!text.startsWith(part, at)) return undefined;
      at += part.length;
    }
  }
  return at;
}

/** Where a piece, given backwards, begins that ends with the text. */
function startOf(reversed: Piece, text: string): number | undefined {
  let at = text.length;
  for (const part of reversed) {
    if (part === undefined) {
      if (at === 0) return undefined;
      at -= isPair(text, at - 2) ? 2 : 1;
    } else {
      if (!text.endsWith(part, at)) return undefined;
      at -= part.length;
    }
  }
  return at;
}

/** Where the leftmost occurrence of a piece from `from` on ends. `*?` is `?*`: a `?` that leads only leaves less to search. */
function compileSearch(piece: Piece): (text: string, from: number) => number | undefined {
  const leading = piece.findIndex((part) => part !== undefined);
  const literal = piece[leading];
  if (literal === undefined) return (text, from) => endOf(piece, text, from);
  const head = piece.slice(0, leading);
  const tail = piece.slice(leading + 1);
  return function search(text, from) {
    const begin = endOf(head, text, from);
    if (begin === undefined) return undefined;
    for (let at = text.indexOf(literal, begin); at !== -1; at = text.indexOf(literal, at + 1)) {
      const end = endOf(tail, text, at + literal.length);
      if (end !== undefined) return end;
    }
    return undefined;
  };
}

/** Whether two units there are one code point. There are none before the text. */
function isPair(text: string, at: number): boolean {
  return (text.codePointAt(at) ?? 0) > 0xffff;
}
