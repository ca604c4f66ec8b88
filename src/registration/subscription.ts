import { conditionOf, type AskedRule, type Widened } from '../cel/condition.ts';
import { NEVER_SUBSCRIBED } from '../policy/rule-class.ts';
import { needsOf, type Need } from '../policy/needs.ts';
import { inNamespaces, NAMESPACE_NAME, type Scope, type SubscriptionRule } from './webhook-configuration.ts';

/**
 * The requests that the entry `other` must be called for so that these rules are asked completely, without those that
 * `guard` and `observe` send already, those that no webhook should receive, and those that no rule can match. Undefined
 * where none remain.
 */
export function subscriptionOf(
  rules: readonly AskedRule[],
  { namespace, guarded }: { readonly namespace: string; readonly guarded: readonly string[] },
): Scope | undefined {
  const remaining = remainingOf(rules, guarded);
  if (remaining.length === 0) return undefined;
  return {
    rules: rulesFor(remaining),
    namespaceSelector: namespacesOf(remaining) ?? everywhereBut(namespace),
    matchConditions: [
      { name: 'a-rule-may-match', expression: conditionOf(rules, remaining, { guarded }).expression },
    ],
  };
}

/** Where the condition of the entry `other` says less than these rules do. */
export function widenedOf(
  rules: readonly AskedRule[],
  { guarded }: { readonly guarded: readonly string[] },
): readonly Widened[] {
  return conditionOf(rules, remainingOf(rules, guarded), { guarded }).widened;
}

function remainingOf(rules: readonly AskedRule[], guarded: readonly string[]) {
  return rules
    .flatMap(({ tree }) => needsOf(tree))
    .filter(isSubscribed)
    .filter((need) => !isGuarded(need, guarded));
}

/** A rule that names no resource would need every request: leases, events, every status. It is not subscribed to. */
function isSubscribed(need: Need): need is Need & { readonly resource: string } {
  const { resource } = need;
  return resource !== undefined && !NEVER_SUBSCRIBED.includes(resource);
}

function isGuarded(need: Need, guarded: readonly string[]): boolean {
  return isPodCreate(need) && (need.namespaces?.every((name) => guarded.includes(name)) ?? false);
}

function isPodCreate({ operation, resource, subresource }: Need): boolean {
  return operation === 'CREATE' && resource === 'pods' && subresource === '';
}

/** One rule for each resource, in a fixed order: the same needs always give the same text. */
function rulesFor(needs: readonly Need[]): readonly SubscriptionRule[] {
  const byTarget = Map.groupBy(needs, ({ apiGroups = ['*'], resource = '', subresource = '*' }) =>
    JSON.stringify([apiGroups.toSorted(), subresource === '' ? resource : `${resource}/${subresource}`]),
  );
  return [...byTarget]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([target, members]) => {
      const [apiGroups, written] = JSON.parse(target) as [string[], string];
      const operations = [...new Set(members.map(({ operation }) => operation))].toSorted();
      return { apiGroups, apiVersions: ['*'], operations, resources: [written], scope: '*' };
    });
}

function namespacesOf(needs: readonly Need[]): Scope['namespaceSelector'] | undefined {
  const names = needs.map(({ namespaces }) => namespaces);
  return names.every((each) => each !== undefined) ? inNamespaces(names.flat().toSorted()) : undefined;
}

/** Our own pods must start without the webhook. */
function everywhereBut(namespace: string): Scope['namespaceSelector'] {
  return { matchExpressions: [{ key: NAMESPACE_NAME, operator: 'NotIn', values: [namespace] }] };
}
