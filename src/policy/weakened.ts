import { createCompiler } from '../sigma/match/compile.ts';
import { quote } from '../sigma/match/describe-value.ts';
import { appliesTo, type Filter } from '../sigma/read/filter.ts';
import { acceptsAnybody } from './accepts-anybody.ts';
import { mapToEvent } from './event-fields.ts';
import { parseAll } from './load-rules.ts';
import type { NamedDocument } from './rule-source.ts';
import type { Ruleset } from './ruleset.ts';
import { shortId } from './short-id.ts';

/**
 * What documents in the place of others would weaken in a set in force: rules are gone, or a filter accepts any user. A document
 * with an error is refused when it is loaded, and weakens nothing.
 */
export function weakenedBy(
  before: readonly NamedDocument[],
  after: readonly NamedDocument[],
  { rules, door }: Pick<Ruleset, 'rules' | 'door'>,
): readonly string[] {
  const [was, is] = [parseAll(before), parseAll(after)];
  // Of its own: what is said to us by a review is not kept.
  const compiler = createCompiler();
  const left = new Set(is.rules.map(({ id }) => id));
  const isForAnybody = (filter: Filter) => {
    const matches = compiler.compile(mapToEvent(filter.condition.tree, door));
    return rules.some((rule) => appliesTo(filter, rule) && acceptsAnybody(matches, rule.loadedConditions));
  };
  const known = new Set(was.filters.filter(isForAnybody).map(({ id }) => id));
  return [
    ...was.rules
      .filter(({ id }) => !left.has(id))
      .map(({ id, title }) => `rule ${shortId(id)} ${quote(title)} removed`),
    ...is.filters
      .filter((filter) => !known.has(filter.id) && isForAnybody(filter))
      .map(({ title }) => `filter ${quote(title)} that accepts any user added`),
  ];
}
