import { foldCase } from './case-folding.ts';
import { compileNetwork } from './network.ts';
import { compilePattern, foldPattern, literalOf } from './pattern.ts';
import { compileRegex } from './regular-expression.ts';
import { timePartOf } from './time-part.ts';
import type { Pattern, Predicate } from './tree.ts';
import { UNMETERED, type WorkMeter } from './work-meter.ts';

/** Whether one reading satisfies a value predicate. A missing one, a null, an object or a list never does. */
export type Satisfies = (reading: unknown) => boolean;

/** `null`, `exists` and `fieldref` look at several readings at once; no single one satisfies them. */
export function compilePredicate(predicate: Predicate, meter: WorkMeter = UNMETERED): Satisfies {
  switch (predicate.kind) {
    case 'string':
      return onText(compilePattern(predicate.pattern, predicate.cased));
    case 'regex':
      return onText(compileRegex(predicate.source, predicate.flags, meter));
    case 'number':
      return (reading) => numberOf(reading) === predicate.value;
    case 'boolean':
      return (reading) => booleanOf(reading) === predicate.value;
    case 'cidr': {
      const contains = compileNetwork(predicate.network);
      return (reading) => typeof reading === 'string' && contains(reading);
    }
    case 'compare':
      return compileComparison(predicate.operator, predicate.value);
    case 'time':
      return (reading) =>
        typeof reading === 'string' && timePartOf(reading, predicate.part) === predicate.value;
    case 'null':
    case 'exists':
    case 'fieldref':
      return () => false;
  }
}

/**
 * Any of several value predicates. Whole texts are looked up in a set, so that a thousand names cost what one costs, and the
 * case of a reading is folded once for all of them.
 */
export function compilePredicates(predicates: readonly Predicate[], meter: WorkMeter = UNMETERED): Satisfies {
  const strings = predicates.filter((predicate) => predicate.kind === 'string');
  const cased = strings.filter((predicate) => predicate.cased).map(({ pattern }) => pattern);
  const uncased = strings.filter((predicate) => !predicate.cased).map(({ pattern }) => foldPattern(pattern));
  const tests = [
    ...(uncased.length === 0 ? [] : [onText(compileTexts(uncased, foldCase))]),
    ...(cased.length === 0 ? [] : [onText(compileTexts(cased, (text) => text))]),
    ...predicates.filter(({ kind }) => kind !== 'string').map((each) => compilePredicate(each, meter)),
  ];
  const [only] = tests;
  return tests.length === 1 && only !== undefined ? only : (reading) => tests.some((test) => test(reading));
}

/** Folding keeps a text's length, so one longer than every literal is none of them. */
function compileTexts(
  patterns: readonly Pattern[],
  fold: (text: string) => string,
): (text: string) => boolean {
  const literals = new Set(patterns.map(literalOf).filter((literal) => literal !== undefined));
  const longest = [...literals].reduce((length, literal) => Math.max(length, literal.length), -1);
  const matchers = patterns
    .filter((pattern) => literalOf(pattern) === undefined)
    .map((pattern) => compilePattern(pattern, true));
  if (matchers.length === 0) return (text) => text.length <= longest && literals.has(fold(text));
  const [only] = matchers;
  if (literals.size === 0 && matchers.length === 1 && only !== undefined) {
    return (text) => only(fold(text));
  }
  return function matchesAny(text) {
    const folded = fold(text);
    return (text.length <= longest && literals.has(folded)) || matchers.some((matches) => matches(folded));
  };
}

/** Numbers and booleans are compared by their text. */
function onText(matches: (text: string) => boolean): Satisfies {
  return (reading) => {
    const text = textOf(reading);
    return text !== undefined && matches(text);
  };
}

/** The text of a scalar: what a string predicate compares with. */
export function textOf(reading: unknown): string | undefined {
  if (typeof reading === 'string') return reading;
  return typeof reading === 'number' || typeof reading === 'boolean' ? String(reading) : undefined;
}

/** Decimal: no space, sign +, hexadecimal or empty text. */
const DECIMAL = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;

/** A number, or a text that is one as a whole. */
function numberOf(reading: unknown): number | undefined {
  if (typeof reading === 'number') return reading;
  return typeof reading === 'string' && DECIMAL.test(reading) ? Number(reading) : undefined;
}

/** A boolean, or its name as a text. `1` and `yes` are none. */
function booleanOf(reading: unknown): boolean | undefined {
  if (typeof reading === 'boolean') return reading;
  if (typeof reading !== 'string' || reading.length > 5) return undefined;
  const text = foldCase(reading);
  return text === 'true' ? true : text === 'false' ? false : undefined;
}

function compileComparison(operator: 'lt' | 'lte' | 'gt' | 'gte', value: number): Satisfies {
  const compare = {
    lt: (number: number) => number < value,
    lte: (number: number) => number <= value,
    gt: (number: number) => number > value,
    gte: (number: number) => number >= value,
  }[operator];
  return (reading) => {
    const number = numberOf(reading);
    return number !== undefined && compare(number);
  };
}
