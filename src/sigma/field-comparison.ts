import { foldCase } from './case-folding.ts';
import { textOf } from './predicate.ts';
import type { Predicate, Truth } from './tree.ts';

type Comparison = Extract<Predicate, { kind: 'fieldref' }>['comparison'];

const METHODS = { contains: 'includes', startswith: 'startsWith', endswith: 'endsWith' } as const;

/**
 * Both lists are as long as somebody likes, and each of one may have to be held against each of the other. 2^26 characters
 * are a twentieth of a second; two lists of a hundred arguments are a ten-thousandth of that.
 */
const MAX_CHARACTERS = 2 ** 26;

/** What a pair costs beside its characters. */
const PAIR = 16;

/**
 * Whether any value of one field compares with any of another, as `fieldref` does: by their texts, without regard to case.
 * Only scalars compare. `equals` takes as long as the lists are; the others are unknown where they would take too long.
 */
export function compareFields(
  comparison: Comparison,
  own: readonly unknown[],
  other: readonly unknown[],
): Truth {
  const [texts, sought] = [foldedTexts(own), foldedTexts(other)];
  if (comparison === 'equals') return [...texts].some((text) => sought.has(text));
  const method = METHODS[comparison];
  let characters = 0;
  for (const text of texts) {
    for (const part of sought) {
      if (text[method](part)) return true;
      characters += PAIR + (comparison === 'contains' ? text : part).length;
      if (characters > MAX_CHARACTERS) return 'unknown';
    }
  }
  return false;
}

function foldedTexts(values: readonly unknown[]): ReadonlySet<string> {
  return new Set(
    values
      .map(textOf)
      .filter((text) => text !== undefined)
      .map(foldCase),
  );
}
