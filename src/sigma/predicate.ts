import { BlockList, isIP } from 'node:net';
import { RE2JS } from 're2js';
import { compilePattern, foldCase, literalOf } from './pattern.ts';
import type { Predicate, TimePart } from './tree.ts';

/** Whether one reading satisfies a value predicate. A missing one, an object or a list never does. */
export type Satisfies = (reading: unknown) => boolean;

/** Any of several value predicates; `null`, `exists` and `fieldref`, which no single reading decides, are passed over. */
export function compilePredicates(predicates: readonly Predicate[]): Satisfies {
  const literals = new Set<string>();
  const others: Satisfies[] = [];
  for (const predicate of predicates) {
    const literal = predicate.kind === 'string' && !predicate.cased ? literalOf(predicate.pattern) : undefined;
    if (literal === undefined) others.push(...compilePredicate(predicate));
    else literals.add(foldCase(literal));
  }
  if (literals.size > 0) others.unshift(onText((text) => literals.has(foldCase(text))));
  const [only] = others;
  if (others.length === 1 && only !== undefined) return only;
  return (reading) => others.some((satisfies) => satisfies(reading));
}

function compilePredicate(predicate: Predicate): readonly Satisfies[] {
  switch (predicate.kind) {
    case 'string':
      return [onText(compilePattern(predicate.pattern, predicate.cased))];
    case 'regex': {
      const regex = compileRegex(predicate.source, predicate.flags);
      return [onText((text) => regex.test(text))];
    }
    case 'number':
      return [(reading) => numberOf(reading) === predicate.value];
    case 'boolean':
      return [
        (reading) =>
          reading === predicate.value ||
          (typeof reading === 'string' && foldCase(reading) === String(predicate.value)),
      ];
    case 'cidr':
      return [compileCidr(predicate.network)];
    case 'compare':
      return [compileComparison(predicate.operator, predicate.value)];
    case 'time':
      return [(reading) => timePartOf(reading, predicate.part) === predicate.value];
    case 'null':
    case 'exists':
    case 'fieldref':
      return [];
  }
}

/** A number or boolean is compared by its text; a string never matches an object. */
function onText(matches: (text: string) => boolean): Satisfies {
  return (reading) => {
    const text = textOf(reading);
    return text !== undefined && matches(text);
  };
}

/** The text of a scalar. */
export function textOf(reading: unknown): string | undefined {
  if (typeof reading === 'string') return reading;
  return typeof reading === 'number' || typeof reading === 'boolean' ? String(reading) : undefined;
}

/** Linear time (RE2). Throws RE2JSSyntaxException; the loader has tried it before. */
export function compileRegex(source: string, flags: string): RE2JS {
  const { CASE_INSENSITIVE, MULTILINE, DOTALL } = RE2JS;
  const bits = { i: CASE_INSENSITIVE, m: MULTILINE, s: DOTALL };
  return RE2JS.compile(
    source,
    [...flags].reduce((all, flag) => all | bits[flag as keyof typeof bits], 0),
  );
}

/** Decimal, as JSON writes it: no space, sign +, hexadecimal or empty text. */
const DECIMAL = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;

/** A number, or a text that is one as a whole. */
function numberOf(reading: unknown): number | undefined {
  if (typeof reading === 'number') return reading;
  return typeof reading === 'string' && DECIMAL.test(reading) ? Number(reading) : undefined;
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

/** An IPv4-mapped IPv6 address is in no IPv4 network; an address with a port or brackets is none. */
function compileCidr(network: string): Satisfies {
  const [address = '', prefix] = network.split('/');
  const version = isIP(address);
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(address, prefix === undefined ? (version === 4 ? 32 : 128) : Number(prefix), family);
  return (reading) => typeof reading === 'string' && isIP(reading) === version && list.check(reading, family);
}

const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

/** A part of an RFC 3339 instant, in UTC; weeks are ISO 8601's. */
function timePartOf(reading: unknown, part: TimePart): number | undefined {
  if (typeof reading !== 'string' || !RFC3339.test(reading)) return undefined;
  const instant = new Date(reading);
  if (Number.isNaN(instant.getTime())) return undefined;
  switch (part) {
    case 'minute':
      return instant.getUTCMinutes();
    case 'hour':
      return instant.getUTCHours();
    case 'day':
      return instant.getUTCDate();
    case 'week':
      return isoWeek(instant);
    case 'month':
      return instant.getUTCMonth() + 1;
    case 'year':
      return instant.getUTCFullYear();
  }
}

/** The week of an instant's Thursday: week 1 is the one with the year's first Thursday. */
function isoWeek(instant: Date): number {
  const DAY = 86_400_000;
  const midnight = Date.UTC(instant.getUTCFullYear(), instant.getUTCMonth(), instant.getUTCDate());
  const thursday = new Date(midnight + (4 - (instant.getUTCDay() || 7)) * DAY);
  return Math.ceil((thursday.getTime() - Date.UTC(thursday.getUTCFullYear(), 0, 1) + DAY) / (7 * DAY));
}

/** Two readings of one event compared; case does not count. Only scalars compare. */
export function compareReadings(
  comparison: 'equals' | 'contains' | 'startswith' | 'endswith',
  left: unknown,
  right: unknown,
): boolean {
  const [text, other] = [textOf(left), textOf(right)];
  if (text === undefined || other === undefined) return false;
  const [own, sought] = [foldCase(text), foldCase(other)];
  return comparison === 'equals' ? own === sought : own[METHODS[comparison]](sought);
}

const METHODS = { contains: 'includes', startswith: 'startsWith', endswith: 'endsWith' } as const;
