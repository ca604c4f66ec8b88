import { conditionOf, type AskedRule, type Condition, type Widened } from '../cel/condition.ts';
import { NEVER_SUBSCRIBED } from '../policy/rule-class.ts';
import { needsOf, type Need } from '../policy/needs.ts';
import {
  GUARDED,
  inNamespaces,
  NAMESPACE_NAME,
  type Scope,
  type SubscriptionRule,
} from './webhook-configuration.ts';

/** A loaded rule, which may be off. */
type SubscribedRule = AskedRule & { readonly disabledReason?: string };

/**
 * The requests that the entry `other` must be called for so that the rules that are asked are asked completely, without those
 * that `guard` and `observe` send already, those in our own namespace, those that no webhook should receive, and those that no
 * rule can match. Undefined where none remain.
 */
export function subscriptionOf(rules: readonly SubscribedRule[], namespace: string): Scope | undefined {
  const { needs, condition } = otherFor(rules);
  if (needs.length === 0) return undefined;
  return {
    rules: rulesFor(needs),
    namespaceSelector: namespacesOf(needs) ?? everywhereBut(namespace),
    matchConditions: [{ name: 'a-rule-may-match', expression: condition.expression }],
  };
}

/** Where the condition of the entry `other` says less than these rules do. */
export function widenedOf(rules: readonly SubscribedRule[]): readonly Widened[] {
  return otherFor(rules).condition.widened;
}

type SubscribedNeed = Need & { readonly resource: string };

interface Other {
  readonly needs: readonly SubscribedNeed[];
  readonly condition: Condition;
}

/** By the list of rules of a set: its configuration and its coverage come from one compilation. */
const KNOWN = new WeakMap<readonly SubscribedRule[], Other>();

function otherFor(rules: readonly SubscribedRule[]): Other {
  const known = KNOWN.get(rules);
  if (known !== undefined) return known;
  const asked = rules.filter(({ disabledReason }) => disabledReason === undefined);
  const needs = asked
    .flatMap(({ tree }) => needsOf(tree))
    .filter(isSubscribed)
    .filter((need) => !isGuarded(need));
  const other = { needs, condition: conditionOf(asked, needs, { guarded: GUARDED }) };
  KNOWN.set(rules, other);
  return other;
}

/** A rule that names no resource would need every request: leases, events, every status. It is not subscribed to. */
function isSubscribed(need: Need): need is SubscribedNeed {
  const { resource } = need;
  return resource !== undefined && !NEVER_SUBSCRIBED.includes(resource);
}

function isGuarded(need: Need): boolean {
  return isPodCreate(need) && (need.namespaces?.every((name) => GUARDED.includes(name)) ?? false);
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
