import { canBe, itemsOf, partiallyEvaluate } from '../sigma/partial-evaluation.ts';
import type { DetectionItem, Pattern, Predicate, Tree } from '../sigma/tree.ts';

/**
 * What stands in a log line, ASCII case aside, wherever a value does that a rule asks for: lower case, without any
 * character that JSON may write in more than one way.
 */
export type Literal = string;

/** How often a literal occurs, roughly: the rarer of two is the better one to look for. */
export type Frequency = (literal: Literal) => number;

/**
 * Fields that no literal may come from: what a line says is not all of them that is judged. The forecast judges other verbs
 * than the logged one, and bodies that were not logged, or were cut off, make a rule *not judged*, which is to be seen. (So
 * does a status that is yet to come; but only where the log ends before it does.)
 */
const NOT_IN_EVERY_LINE = new Set(
  'verb kind apiVersion provenance receivedAt requestObject responseObject metadata'.split(' '),
);

/**
 * Literals one of which stands in every line that can match one of the trees, as few and as rare as suffice; undefined if
 * a line can match without any.
 */
export function requiredLiterals(
  trees: readonly Tree[],
  frequency: Frequency,
): ReadonlySet<Literal> | undefined {
  const required = new Set<Literal>();
  for (const tree of trees) {
    const literals = literalsOfTree(tree, frequency);
    if (literals === undefined) return undefined;
    for (const literal of literals) required.add(literal);
  }
  return required;
}

/** An event that satisfies none of some items cannot match: so one that matches satisfies one, and contains its literal. */
function literalsOfTree(tree: Tree, frequency: Frequency): readonly Literal[] | undefined {
  const literals = new Map(itemsOf(tree).flatMap((item) => entryOf(item)));
  const needed = new Set(literals.keys());
  if (canHoldWithout(needed, tree)) return undefined;
  const cost = ([, of]: [DetectionItem, readonly Literal[]]) =>
    of.reduce((sum, literal) => sum + frequency(literal), 0);
  for (const [item] of [...literals].toSorted((a, b) => cost(b) - cost(a))) {
    needed.delete(item);
    if (canHoldWithout(needed, tree)) needed.add(item);
  }
  return [...needed].flatMap((item) => literals.get(item) ?? []);
}

function canHoldWithout(items: ReadonlySet<DetectionItem>, tree: Tree): boolean {
  return canBe(
    true,
    partiallyEvaluate(tree, (item) => (items.has(item) ? false : undefined)),
  );
}

/** The item with a literal for each of its values, if all of them have one. */
function entryOf(item: DetectionItem): readonly [DetectionItem, readonly Literal[]][] {
  const literals = item.predicates.map(literalsOfPredicate);
  const isInEveryLine =
    item.paths.length > 0 && item.paths.every((path) => !NOT_IN_EVERY_LINE.has(path.split('.')[0] ?? ''));
  return isInEveryLine && literals.every((of) => of.length > 0) ? [[item, literals.flat()]] : [];
}

/** Shorter ones stand in nearly every line. */
const MIN_LENGTH = 3;

function literalsOfPredicate(predicate: Predicate): readonly Literal[] {
  if (predicate.kind === 'string') return literalsOfPattern(predicate.pattern);
  // Go writes an integer in one way. A client, who might write 4.03e2, writes none of these fields.
  if (predicate.kind !== 'number' || !Number.isSafeInteger(predicate.value)) return [];
  return longEnough(String(predicate.value)).flatMap((digits) =>
    BEFORE_NUMBER.map((before) => before + digits),
  );
}

/** Between a number and the key, or member, before it. Within a text a space may be written as `\t`, `\n` or `\r`. */
const BEFORE_NUMBER = [':', '[', ',', ' ', '\t', '"', 't', 'n', 'r'];

/**
 * The longest run of plain characters. The quote before a value is part of it, because it tells `"pods"` from
 * `"nginx-pods"`; the one after is not, because it is `\"` where an event is wrapped in a text.
 */
function literalsOfPattern(pattern: Pattern): readonly Literal[] {
  const text = pattern
    .map((part) => (typeof part === 'string' ? part.replace(NOT_PLAIN, OTHER) : OTHER))
    .join('');
  const runs = (isWrittenBare(pattern) ? text : `"${text}`).split(OTHER);
  const [longest = ''] = runs.toSorted((a, b) => b.length - a.length);
  return longEnough(longest.toLowerCase());
}

function longEnough(literal: string): readonly Literal[] {
  return literal.length < MIN_LENGTH ? [] : [literal];
}

const OTHER = '\0';
/** Not printable ASCII, or written in more than one way: `"`, `\`, and what Go writes as `\u0026`, `\u003c`, `\u003e`. */
const NOT_PLAIN = /[^ !#-%'-;=?-[\]-~]/g;

/** Numbers and booleans stand without quotes, and are compared by their text. */
function isWrittenBare([first = '', ...others]: Pattern): boolean {
  return (
    others.length === 0 && typeof first === 'string' && /^(true|false|infinity|[-+.\d].*)$/is.test(first)
  );
}
