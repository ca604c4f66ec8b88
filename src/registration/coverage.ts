import type { Widened } from '../cel/condition.ts';
import { selects } from '../kubernetes/label-selector.ts';
import { unresolvedIds } from '../policy/mode-ids.ts';
import { ruleModeOf, type Mode, type Modes } from '../policy/mode.ts';
import { needsOf, type Need } from '../policy/needs.ts';
import { NEVER_SUBSCRIBED } from '../policy/rule-class.ts';
import type { LoadedRule } from '../policy/ruleset.ts';
import type { RegisteredWebhook } from './registered-webhook.ts';
import { widenedOf } from './subscription.ts';
import { HEALING_PATHS, NAMESPACE_NAME, type NamespaceSelector } from './webhook-configuration.ts';

/** The part of a rule's requests that the API server sends; `unknown` where the entries were not read. */
type Asked = 'all' | 'part' | 'never' | 'unknown';

/** What of a loaded rule is in force, by what the API server sends and by the settings. */
export interface Coverage {
  /** An id in the settings that names no one rule stands here too, without a title. */
  readonly rule: { readonly id: string; readonly title?: string };
  readonly asked: Asked;
  /** Why not all of it is asked: one clause. */
  readonly whyNot?: string;
  /** Why the condition of `other` lets more through than the rule can match; absent where it does not. */
  readonly widened?: readonly Omit<Widened, 'rule'>[];
  /** The mode that the settings ask for. */
  readonly wished: Mode;
  readonly inEffect: Mode | 'none';
  /** Why that is less than was wished: one clause. */
  readonly whyLess?: string;
  /** `error`: an enforcement that is none, or an id that names no rule. `warning`: less is told or refused than the settings say. */
  readonly severity?: 'error' | 'warning';
}

/** An entry, as far as it says what is sent. Its match conditions are compiled from the rules, so that they keep nothing back. */
export type Subscription = Pick<RegisteredWebhook, 'rules' | 'namespaceSelector' | 'matchConditions'> & {
  readonly clientConfig: Pick<RegisteredWebhook['clientConfig'], 'service'>;
};

type RuleInCoverage = Pick<
  LoadedRule,
  'id' | 'title' | 'level' | 'status' | 'tags' | 'tree' | 'classification' | 'disabledReason'
>;

/** The coverage of each loaded rule, and of each id in the settings that names none. `entries` are absent where they were not read. */
export function coverageOf(
  rules: readonly RuleInCoverage[],
  modes: Modes,
  entries: readonly Subscription[] | undefined,
): readonly Coverage[] {
  const unresolved = unresolvedIds(modes, rules).map(({ id, mode, why }): Coverage => ({
    rule: { id },
    asked: 'never',
    whyNot: why,
    wished: mode,
    inEffect: 'none',
    whyLess: why,
    severity: 'error',
  }));
  const widened = Map.groupBy(widenedIn(rules, entries), ({ rule: { id } }) => id);
  return [
    ...unresolved,
    ...rules.map((rule) => {
      const wider = widened.get(rule.id)?.map(({ why, sendsAll }) => ({ why, sendsAll }));
      return { ...ruleCoverage(rule, modes, entries), ...(wider === undefined ? {} : { widened: wider }) };
    }),
  ];
}

/** Rules narrow nothing but `other` and its entry for the identities that heal. */
function widenedIn(rules: readonly RuleInCoverage[], entries: readonly Subscription[] = []) {
  const isNarrowed = entries.some(({ clientConfig: { service } }) =>
    ['/other', '/other-observe'].includes(service?.path ?? ''),
  );
  return isNarrowed ? widenedOf(rules) : [];
}

function ruleCoverage(
  rule: RuleInCoverage,
  modes: Modes,
  entries: readonly Subscription[] | undefined,
): Coverage {
  const { id, title, classification, disabledReason } = rule;
  const { isById, ...mode } = ruleModeOf(rule, classification.class === 'approximate', modes);
  const sent = disabledReason === undefined ? sentOf(needsOf(rule.tree), entries) : undefined;
  const asked = sent ?? { asked: 'never' as const, whyNot: disabledReason ?? '' };
  const isExpected = sent !== undefined || isById;
  const severity = isExpected ? severityOf(asked.asked, mode.inEffect) : undefined;
  return {
    rule: { id, title },
    ...asked,
    ...(asked.asked === 'never'
      ? { wished: mode.wished, inEffect: 'none', whyLess: asked.whyNot ?? '' }
      : mode),
    ...(severity === undefined ? {} : { severity }),
  };
}

/** A rule that is only recorded may be for another door; what no door here can ask is so by its class, and known. */
function severityOf(asked: Asked, mode: Mode): Coverage['severity'] {
  if (mode === 'audit' || asked === 'all' || asked === 'unknown') return undefined;
  return mode === 'enforce' && asked === 'never' ? 'error' : 'warning';
}

/** One line for the log, for /readyz and for reports. */
export function formatCoverage({
  rule: { id, title },
  asked,
  whyNot = '',
  wished,
  inEffect,
  whyLess,
}: Coverage): string {
  if (title === undefined) return `${id}: ${wished}: ${whyNot}`;
  const mode = asked !== 'never' && whyLess !== undefined ? `; ${inEffect}, not ${wished} (${whyLess})` : '';
  const said: Readonly<Record<Asked, string>> = {
    all: 'is asked',
    part: `is asked only in part: ${whyNot}`,
    never: `is never asked: ${whyNot}`,
    unknown: 'is asked as far as is known',
  };
  return `rule "${title}" (${id}; ${wished}) ${said[asked]}${mode}`;
}

/** `rules asked: 4, in part: 1, never: 2; 1 in a lesser mode than wished for`. */
export function coverageSummary(found: readonly Coverage[]): string {
  const count = (asked: Asked) =>
    found.filter((each) => each.rule.title !== undefined && each.asked === asked).length;
  const lesser = found.filter(({ asked, whyLess }) => asked !== 'never' && whyLess !== undefined).length;
  const less = lesser === 0 ? '' : `; ${lesser} in a lesser mode than wished for`;
  const wide = found.filter((each) => whySentAll(each) !== undefined).length;
  const more = wide === 0 ? '' : `; ${wide} sent all it is about`;
  return `rules asked: ${count('all')}, in part: ${count('part')}, never: ${count('never')}${less}${more}`;
}

/** Why every request of some kind is sent for a rule, whatever else it asks: a load that its author can lessen. */
export function whySentAll({ widened = [] }: Pick<Coverage, 'widened'>): string | undefined {
  const reasons = widened.filter(({ sendsAll }) => sendsAll).map(({ why }) => why);
  return reasons.length === 0 ? undefined : reasons.join(', ');
}

/** A line for each rule that is not asked in full, and for each that more is sent for than it can match. */
export function coverageLines(found: readonly Coverage[]) {
  const lines: Readonly<Record<'error' | 'warning' | 'info', string[]>> = {
    error: [],
    warning: [],
    info: [],
  };
  for (const coverage of found) {
    const { asked, severity = 'info', rule } = coverage;
    if (asked === 'part' || asked === 'never') lines[severity].push(formatCoverage(coverage));
    const why = whySentAll(coverage);
    if (why !== undefined)
      lines.info.push(
        `sends all it is about, whatever else it asks: rule "${rule.title}" (${rule.id}): ${why}`,
      );
  }
  return lines;
}

/** What is sent of a rule with these needs; *all* is all that a webhook can be sent. */
function sentOf(
  needs: readonly Need[],
  entries: readonly Subscription[] | undefined,
): Pick<Coverage, 'asked' | 'whyNot'> {
  if (entries === undefined) return { asked: 'unknown' };
  const sendable = needs.filter(
    ({ resource }) => resource === undefined || !NEVER_SUBSCRIBED.includes(resource),
  );
  const judging = entries.filter(isJudged);
  const [healing, others] = [judging.filter(isForHealing), judging.filter(isForOthers)];
  const missing = sendable.filter((need) => !others.some((entry) => sends(entry, need, 'all')));
  const missingOfHealing = sendable.filter((need) => !healing.some((entry) => sends(entry, need, 'all')));
  if (sendable.length > 0 && missing.length === 0 && missingOfHealing.length === 0) return { asked: 'all' };
  const isSome = sendable.some((need) => judging.some((entry) => sends(entry, need, 'some')));
  return { asked: isSome ? 'part' : 'never', whyNot: whyMissing(missing, missingOfHealing) };
}

const SHOWN = 4;

function whyMissing(missing: readonly Need[], missingOfHealing: readonly Need[]): string {
  if ([...missing, ...missingOfHealing].some(({ resource }) => resource === undefined))
    return 'it names no resource, so that nothing is subscribed to for it';
  if (missing.length > 0) return `nothing sends us ${formatNeeds(missing)}`;
  if (missingOfHealing.length === 0) return 'nothing it is about is sent to webhooks';
  return `nothing sends us, from the identities that heal a cluster, ${formatNeeds(missingOfHealing)}`;
}

function formatNeeds(needs: readonly Need[]): string {
  const more = needs.length > SHOWN ? [`and ${needs.length - SHOWN} more`] : [];
  return [...needs.slice(0, SHOWN).map(formatNeed), ...more].join(', ');
}

function formatNeed({ operation, resource = '*', subresource = '*', namespaces }: Need): string {
  const what = subresource === '' ? resource : `${resource}/${subresource}`;
  return `${operation} ${what} in ${namespaces === undefined ? 'every namespace' : namespaces.join(' and ')}`;
}

const FOR_OTHERS = ['/guard', '/other'];

/** `probe` and `self` ask no rule. */
function isJudged({ clientConfig: { service } }: Subscription): boolean {
  return [...HEALING_PATHS, ...FOR_OTHERS].includes(service?.path ?? '');
}

/** By its path; an entry without match conditions is called for every user. */
function isForHealing({ clientConfig: { service }, matchConditions = [] }: Subscription): boolean {
  return matchConditions.length === 0 || HEALING_PATHS.includes(service?.path ?? '');
}

function isForOthers({ clientConfig: { service }, matchConditions = [] }: Subscription): boolean {
  return matchConditions.length === 0 || FOR_OTHERS.includes(service?.path ?? '');
}

/** Whether a subscription sends all, or some, of what is needed. */
function sends({ rules = [], namespaceSelector }: Subscription, need: Need, amount: 'all' | 'some'): boolean {
  return (
    reaches(namespaceSelector ?? {}, need.namespaces, amount) &&
    rules.some(
      ({ operations = [], apiGroups = [], resources = [] }) =>
        (operations.includes('*') || operations.includes(need.operation)) &&
        holds(apiGroups, need.apiGroups, amount) &&
        resources.some((pattern) => includesResource(pattern, need, amount)),
    )
  );
}

/** A rule that names no API group means the group of its resource. */
function holds(apiGroups: readonly string[], needed: readonly string[] | undefined, amount: 'all' | 'some') {
  if (needed === undefined || apiGroups.includes('*')) return true;
  return amount === 'all'
    ? needed.every((group) => apiGroups.includes(group))
    : needed.some((group) => apiGroups.includes(group));
}

// As the API server reads them: "pods" and "*" are the resources alone, "pods/exec" one subresource, "pods/*" and "*/*" the
// resources and whatever is below them.
function includesResource(pattern: string, { resource, subresource }: Need, amount: 'all' | 'some'): boolean {
  const [resources = '', subresources = ''] = pattern.split('/');
  return partIncludes(resources, resource, amount) && partIncludes(subresources, subresource, amount);
}

function partIncludes(pattern: string, part: string | undefined, amount: 'all' | 'some'): boolean {
  return pattern === '*' || pattern === part || (part === undefined && amount === 'some' && pattern !== '');
}

/** A namespace's name has no space: a selector that selects this name selects namespaces that no rule names. */
const ANY = 'any namespace';

function reaches(
  selector: NamespaceSelector,
  needed: readonly string[] | undefined,
  amount: 'all' | 'some',
): boolean {
  if (needed === undefined) return amount === 'some' || selectsNamespace(selector, ANY);
  return amount === 'all'
    ? needed.every((name) => selectsNamespace(selector, name))
    : needed.some((name) => selectsNamespace(selector, name));
}

/** Only the name of a namespace is known here. Expressions on other labels are taken to hold: no rule is warned about for them. */
function selectsNamespace({ matchLabels, matchExpressions = [] }: NamespaceSelector, name: string): boolean {
  const wanted = matchLabels?.[NAMESPACE_NAME];
  const byName = {
    ...(wanted === undefined ? {} : { matchLabels: { [NAMESPACE_NAME]: wanted } }),
    matchExpressions: matchExpressions.filter(({ key }) => key === NAMESPACE_NAME),
  };
  return selects(byName, { [NAMESPACE_NAME]: name });
}
