import { printable } from '../../io/text.ts';
import type { DetectionItem, Pattern, Predicate } from '../../sigma/match/tree.ts';

/** One comparison in words: `starts with`, `kube-`. A value may be empty: `is present`. */
export interface Comparison {
  readonly operator: string;
  readonly value: string;
}

/** `objectRef.name starts with kube- or etcd-` */
export function describeItem({ field = 'any value', predicates }: DetectionItem): string {
  const byOperator = Map.groupBy(predicates.map(describePredicate), ({ operator }) => operator);
  return [...byOperator]
    .map(([operator, comparisons]) => {
      const values = [...new Set(comparisons.map(({ value }) => value))].filter((value) => value !== '');
      return [field, operator, listed(values)].filter((part) => part !== '').join(' ');
    })
    .join(' or ');
}

function listed(values: readonly string[]): string {
  const last = values.at(-1) ?? '';
  return values.length < 2 ? last : `${values.slice(0, -1).join(', ')} or ${last}`;
}

export function describePredicate(predicate: Predicate): Comparison {
  switch (predicate.kind) {
    case 'string': {
      const { operator, value } = describePattern(predicate.pattern);
      return { operator: predicate.cased ? `${operator} (cased)` : operator, value };
    }
    case 'number':
    case 'boolean':
      return { operator: '=', value: String(predicate.value) };
    case 'null':
      return { operator: 'is missing or null', value: '' };
    case 'exists':
      return { operator: predicate.value ? 'is present' : 'is missing', value: '' };
    case 'regex':
      return { operator: 'matches', value: `/${printable(predicate.source)}/${predicate.flags}` };
    case 'cidr':
      return { operator: 'is in', value: predicate.network };
    case 'compare':
      return { operator: SIGNS[predicate.operator], value: String(predicate.value) };
    case 'time':
      return { operator: `has the ${predicate.part}`, value: String(predicate.value) };
    case 'fieldref':
      return { operator: REFERENCES[predicate.comparison], value: printable(predicate.field) };
  }
}

const SIGNS = { lt: '<', lte: '<=', gt: '>', gte: '>=' } as const;
const REFERENCES = {
  equals: '= field',
  contains: 'contains field',
  startswith: 'starts with field',
  endswith: 'ends with field',
} as const;

function describePattern(pattern: Pattern): Comparison {
  const [first = '', second, third, ...rest] = pattern;
  if (rest.length === 0) {
    if (typeof first === 'string' && second === undefined) return { operator: '=', value: text(first) };
    if (isAny(first) && second === undefined) return { operator: 'is any text', value: '' };
    if (typeof first === 'string' && isAny(second) && third === undefined)
      return { operator: 'starts with', value: text(first) };
    if (isAny(first) && typeof second === 'string') {
      if (third === undefined) return { operator: 'ends with', value: text(second) };
      if (isAny(third)) return { operator: 'contains', value: text(second) };
    }
  }
  const parts = pattern.map((part) =>
    typeof part === 'string' ? part.replace(/[\\*?]/g, '\\$&') : part.wildcard,
  );
  return { operator: 'is like', value: text(parts.join('')) };
}

function isAny(part: Pattern[number] | undefined): boolean {
  return typeof part === 'object' && part.wildcard === '*';
}

/** A text whose ends or words would not be seen is quoted. */
function text(value: string): string {
  return /^\S+$/.test(value) && !/^["']|[,"']$/.test(value)
    ? printable(value)
    : JSON.stringify(printable(value));
}
