import { KUBERNETES } from '../kubernetes/schema/kubernetes.ts';
import type { Schema } from '../kubernetes/schema/schema.ts';
import { createCompiler, type Compiler, type Matches } from '../sigma/match/compile.ts';
import type { Problem } from '../sigma/read/errors.ts';
import { appliesTo, type Filter } from '../sigma/read/filter.ts';
import { contains, type LogSource } from '../sigma/read/log-source.ts';
import { canBe, itemsOf, partiallyEvaluate } from '../sigma/match/partial-evaluation.ts';
import { LEVELS, type Level } from '../sigma/read/level.ts';
import type { Rule } from '../sigma/read/rule.ts';
import type { Tree } from '../sigma/match/tree.ts';
import { filtersForAnybody } from './accepts-anybody.ts';
import { isOfUnseenUser, type Door } from './door.ts';
import { mapToEvent } from './event-fields.ts';
import { fieldProblems } from './field-problems.ts';
import { classify, RULE_CLASSES, type Classification } from './rule-class.ts';
import { createRuleIndex, type RuleIndex } from './rule-index.ts';
import { digestOf } from './ruleset-digest.ts';
import { notForOurLog, problemsAmong } from './ruleset-problems.ts';

/** What our events are. Six of the sixteen public rules say no category; both kinds are for this log. */
export const OUR_LOG: LogSource = { category: 'application', product: 'kubernetes', service: 'audit' };

export interface RulesetOptions {
  readonly door: Door;
  /**
   * `resource`: a rule that requires a resource and nowhere names a subresource is about the resource itself.
   * `literal`: as written, so that a rule on pods is also about pods/binding, pods/eviction, pods/exec.
   */
  readonly subresources: 'resource' | 'literal';
  /** Rules below it load switched off. */
  readonly minLevel?: Level | undefined;
}

export interface LoadedFilter {
  readonly filter: Filter;
  readonly tree: Tree;
  readonly matches: Matches;
}

/** One of a rule's conditions, each classified on its own. */
export interface LoadedCondition {
  readonly text: string;
  readonly tree: Tree;
  readonly classification: Classification;
}

/** A rule as a door asks it. */
export interface LoadedRule extends Rule {
  readonly classification: Classification;
  /** Why this door never asks it; absent for a rule that is asked. */
  readonly disabledReason?: string;
  /** `objectRef.subresource: null` was added to what is written. */
  readonly subresourceAdded: boolean;
  /** `conditions` with each field where the event has it, and with what was added. */
  readonly loadedConditions: readonly LoadedCondition[];
  /** What is asked at this door: the conditions it can decide, linked by OR. */
  readonly tree: Tree;
  readonly matches: Matches;
  readonly filters: readonly LoadedFilter[];
  /** At scan alone: those that ask who asked, which no object says. They are not among `filters`. */
  readonly filtersByUser: readonly LoadedFilter[];
}

/** Checked, classed, compiled and indexed: everything that can be done before the first event. */
export interface Ruleset {
  readonly door: Door;
  readonly rules: readonly LoadedRule[];
  readonly filters: readonly Filter[];
  /** The rules an event can touch. */
  readonly candidates: RuleIndex<LoadedRule>;
  readonly compiler: Compiler;
  readonly warnings: readonly Problem[];
  /** Names by their content, in records and elsewhere, the rules that are on, and the filters for them. */
  readonly digest: string;
}

/** What was parsed, and everything that is wrong with it for this door. `ruleset` is absent if any problem is an error. */
export function createRuleset(
  parsed: {
    readonly rules: readonly Rule[];
    readonly filters: readonly Filter[];
    readonly problems: readonly Problem[];
  },
  options: RulesetOptions,
  schema: Schema = KUBERNETES,
): { readonly ruleset?: Ruleset; readonly problems: readonly Problem[] } {
  const compiler = createCompiler();
  const ours = parsed.rules.filter((rule) => contains(rule.logsource, OUR_LOG));
  const problems = [
    ...parsed.problems,
    ...parsed.rules.filter((rule) => !contains(rule.logsource, OUR_LOG)).map(notForOurLog),
    ...problemsAmong(ours, parsed.filters, options.door),
  ];
  if (problems.some(({ severity }) => severity === 'error')) return { problems };
  const filters = parsed.filters.map((filter) => loadFilter(filter, compiler, options));
  const rules = ours.map((rule) => loadRule(rule, filters, compiler, options));
  const on = ours.filter((rule) => whyOff(rule, options.minLevel) === undefined);
  problems.push(...filtersForAnybody(rules), ...fieldProblems(rules, filters, schema));
  const ruleset: Ruleset = {
    door: options.door,
    rules,
    filters: parsed.filters,
    candidates: createRuleIndex(activeRules({ rules }), compiler),
    compiler,
    warnings: problems,
    digest: digestOf(on, filtersOf(on, parsed.filters), options.subresources),
  };
  return { ruleset, problems };
}

function loadRule(
  rule: Rule,
  filters: readonly LoadedFilter[],
  compiler: Compiler,
  { door, subresources, minLevel }: RulesetOptions,
): LoadedRule {
  const mapped = rule.conditions.map(({ text, tree }) => ({ text, tree: mapToEvent(tree, door) }));
  const subresourceAdded =
    subresources === 'resource' && isAboutTheResource(mapped.map(({ tree: each }) => each));
  const loadedConditions = mapped.map(({ text, tree: written }): LoadedCondition => {
    const each = subresourceAdded ? withoutSubresource(written) : written;
    return { text, tree: each, classification: classify(each, door) };
  });
  const asked = loadedConditions.filter((condition) => isAsked(condition.classification));
  const tree: Tree =
    asked.length === 1 && asked[0] !== undefined
      ? asked[0].tree
      : { kind: 'or', of: asked.map((condition) => condition.tree) };
  const classification = worstClass(asked.length > 0 ? asked : loadedConditions);
  if (classification === undefined) throw new TypeError(`rule ${rule.id} has no condition`);
  const disabledReason = whyDisabled(rule, classification, minLevel);
  const applying = filters.filter(({ filter }) => appliesTo(filter, rule));
  return {
    ...rule,
    classification,
    ...(disabledReason === undefined ? {} : { disabledReason }),
    subresourceAdded,
    loadedConditions,
    tree,
    matches: compiler.compile(tree),
    filters: applying.filter((filter) => !asksUnseenUser(filter, door)),
    filtersByUser: applying.filter((filter) => asksUnseenUser(filter, door)),
  };
}

/** Whether a filter asks who asked, at a door that never shows who. */
export function asksUnseenUser({ tree }: Pick<LoadedFilter, 'tree'>, door: Door): boolean {
  return itemsOf(tree).some(({ paths }) => paths.some((path) => isOfUnseenUser(door, path)));
}

function loadFilter(filter: Filter, compiler: Compiler, { door }: RulesetOptions): LoadedFilter {
  const tree = mapToEvent(filter.condition.tree, door);
  return { filter, tree, matches: compiler.compile(tree) };
}

const RESOURCE = 'objectRef.resource';
const SUBRESOURCE = 'objectRef.subresource';

function isAboutTheResource(conditions: readonly Tree[]): boolean {
  const items = conditions.flatMap(itemsOf);
  if (items.some(({ paths }) => paths.includes(SUBRESOURCE))) return false;
  return conditions.every((tree) => !canBe(true, partiallyEvaluate(tree, withoutResource)));
}

function withoutResource({
  paths,
  predicates,
}: {
  paths: readonly string[];
  predicates: readonly { kind: string }[];
}) {
  return paths[0] === RESOURCE ? predicates.some(({ kind }) => kind === 'null') : undefined;
}

function withoutSubresource(tree: Tree): Tree {
  const absent: Tree = {
    kind: 'item',
    item: { field: SUBRESOURCE, paths: [SUBRESOURCE], modifiers: [], predicates: [{ kind: 'null' }] },
  };
  return { kind: 'and', of: [tree, absent] };
}

/** Of what is asked, one condition that is only approximately decided makes the rule so. */
function worstClass(conditions: readonly LoadedCondition[]): Classification | undefined {
  const classes = conditions.map(({ classification }) => classification);
  return ['approximate', ...RULE_CLASSES].flatMap((name) => classes.filter((each) => each.class === name))[0];
}

function isAsked(classification: Classification): boolean {
  return classification.class === 'decidable' || classification.class === 'approximate';
}

function whyDisabled(rule: Rule, classification: Classification, minLevel: Level | undefined) {
  const asked = isAsked(classification);
  return whyOff(rule, minLevel) ?? (asked ? undefined : `${classification.class}: ${classification.reason}`);
}

/** Why a rule is switched off, whatever the door can see. */
function whyOff({ status, level }: Rule, minLevel: Level | undefined): string | undefined {
  if (status === 'deprecated' || status === 'unsupported') return `status ${status}`;
  const isBelow = minLevel !== undefined && LEVELS.indexOf(level) < LEVELS.indexOf(minLevel);
  return isBelow ? `level below ${minLevel}` : undefined;
}

function filtersOf(rules: readonly Rule[], filters: readonly Filter[]): readonly Filter[] {
  return filters.filter((filter) => rules.some((rule) => appliesTo(filter, rule)));
}

/** The rules that are asked. */
export function activeRules({ rules }: Pick<Ruleset, 'rules'>): readonly LoadedRule[] {
  return rules.filter(({ disabledReason }) => disabledReason === undefined);
}

/** For a report: how many rules are asked, and which are not, and why. */
export function askedAndOff(ruleset: Pick<Ruleset, 'rules'>) {
  return {
    asked: activeRules(ruleset).length,
    off: ruleset.rules.flatMap(({ id, title, disabledReason }) =>
      disabledReason === undefined ? [] : [{ id, title, why: disabledReason }],
    ),
  };
}
