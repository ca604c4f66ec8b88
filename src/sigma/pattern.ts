import type { Pattern, PatternPart } from './tree.ts';

/**
 * Reads Sigma's wildcards and escapes: `*` any length, `?` one character, and a backslash escapes only `*`, `?` and itself;
 * before anything else it is a backslash (specification, Escape Character).
 */
export function parsePattern(text: string): Pattern {
  const parts: PatternPart[] = [];
  let literal = '';
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    const next = text.charAt(at + 1);
    if (character === '\\' && next !== '' && '*?\\'.includes(next)) {
      literal += next;
      at++;
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
  const [only = ''] = pattern;
  return pattern.length <= 1 && typeof only === 'string' ? only : undefined;
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

/**
 * Compiles to an anchored test. Wildcards match newlines too: container arguments and ConfigMap values have many lines.
 * Folding is the text's, done once, where case does not count. Time is linear for one `*` at either end, and the text's
 * length times the pattern's otherwise: each literal between two `*` is looked for once, from the left.
 */
export function compilePattern(pattern: Pattern, cased: boolean): (text: string) => boolean {
  const fold = cased ? (text: string) => text : foldCase;
  const parts = pattern.map((part) => (typeof part === 'string' ? fold(part) : part));
  const literal = literalOf(parts);
  if (literal !== undefined) return (text) => fold(text) === literal;
  const [first, second, third] = parts;
  if (parts.length === 1 && isAny(first)) return () => true;
  if (parts.length === 2 && typeof first === 'string' && isAny(second))
    return (text) => fold(text).startsWith(first);
  if (parts.length === 2 && isAny(first) && typeof second === 'string')
    return (text) => fold(text).endsWith(second);
  if (parts.length === 3 && isAny(first) && typeof second === 'string' && isAny(third)) {
    return (text) => fold(text).includes(second);
  }
  const pieces = splitAtAny(parts);
  return (text) => matchesPieces([...fold(text)], pieces);
}

/** One code point, or any one. */
type Unit = string | undefined;

/** `a*b?c` is the pieces `a` and `b?c`. A `*` at an end leaves an empty piece there. */
function splitAtAny(parts: Pattern): readonly (readonly Unit[])[] {
  const pieces: Unit[][] = [[]];
  for (const part of parts) {
    if (isAny(part)) pieces.push([]);
    else if (typeof part === 'string') pieces.at(-1)?.push(...part);
    else pieces.at(-1)?.push(undefined);
  }
  return pieces;
}

/** The first piece stands at the beginning, the last at the end, each other one as far left as it can. */
function matchesPieces(text: readonly string[], pieces: readonly (readonly Unit[])[]): boolean {
  const [first = [], ...rest] = pieces;
  const last = rest.pop();
  if (last === undefined) return text.length === first.length && standsAt(text, 0, first);
  if (text.length < first.length + last.length || !standsAt(text, 0, first)) return false;
  const end = text.length - last.length;
  if (!standsAt(text, end, last)) return false;
  let from = first.length;
  for (const piece of rest) {
    while (from + piece.length <= end && !standsAt(text, from, piece)) from++;
    if (from + piece.length > end) return false;
    from += piece.length;
  }
  return true;
}

function standsAt(text: readonly string[], at: number, piece: readonly Unit[]): boolean {
  return piece.every((unit, offset) => unit === undefined || unit === text[at + offset]);
}

/**
 * Unicode simple case folding, code point by code point, as `/iu` and RE2 have it. Never of whole strings: 'ΑΣ' would become
 * 'ας' and not be found in 'ασα'. ASCII, nearly everything Kubernetes says, takes the short way.
 */
export function foldCase(text: string): string {
  if (text !== lastText) {
    lastText = text;
    lastFolded = fold(text);
  }
  return lastFolded;
}

/** Many rules ask about one reading, one after the other. */
let lastText = '';
let lastFolded = '';

function fold(text: string): string {
  let hasUpper = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 127) return foldEach(text);
    hasUpper ||= code >= 65 && code <= 90;
  }
  return hasUpper ? text.toLowerCase() : text;
}

function foldEach(text: string): string {
  let folded = '';
  for (const character of text) folded += foldCharacter(character);
  return folded;
}

/** Dotless ı has the upper case of i, but folds only to itself. */
const DOTLESS_I = 'ı';

/** By way of the upper case, so that ς meets σ and ſ meets s. A case of several characters (ß, İ) is no simple one. */
function foldCharacter(character: string): string {
  if (character === DOTLESS_I) return character;
  const upper = character.toUpperCase();
  const lower = (isOneCharacter(upper) ? upper : character).toLowerCase();
  return isOneCharacter(lower) ? lower : character;
}

function isOneCharacter(text: string): boolean {
  return text.length === 1 || (text.length === 2 && text.codePointAt(0)! > 0xffff);
}
