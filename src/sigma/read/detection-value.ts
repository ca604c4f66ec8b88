import { describeValue, quote } from '../match/describe-value.ts';
import { isMapping } from '../match/mapping.ts';
import type { ModifierChain } from './modifier-chain.ts';
import { ModifierError } from './modifier-error.ts';
import type { Draft } from './modifiers.ts';
import { parsePattern, withWildcards } from '../match/pattern.ts';
import { expandPattern, expandRegex, MAX_EXPANDED, type Placeholders } from './placeholders.ts';
import { regexProblem } from '../match/regular-expression.ts';
import type { Predicate } from '../match/tree.ts';

/** One written value and the chain above it as predicates, any one of which is enough. Throws a ModifierError. */
export function compileValue(
  value: unknown,
  chain: ModifierChain,
  hasField: boolean,
  placeholders: Placeholders,
): readonly Predicate[] {
  const scalar = scalarOf(value, hasField);
  checkType(scalar, chain);
  // A number among keywords is looked for by its text.
  const isText = typeof scalar === 'string' || (!hasField && scalar !== null);
  const written = String(scalar);
  let drafts = isText ? draftsOf(written, chain, placeholders) : [draftOf(scalar)];
  for (const { apply } of chain.modifiers) {
    if (apply !== undefined) drafts = applyEach(apply, drafts, written);
  }
  const predicates = drafts.map((draft) => finish(draft, chain, written));
  return hasField || chain.isPlaced ? predicates : predicates.map(anywhere);
}

function applyEach(
  apply: (draft: Draft, written: string) => readonly Draft[],
  drafts: readonly Draft[],
  written: string,
): readonly Draft[] {
  const applied: Draft[] = [];
  for (const draft of drafts) {
    for (const each of apply(draft, written)) applied.push(each);
    if (applied.length > MAX_EXPANDED) {
      const message = `${quote(written)} stands for more than ${MAX_EXPANDED} values; expected fewer`;
      throw new ModifierError('too-many-values', message);
    }
  }
  return applied;
}

type Scalar = string | number | boolean | null;

function scalarOf(value: unknown, hasField: boolean): Scalar {
  if (value === null || value === undefined) {
    if (hasField) return null;
    throw new ModifierError('invalid-value', 'null is no keyword; expected text or an integer');
  }
  if (isMapping(value) || Array.isArray(value)) {
    const expected = hasField
      ? 'a value or a flat list of values; a field within a field is written "outer.inner: value"'
      : 'text or an integer';
    throw new ModifierError('nested-value', `${describeValue(value)} where a value is; expected ${expected}`);
  }
  if (typeof value === 'string') {
    if (!value.isWellFormed()) {
      throw new ModifierError(
        'invalid-value',
        `${quote(value)} holds half of a surrogate pair; expected whole characters`,
      );
    }
    if (value === '' && !hasField) {
      throw new ModifierError('invalid-value', 'an empty keyword is found everywhere; expected text');
    }
    return value;
  }
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return exactNumber(value);
  const message = `found ${describeValue(value)}; expected text, a number, a boolean or null`;
  throw new ModifierError('invalid-value', message);
}

function exactNumber(value: number | bigint): number {
  const number = Number(value);
  if (!Number.isFinite(number)) {
    throw new ModifierError(
      'invalid-number',
      `${describeValue(value)} cannot be compared; expected an integer`,
    );
  }
  if (Math.abs(number) > Number.MAX_SAFE_INTEGER) {
    const message = `${describeValue(value)} is beyond 2^53, where numbers are no longer exact; expected a smaller one, or its digits in quotes`;
    throw new ModifierError('invalid-number', message);
  }
  return number;
}

function checkType(scalar: Scalar, { takes }: ModifierChain): void {
  if (takes === undefined) {
    if (typeof scalar === 'number' && !Number.isInteger(scalar)) {
      const message = `${describeValue(scalar)} is no integer; expected one, or its text in quotes`;
      throw new ModifierError('invalid-number', message);
    }
    return;
  }
  if (typeof scalar === (takes.type === 'text' ? 'string' : takes.type)) return;
  const expected = { text: 'text', number: 'a number', boolean: 'true or false' }[takes.type];
  const message = `expected ${expected} for ${quote(takes.by)}, found ${describeValue(scalar)}`;
  throw new ModifierError('modifier-type', message);
}

function draftsOf(text: string, chain: ModifierChain, placeholders: Placeholders): readonly Draft[] {
  if (chain.isRegex) {
    const sources = chain.expand ? expandRegex(text, placeholders) : [text];
    return sources.map((source) => ({ kind: 'regex', source, flags: '' }));
  }
  const patterns = chain.expand ? expandPattern(text, placeholders) : [parsePattern(text)];
  return patterns.map((pattern) => ({ kind: 'string', pattern, cased: false }));
}

function draftOf(scalar: Exclude<Scalar, string>): Draft {
  if (scalar === null) return { kind: 'null' };
  return typeof scalar === 'number' ? { kind: 'number', value: scalar } : { kind: 'boolean', value: scalar };
}

/** Bytes that are ASCII are a text; others cannot be looked for in one. */
function finish(draft: Draft, { names }: ModifierChain, written: string): Predicate {
  if (draft.kind === 'regex') {
    const problem = regexProblem(draft.source);
    if (problem !== undefined) throw new ModifierError(problem.code, problem.message);
  }
  if (draft.kind !== 'bytes') return draft;
  if (draft.pattern.some((part) => typeof part === 'string' && /[\x80-\xff]/.test(part))) {
    const message = `${quote(written)} under ${quote(names.join('|'))} is bytes that no text has; expected "base64" or "base64offset" after the encoding`;
    throw new ModifierError('bytes-without-base64', message);
  }
  return { kind: 'string', pattern: draft.pattern, cased: draft.cased };
}

/** A keyword is looked for within each scalar of the event. */
function anywhere(predicate: Predicate): Predicate {
  if (predicate.kind !== 'string') return predicate;
  return { ...predicate, pattern: withWildcards(predicate.pattern, { before: true, after: true }) };
}
