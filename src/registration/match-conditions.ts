import {
  CONTROL_PLANES,
  CONTROLLERS,
  NODES,
  type ControlPlaneUser,
  type Distribution,
} from './identities.ts';
import { PROBE_CONFIG_MAP } from './probe.ts';

/** A CEL expression that must hold for the API server to call a webhook (admissionregistration.k8s.io/v1). */
export interface MatchCondition {
  readonly name: string;
  readonly expression: string;
}

/** Matches the users of `observe` and `other-observe`: the identities that heal a cluster. */
export function heals(distribution: Distribution): MatchCondition {
  return { name: 'heals', expression: healsExpression(distribution) };
}

/** Matches the users of `guard` and `other`: all others. The text negates `heals`, so that each request reaches exactly one of the two. */
export function doesNotHeal(distribution: Distribution): MatchCondition {
  return { name: 'does-not-heal', expression: `!(\n${healsExpression(distribution)}\n)` };
}

/** Matches the one ConfigMap of `probe`, which is never created. */
export function isProbe(): MatchCondition {
  return { name: 'is-probe', expression: `request.name == ${text(PROBE_CONFIG_MAP)}` };
}

/**
 * One condition that holds where all of these do. The API server evaluates every condition of an entry, and all share one
 * budget; within an expression, `&&` ends at the first that does not hold. So the cheapest stand first.
 */
export function joined(conditions: readonly [MatchCondition, ...MatchCondition[]]): MatchCondition {
  const [first, ...others] = conditions;
  if (others.length === 0) return first;
  return {
    name: conditions.map(({ name }) => name).join('.'),
    expression: conditions.map(({ expression }) => `(${expression})`).join(' &&\n'),
  };
}

/** The text of an expression by which two are compared: tools that write YAML change its white space. */
export function withoutLayout(expression: string): string {
  return expression.replaceAll(/\s+/g, ' ').trim();
}

const USERNAME = 'request.userInfo.username';
const GROUPS = 'request.userInfo.?groups.orValue([])';

/** An optional field is never read bare: an error in a match condition follows failurePolicy. */
function healsExpression(distribution: Distribution): string {
  return [
    ...controlPlaneExpressions(CONTROL_PLANES[distribution]),
    allOf(`${USERNAME}.startsWith(${text(NODES.usernamePrefix)})`, inGroup(NODES.group)),
    allOf(
      isOneOf(CONTROLLERS.usernames),
      inGroup(CONTROLLERS.group),
      `request.userInfo.?uid.orValue('') != ''`,
      `!(${text(CONTROLLERS.podBoundToken)} in request.userInfo.?extra.orValue({}))`,
    ),
  ].join(' ||\n');
}

function controlPlaneExpressions(users: readonly ControlPlaneUser[]): readonly string[] {
  const byGroup = Map.groupBy(users, ({ group }) => group);
  return [...byGroup].map(([group, members]) => {
    const isMember = isOneOf(members.map(({ username }) => username));
    return group === undefined ? isMember : allOf(isMember, inGroup(group));
  });
}

function isOneOf(usernames: readonly string[]): string {
  return `${USERNAME} in [${usernames.map(text).join(',\n  ')}]`;
}

function inGroup(group: string): string {
  return `${text(group)} in ${GROUPS}`;
}

function allOf(...expressions: readonly string[]): string {
  return `(${expressions.join(' &&\n  ')})`;
}

/** A CEL string. Our names have no character that would need an escape; one that did would be a mistake in them. */
function text(value: string): string {
  if (/['\\\p{Cc}]/u.test(value)) throw new TypeError(`not a plain name: ${JSON.stringify(value)}`);
  return `'${value}'`;
}
