import { isIdentifier, isOperator, namesIn } from './condition.ts';
import { parseDetection, type Placeholders } from './detection.ts';
import { quote } from '../match/describe-value.ts';
import type { Reporter } from './errors.ts';
import type { Mapping } from '../match/mapping.ts';
import type { Tree } from '../match/tree.ts';

/** Stands for one that could not be read, so that conditions can be checked all the same. */
const UNREADABLE: Tree = { kind: 'constant', value: false };

/**
 * The search identifiers of a `detection` or `filter`: every key of it but those with a meaning of their own. What is wrong
 * with one is reported, and the rest are read.
 */
export function parseSearchIdentifiers(
  mapping: Mapping,
  section: 'detection' | 'filter',
  reserved: readonly string[],
  reporter: Reporter,
  placeholders: Placeholders,
): ReadonlyMap<string, Tree> {
  const trees = new Map<string, Tree>();
  for (const name of Object.keys(mapping)) {
    const path = [section, name];
    if (reserved.includes(name)) continue;
    if (name === 'timeframe') {
      const message = '"timeframe" was removed from Sigma; write a correlation rule with a timespan instead';
      reporter.error('aggregation-removed', path, message);
      continue;
    }
    if (isOperator(name)) {
      const message = `${quote(name)} cannot name a search identifier; expected letters, digits, "_" and "-", and not "and", "or" or "not"`;
      reporter.error('invalid-identifier', path, message);
      continue;
    }
    if (!isIdentifier(name)) {
      const message = `${quote(name)} can be called only by a pattern; expected letters, digits, "_" and "-"`;
      reporter.warning('invalid-identifier', path, message);
    }
    trees.set(name, parseDetection(mapping[name], path, reporter, placeholders) ?? UNREADABLE);
  }
  if (Object.keys(mapping).every((key) => reserved.includes(key))) {
    reporter.error(
      'missing-field',
      [section],
      `no search identifier; expected one beside ${reserved.map(quote).join(' and ')}`,
    );
  }
  return trees;
}

/** A selection that no condition calls is usually a condition that was meant to. */
export function warnOfUnused(
  searchIdentifiers: ReadonlyMap<string, Tree>,
  conditions: readonly Tree[],
  section: 'detection' | 'filter',
  reporter: Reporter,
): void {
  const used = new Set<string>();
  for (const tree of conditions) namesIn(tree, used);
  for (const name of searchIdentifiers.keys()) {
    if (used.has(name)) continue;
    const message = `search identifier ${quote(name)} is not used in the condition`;
    reporter.warning('unused-identifier', [section, name], message);
  }
}
