import { needsOf, type Need } from '../policy/needs.ts';
import { selects } from '../kubernetes/label-selector.ts';
import type { Tree } from '../sigma/match/tree.ts';
import type { RegisteredWebhook } from './registered-webhook.ts';
import { NAMESPACE_NAME, type NamespaceSelector } from './webhook-configuration.ts';

/** The requests that an entry is called for. `matchConditions` are ignored: all entries together cover every user. */
type Subscription = Pick<RegisteredWebhook, 'rules' | 'namespaceSelector'>;

/** A loaded rule that could match a request which the API server does not send. */
export interface OutOfScope {
  readonly rule: { readonly id: string; readonly title: string };
  readonly fires: 'never' | 'partly';
  readonly missing: readonly Need[];
}

/** Active rules for which the API server does not send every request. Such a rule stays silent; it gives no wrong verdict. */
export function outOfScope(
  rules: readonly {
    readonly id: string;
    readonly title: string;
    readonly tree: Tree;
    readonly disabledReason?: string;
  }[],
  subscriptions: readonly Subscription[],
): readonly OutOfScope[] {
  return rules
    .filter(({ disabledReason }) => disabledReason === undefined)
    .flatMap(({ id, title, tree }) => {
      const needs = needsOf(tree);
      const missing = needs.filter((need) => !subscriptions.some((each) => sends(each, need, 'all')));
      if (missing.length === 0) return [];
      const partly = needs.some((need) => subscriptions.some((each) => sends(each, need, 'some')));
      return [{ rule: { id, title }, fires: partly ? 'partly' : 'never', missing } as const];
    });
}

const SHOWN = 4;

/** One line for the log and for /readyz. */
export function formatOutOfScope({ rule: { id, title }, fires, missing }: OutOfScope): string {
  const more = missing.length > SHOWN ? [`and ${missing.length - SHOWN} more`] : [];
  const what = [...missing.slice(0, SHOWN).map(formatNeed), ...more].join(', ');
  return fires === 'never'
    ? `rule "${title}" (${id}) never fires: nothing sends us ${what}`
    : `rule "${title}" (${id}) fires only in part: nothing sends us ${what}`;
}

function formatNeed({ operation, resource = '*', subresource = '*', namespaces }: Need): string {
  const what = subresource === '' ? resource : `${resource}/${subresource}`;
  return `${operation} ${what} in ${namespaces === undefined ? 'every namespace' : namespaces.join(' and ')}`;
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
