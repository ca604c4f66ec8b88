import { printable, shorten } from '../../io/text.ts';
import type { Observation } from '../../kubernetes/audit-event.ts';
import { eventAs, evaluate, filtersAt } from '../../policy/evaluate.ts';
import { isSecretData } from '../../policy/evidence.ts';
import type { LoadedFilter, LoadedRule, Ruleset } from '../../policy/ruleset.ts';
import { compilePath } from '../../sigma/match/fields.ts';
import { isExpired, type Filter } from '../../sigma/read/filter.ts';
import type { DetectionItem, Tree, Truth } from '../../sigma/match/tree.ts';

/** A rule held against one request, down to each item of its tree. */
export interface JudgedRule {
  /** Where the request was read from. */
  readonly file: string;
  /** The audit verb under which it is shown, and the others that the request may have. */
  readonly verb: string;
  readonly otherVerbs: readonly string[];
  readonly outcome:
    | { readonly kind: 'matches' }
    | { readonly kind: 'accepted'; readonly by: LoadedFilter }
    | { readonly kind: 'unknown'; readonly field: string }
    | { readonly kind: 'off'; readonly why: string }
    | { readonly kind: 'no match' };
  truthOf(tree: Tree): Truth;
  /** Whether a filter had ended by then. */
  hasExpired(filter: Filter): boolean;
  /** What the request has where the item looks, shortened; of a Secret nothing but that it is there. */
  found(item: DetectionItem): string;
}

/** Judges as the door does; of the verbs a request may have, shows the one by which it comes closest to a match. */
export function judgedBy(
  rule: LoadedRule,
  observation: Observation,
  ruleset: Ruleset,
  file: string,
): JudgedRule {
  const { matches, notJudged } = evaluate(observation, ruleset);
  const match = matches.find((each) => each.rule === rule);
  const undecided = notJudged.find((each) => each.rule === rule);
  const verb = match?.verb ?? closestVerb(rule, observation, ruleset);
  const event = eventAs(verb, observation);
  return {
    file,
    verb,
    otherVerbs: observation.verbs.filter((each) => each !== verb),
    outcome: outcomeOf(),
    truthOf: (tree) => ruleset.compiler.compile(tree)(event),
    hasExpired: (filter) => isExpired(filter, filtersAt(observation, ruleset)),
    found: (item) => found(item, event),
  };

  function outcomeOf(): JudgedRule['outcome'] {
    if (rule.disabledReason !== undefined) return { kind: 'off', why: rule.disabledReason };
    if (match?.filter !== undefined) return { kind: 'accepted', by: match.filter };
    if (match !== undefined) return { kind: 'matches' };
    return undecided === undefined ? { kind: 'no match' } : { kind: 'unknown', field: undecided.field };
  }
}

const CLOSENESS: readonly Truth[] = [true, 'unknown', false];

function closestVerb(rule: LoadedRule, observation: Observation, { compiler }: Ruleset): string {
  const matches = compiler.compile({ kind: 'or', of: rule.loadedConditions.map(({ tree }) => tree) });
  const [closest = ''] = observation.verbs
    .map((verb) => ({ verb, closeness: CLOSENESS.indexOf(matches(eventAs(verb, observation))) }))
    .toSorted((a, b) => a.closeness - b.closeness)
    .map(({ verb }) => verb);
  return closest;
}

const MAX_VALUES = 3;
const MAX_LENGTH = 40;

function found(item: DetectionItem, event: object): string {
  if (item.field === undefined) return '';
  const readings = item.paths.map((path) => compilePath(path)(event));
  const values = readings.flatMap((reading) => reading.values);
  if (values.length === 0) return readings.some(({ unknown }) => unknown) ? 'not to be seen' : 'absent';
  if (isSecretData(item, event)) return 'redacted';
  const shown = values.slice(0, MAX_VALUES).map(shownValue);
  return [...shown, ...(values.length > MAX_VALUES ? [`and ${values.length - MAX_VALUES} more`] : [])].join(
    ', ',
  );
}

function shownValue(value: unknown): string {
  if (value === undefined) return 'absent';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return shorten(printable(text), MAX_LENGTH);
}
