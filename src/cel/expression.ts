import { quote } from './text.ts';

/**
 * A condition before it is written: what two conditions share is merged while they are still data, and the same conditions
 * give the same text, in whatever order they came. None of them can raise an error.
 */
export type Expression =
  | { readonly kind: 'constant'; readonly value: boolean }
  /** `cost` is the most that CEL's meter can charge for it. */
  | { readonly kind: 'test'; readonly text: string; readonly cost: number }
  /** The value is one of these literals (as CEL writes them). */
  | { readonly kind: 'oneOf'; readonly value: string; readonly literals: readonly string[] }
  /** The value, certainly a text, has one of these expressions. One longer than `longest` counts as `beyond`. */
  | {
      readonly kind: 'matches';
      readonly value: string;
      readonly regexes: readonly Regex[];
      readonly longest: number;
      readonly beyond: boolean;
    }
  | { readonly kind: 'and' | 'or'; readonly of: readonly Expression[] }
  | { readonly kind: 'not'; readonly of: Expression }
  /**
   * Some member of a list holds. `beyond` is what counts where the list is longer than `longest`, or is something else that
   * is not null. `orOne`: what is no list is the only member, and what counts is `beyond` for a list within the list.
   */
  | {
      readonly kind: 'some';
      readonly list: string;
      readonly variable: string;
      readonly orOne: boolean;
      readonly longest: number;
      readonly beyond: boolean;
      readonly of: Expression;
    }
  /** A name for a value, for what is said of it: CEL has no `let`. */
  | { readonly kind: 'let'; readonly value: string; readonly variable: string; readonly of: Expression };

/** In RE2 syntax; flags of i, m, s. */
export interface Regex {
  readonly flags: string;
  readonly source: string;
}

type Some = Extract<Expression, { kind: 'some' }>;

export const TRUE: Expression = { kind: 'constant', value: true };
export const FALSE: Expression = { kind: 'constant', value: false };

export function constant(value: boolean): Expression {
  return value ? TRUE : FALSE;
}

export function test(text: string, cost = 10): Expression {
  return { kind: 'test', text, cost };
}

export function not(of: Expression): Expression {
  if (of.kind === 'constant') return constant(!of.value);
  return of.kind === 'not' ? of.of : { kind: 'not', of };
}

export function allOf(expressions: readonly Expression[]): Expression {
  return combine('and', expressions);
}

export function anyOf(expressions: readonly Expression[]): Expression {
  return combine('or', expressions);
}

function combine(kind: 'and' | 'or', expressions: readonly Expression[]): Expression {
  const absorbing = kind === 'or';
  const flat = expressions.flatMap((each) => (each.kind === kind ? each.of : [each]));
  if (flat.some((each) => each.kind === 'constant' && each.value === absorbing)) return constant(absorbing);
  const open = flat.filter((each) => each.kind !== 'constant');
  const merged = kind === 'or' ? absorb(merge(open)) : open;
  if (merged.some((each) => each.kind === 'constant')) return combine(kind, merged);
  const distinct = [...new Map(merged.map((each) => [print(each), each]))]
    .map(([text, each]) => ({ text, each, cost: costOf(each) }))
    .toSorted((one, other) => one.cost - other.cost || (one.text < other.text ? -1 : 1))
    .map(({ each }) => each);
  const [first = constant(!absorbing), ...rest] = distinct;
  return rest.length === 0 ? first : { kind, of: distinct };
}

/** Leaves out what another alternative says already: `a && b` beside `a`, and what a value is beside that it is there. */
function absorb(alternatives: readonly Expression[]): readonly Expression[] {
  const said = new Set(alternatives.map(print));
  return alternatives.filter((each) => {
    if (each.kind === 'and') return !each.of.some((part) => said.has(print(part)));
    if (each.kind !== 'oneOf' && each.kind !== 'matches' && each.kind !== 'let') return true;
    return !said.has(`${each.value.replace(/\.orValue\((null|dyn\(null\)|'')\)$/, '')}.hasValue()`);
  });
}

/** Says once what several say of one value or one list. */
function merge(expressions: readonly Expression[]): readonly Expression[] {
  return [...Map.groupBy(expressions, subjectOf).values()].flatMap((members) => {
    const [first] = members;
    if (first === undefined || members.length === 1) return members;
    switch (first.kind) {
      case 'oneOf':
        return [
          {
            ...first,
            literals: sorted(members.flatMap((each) => (each.kind === 'oneOf' ? each.literals : []))),
          },
        ];
      case 'matches': {
        const regexes = members.flatMap((each) => (each.kind === 'matches' ? each.regexes : []));
        return [{ ...first, regexes }];
      }
      case 'some':
      case 'let':
        return [{ ...first, of: anyOf(members.map((each) => (each.kind === first.kind ? each.of : FALSE))) }];
      default:
        return members;
    }
  });
}

function subjectOf(expression: Expression): unknown {
  switch (expression.kind) {
    case 'oneOf':
      return JSON.stringify(['oneOf', expression.value]);
    case 'matches':
      return JSON.stringify(['matches', expression.value, expression.longest, expression.beyond]);
    case 'some': {
      const { list, variable, orOne, longest, beyond } = expression;
      return JSON.stringify(['some', list, variable, orOne, longest, beyond]);
    }
    case 'let':
      return JSON.stringify(['let', expression.value, expression.variable]);
    default:
      return expression;
  }
}

function sorted(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].toSorted();
}

/** The most that CEL's meter can charge: each list at its longest, each text at its longest. */
export function costOf(expression: Expression): number {
  switch (expression.kind) {
    case 'constant':
      return 1;
    case 'test':
      return expression.cost;
    case 'oneOf':
      return 5 + expression.literals.reduce((sum, literal) => sum + 1 + Math.ceil(literal.length / 10), 0);
    case 'matches': {
      const traversed = Math.ceil((expression.longest + 1) / 10);
      const searches = searchesOf(expression.regexes);
      return 40 + searches.reduce((sum, text) => sum + 5 + traversed * Math.ceil(text.length / 4), 0);
    }
    case 'and':
    case 'or':
      return expression.of.reduce((sum, each) => sum + 1 + costOf(each), 0);
    case 'not':
      return 1 + costOf(expression.of);
    case 'some':
      return 50 + expression.longest * (15 + costOf(expression.of));
    case 'let':
      return 25 + costOf(expression.of);
  }
}

/** How deeply the text is nested, as the API server's parser counts at most. */
export function depthOf(expression: Expression): number {
  switch (expression.kind) {
    case 'constant':
    case 'test':
    case 'oneOf':
    case 'matches':
      return 2;
    case 'and':
    case 'or':
      return 2 + Math.max(0, ...expression.of.map(depthOf));
    case 'not':
      return 2 + depthOf(expression.of);
    case 'some':
      return 6 + depthOf(expression.of);
    case 'let':
      return 3 + depthOf(expression.of);
  }
}

export function print(expression: Expression): string {
  const known = PRINTED.get(expression);
  if (known !== undefined) return known;
  const text = printAnew(expression);
  PRINTED.set(expression, text);
  return text;
}

/** Expressions are compared by their texts at every level. */
const PRINTED = new WeakMap<Expression, string>();

function printAnew(expression: Expression): string {
  switch (expression.kind) {
    case 'constant':
      return String(expression.value);
    case 'test':
      return expression.text;
    case 'oneOf': {
      const { value, literals } = expression;
      const [only = ''] = literals;
      if (literals.length === 1) return `${only} == ${value}`;
      const isText = literals.every((literal) => /^r?'/.test(literal));
      return `${value} in [${literals.map((each) => (isText ? each : `dyn(${each})`)).join(', ')}]`;
    }
    case 'matches':
      return printMatches(expression);
    case 'and':
      return expression.of
        .map((each) => (each.kind === 'or' ? `(${print(each)})` : print(each)))
        .join(' && ');
    case 'or':
      return expression.of
        .map((each) => (each.kind === 'and' ? `(${print(each)})` : print(each)))
        .join(' || ');
    case 'not':
      return `!(${print(expression.of)})`.replace(/^!\((\S+) == ('[^']*')\)$/, '$1 != $2');
    case 'some':
      return expression.orOne ? printSomeOrOne(expression) : printSome(expression);
    case 'let':
      return `[${expression.value}].exists(${expression.variable}, ${print(expression.of)})`;
  }
}

function printSome({ list, variable: item, longest, beyond, of }: Some): string {
  const all = `${item}s`;
  if (of === TRUE && beyond) {
    return `[${list}].exists(${all}, type(${all}) == list ? ${all}.size() > 0 : type(${all}) != null_type)`;
  }
  const within = beyond ? `${all}.size() > ${longest} ||` : `${all}.size() <= ${longest} &&`;
  const other = beyond ? `type(${all}) != null_type` : 'false';
  return `[${list}].exists(${all}, type(${all}) == list ? (${within} ${all}.exists(${item}, ${print(of)})) : ${other})`;
}

function printSomeOrOne({ list, variable: item, longest, beyond, of }: Some): string {
  const all = `${item}s`;
  const within = beyond
    ? `type(${all}) == list && ${all}.size() > ${longest} ||`
    : `(type(${all}) != list || ${all}.size() <= ${longest}) &&`;
  const members = `(type(${all}) == list ? ${all} : [${all}])`;
  return `[${list}].exists(${all}, ${within} ${members}.exists(${item}, type(${item}) == list ? ${beyond} : (${print(of)})))`;
}

function printMatches({ value, regexes, longest, beyond }: Extract<Expression, { kind: 'matches' }>): string {
  const isNamed = /^\w+$/.test(value);
  const name = isNamed ? value : 'text';
  const searches = searchesOf(regexes).map((each) => `${name}.matches(${quote(each)})`);
  const some = searches.length === 1 ? searches.join() : `(${searches.join(' || ')})`;
  const within = beyond
    ? `${name}.size() > ${longest} || ${searches.join(' || ')}`
    : `${name}.size() <= ${longest} && ${some}`;
  return isNamed ? `(${within})` : `[${value}].exists(text, ${within})`;
}

/** As few searches as find what these do. */
function searchesOf(regexes: readonly Regex[]): readonly string[] {
  const alone = regexes.filter(({ source }) => !isClosed(source)).map((each) => whole(each));
  const joined = [
    ...Map.groupBy(
      regexes.filter(({ source }) => isClosed(source)),
      ({ flags }) => flags,
    ),
  ]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([flags, members]) =>
      whole({ flags, source: alternatives(sorted(members.map(({ source }) => source))) }),
    );
  return sorted([...joined, ...alone]);
}

function whole({ flags, source }: Regex): string {
  return flags === '' ? source : `(?${flags})${source}`;
}

/**
 * Whether an expression means the same beside others: a quotation left open would swallow what follows, flags would hold for
 * it too, and no two groups may have one name.
 */
function isClosed(source: string): boolean {
  return !/\\Q|\(\?(?!:)/.test(source);
}

/** `^a$|^b$` as `^(a|b)$`, and likewise what begins or ends alike. */
function alternatives(sources: readonly string[]): string {
  const [only = ''] = sources;
  if (sources.length === 1) return only;
  return [...Map.groupBy(sources, anchorsOf)]
    .map(([anchors, members]) => {
      if (members.length === 1) return members.join();
      const [before, after] = [anchors.startsWith('^') ? '^' : '', anchors.endsWith('$') ? '$' : ''];
      const bodies = members.map((each) => each.slice(before.length, after === '' ? undefined : -1));
      return `${before}(${bodies.join('|')})${after}`;
    })
    .join('|');
}

/** Which anchors hold for the whole of an expression. With alternatives, flags or anchors of its own it stays as it is. */
function anchorsOf(source: string): string {
  if (/(^|[^\\])(\\\\)*[|^$(]/.test(source.replace(/^\^|\$$/g, ''))) return '';
  return `${source.startsWith('^') ? '^' : ''}${/[^\\](\\\\)*\$$/.test(source) ? '$' : ''}`;
}

/** The same with every list and text held to fewer; what is longer then counts as `beyond`. */
export function within(
  expression: Expression,
  limits: { readonly members: number; readonly text: number },
): Expression {
  switch (expression.kind) {
    case 'constant':
    case 'test':
    case 'oneOf':
      return expression;
    case 'matches':
      return { ...expression, longest: Math.min(expression.longest, limits.text) };
    case 'some':
      return {
        ...expression,
        longest: Math.min(expression.longest, limits.members),
        of: within(expression.of, limits),
      };
    case 'and':
    case 'or':
      return { ...expression, of: expression.of.map((each) => within(each, limits)) };
    case 'not':
    case 'let':
      return { ...expression, of: within(expression.of, limits) };
  }
}
