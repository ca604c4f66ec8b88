import { quote } from '../match/describe-value.ts';
import { ModifierError } from './modifier-error.ts';
import { joinPatterns } from '../match/pattern.ts';
import type { Pattern } from '../match/tree.ts';

/** A hyphen or slash that begins a word and ends none: `-a` has one, `a-b` none. What is a word is said by Unicode. */
const DASH = /((?<![\p{L}\p{N}_])[-/](?=[\p{L}\p{N}_]))/u;

/** What Windows programs take for one another: hyphen, slash, en dash, em dash, horizontal bar. */
const DASHES = ['-', '/', '\u2013', '\u2014', '\u2015'];

/** 5^5 are 3,125 variants. */
const MAX_DASHES = 5;

/** A pattern with each dash of its literals replaced by each kind of dash: 5^n variants. */
export function windashVariants(pattern: Pattern, written: string): readonly Pattern[] {
  let variants: readonly Pattern[] = [[]];
  let dashes = 0;
  for (const part of pattern) {
    const pieces = typeof part === 'string' ? part.split(DASH) : [part];
    for (const [index, piece] of pieces.entries()) {
      const isDash = index % 2 === 1;
      if (isDash) dashes += 1;
      if (dashes > MAX_DASHES) {
        const message = `${quote(written)} has more than ${MAX_DASHES} dashes, each of which stands for ${DASHES.length}; expected fewer`;
        throw new ModifierError('too-many-values', message);
      }
      const choices: readonly Pattern[] = isDash
        ? DASHES.map((dash) => [dash])
        : [piece === '' ? [] : [piece]];
      variants = variants.flatMap((before) => choices.map((after) => joinPatterns(before, after)));
    }
  }
  return variants;
}
