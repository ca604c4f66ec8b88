import { quote } from '../sigma/match/describe-value.ts';
import type { Problem } from '../sigma/read/errors.ts';
import { appliesTo, type Filter } from '../sigma/read/filter.ts';
import { notForOurLog as messageOf } from '../sigma/read/log-source.ts';
import { itemsOf } from '../sigma/match/partial-evaluation.ts';
import type { Rule } from '../sigma/read/rule.ts';
import type { DetectionItem, Predicate, Tree } from '../sigma/match/tree.ts';
import { isOfUnseenUser, isUnobservable, type Door } from './door.ts';
import { MAP_FIELDS, mapToEvent } from './event-fields.ts';

/** A rule for another log, among ours. */
export function notForOurLog({ title, logsource, file, line }: Rule): Problem {
  return {
    code: 'logsource-not-applicable',
    severity: 'warning',
    file,
    line,
    path: 'logsource',
    message: messageOf(title, logsource),
  };
}

/** What is wrong with rules and filters for our log that are right in themselves, at this door and with each other. */
export function problemsAmong(
  rules: readonly Rule[],
  filters: readonly Filter[],
  door: Door,
): readonly Problem[] {
  return [
    ...rules.flatMap((rule) => valuesOfMaps(rule, 'detection', rule.conditions, door)),
    ...filters.flatMap((filter) => valuesOfMaps(filter, 'filter', [filter.condition], door)),
    ...filters.flatMap((filter) => unobservableFields(filter, door)),
    ...filters.filter((filter) => appliesToNone(filter, rules)).map(namesNoRule),
  ];
}

/** No value is a map, so a rule on one would be silent for ever, and a filter on one would never accept anything. */
function valuesOfMaps(
  { file, line }: Rule | Filter,
  section: 'detection' | 'filter',
  conditions: readonly { readonly tree: Tree }[],
  door: Door,
): readonly Problem[] {
  const paths = conditions.flatMap(({ tree }) => itemsOf(mapToEvent(tree, door)).flatMap(pathsOfValues));
  return [...new Set(paths)]
    .filter((path) => MAP_FIELDS.includes(path))
    .map((path) => ({
      code: 'map-as-value',
      severity: 'error',
      file,
      line,
      path: section,
      message: `${quote(path)} is a map, which no value matches; expected the path of a field in it, or "exists"`,
    }));
}

/** Where an item expects a value. `null` and `exists` may be asked of a map, too. */
function pathsOfValues({ paths, predicates }: DetectionItem): readonly string[] {
  const asked = predicates.filter(({ kind }) => kind !== 'null' && kind !== 'exists');
  return asked.length === 0 ? [] : [...paths, ...asked.flatMap(pathsReferredTo)];
}

function pathsReferredTo(predicate: Predicate): readonly string[] {
  return predicate.kind === 'fieldref' ? predicate.paths : [];
}

/** One filter on a field that a door never shows would silently disarm, or silently pass, every rule it is for. */
function unobservableFields({ condition, file, line }: Filter, door: Door): readonly Problem[] {
  const paths = itemsOf(mapToEvent(condition.tree, door)).flatMap((item) => item.paths);
  const unseen = paths.filter((path) => isUnobservable(door, path) && !isOfUnseenUser(door, path));
  return [...new Set(unseen)].map((path) => ({
    code: 'filter-unobservable',
    severity: 'error',
    file,
    line,
    path: 'filter',
    message: `${quote(path)} is never seen by ${door}; a filter may name only fields that are`,
  }));
}

function appliesToNone(filter: Filter, rules: readonly Rule[]): boolean {
  return filter.rules !== 'any' && !rules.some((rule) => appliesTo(filter, rule));
}

/** Only a warning: a preset is loaded whole, whichever rules are. */
function namesNoRule({ title, file, line }: Filter): Problem {
  return {
    code: 'filter-names-no-rule',
    severity: 'warning',
    file,
    line,
    path: 'filter.rules',
    message: `filter ${quote(title)} has no effect: no rule it names is loaded for its log source`,
  };
}
