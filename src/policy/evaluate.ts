import type { Observation } from '../kubernetes/audit-event.ts';
import { UNKNOWN } from '../sigma/match/fields.ts';
import { itemsOf, partiallyEvaluate } from '../sigma/match/partial-evaluation.ts';
import { isExpired } from '../sigma/read/filter.ts';
import type { Tree } from '../sigma/match/tree.ts';
import type { LoadedFilter, LoadedRule, Ruleset } from './ruleset.ts';

export interface Match {
  readonly rule: LoadedRule;
  /** The candidate verb it matched as. */
  readonly verb: string;
  /** The event as the rule read it, under that verb. */
  readonly event: object;
  /** The filter that accepts it: a match all the same, recorded and counted, but one that neither warns nor denies. */
  readonly filter?: LoadedFilter;
}

/** A rule that this event cannot decide. */
export interface NotJudged {
  readonly rule: LoadedRule;
  /** The field that could not be seen. */
  readonly field: string;
}

export interface Evaluation {
  readonly matches: readonly Match[];
  readonly notJudged: readonly NotJudged[];
}

/** What the rules say of a request. One matches if it does under any verb the request may have. */
export function evaluate(
  observation: Observation,
  ruleset: Ruleset,
  now: () => number = Date.now,
): Evaluation {
  const when = filtersAt(observation, ruleset, now);
  const [first = NOTHING, ...others] = observation.verbs.map((verb) =>
    evaluateAs(verb, observation, ruleset, when),
  );
  return others.length === 0 ? first : mergeVerbs([first, ...others]);
}

/** At what moment filters must not have ended: of what a log tells the time of the request, else now. */
export function filtersAt(
  { receivedAt }: Pick<Observation, 'receivedAt'>,
  { door }: Pick<Ruleset, 'door'>,
  now: () => number = Date.now,
): () => number {
  return door === 'replay' ? () => Date.parse(receivedAt) : now;
}

const NOTHING: Evaluation = { matches: [], notJudged: [] };

function evaluateAs(
  verb: string,
  observation: Observation,
  ruleset: Ruleset,
  when: () => number,
): Evaluation {
  const event = eventAs(verb, observation);
  const matches: Match[] = [];
  const notJudged: NotJudged[] = [];
  for (const rule of ruleset.candidates(event)) {
    const truth = rule.matches(event);
    if (truth === false) continue;
    const filters = rule.filters.filter(
      (each) => !isExpired(each.filter, when) && each.matches(event) !== true,
    );
    const accepting = filters.find((filter) => filter.matches(event) === false);
    const undecided = truth === 'unknown' ? rule.tree : filters[0]?.tree;
    if (truth === true && accepting !== undefined) matches.push({ rule, verb, event, filter: accepting });
    else if (accepting !== undefined) continue;
    else if (undecided === undefined) matches.push({ rule, verb, event });
    else notJudged.push({ rule, field: unknownField(undecided, event, ruleset) });
  }
  return { matches, notJudged };
}

/** The event as rules read it, under one verb, with what cannot be seen marked so. */
export function eventAs(verb: string, { event, unknown, receivedAt }: Observation): object {
  return { ...event, verb, receivedAt, ...marksFor(unknown) };
}

/** The same few lists of fields come with every event of a door. */
const MARKS = new WeakMap<readonly string[], object>();

function marksFor(unknown: readonly string[]): object {
  const known = MARKS.get(unknown);
  if (known !== undefined) return known;
  const marks = Object.fromEntries(unknown.map((field) => [field, UNKNOWN]));
  MARKS.set(unknown, marks);
  return marks;
}

/** A rule stands once: as a match if any verb gives one, unfiltered rather than filtered; else as not judged. */
function mergeVerbs(evaluations: readonly Evaluation[]): Evaluation {
  const matches = new Map<LoadedRule, Match>();
  for (const match of evaluations.flatMap((each) => each.matches)) {
    const before = matches.get(match.rule);
    if (before === undefined || (before.filter !== undefined && match.filter === undefined))
      matches.set(match.rule, match);
  }
  const notJudged = new Map<LoadedRule, NotJudged>();
  for (const each of evaluations.flatMap((evaluation) => evaluation.notJudged)) {
    const match = matches.get(each.rule);
    if (match === undefined || match.filter !== undefined) notJudged.set(each.rule, each);
  }
  return { matches: [...matches.values()], notJudged: [...notJudged.values()] };
}

function unknownField(tree: Tree, event: object, { compiler }: Ruleset): string {
  const open = partiallyEvaluate(tree, (item) => {
    const truth = compiler.compile({ kind: 'item', item })(event);
    return truth === 'unknown' ? undefined : truth;
  });
  const [item] = itemsOf(open);
  return item?.paths[0] ?? 'keywords';
}
