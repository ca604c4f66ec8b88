import { quote } from '../match/describe-value.ts';
import { ModifierError } from './modifier-error.ts';
import { joinPatterns, parsePattern } from '../match/pattern.ts';
import { quoteRegex } from '../match/regular-expression.ts';
import type { Pattern } from '../match/tree.ts';

/** The values of `%name%` by name, for the modifier `expand`. */
export type Placeholders = Readonly<Record<string, readonly (string | number)[]>>;

/** Values that one written value may stand for. */
export const MAX_EXPANDED = 100_000;

/** A text with its placeholders written out, each by each of its values. Those are read as if they stood in the rule. */
export function expandPattern(text: string, placeholders: Placeholders): readonly Pattern[] {
  return expand(text, placeholders, parseWritten, parsePattern, joinPatterns, []);
}

/** What stands between placeholders; there `\%` is a `%`. */
function parseWritten(text: string): Pattern {
  return parsePattern(text.replaceAll(/\\(.)/gsu, (pair, next) => (next === '%' ? next : pair)));
}

/** The same for an expression; there a placeholder's values are literal. */
export function expandRegex(text: string, placeholders: Placeholders): readonly string[] {
  return expand(
    text,
    placeholders,
    (part) => part,
    quoteRegex,
    (before, after) => before + after,
    '',
  );
}

/** A backslash takes what follows with it, so `\%` begins no placeholder, and neither do `a%b` and `%%`. */
const PLACEHOLDER = /\\.|%([\p{L}\p{N}_.-]+)%/gsu;

function expand<Part>(
  text: string,
  placeholders: Placeholders,
  ofText: (text: string) => Part,
  ofValue: (value: string) => Part,
  join: (before: Part, after: Part) => Part,
  empty: Part,
): readonly Part[] {
  let expanded: readonly Part[] = [empty];
  let at = 0;
  const append = (parts: readonly Part[]) => {
    if (expanded.length * parts.length > MAX_EXPANDED) {
      throw new ModifierError(
        'too-many-values',
        `${quote(text)} stands for more than ${MAX_EXPANDED} values; expected fewer`,
      );
    }
    expanded = expanded.flatMap((before) => parts.map((after) => join(before, after)));
  };
  for (const match of text.matchAll(PLACEHOLDER)) {
    const [, name] = match;
    if (name === undefined) continue;
    append([ofText(text.slice(at, match.index))]);
    append(valuesOf(name, placeholders).map((value) => ofValue(String(value))));
    at = match.index + match[0].length;
  }
  append([ofText(text.slice(at))]);
  return expanded;
}

/** How many names a message lists. */
const LISTED = 5;

/** A rule with a placeholder that has no value must be refused (specification, Placeholders). */
function valuesOf(name: string, placeholders: Placeholders): readonly (string | number)[] {
  const values = Object.hasOwn(placeholders, name) ? (placeholders[name] ?? []) : [];
  if (values.length === 0) {
    const known = Object.keys(placeholders);
    const listed = known.slice(0, LISTED).map(quote).join(', ');
    const expected =
      known.length === 0
        ? 'none is defined: name a file of values with --placeholders'
        : `defined are ${listed}${known.length > LISTED ? ', …' : ''}`;
    throw new ModifierError(
      'unresolved-placeholder',
      `placeholder ${quote(`%${name}%`)} has no values; ${expected}`,
    );
  }
  return values;
}
