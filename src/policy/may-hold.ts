import { isObject, textsOf, type FieldType, type Schema } from '../kubernetes/schema/schema.ts';
import { compilePredicates } from '../sigma/match/predicate.ts';
import type { Predicate } from '../sigma/match/tree.ts';

/** Whether any of the predicates can hold of a field that is one of these types. */
export function mayHold(
  types: Schema['types'],
  of: readonly FieldType[],
  predicates: readonly Predicate[],
): boolean {
  return of.some((type) => mayHoldOf(types, type, predicates));
}

function mayHoldOf(types: Schema['types'], type: FieldType, predicates: readonly Predicate[]): boolean {
  if (predicates.some(({ kind }) => kind === 'null' || kind === 'exists')) return true;
  if (isObject(types, type)) return false;
  if (predicates.some(({ kind }) => kind === 'fieldref')) return true;
  const closed = type === 'boolean' ? [true, false] : textsOf(type);
  // The empty text is what is not said.
  if (closed !== undefined) return ['', ...closed].some(compilePredicates(predicates));
  if (type === 'integer') return predicates.some(mayHoldOfInteger);
  if (type === 'number') return predicates.some(mayHoldOfNumber);
  return type !== 'segment' || predicates.some(hasNoSlash);
}

function mayHoldOfInteger(predicate: Predicate): boolean {
  if (!mayHoldOfNumber(predicate)) return false;
  if (predicate.kind === 'number') return Number.isInteger(predicate.value);
  const text = textOf(predicate);
  return text === undefined || Number.isInteger(Number(text));
}

function mayHoldOfNumber(predicate: Predicate): boolean {
  if (predicate.kind === 'boolean' || predicate.kind === 'cidr' || predicate.kind === 'time') return false;
  const text = textOf(predicate);
  return text === undefined || !Number.isNaN(Number(text));
}

/** The text of a whole value; undefined where it has wildcards, or is none. */
function textOf(predicate: Predicate): string | undefined {
  if (predicate.kind !== 'string') return undefined;
  const [text = '', ...rest] = predicate.pattern;
  return rest.length === 0 && typeof text === 'string' ? text : undefined;
}

function hasNoSlash(predicate: Predicate): boolean {
  return (
    predicate.kind !== 'string' ||
    !predicate.pattern.some((part) => typeof part === 'string' && part.includes('/'))
  );
}
