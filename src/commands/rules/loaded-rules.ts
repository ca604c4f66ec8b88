import { existsSync } from 'node:fs';
import type { Door } from '../../policy/door.ts';
import { loadRuleset, parseAll, readDocuments } from '../../policy/load-rules.ts';
import { ruleSourceOf, type RuleSettings } from '../../policy/rule-source.ts';
import type { Ruleset, RulesetOptions } from '../../policy/ruleset.ts';
import type { ParsedSigma } from '../../sigma/read/load.ts';

/** Where people who work on rules may have no filters; who serves must have them. */
const DEFAULT_FILTERS = 'filters';

/** Reads rules and filters together, each file by itself wrong or right. Throws a SigmaError if one cannot be read. */
export async function readRules(settings: RuleSettings): Promise<ParsedSigma> {
  const filtersDirs = settings.filtersDirs.filter(
    (directory) => directory !== DEFAULT_FILTERS || existsSync(directory),
  );
  return parseAll(await readDocuments(ruleSourceOf({ ...settings, filtersDirs })));
}

/** The rules as a door loads them, or a SigmaError with all that is wrong. */
export function rulesetAt(
  door: Door,
  parsed: ParsedSigma,
  { subresources, minLevel }: Omit<RulesetOptions, 'door'>,
): Ruleset {
  return loadRuleset(parsed, { door, subresources, minLevel });
}
