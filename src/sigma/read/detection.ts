import { compileValue } from './detection-value.ts';
import type { Path, Reporter } from './errors.ts';
import { fieldNameDoubt, fieldNameProblem } from './field-name.ts';
import { isMapping, type Mapping } from '../match/mapping.ts';
import { parseModifierChain, type ModifierChain } from './modifier-chain.ts';
import { ModifierError } from './modifier-error.ts';
import type { Placeholders } from './placeholders.ts';
import type { Predicate, Tree } from '../match/tree.ts';

export type { Placeholders } from './placeholders.ts';

/**
 * What one search identifier says: a map is its items joined by AND, a list its members by OR, and a bare value a keyword,
 * looked for in every scalar of the event. Everything wrong is reported; undefined if anything was.
 */
export function parseDetection(
  value: unknown,
  path: Path,
  reporter: Reporter,
  placeholders: Placeholders,
): Tree | undefined {
  const context: Context = { reporter, placeholders };
  if (isMapping(value)) return parseMap(value, path, context);
  if (Array.isArray(value)) return parseList(value, path, context);
  return parseItem('', value, path, context);
}

interface Context {
  readonly reporter: Reporter;
  readonly placeholders: Placeholders;
}

interface Written {
  readonly value: unknown;
  readonly path: Path;
}

function parseMap(mapping: Mapping, path: Path, context: Context): Tree | undefined {
  const keys = Object.keys(mapping);
  if (keys.length === 0) {
    context.reporter.error('empty-detection', path, 'an empty map; expected fields and their values');
    return undefined;
  }
  return join(
    'and',
    keys.map((key) => parseItem(key, mapping[key], [...path, key], context)),
  );
}

/**
 * Members of one list. Loading takes a hundredth of a millisecond a value, and a set is loaded between two reviews: this
 * many keep them waiting for about 0.2 s.
 */
const MAX_LIST = 20_000;

function isTooLong(list: readonly unknown[], path: Path, { reporter }: Context): boolean {
  if (list.length <= MAX_LIST) return false;
  const message = `a list of ${list.length}; expected at most ${MAX_LIST} in one list`;
  reporter.error('too-many-values', path, message);
  return true;
}

/** Maps, lists and keywords may be mixed. The keywords are one item, wherever they stand. */
function parseList(list: readonly unknown[], path: Path, context: Context): Tree | undefined {
  if (list.length === 0) {
    context.reporter.error('empty-detection', path, 'an empty list; expected maps or keywords');
    return undefined;
  }
  if (isTooLong(list, path, context)) return undefined;
  const written = list.map((value, index) => ({ value, path: [...path, index] }));
  const keywords = written.filter(({ value }) => !isMapping(value) && !Array.isArray(value));
  const others = written.filter(({ value }) => isMapping(value) || Array.isArray(value));
  return join('or', [
    ...(keywords.length === 0 ? [] : [parseValues('', keywords, path, context)]),
    ...others.map(({ value, path: at }) => parseDetection(value, at, context.reporter, context.placeholders)),
  ]);
}

/** `field|modifier: value`, or a list of values. Without a field the values are keywords. */
function parseItem(key: string, value: unknown, path: Path, context: Context): Tree | undefined {
  if (!Array.isArray(value)) return parseValues(key, [{ value, path }], path, context);
  if (value.length === 0) {
    context.reporter.error(
      'empty-detection',
      path,
      'an empty list; expected values, or null for a missing field',
    );
    return undefined;
  }
  if (isTooLong(value, path, context)) return undefined;
  const values = value.map((each: unknown, index) => ({ value: each, path: [...path, index] }));
  if (values.some((each) => each.value === null) && !isKeyword(key)) {
    const message =
      'null in a list is not in the specification; here it matches a missing field, as it does alone';
    context.reporter.warning('null-in-list', path, message);
  }
  return parseValues(key, values, path, context);
}

function isKeyword(key: string): boolean {
  return key === '' || key.startsWith('|');
}

function parseValues(
  key: string,
  written: readonly Written[],
  path: Path,
  context: Context,
): Tree | undefined {
  const { reporter } = context;
  const [field = '', ...names] = key.split('|');
  const hasField = !isKeyword(key);
  const problem = hasField ? fieldNameProblem(field) : undefined;
  if (problem !== undefined) reporter.error('invalid-field', path, problem);
  const doubt = problem === undefined && hasField ? fieldNameDoubt(field) : undefined;
  if (doubt !== undefined) reporter.warning('invalid-field', path, doubt);
  const chain = attempt(() => parseModifierChain(names, hasField), path, reporter);
  if (chain === undefined) return undefined;
  const values = written.map(({ value, path: at }) =>
    attempt(() => compileValue(value, chain, hasField, context.placeholders), at, reporter),
  );
  if (problem !== undefined || !values.every((each) => each !== undefined)) return undefined;
  warnAbout(chain, written.length, path, reporter);
  const toItem = (predicates: readonly Predicate[]): Tree => ({
    kind: 'item',
    item: { ...(hasField ? { field, paths: [field] } : { paths: [] }), modifiers: names, predicates },
  });
  // A list is one item: comparing with a thousand names is then one look-up.
  const tree = chain.all ? join('and', values.map(toItem)) : toItem(values.flat());
  return chain.neq && tree !== undefined ? { kind: 'not', of: tree } : tree;
}

function warnAbout(chain: ModifierChain, values: number, path: Path, reporter: Reporter): void {
  if (chain.all && values === 1) {
    reporter.warning('all-on-single-value', path, '"all" on one value changes nothing; expected a list');
  }
  if (chain.isRegex && chain.isPlaced) {
    const message =
      'an expression is searched for anywhere, whatever "contains", "startswith" and "endswith" say; expected "^" or "$" in it';
    reporter.warning('modifier-without-effect', path, message);
  }
  if (chain.names.includes('base64offset') && !chain.isPlaced) {
    const message =
      '"base64offset" gives parts of a longer text, which no whole value equals; expected "contains" after it';
    reporter.warning('base64offset-without-contains', path, message);
  }
}

/** What went wrong is reported at `path`. */
function attempt<T>(read: () => T, path: Path, reporter: Reporter): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ModifierError)) throw error;
    reporter.error(error.code, path, error.message);
    return undefined;
  }
}

/** Undefined if a branch is. One branch stands for itself. */
function join(kind: 'and' | 'or', branches: readonly (Tree | undefined)[]): Tree | undefined {
  const of = branches.filter((branch) => branch !== undefined);
  if (of.length < branches.length) return undefined;
  const [only] = of;
  return of.length === 1 && only !== undefined ? only : { kind, of };
}
