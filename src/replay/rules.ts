import type { RuleSource } from '../policy/rule-source.ts';
import { SigmaError } from '../sigma/errors.ts';
import { appliesTo } from '../sigma/filter.ts';
import { combine, parseSigma, type ParsedSigma } from '../sigma/load.ts';
import type { Rule } from '../sigma/rule.ts';

/** Enough of a UUID to name one rule. */
const MIN_PREFIX = 8;

/** All rules and filters; or the rules that are named, and the filters for them. Throws a SigmaError if the source or a name is wrong. */
export async function loadRules(source: RuleSource, names: readonly string[]): Promise<ParsedSigma> {
  const parsed = combine((await read(source)).map(({ name, text }) => parseSigma(name, text)));
  if (names.length === 0) return parsed;
  const unknown = names.filter((name) => !parsed.rules.some((rule) => isCalled(rule, name)));
  if (unknown.length > 0)
    throw refusal(
      'unknown-rule',
      unknown.map((name) => `--rule: no rule ${JSON.stringify(name)} is loaded`),
    );
  const rules = parsed.rules.filter((rule) => names.some((name) => isCalled(rule, name)));
  const filters = parsed.filters.filter((filter) => rules.some((rule) => appliesTo(filter, rule)));
  return { ...parsed, rules, filters };
}

async function read(source: RuleSource) {
  try {
    return await source.read();
  } catch (error) {
    throw refusal('unreadable', [(error as Error).message]);
  }
}

function isCalled({ id, name }: Rule, called: string): boolean {
  const lower = called.toLowerCase();
  return name === called || id === lower || (called.length >= MIN_PREFIX && id.startsWith(lower));
}

function refusal(code: string, messages: readonly string[]): SigmaError {
  return new SigmaError(
    messages.map((message) => ({ code, severity: 'error', file: '', path: '', message })),
  );
}
