import { coverageOf, type Coverage } from '../policy/coverage.ts';
import { isUnobservable } from '../policy/door.ts';
import { mapToEvent } from '../policy/event-fields.ts';
import { loadRuleset } from '../policy/load-rules.ts';
import type { LoadedFilter, LoadedRule, Ruleset, RulesetOptions } from '../policy/ruleset.ts';
import { appliesTo, type Filter } from '../sigma/filter.ts';
import type { ParsedSigma } from '../sigma/load.ts';
import { itemsOf } from '../sigma/partial-evaluation.ts';
import { KINDS } from './scanned-object.ts';

/** The rules as scan asks them. */
export interface ScanRules {
  readonly ruleset: Ruleset;
  /**
   * Filters that accept by who asked, which is not in an object, and the rules they are for. They are not among the
   * ruleset's: there each would be an error, because a filter on what a door never shows disarms its rules in silence. They
   * are asked all the same, of who an object's owner shows to have made it (see `creators`).
   */
  readonly byUser: readonly Filter[];
  byUserOf(rule: LoadedRule): readonly LoadedFilter[];
  /** Where the rules look; undefined: everywhere. */
  readonly namespaces: readonly string[] | undefined;
}

/** Loads the rules for objects, or throws a SigmaError with all that is wrong. */
export function loadScanRules(parsed: ParsedSigma, options: Omit<RulesetOptions, 'door'>): ScanRules {
  const byUser = parsed.filters.filter(namesUser);
  const filters = parsed.filters.filter((filter) => !namesUser(filter));
  const ruleset = loadRuleset({ ...parsed, filters }, { ...options, door: 'scan' });
  const loaded = byUser.map((filter): LoadedFilter => {
    const tree = mapToEvent(filter.condition.tree, 'scan');
    return { filter, tree, matches: ruleset.compiler.compile(tree) };
  });
  const byRule = new Map(
    ruleset.rules.map((rule) => [rule, loaded.filter(({ filter }) => appliesTo(filter, rule.rule))]),
  );
  return {
    ruleset,
    byUser,
    byUserOf: (rule) => byRule.get(rule) ?? [],
    namespaces: namespacesOf(ruleset),
  };
}

function namesUser({ condition }: Filter): boolean {
  return itemsOf(mapToEvent(condition.tree, 'scan')).some(({ paths }) => paths.some(isUser));
}

function isUser(path: string): boolean {
  return isUnobservable('scan', path) && !isUnobservable('serve', path);
}

/** Of what the rules ask of objects that scan judges, as they are created. */
function namespacesOf({ rules }: Ruleset): readonly string[] | undefined {
  const asked = rules
    .filter(({ off }) => off === undefined)
    .flatMap(({ tree }) => coverageOf(tree))
    .filter(isOfObjects)
    .map(({ namespaces }) => namespaces);
  return asked.includes(undefined) ? undefined : [...new Set(asked.flatMap((each) => each ?? []))];
}

function isOfObjects({ verbs, resource, subresource = '' }: Coverage): boolean {
  const isJudged = KINDS.some((kind) => kind.judged && kind.resource === resource);
  return subresource === '' && (resource === undefined || isJudged) && (verbs?.includes('create') ?? true);
}
