import type { Operation } from '../kubernetes/admission-review.ts';
import { withAbsent, withValue } from '../policy/rule-class.ts';
import { literalText, partiallyEvaluate } from '../sigma/match/partial-evaluation.ts';
import type { Tree } from '../sigma/match/tree.ts';
import {
  allOf,
  anyOf,
  costOf,
  depthOf,
  not,
  print,
  test,
  TRUE,
  within,
  type Expression,
} from './expression.ts';
import { builtInGroupOf } from './shapes.ts';
import { quote } from './text.ts';
import { translate } from './translate.ts';

/** Requests that the API server is told to send. An absent subresource is any, the resource itself among them. */
export interface SentRequests {
  readonly operation: Operation;
  readonly resource: string;
  /** `''` is the resource itself. */
  readonly subresource?: string;
}

/** A rule as it is asked, before filters: a match that a filter accepts is recorded too. */
export interface AskedRule {
  readonly id: string;
  readonly title: string;
  readonly tree: Tree;
}

/** Where the condition says less than a rule does, so that more is sent than the rule can match. */
export interface Widened {
  readonly rule: { readonly id: string; readonly title: string };
  readonly why: string;
  /** Whether nothing is left to ask, so that every request of some resource, subresource and operation is sent. */
  readonly sendsAll: boolean;
}

export interface Condition {
  /** CEL, for matchConditions. */
  readonly expression: string;
  readonly widened: readonly Widened[];
}

/**
 * The condition that requests must meet for one of these rules to match or not to be judged. Never false for such a request,
 * and never an error: what CEL cannot say, or would be too dear to ask, is sent. The same rules give the same text.
 */
export function conditionOf(
  rules: readonly AskedRule[],
  requests: readonly SentRequests[],
  { guarded }: { readonly guarded: readonly string[] },
): Condition {
  const widened = new Map<string, Widened>();
  const widen: Widen = ({ id, title }, why, sendsAll) => {
    const key = JSON.stringify([id, why]);
    const before = widened.get(key)?.sendsAll ?? false;
    widened.set(key, { rule: { id, title }, why, sendsAll: before || sendsAll });
  };
  const groups = [...Map.groupBy(requests, ({ resource }) => resource)]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([resource, members]) => groupsOf(resource, members, rules, guarded, widen));
  return {
    expression: assemble(groups, widen),
    widened: [...widened.values()].toSorted((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1)),
  };
}

function keyOf({ rule, why }: Widened): string {
  return `${rule.id} ${why}`;
}

/** Requests that are asked the same. */
interface Group {
  readonly resource: string;
  readonly envelope: readonly Expression[];
  readonly body: Expression;
  readonly rules: readonly AskedRule[];
}

type Widen = (rule: AskedRule, why: string, sendsAll: boolean) => void;

function groupsOf(
  resource: string,
  requests: readonly SentRequests[],
  rules: readonly AskedRule[],
  guarded: readonly string[],
  widen: Widen,
): readonly Group[] {
  const about = narrow(rules, (tree) => withValue(tree, 'objectRef.resource', resource));
  const parts = [...Map.groupBy(requests, ({ subresource }) => subresource)]
    .toSorted(([one = '*'], [other = '*']) => (one < other ? -1 : 1))
    .flatMap(([subresource, members]) => {
      const asked = narrow(about, (tree) => withSubresource(tree, subresource));
      const operations = [...new Set(members.map(({ operation }) => operation))].toSorted();
      const bodies = operations.map((operation) => {
        const isPodCreate = operation === 'CREATE' && resource === 'pods' && (subresource ?? '') === '';
        const elsewhere =
          isPodCreate && subresource === '' ? narrow(asked, (tree) => outside(tree, guarded)) : asked;
        const body = bodyOf(
          narrow(elsewhere, (tree) => withGroup(tree, builtInGroupOf(resource))),
          { resource, subresource },
          operation,
          widen,
        );
        const unguarded = isPodCreate ? allOf([notGuarded(subresource, guarded), body]) : body;
        return { operation, rules: elsewhere, body: inGroup(resource, unguarded, asked) };
      });
      return [...Map.groupBy(bodies, ({ body }) => print(body)).values()].flatMap((same): readonly Part[] => {
        const [first] = same;
        if (first === undefined || (first.body.kind === 'constant' && !first.body.value)) return [];
        const operations = same.map(({ operation }) => operation);
        return [{ subresource, operations, body: first.body, rules: same.flatMap((each) => each.rules) }];
      });
    });
  const alike = Map.groupBy(parts, ({ operations, body }) => `${operations.join()} ${print(body)}`);
  return [...alike.values()].flatMap((same): readonly Group[] => {
    const [first] = same;
    if (first === undefined) return [];
    const envelope = [
      isSubresource(same.map(({ subresource }) => subresource)),
      isOperation(first.operations),
    ];
    return [{ resource, envelope, body: first.body, rules: same.flatMap((each) => each.rules) }];
  });
}

interface Part {
  readonly subresource: string | undefined;
  readonly operations: readonly Operation[];
  readonly body: Expression;
  readonly rules: readonly AskedRule[];
}

/** The rules that still can match where something is known, and what is left of them. */
function narrow(rules: readonly AskedRule[], known: (tree: Tree) => Tree): readonly AskedRule[] {
  return rules
    .map((rule) => ({ ...rule, tree: known(rule.tree) }))
    .filter(({ tree }) => tree.kind !== 'constant' || tree.value !== false);
}

function withSubresource(tree: Tree, subresource: string | undefined): Tree {
  if (subresource === undefined) return tree;
  return subresource === ''
    ? withAbsent(tree, 'objectRef.subresource')
    : withValue(tree, 'objectRef.subresource', subresource);
}

/** The tree where the namespace is none of these. */
function outside(tree: Tree, namespaces: readonly string[]): Tree {
  return partiallyEvaluate(tree, ({ paths, predicates }) => {
    if (paths.length !== 1 || paths[0] !== 'objectRef.namespace') return undefined;
    return predicates.every((predicate) => namespaces.includes(literalText(predicate) ?? ''))
      ? false
      : undefined;
  });
}

/** `guard` and `observe` send the pods that are created in these namespaces. */
function notGuarded(subresource: string | undefined, guarded: readonly string[]): Expression {
  const isPart = subresource === undefined ? [test(`${SUBRESOURCE} != ''`, 1)] : [];
  return anyOf([not(isOneOf(`request.?namespace.orValue('')`, guarded, 1)), ...isPart]);
}

/** A custom resource that is called like one of Kubernetes' own may have anything in it: where a rule is about it, it is sent. */
function inGroup(resource: string, body: Expression, rules: readonly AskedRule[]): Expression {
  const group = builtInGroupOf(resource);
  if (group === undefined) return body;
  const isIn = test(`request.requestResource.group == ${quote(group)}`, 1);
  const others = narrow(rules, (tree) => withGroup(tree, ANOTHER_GROUP));
  return others.length === 0 ? allOf([isIn, body]) : anyOf([not(isIn), body]);
}

/** No group has a space in its name. */
const ANOTHER_GROUP = 'another group';

function withGroup(tree: Tree, group: string | undefined): Tree {
  if (group === undefined) return tree;
  return group === '' ? withAbsent(tree, 'objectRef.apiGroup') : withValue(tree, 'objectRef.apiGroup', group);
}

const SUBRESOURCE = `request.?requestSubResource.orValue('')`;

/** Kubelets and controllers write status all the time; a webhook on that could stop a cluster. */
function isSubresource(subresources: readonly (string | undefined)[]): Expression {
  const named = subresources.filter((each) => each !== undefined);
  return anyOf([
    ...(named.length < subresources.length ? [test(`${SUBRESOURCE} != 'status'`, 0.2)] : []),
    ...(named.length === 0 ? [] : [isOneOf(SUBRESOURCE, named, 0.2)]),
  ]);
}

function isOperation(operations: readonly Operation[]): Expression {
  return isOneOf('request.operation', operations, 0.1);
}

function isOneOf(value: string, names: readonly string[], cost: number): Expression {
  const [only = ''] = names;
  return names.length === 1
    ? test(`${value} == ${quote(only)}`, cost)
    : test(`${value} in [${names.map(quote).join(', ')}]`, cost);
}

/** How many members of a list, and characters of a text, the API server looks at: from generous to strict. */
const LIMITS = [
  { members: 64, text: 512 },
  { members: 32, text: 512 },
  { members: 32, text: 256 },
  { members: 32, text: 128 },
  { members: 16, text: 128 },
  { members: 16, text: 64 },
  { members: 16, text: 32 },
  { members: 8, text: 32 },
  { members: 4, text: 128 },
  { members: 2, text: 128 },
  { members: 1, text: 128 },
] as const;

/** The API server stops at 1,000,000 and then does not send the request. */
const MAX_COST = 500_000;

/**
 * Code points that one rule may take, and all together. The API server takes 100,000, but compiles at every change of the
 * configuration, in the next request, and in a time that grows with the square: 17,000 in 0.2 s, 57,000 in 3 s.
 */
const MAX_RULE = 10_000;
const MAX_TEXT = 20_000;
const MAX_DEPTH = 150;

interface Target {
  readonly resource: string;
  readonly subresource: string | undefined;
}

/** What one of the rules can match among requests of one operation. */
function bodyOf(rules: readonly AskedRule[], target: Target, operation: Operation, widen: Widen): Expression {
  const body = affordable(
    anyOf(
      rules.map((rule) => {
        const { expression, unsaid, sendsAll } = ofRule(rule, target, operation);
        for (const why of unsaid) widen(rule, why, sendsAll);
        return expression;
      }),
    ),
  );
  if (body !== undefined) return body;
  for (const rule of rules) widen(rule, 'too long or too dear for the API server to ask', true);
  return TRUE;
}

/** The dearest alternative is held to shorter lists and texts, until all of them together cost little enough. */
function affordable(body: Expression): Expression | undefined {
  if (print(body).length > MAX_TEXT || depthOf(body) > MAX_DEPTH) return undefined;
  const parts = (body.kind === 'or' ? body.of : [body]).map((whole) => ({
    whole,
    at: 0,
    part: whole,
    cost: costOf(whole),
  }));
  let total = parts.reduce((sum, { cost }) => sum + cost, 0);
  while (total > MAX_COST) {
    const dearest = parts.reduce((one, other) => (other.cost > one.cost ? other : one));
    const limits = LIMITS[dearest.at];
    if (limits === undefined) return undefined;
    total -= dearest.cost;
    dearest.at += 1;
    dearest.part = within(dearest.whole, limits);
    dearest.cost = costOf(dearest.part);
    total += dearest.cost;
  }
  return anyOf(parts.map(({ part }) => part));
}

function ofRule(
  rule: AskedRule,
  { resource, subresource }: Target,
  operation: Operation,
): { readonly expression: Expression; readonly unsaid: ReadonlySet<string>; readonly sendsAll: boolean } {
  const unsaid = new Set<string>();
  const source = { isDelete: operation === 'DELETE', isTyped: builtInGroupOf(resource) !== undefined };
  const candidates = candidatesOf(operation, subresource).map(({ verb, when }) => {
    const translated = translate(withValue(rule.tree, 'verb', verb), 'atLeast', source);
    for (const why of translated.unsaid) unsaid.add(why);
    return { when, expression: translated.expression };
  });
  const expression = anyOf(
    [...Map.groupBy(candidates, (each) => print(each.expression)).values()].map((same) => {
      const when = same.length === candidates.length ? TRUE : anyOf(same.map((each) => each.when));
      return allOf([when, same[0]?.expression ?? TRUE]);
    }),
  );
  if (print(expression).length > MAX_RULE)
    return { expression: TRUE, unsaid: unsaid.add(`more than ${MAX_RULE} characters`), sendsAll: true };
  return { expression, unsaid, sendsAll: candidates.some((each) => each.expression === TRUE) };
}

interface Candidate {
  readonly verb: string;
  readonly when: Expression;
}

/** The audit verbs that a request may have, and what it must be to have them. */
function candidatesOf(operation: Operation, subresource: string | undefined): readonly Candidate[] {
  switch (operation) {
    case 'CREATE':
      return [
        { verb: 'create', when: TRUE },
        { verb: 'patch', when: IS_SERVER_SIDE_APPLY },
      ];
    case 'UPDATE':
      return ['update', 'patch'].map((verb) => ({ verb, when: TRUE }));
    case 'DELETE':
      return [
        { verb: 'delete', when: test('request.?name.hasValue()') },
        { verb: 'deletecollection', when: test('!request.?name.hasValue()') },
      ];
    case 'CONNECT': {
      const mayBeProxy = subresource === undefined || subresource === 'proxy';
      const verbs = mayBeProxy ? ['create', 'get', 'update', 'patch', 'delete'] : ['create', 'get'];
      return verbs.map((verb) => ({ verb, when: TRUE }));
    }
  }
}

const IS_SERVER_SIDE_APPLY: Expression = {
  kind: 'some',
  list: 'object.?metadata.?managedFields.orValue(null)',
  variable: 'item1',
  orOne: false,
  longest: 64,
  beyond: true,
  of: { kind: 'oneOf', value: 'item1.?operation.orValue(null)', literals: [quote('Apply')] },
};

/** The groups as one expression: what a request is about comes first. The longest give way where they are too long together. */
function assemble(groups: readonly Group[], widen: Widen): string {
  const text = [...Map.groupBy(groups, ({ resource }) => resource)]
    .map(([resource, members]) => {
      const alternatives = alternativesOf(members.map(({ envelope, body }) => allOf([...envelope, body])));
      return `${isResource(resource)} && (\n  ${alternatives.map(printAlternative).join(' ||\n  ')}\n)`;
    })
    .join(' ||\n');
  if (text.length <= MAX_TEXT) return text === '' ? 'false' : text;
  const longest = groups.reduce((one, other) =>
    print(other.body).length > print(one.body).length ? other : one,
  );
  if (longest.body === TRUE) return 'true';
  for (const rule of longest.rules)
    widen(rule, 'the rules together are too long for the API server to ask', true);
  return assemble(
    groups.map((group) => (group === longest ? { ...group, body: TRUE } : group)),
    widen,
  );
}

function isResource(resource: string): string {
  return `request.requestResource.resource == ${quote(resource)}`;
}

function alternativesOf(expressions: readonly Expression[]): readonly Expression[] {
  const combined = anyOf(expressions);
  return combined.kind === 'or' ? combined.of : [combined];
}

function printAlternative(expression: Expression): string {
  return expression.kind === 'or' ? `(${print(expression)})` : print(expression);
}
