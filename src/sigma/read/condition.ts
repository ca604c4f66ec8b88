import { quote } from '../match/describe-value.ts';
import type { Path, Reporter } from './errors.ts';
import { itemsOf } from '../match/partial-evaluation.ts';
import type { Tree } from '../match/tree.ts';

/** How deep parentheses and `not` may be nested. What walks a tree may then be recursive. */
const MAX_DEPTH = 100;

/**
 * Detection items a condition may stand for, each counted as often as it is called, and each pattern counted once for every
 * search identifier it is held against. The largest public rules stay below a thousand.
 */
const MAX_ITEMS = 100_000;

/**
 * Reads conditions over the search identifiers of one document: `selection and not 1 of filter_*`. Precedence, least first:
 * or, and, not. Keywords are lower case. Undefined if a condition cannot be read, which is reported; if it can,
 * every name in it that means nothing is.
 */
export function createConditionParser(
  searchIdentifiers: ReadonlyMap<string, Tree>,
  reporter: Reporter,
): (text: string, path: Path) => Tree | undefined {
  const resolver = createResolver(searchIdentifiers);
  return function parseCondition(text, path) {
    const unknown: (readonly [code: string, message: string])[] = [];
    const resolve = resolver((...problem) => unknown.push(problem));
    try {
      const tree = parse(tokenize(text), resolve);
      for (const [code, message] of unknown) reporter.error(code, path, message);
      return tree;
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error;
      reporter.error(error.code, path, error.message);
      return undefined;
    }
  };
}

/** The names a condition calls, patterns resolved. */
export function namesIn(tree: Tree, names = new Set<string>()): ReadonlySet<string> {
  if (tree.kind === 'identifier') names.add(tree.name);
  else if (tree.kind === 'not') namesIn(tree.of, names);
  else if (tree.kind === 'and' || tree.kind === 'or') for (const branch of tree.of) namesIn(branch, names);
  return names;
}

/** Whether the condition itself negates anything; what its search identifiers hold is not looked at. */
export function negates(tree: Tree): boolean {
  if (tree.kind === 'not') return true;
  return (tree.kind === 'and' || tree.kind === 'or') && tree.of.some(negates);
}

/** It cannot be read any further. */
class ConditionError extends Error {
  readonly code: 'condition-syntax' | 'condition-limit' | 'aggregation-removed';

  constructor(code: ConditionError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** A word is an identifier, a keyword or a pattern: what it is depends on where it stands. An empty text is the end. */
interface Token {
  readonly text: string;
  readonly index: number;
}

const AGGREGATION_REMOVED =
  'aggregations such as "| count() > 5" were removed from Sigma; write a correlation rule instead';

/** Words, or any other one character. */
const TOKEN = /[A-Za-z0-9_*-]+|[^ \t\r\n]/gu;

function tokenize(text: string): readonly Token[] {
  if (text.includes('|')) throw new ConditionError('aggregation-removed', AGGREGATION_REMOVED);
  const tokens = Array.from(text.matchAll(TOKEN), (match) => ({ text: match[0], index: match.index }));
  return [...tokens, { text: '', index: text.length }];
}

const IDENTIFIER = /^[A-Za-z0-9_-]+$/;
const PATTERN = /^[A-Za-z0-9_*]+$/;
const OPERATORS = ['and', 'or', 'not'];
const QUANTIFIERS = new Map<string, 'and' | 'or'>([
  ['1', 'or'],
  ['any', 'or'],
  ['all', 'and'],
]);

/** Whether a condition can call a search identifier by this name. A pattern calls whatever matches it. */
export function isIdentifier(text: string): boolean {
  return IDENTIFIER.test(text) && !isOperator(text);
}

export function isOperator(text: string): boolean {
  return OPERATORS.includes(text);
}

function parse(tokens: readonly Token[], resolver: Resolver): Tree {
  let position = 0;
  let depth = 0;

  const peek = (): Token => tokens[Math.min(position, tokens.length - 1)] as Token;

  function next(): Token {
    const token = peek();
    position += 1;
    return token;
  }

  function take(text: string): boolean {
    if (peek().text !== text) return false;
    position += 1;
    return true;
  }

  function deeper(parseInner: () => Tree): Tree {
    depth += 1;
    if (depth > MAX_DEPTH) {
      throw new ConditionError('condition-limit', `nested deeper than ${MAX_DEPTH} levels`);
    }
    const tree = parseInner();
    depth -= 1;
    return tree;
  }

  function linked(kind: 'and' | 'or', parseBranch: () => Tree): Tree {
    const first = parseBranch();
    if (peek().text !== kind) return first;
    const of = [first];
    while (take(kind)) of.push(parseBranch());
    return { kind, of };
  }

  const parseOr = (): Tree => linked('or', parseAnd);
  const parseAnd = (): Tree => linked('and', parseNot);
  const parseNot = (): Tree =>
    take('not') ? deeper(() => ({ kind: 'not', of: parseNot() })) : parseOperand();

  function parseOperand(): Tree {
    const token = next();
    if (token.text === '(') {
      const tree = deeper(parseOr);
      if (!take(')')) throw unexpected(peek(), `"and", "or", or the ")" of "(" at index ${token.index}`);
      return tree;
    }
    if (peek().text === 'of' && token.text !== '' && !OPERATORS.includes(token.text)) {
      return parseQuantified(token);
    }
    if (isIdentifier(token.text)) return resolver.identifier(token);
    const isPattern = token.text.includes('*');
    throw unexpected(
      token,
      isPattern
        ? '"1 of" or "all of" before a pattern'
        : 'a search identifier, "not", "1 of", "all of" or "("',
    );
  }

  function parseQuantified(quantifier: Token): Tree {
    const kind = QUANTIFIERS.get(quantifier.text);
    if (kind === undefined) throw unexpected(quantifier, '"1", "any" or "all" before "of"');
    position += 1;
    const pattern = next();
    if (!PATTERN.test(pattern.text)) {
      throw unexpected(pattern, '"them", or a pattern of letters, digits, "_" and "*"');
    }
    return resolver.pattern(kind, quantifier, pattern);
  }

  const tree = parseOr();
  if (peek().text !== '') throw unexpected(peek(), '"and", "or" or the end');
  return tree;
}

function unexpected({ text, index }: Token, expected: string): ConditionError {
  const found = text === '' ? 'unexpected end' : `unexpected ${quote(text)} at index ${index}`;
  const keyword = text.toLowerCase();
  const isKeyword = keyword !== text && [...OPERATORS, 'of', 'any', 'all'].includes(keyword);
  const hint = isKeyword ? '; keywords are lower case' : '';
  return new ConditionError('condition-syntax', `${found}; expected ${expected}${hint}`);
}

/** Turns names into trees. A name that means nothing is reported, and false in its place, so that all of them are found. */
interface Resolver {
  identifier(token: Token): Tree;
  pattern(kind: 'and' | 'or', quantifier: Token, pattern: Token): Tree;
}

const NOTHING: Tree = { kind: 'constant', value: false };

/** What is counted and remembered is shared by all conditions of a document; each says where its unknown names go. */
function createResolver(
  searchIdentifiers: ReadonlyMap<string, Tree>,
): (onUnknown: (code: string, message: string) => void) => Resolver {
  const named = new Map<string, { readonly tree: Tree; readonly items: number }>();
  const matching = new Map<string, readonly string[]>();
  const expected = listNames([...searchIdentifiers.keys()]);
  let items = 0;

  function charge(count: number): void {
    items += count;
    if (items <= MAX_ITEMS) return;
    throw new ConditionError('condition-limit', `stands for more than ${MAX_ITEMS} detection items`);
  }

  function call(name: string, of: Tree): Tree {
    const known = named.get(name) ?? {
      tree: { kind: 'identifier' as const, name, of },
      items: Math.max(1, itemsOf(of).length),
    };
    named.set(name, known);
    charge(known.items);
    return known.tree;
  }

  function matchesOf(pattern: string): readonly string[] {
    const known = matching.get(pattern);
    if (known !== undefined) return known;
    charge(searchIdentifiers.size);
    const matches = [...searchIdentifiers.keys()].filter(compilePattern(pattern));
    matching.set(pattern, matches);
    return matches;
  }

  return (onUnknown) => ({
    identifier({ text, index }) {
      const tree = searchIdentifiers.get(text);
      if (tree !== undefined) return call(text, tree);
      const message = `unknown search identifier ${quote(text)} at index ${index}; expected ${expected}`;
      onUnknown('unknown-identifier', message);
      return NOTHING;
    },
    pattern(kind, quantifier, { text }) {
      const of = matchesOf(text).map((name) => call(name, searchIdentifiers.get(name) ?? NOTHING));
      if (of.length === 0) {
        const asked = quote(`${quantifier.text} of ${text}`);
        const message = `${asked} at index ${quantifier.index} matches no search identifier; expected ${expected}`;
        onUnknown('pattern-matches-nothing', message);
      }
      return of.length === 1 && of[0] !== undefined ? of[0] : { kind, of };
    },
  });
}

/**
 * `them` is every search identifier. Those that begin with `_` are left out, unless the pattern itself begins so; they can
 * still be called by name.
 */
function compilePattern(pattern: string): (name: string) => boolean {
  const isSelectable = (name: string) => pattern.startsWith('_') || !name.startsWith('_');
  if (pattern === 'them') return isSelectable;
  const [head = '', ...rest] = pattern.split(/\*+/);
  const tail = rest.pop();
  if (tail === undefined) return (name) => name === pattern && isSelectable(name);
  return function matchesPattern(name) {
    if (!isSelectable(name) || !name.startsWith(head) || !name.endsWith(tail)) return false;
    let from = head.length;
    for (const part of rest) {
      const at = name.indexOf(part, from);
      if (at === -1) return false;
      from = at + part.length;
    }
    return from <= name.length - tail.length;
  };
}

/** How many names a message lists. */
const LISTED_NAMES = 5;

function listNames(names: readonly string[]): string {
  const listed = names.slice(0, LISTED_NAMES).map(quote);
  return names.length > LISTED_NAMES ? `one of ${listed.join(', ')}, …` : listed.join(' or ');
}
