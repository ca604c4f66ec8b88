import { foldCase } from '../../sigma/match/case-folding.ts';
import { canBe, itemsOf, partiallyEvaluate } from '../../sigma/match/partial-evaluation.ts';
import type { DetectionItem, Pattern, Predicate, Tree } from '../../sigma/match/tree.ts';

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
  return predicate.kind === 'number' ? literalsOfNumber(String(predicate.value)) : [];
}

/**
 * A number may be written in many ways, as a text or not: `443`, `"0443"`, `443.0`, `4.43e2`, `0.443e3`. All have its significant
 * digits, in a row or with a point among them; but for `442.99999999999999`, which is rounded.
 */
function literalsOfNumber(text: string): readonly Literal[] {
  const [, whole = '', fraction = ''] = NUMBER.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '').replace(/0+$/, '');
  if (digits.length < MIN_LENGTH || digits.length > MAX_DIGITS) return [];
  const withPoint = Array.from(
    { length: digits.length - 1 },
    (_, at) => `${digits.slice(0, at + 1)}.${digits.slice(at + 1)}`,
  );
  return [...BEFORE_DIGITS.map((before) => before + digits), ...withPoint, ROUNDED];
}

/** A decimal that is rounded to another of at most six digits has nine nines in a row: a double holds 15 digits at least. */
const MAX_DIGITS = 6;
const ROUNDED = '9'.repeat(15 - MAX_DIGITS);

const NUMBER = /^-?(\d+)(?:\.(\d+))?(?:e[-+]?\d+)?$/i;

/** Between digits and the key, or member, before them. Within a text a space may be written as `\t`, `\n` or `\r`. */
const BEFORE_DIGITS = [':', '[', ',', ' ', '\t', '"', 't', 'n', 'r', '0', '.', '-'];

/**
 * The longest run of plain characters. The quote before a value is part of it, because it tells `"pods"` from
 * `"nginx-pods"`; the one after is not, because it is `\"` where an event is wrapped in a text. Numbers and booleans stand
 * without quotes, and are compared by their text.
 */
function literalsOfPattern(pattern: Pattern): readonly Literal[] {
  const [first = '', ...others] = pattern;
  if (others.length === 0 && typeof first === 'string' && NUMBER.test(first)) return literalsOfNumber(first);
  if (mayMatchNumber(pattern)) return [];
  const text = pattern
    .map((part) => (typeof part === 'string' ? part.replace(NOT_PLAIN, OTHER) : OTHER))
    .join('');
  const runs = (mayMatch(['true', 'false'], pattern) ? text : `"${text}`).split(OTHER);
  const [longest = ''] = runs.toSorted((a, b) => b.length - a.length);
  return longEnough(longest.toLowerCase());
}

/** Whether the pattern may match the text of a number that is written in another way. */
function mayMatchNumber(pattern: Pattern): boolean {
  const texts = pattern.filter((part) => typeof part === 'string').join('');
  return /^[-+\d]*\.?[-+\d]*(e[-+\d]*)?$/i.test(texts) || mayMatch(['infinity'], pattern);
}

function mayMatch(words: readonly string[], pattern: Pattern): boolean {
  return words.some((word) =>
    pattern.every((part) => typeof part !== 'string' || word.includes(foldCase(part))),
  );
}

function longEnough(literal: string): readonly Literal[] {
  return literal.length < MIN_LENGTH ? [] : [literal];
}

const OTHER = '\0';
/** Not printable ASCII, or written in more than one way: `"`, `\`, and what Go writes as `\u0026`, `\u003c`, `\u003e`. */
const NOT_PLAIN = /[^ !#-%'-;=?-[\]-~]/g;
