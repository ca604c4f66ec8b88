import { parseAll, readDocuments } from './load-rules.ts';
import type { RuleSource } from './rule-source.ts';
import { SigmaError } from '../sigma/read/errors.ts';
import { appliesTo } from '../sigma/read/filter.ts';
import type { ParsedSigma } from '../sigma/read/load.ts';
import type { Rule } from '../sigma/read/rule.ts';

/** Enough of a UUID to name one rule. */
const MIN_PREFIX = 8;

/** All rules and filters; or the rules that are named, and the filters for them. Throws a SigmaError if the source or a name is wrong. */
export async function loadRules(source: RuleSource, names: readonly string[]): Promise<ParsedSigma> {
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
        message: `--rule: no rule ${JSON.stringify(name)} is loaded`,
      })),
    );
  const rules = parsed.rules.filter((rule) => names.some((name) => isCalled(rule, name)));
  const filters = parsed.filters.filter((filter) => rules.some((rule) => appliesTo(filter, rule)));
  return { ...parsed, rules, filters };
}

function isCalled({ id, name }: Rule, called: string): boolean {
  const lower = called.toLowerCase();
  return name === called || id === lower || (called.length >= MIN_PREFIX && id.startsWith(lower));
}
