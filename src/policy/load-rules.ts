import { SigmaError, type Problem } from '../sigma/read/errors.ts';
import { combine, parseSigma, type ParsedSigma } from '../sigma/read/load.ts';
import { parsePlaceholders } from './placeholders-file.ts';
import type { Placeholders } from '../sigma/read/detection.ts';
import type { NamedDocument, RuleSource } from './rule-source.ts';
import { createRuleset, OUR_LOG, type Ruleset, type RulesetOptions } from './ruleset.ts';

/** Reads a source, or throws a SigmaError. */
export async function readDocuments(source: RuleSource): Promise<readonly NamedDocument[]> {
  try {
    return await source.read();
  } catch (error) {
    throw new SigmaError(problemsOf(error));
  }
}

/** Parses rules and filters, with the values of the placeholders. Throws a SigmaError if the file of placeholders is wrong. */
export function parseAll(documents: readonly NamedDocument[]): ParsedSigma {
  const file = documents.find(({ isPlaceholders }) => isPlaceholders === true);
  const placeholders: Placeholders = file === undefined ? {} : parsePlaceholders(file);
  const rules = documents.filter(({ isPlaceholders }) => isPlaceholders !== true);
  return combine(rules.map(({ name, text }) => parseSigma(name, text, { log: OUR_LOG, placeholders })));
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
