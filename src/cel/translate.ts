import { isUnobservable } from '../policy/door.ts';
import { literalText } from '../sigma/match/partial-evaluation.ts';
import { literalOf } from '../sigma/match/pattern.ts';
import type { DetectionItem, Pattern, Predicate, Tree } from '../sigma/match/tree.ts';
import { compileRegex } from '../sigma/match/regular-expression.ts';
import { allOf, anyOf, constant, FALSE, not, test, TRUE, type Expression, type Regex } from './expression.ts';
import { below, placeOf, type Place, type Ref, type Source, type Step } from './fields.ts';
import type { Shape } from './shapes.ts';
import { isCaseless, matchesEmpty, double, mayMatchOtherScalars, number, quote, regexOf } from './text.ts';

/** A tree in CEL. */
export interface Translation {
  readonly expression: Expression;
  /** What of the tree CEL cannot say at all, so that the bound stands for it. */
  readonly unsaid: readonly string[];
  /** Whether the two agree on every request in which no list or text is longer than what is looked at. */
  readonly isExact: boolean;
}

/**
 * A tree as a condition on a request. `atLeast` is never false where the tree is true or cannot be judged; `atMost` is never
 * true where the tree is false or cannot be judged. Neither ever raises an error.
 */
export function translate(tree: Tree, bound: 'atLeast' | 'atMost', source: Source): Translation {
  const context: Context = { source, unsaid: new Set(), isExact: true };
  const expression = translateTree(tree, bound === 'atLeast', context, 0);
  const { unsaid, isExact } = context;
  return { expression, unsaid: [...unsaid], isExact: isExact && unsaid.size === 0 };
}

interface Context {
  readonly source: Source;
  readonly unsaid: Set<string>;
  isExact: boolean;
}

/** Beyond these the API server is not asked to look: what counts then is the bound. A condition may be bounded further. */
const MAX_MEMBERS = 64;
const MAX_TEXT = 1024;

/** Parentheses within parentheses: the API server's parser takes 250, with what is below them. */
const MAX_DEPTH = 40;

/** `beyond` is what counts for what cannot be said: true for what may be true, false for what must be. */
function translateTree(tree: Tree, beyond: boolean, context: Context, depth: number): Expression {
  if (depth > MAX_DEPTH) return widened(`nested more than ${MAX_DEPTH} deep`, beyond, context);
  switch (tree.kind) {
    case 'constant':
      return constant(tree.value === 'unknown' ? beyond : tree.value);
    case 'identifier':
      return translateTree(tree.of, beyond, context, depth);
    case 'not':
      return not(translateTree(tree.of, !beyond, context, depth + 1));
    case 'and':
      return allOf(tree.of.map((each) => translateTree(each, beyond, context, depth + 1)));
    case 'or':
      return anyOf(tree.of.map((each) => translateTree(each, beyond, context, depth + 1)));
    case 'item':
      return translateItem(tree.item, beyond, context);
  }
}

function widened(why: string, beyond: boolean, { unsaid }: Context): Expression {
  unsaid.add(why);
  return constant(beyond);
}

/** Characters that one item may take: a longer list is cheaper to send than to ask about. */
const MAX_ITEM = 8000;

function translateItem(item: DetectionItem, beyond: boolean, context: Context): Expression {
  const { field, paths, predicates } = item;
  if (field === undefined) return widened('keywords', beyond, context);
  const unsaid = predicates.map((predicate) => whyUnsaid(predicate)).find((why) => why !== undefined);
  if (unsaid !== undefined) return widened(`${field}: ${unsaid}`, beyond, context);
  if (predicates.reduce((sum, predicate) => sum + lengthOf(predicate), 0) > MAX_ITEM) {
    return widened(`${field}: more than ${MAX_ITEM} characters`, beyond, context);
  }
  const places = paths.map((path) =>
    isUnobservable('serve', path) ? undefined : placeOf(path, context.source),
  );
  if (places.some((place) => place === undefined)) {
    return widened(`${field}: not seen by the API server's conditions`, beyond, context);
  }
  const present = places.filter((place) => place !== undefined && place !== 'absent');
  const values = predicates.filter(({ kind }) => kind !== 'null' && kind !== 'exists');
  return anyOf([
    ...(values.length === 0
      ? []
      : present.map(({ from, shape, steps }) => someReading(from, shape, steps, values, beyond, context, 1))),
    ...(predicates.some(({ kind }) => kind === 'null') ? [isNull(present, beyond, context)] : []),
    ...(predicates.some((each) => each.kind === 'exists' && each.value)
      ? present.map((place) => exists(place, beyond, context))
      : []),
    ...(predicates.some((each) => each.kind === 'exists' && !each.value)
      ? [not(anyOf(present.map((place) => exists(place, !beyond, context))))]
      : []),
  ]);
}

function whyUnsaid(predicate: Predicate): string | undefined {
  switch (predicate.kind) {
    case 'cidr':
      return 'a network';
    case 'time':
      return 'a part of a time';
    case 'fieldref':
      return 'another field';
    case 'regex':
      return isSameRegex(predicate.source)
        ? undefined
        : 'a regular expression that not every API server reads alike';
    default:
      return undefined;
  }
}

/** Names of Unicode classes come and go with its versions; an unknown one would make the whole configuration invalid. */
function isSameRegex(source: string): boolean {
  const named = source.match(/\\[pP]\{[^}]*\}?|\\[pP][^{]/g) ?? [];
  return named.every((each) =>
    /^\\[pP](\{\^?(L[ultmo]?|N[dlo]?|Latin|Greek|Cyrillic|Han)\}|[LNPSZ])$/.test(each),
  );
}

function lengthOf(predicate: Predicate): number {
  if (predicate.kind === 'regex') return predicate.source.length;
  if (predicate.kind !== 'string') return 1;
  return predicate.pattern.reduce((sum, part) => sum + (typeof part === 'string' ? part.length : 1) + 1, 0);
}

const PRESENT: Predicate = { kind: 'exists', value: true };

function exists({ from, shape, steps }: Place, beyond: boolean, context: Context): Expression {
  return someReading(from, shape, steps, [PRESENT], beyond, context, 1);
}

/** Whether some reading is null or missing, or there is none on any of the places. */
function isNull(places: readonly Place[], beyond: boolean, context: Context): Expression {
  if (places.some(({ steps }) => steps.some(({ shape }) => shape === 'anything'))) {
    return widened('null where a list may be', beyond, context);
  }
  const onTheWay = places.flatMap(listsOnTheWay);
  if (onTheWay.length > 0) context.isExact = false;
  return anyOf([
    ...(beyond ? onTheWay : []),
    ...places.map(({ from, steps }) => someNull(from, steps, false, beyond, 1)),
    allOf(places.map(({ from, steps }) => not(someAtAll(from, steps, !beyond, 1)))),
  ]);
}

/** Of `user.extra.a.b`, a list at `a` has members that lack `b`. */
function listsOnTheWay({ from, steps }: Place): readonly Expression[] {
  const [{ key = '', shape } = {}] = steps;
  if (shape !== 'texts') return [];
  const parts = key.split('.');
  return parts
    .slice(1)
    .map((_, at) => test(`${below(from, parts.slice(0, at + 1).join('.')).text}.hasValue()`));
}

/** Whether some reading is null, or missing in a member of a list. */
function someNull(
  ref: Ref,
  steps: readonly Step[],
  isMember: boolean,
  beyond: boolean,
  depth: number,
): Expression {
  const { list, next, rest } = toList(ref, steps);
  if (list === undefined || rest.length === 0) {
    const isNothing = test(`type(${valueOf(next)}) == null_type`);
    if (!next.isOptional) return isNothing;
    return isMember ? isNothing : allOf([test(`${next.text}.hasValue()`), isNothing]);
  }
  const item: Ref = { text: `item${depth}`, isOptional: false };
  return anyOf([
    ...(isMember ? [test(`!${next.text}.hasValue()`)] : []),
    someMember(next, item, beyond, someNull(item, rest, true, beyond, depth + 1)),
  ]);
}

/** Whether there is any reading, a missing one included. */
function someAtAll(ref: Ref, steps: readonly Step[], beyond: boolean, depth: number): Expression {
  const { list, next, rest } = toList(ref, steps);
  if (list === undefined || rest.length === 0)
    return next.isOptional ? test(`${next.text}.hasValue()`) : TRUE;
  const item: Ref = { text: `item${depth}`, isOptional: false };
  const hasInner = rest.some(({ shape }) => shape === 'objects' || shape === 'texts');
  const inner = hasInner
    ? anyOf([
        not(test(`${toList(item, rest).next.text}.hasValue()`)),
        someAtAll(item, rest, beyond, depth + 1),
      ])
    : TRUE;
  return someMember(next, item, beyond, inner);
}

/** The steps down to the first list, or to the end. */
function toList(ref: Ref, steps: readonly Step[]) {
  const at = steps.findIndex(({ shape }) => shape === 'objects' || shape === 'texts');
  const until = at === -1 ? steps.length : at + 1;
  const next = steps.slice(0, until).reduce((from, { key }) => below(from, key), ref);
  return { list: steps[at], next, rest: steps.slice(until) };
}

function someMember(list: Ref, item: Ref, beyond: boolean, of: Expression): Expression {
  return {
    kind: 'some',
    list: valueOf(list),
    variable: item.text,
    orOne: false,
    longest: MAX_MEMBERS,
    beyond,
    of,
  };
}

/** What `[?…]` gives is declared as whatever the other value is, so that null has to be anything too. */
function valueOf({ text, isOptional }: Ref): string {
  if (!isOptional) return text;
  return text.endsWith(']') ? `${text}.orValue(dyn(null))` : `${text}.orValue(null)`;
}

/** Whether some reading below a value has one of these. */
function someReading(
  ref: Ref,
  shape: Shape,
  steps: readonly Step[],
  predicates: readonly Predicate[],
  beyond: boolean,
  context: Context,
  depth: number,
): Expression {
  const [step, ...rest] = steps;
  if (step === undefined) return leaf(ref, shape, predicates, beyond, context, depth);
  const next = below(ref, step.key);
  if (rest.length === 0 && predicates[0] === PRESENT) return isPresent(next, step.shape, beyond, context);
  const recurse = (from: Ref, shape: Shape, by = 0) =>
    someReading(from, shape, rest, predicates, beyond, context, depth + by);
  if (depth > MAX_LISTS) return widened(`more than ${MAX_LISTS} lists within each other`, beyond, context);
  const variable = `item${depth}`;
  const item: Ref = { text: variable, isOptional: false };
  const list = { kind: 'some', list: valueOf(next), variable, beyond } as const;
  switch (step.shape) {
    case 'objects':
    case 'texts': {
      const of = recurse(item, step.shape === 'texts' ? 'text' : 'object', 1);
      if (of.kind === 'constant' && !of.value) return FALSE;
      return { ...list, orOne: false, longest: MAX_MEMBERS, of };
    }
    case 'anything': {
      // A list within the list, and a key with dots, are not looked into.
      context.isExact = false;
      const of = recurse(item, 'anything', 1);
      if (of.kind === 'constant' && !of.value) return FALSE;
      return anyOf([
        ...dottedKeys(ref, step, rest, beyond),
        { ...list, orOne: true, longest: MAX_MEMBERS, of },
      ]);
    }
    default:
      return recurse(next, step.shape);
  }
}

/** A list of nothing but empty lists has no readings. */
function isPresent(ref: Ref, shape: Shape, beyond: boolean, context: Context): Expression {
  const hasValue = test(`${ref.text}.hasValue()`);
  if (shape !== 'anything') return hasValue;
  context.isExact = false;
  return beyond ? hasValue : allOf([hasValue, test(`type(${valueOf(ref)}) != list`)]);
}

/** Lists within lists: a pod has two. Of a custom resource, every step may be one. */
const MAX_LISTS = 12;

/** A key that itself has dots may lead on as well as a path does. Where there is one, the request is sent. */
function dottedKeys(ref: Ref, step: Step, rest: readonly Step[], beyond: boolean): readonly Expression[] {
  if (!beyond) return [];
  return rest.map((_, at) => {
    const key = [step, ...rest.slice(0, at + 1)].map((each) => each.key).join('.');
    return test(`${below(ref, key).text}.hasValue()`);
  });
}

function leaf(
  ref: Ref,
  shape: Shape,
  predicates: readonly Predicate[],
  beyond: boolean,
  context: Context,
  depth: number,
): Expression {
  if (predicates[0] === PRESENT) return ref.isOptional ? test(`${ref.text}.hasValue()`) : TRUE;
  const value = valueOf(ref);
  const each = predicates.map((predicate): Expression => {
    switch (shape) {
      case 'object':
      case 'objects':
      case 'texts':
      case 'map':
        return FALSE;
      case 'boolean':
        if (predicate.kind === 'boolean')
          return { kind: 'oneOf', value, literals: [String(predicate.value)] };
        break;
      case 'number':
        if (predicate.kind === 'number') return { kind: 'oneOf', value, literals: [number(predicate.value)] };
        break;
      case 'name':
      case 'text':
        if (predicate.kind === 'string') return ofText(ref, shape, predicate, beyond);
        if (predicate.kind === 'regex') return ofTextRegex(ref, predicate, beyond);
        break;
      case 'anything':
        break;
    }
    if (!ref.isOptional) return ofScalar(ref.text, predicate, beyond, context);
    const variable = `value${depth}`;
    return { kind: 'let', value, variable, of: ofScalar(variable, predicate, beyond, context) };
  });
  return anyOf(each);
}

type StringPredicate = Extract<Predicate, { kind: 'string' }>;

/** Of what is certainly a text, or absent. */
function ofText(ref: Ref, shape: 'name' | 'text', predicate: StringPredicate, beyond: boolean): Expression {
  const exact = exactText(predicate) ?? (shape === 'name' ? literalText(predicate) : undefined);
  if (exact !== undefined) return { kind: 'oneOf', value: valueOf(ref), literals: [quote(exact)] };
  if (matchesEmpty(predicate.pattern)) return ref.isOptional ? test(`${ref.text}.hasValue()`) : TRUE;
  return ofPattern(ref.isOptional ? `${ref.text}.orValue('')` : ref.text, predicate, beyond);
}

function ofTextRegex(ref: Ref, { flags, source }: Regex, beyond: boolean): Expression {
  if (!ref.isOptional) return matches(ref.text, { flags, source }, beyond);
  const found = matches(`${ref.text}.orValue('')`, { flags, source }, beyond);
  return compileRegex(source, flags)('') ? allOf([test(`${ref.text}.hasValue()`), found]) : found;
}

/** The one text that a value must be; undefined where it may be several. */
function exactText({ pattern, cased }: StringPredicate): string | undefined {
  const literal = literalOf(pattern);
  return literal !== undefined && (cased || isCaseless(literal)) ? literal : undefined;
}

function ofPattern(
  value: string,
  { pattern, cased }: { readonly pattern: Pattern; readonly cased: boolean },
  beyond: boolean,
): Expression {
  return matches(value, { flags: cased ? 's' : 'is', source: regexOf(pattern) }, beyond);
}

function matches(value: string, regex: Regex, beyond: boolean): Expression {
  return { kind: 'matches', value, regexes: [regex], longest: MAX_TEXT, beyond };
}

/** Of a variable that may be anything. */
function ofScalar(value: string, predicate: Predicate, beyond: boolean, context: Context): Expression {
  const isText = test(`type(${value}) == string`, 3);
  switch (predicate.kind) {
    case 'string': {
      if (matchesEmpty(predicate.pattern) && predicate.pattern.length > 0) return isScalar(value);
      const exact = exactText(predicate);
      return anyOf([
        exact === undefined
          ? allOf([isText, ofPattern(value, predicate, beyond)])
          : { kind: 'oneOf', value, literals: [quote(exact)] },
        ...(mayMatchOtherScalars(predicate.pattern) ? otherScalars(value, beyond, context) : []),
      ]);
    }
    case 'regex':
      return anyOf([
        allOf([isText, matches(value, predicate, beyond)]),
        ...otherScalars(value, beyond, context),
      ]);
    case 'boolean': {
      const pattern = [String(predicate.value)];
      return anyOf([
        { kind: 'oneOf', value, literals: [String(predicate.value)] },
        allOf([isText, ofPattern(value, { pattern, cased: false }, beyond)]),
      ]);
    }
    case 'number':
      return anyOf([
        { kind: 'oneOf', value, literals: [number(predicate.value)] },
        ofNumberText(value, `== ${double(predicate.value)}`, beyond, context),
      ]);
    case 'compare': {
      const compared = `${OPERATORS[predicate.operator]} ${double(predicate.value)}`;
      const isNumber = test(`(type(${value}) == int || type(${value}) == double)`);
      return anyOf([
        allOf([isNumber, test(`${value} ${compared}`, 50)]),
        ofNumberText(value, compared, beyond, context),
      ]);
    }
    default:
      return constant(beyond);
  }
}

const OPERATORS = { lt: '<', lte: '<=', gt: '>', gte: '>=' } as const;

function isScalar(value: string): Expression {
  return allOf(['null_type', 'map', 'list'].map((type) => test(`type(${value}) != ${type}`, 3)));
}

/** How CEL writes a fraction or a large number differs from how JSON does. */
function otherScalars(value: string, beyond: boolean, context: Context): readonly Expression[] {
  context.isExact = false;
  return beyond ? [allOf([isScalar(value), test(`type(${value}) != string`, 3)])] : [];
}

/** Decimal, as a text is read as a number; CEL converts the plain and short ones, and raises an error for some others. */
const DECIMAL = quote(String.raw`^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$`);
const PLAIN = quote(String.raw`^-?[0-9]+(\.[0-9]+)?$`);

/** Of a text that is a number as a whole. */
function ofNumberText(value: string, compared: string, beyond: boolean, context: Context): Expression {
  context.isExact = false;
  const plain = `${value}.matches(${PLAIN})`;
  const converted = `double(${value}) ${compared}`;
  if (!beyond) {
    return test(
      `(type(${value}) == string && ${value}.size() <= 20 && ${plain} ? ${converted} : false)`,
      150,
    );
  }
  const decimal = `${value}.matches(${DECIMAL})`;
  const long = `(${value}.size() > ${MAX_TEXT} || ${decimal})`;
  const said = `(${value}.size() > 20 ? ${long} : (${plain} ? ${converted} : ${decimal}))`;
  return test(`(type(${value}) == string ? ${said} : false)`, 150 + MAX_TEXT);
}
