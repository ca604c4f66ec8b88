import { SigmaError, type Problem } from '../sigma/read/errors.ts';
import { appliesTo } from '../sigma/read/filter.ts';
import { combine, parseSigma, type ParsedSigma } from '../sigma/read/load.ts';
import { quote } from '../sigma/match/describe-value.ts';
import { namesRule } from './mode.ts';
import { parsePlaceholders } from './placeholders-file.ts';
import type { Placeholders } from '../sigma/read/detection.ts';
import type { Rule } from '../sigma/read/rule.ts';
import { isOptional, type NamedDocument, type RuleSource } from './rule-source.ts';
import { createRuleset, OUR_LOG, type Ruleset, type RulesetOptions } from './ruleset.ts';

/**
 * Reads all rules and filters of a source, or the rules that `names` name (by id, its first eight digits or more, or name) with
 * the filters for them. Throws a SigmaError if the source, a document or a name is wrong.
 */
export async function readRules(source: RuleSource, names: readonly string[] = []): Promise<ParsedSigma> {
  const parsed = parseAll(await readDocuments(source));
  if (names.length === 0) return parsed;
  const unknown = names.filter((name) => !parsed.rules.some((rule) => isCalled(rule, name)));
  if (unknown.length > 0)
    throw new SigmaError(
      unknown.map((name) => ({
        code: 'unknown-rule',
        severity: 'error',
        file: '',
        path: '',
        message: `--rule: no rule ${quote(name)} is loaded`,
      })),
    );
  const rules = parsed.rules.filter((rule) => names.some((name) => isCalled(rule, name)));
  const filters = parsed.filters.filter((filter) => rules.some((rule) => appliesTo(filter, rule)));
  return { ...parsed, rules, filters };
}

function isCalled({ id, name }: Rule, called: string): boolean {
  const lower = called.toLowerCase();
  return name === called || namesRule(lower, id);
}

/** Reads a source, or throws a SigmaError. */
async function readDocuments(source: RuleSource): Promise<readonly NamedDocument[]> {
  try {
    return await source.read();
  } catch (error) {
    throw new SigmaError(problemsOf(error));
  }
}

/**
 * Parses rules and filters, with the values of the placeholders; optional files last, so that of two with one id the optional one
 * is wrong. Throws a SigmaError if the file of
 * placeholders is wrong.
 */
export function parseAll(documents: readonly NamedDocument[]): ParsedSigma {
  const file = documents.find(({ isPlaceholders }) => isPlaceholders === true);
  const placeholders: Placeholders = file === undefined ? {} : parsePlaceholders(file);
  const rules = documents.filter(({ isPlaceholders }) => isPlaceholders !== true);
  const ordered = rules.toSorted(
    (one, other) => Number(isOptional(one.name)) - Number(isOptional(other.name)),
  );
  return combine(ordered.map(({ name, text }) => parseSigma(name, text, { log: OUR_LOG, placeholders })));
}

/** The rules as a door loads them, or a SigmaError with everything that is wrong. */
export function loadRuleset(parsed: ParsedSigma, options: RulesetOptions): Ruleset {
  const { ruleset, problems } = createRuleset(parsed, options);
  if (ruleset === undefined) throw new SigmaError(problems.filter(({ severity }) => severity === 'error'));
  return ruleset;
}

/** A source that cannot be read is as good as a set that cannot be loaded. */
export function problemsOf(error: unknown): readonly Problem[] {
  if (error instanceof SigmaError) return error.problems;
  const { message, path: file = '' } = error as NodeJS.ErrnoException;
  return [{ code: 'unreadable', severity: 'error', file, path: '', message }];
}
