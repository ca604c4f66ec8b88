import { existsSync } from 'node:fs';
import type { Config } from '../config.ts';
import type { Door } from '../policy/door.ts';
import {
  allowUsersSource,
  directorySource,
  sourceUnion,
  type NamedDocument,
  type RuleSource,
} from '../policy/rule-source.ts';
import { createRuleset, type Ruleset, type RulesetOptions } from '../policy/ruleset.ts';
import { SigmaError } from '../sigma/errors.ts';
import { combine, parseSigma, type ParsedSigma } from '../sigma/load.ts';

/** Where people who work on rules may have no filters; who serves must have them. */
const DEFAULT_FILTERS = 'filters';

/** Reads rules and filters together, each file by itself wrong or right. Throws a SigmaError if one cannot be read. */
export async function readRules({
  rulesDirs,
  filtersDirs,
  allowUsers,
}: Pick<Config, 'rulesDirs' | 'filtersDirs' | 'allowUsers'>): Promise<ParsedSigma> {
  const filters = filtersDirs.filter((directory) => directory !== DEFAULT_FILTERS || existsSync(directory));
  return parseAll(
    await readDocuments(
      sourceUnion([directorySource([...new Set([...rulesDirs, ...filters])]), allowUsersSource(allowUsers)]),
    ),
  );
}

export function parseAll(documents: readonly NamedDocument[]): ParsedSigma {
  return combine(documents.map(({ name, text }) => parseSigma(name, text)));
}

/** A source that cannot be read is as good as rules that cannot be loaded. */
export async function readDocuments(source: RuleSource): Promise<readonly NamedDocument[]> {
  try {
    return await source.read();
  } catch (error) {
    const { message, path: file = '' } = error as NodeJS.ErrnoException;
    throw new SigmaError([{ code: 'unreadable', severity: 'error', file, path: '', message }]);
  }
}

/** The rules as a door loads them, or a SigmaError with all that is wrong. */
export function rulesetAt(
  door: Door,
  parsed: ParsedSigma,
  { subresources, minLevel }: Omit<RulesetOptions, 'door'>,
): Ruleset {
  const { ruleset, problems } = createRuleset(parsed, { door, subresources, minLevel });
  if (ruleset === undefined) throw new SigmaError(problems.filter(({ severity }) => severity === 'error'));
  return ruleset;
}
