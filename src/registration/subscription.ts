import { NEVER_SUBSCRIBED } from '../policy/rule-class.ts';
import { isNotGuarded, isNotStatus } from './match-conditions.ts';
import type { Need } from './scope.ts';
import { inNamespaces, NAMESPACE_NAME, type Scope, type SubscriptionRule } from './webhook-configuration.ts';

/**
 * The requests that the entry `other` must be called for so that rules with these needs are asked completely, without those
 * that `guard` and `observe` send already and those that no webhook should receive. Undefined where none remain.
 */
export function subscriptionOf(
  needs: readonly Need[],
  { namespace, guarded }: { readonly namespace: string; readonly guarded: readonly string[] },
): Scope | undefined {
  const remaining = needs.filter((need) => isSubscribed(need) && !isGuarded(need, guarded));
  if (remaining.length === 0) return undefined;
  const rules = rulesFor(remaining);
  const matchConditions = [
    ...(remaining.some(isPodCreate) ? [isNotGuarded(guarded)] : []),
    ...(rules.some(({ resources }) => resources.some((each) => each.endsWith('/*'))) ? [isNotStatus()] : []),
  ];
  return {
    rules,
    namespaceSelector: namespacesOf(remaining) ?? everywhereBut(namespace),
    ...(matchConditions.length === 0 ? {} : { matchConditions }),
  };
}

/** A rule that names no resource would need every request: leases, events, every status. It is not subscribed to. */
function isSubscribed({ resource }: Need): boolean {
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
