import { foldCase } from '../sigma/match/case-folding.ts';
import type { Pattern } from '../sigma/match/tree.ts';

/** Texts, patterns and numbers as CEL writes them. */

/** A CEL string: raw where that spares escapes, and on one line whatever it holds. */
export function quote(text: string): string {
  if (text.includes('\\') && !/['\p{C}\u2028\u2029]/u.test(text)) return `r'${text}'`;
  return `'${text.replace(/[\\']/g, (found) => `\\${found}`).replace(/[\p{C}\u2028\u2029]/gu, escapeUnseen)}'`;
}

function escapeUnseen(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16);
  return code.length > 4 ? `\\U${code.padStart(8, '0')}` : `\\u${code.padStart(4, '0')}`;
}

/** Whole numbers are CEL's int, others its double; the two compare where the type of one is not known beforehand. */
export function number(value: number): string {
  return Number.isSafeInteger(value) ? String(value === 0 ? 0 : value) : double(value);
}

export function double(value: number): string {
  const text = String(value === 0 ? 0 : value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** A pattern as RE2 reads it, without flags. What stands before or after a `*` at an end is left to the search. */
export function regexOf(pattern: Pattern): string {
  const isAny = (at: number) => {
    const part = pattern.at(at);
    return typeof part === 'object' && part.wildcard === '*';
  };
  const inner = pattern.slice(isAny(0) ? 1 : 0, isAny(-1) && pattern.length > 1 ? -1 : undefined);
  const body = inner
    .map((part) => (typeof part === 'string' ? escapeRegex(part) : part.wildcard === '*' ? '.*' : '.'))
    .join('');
  return `${isAny(0) ? '' : '^'}${body}${isAny(-1) ? '' : '$'}`;
}

function escapeRegex(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, (found) => `\\${found}`);
}

/** Whether case can make no difference to this text. */
export function isCaseless(text: string): boolean {
  return !/\p{L}|\p{M}|\p{Nl}|\p{So}/u.test(text);
}

/** Whether an empty text has the pattern. */
export function matchesEmpty(pattern: Pattern): boolean {
  return pattern.every((part) => typeof part === 'object' && part.wildcard === '*');
}

/** Whether the text of a number or a boolean can have the pattern: what is literal in it must be found in such a text. */
export function mayMatchOtherScalars(pattern: Pattern): boolean {
  return pattern.every((part) => {
    if (typeof part === 'object') return true;
    const text = foldCase(part);
    return /^[0-9.e+-]*$/.test(text) || 'true'.includes(text) || 'false'.includes(text);
  });
}
