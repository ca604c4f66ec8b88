import { foldCase } from './case-folding.ts';
import { textOf } from './predicate.ts';
import type { Predicate } from './tree.ts';
import type { WorkMeter } from './work-meter.ts';

type Comparison = Extract<Predicate, { kind: 'fieldref' }>['comparison'];

const METHODS = { contains: 'includes', startswith: 'startsWith', endswith: 'endsWith' } as const;

/** Characters compared in the time of a step of the meter, and what a pair costs beside them. */
const CHARACTERS_A_STEP = 16;
const PAIR = 16;

/**
 * Whether any value of one field compares with any of another, as `fieldref` does: by their texts, without regard to case.
 * Only scalars compare. `equals` takes as long as the lists are; the others hold each of one list against each of the other,
 * which is metered: both are the client's to choose.
 */
export function compareFields(
  comparison: Comparison,
  own: readonly unknown[],
  other: readonly unknown[],
  meter: WorkMeter,
): boolean {
  const [texts, sought] = [foldedTexts(own), foldedTexts(other)];
  if (comparison === 'equals') return [...texts].some((text) => sought.has(text));
  const method = METHODS[comparison];
  for (const text of texts) {
    for (const part of sought) {
      if (text[method](part)) return true;
      meter.spend((PAIR + (comparison === 'contains' ? text : part).length) / CHARACTERS_A_STEP);
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
