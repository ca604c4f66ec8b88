import type { TextSink } from '../../io/output.ts';
import { readFile } from 'node:fs/promises';
import type { RulesExplainConfig } from '../../settings/types.ts';
import type { LoadedRule, Ruleset } from '../../policy/ruleset.ts';
import { explanation } from './explanation.ts';
import { judgedBy, type JudgedRule } from './judged-rule.ts';
import { loadRuleset, readRules } from '../../policy/load-rules.ts';
import { ruleSourceWithOptionalFilters } from '../../policy/rule-source.ts';
import { parseObservedEvents, type ObservedEvent } from './observed-event.ts';

/**
 * Writes the page of one rule, and with `--event` what is true of it for one request. Gives the exit code: 1 if no rule is
 * called so, or more than one is. Throws a SigmaError if the rules cannot be loaded.
 */
export async function rulesExplain(
  config: RulesExplainConfig,
  { stdout, stderr }: { readonly stdout: TextSink; readonly stderr: TextSink },
): Promise<0 | 1> {
  const parsed = await readRules(ruleSourceWithOptionalFilters(config));
  const event = config.event === undefined ? undefined : await readEvent(config.event);
  const ruleset = loadRuleset(parsed, { ...config, door: event?.door ?? config.door });
  const found = rulesCalled(config.rule, ruleset.rules);
  const [rule] = found;
  if (found.length !== 1 || rule === undefined) {
    stderr.write(
      `${notFound(config.rule, found.length === 0 ? ruleset.rules : found, found.length === 0)}\n`,
    );
    return 1;
  }
  const unfiltered = { ...parsed, filters: [] };
  const atDoors = (['serve', 'replay', 'scan'] as const).map((door) =>
    loadRuleset(unfiltered, { ...config, door: door }),
  );
  const judged =
    event === undefined || config.event === undefined
      ? undefined
      : judgedBy(rule, event.observation, ruleset, config.event);
  stdout.write(`${page(rule, ruleset, atDoors, config, judged)}\n`);
  return 0;
}

function page(
  rule: LoadedRule,
  ruleset: Ruleset,
  atDoors: readonly Ruleset[],
  { modes }: RulesExplainConfig,
  judged: JudgedRule | undefined,
): string {
  return explanation({ rule, ruleset, atDoors, modes, judged }).join('\n');
}

async function readEvent(file: string): Promise<ObservedEvent> {
  const text = await readFile(file, 'utf8');
  try {
    const events = parseObservedEvents(text);
    const [event] = events;
    if (event !== undefined && events.length === 1) return event;
    throw new Error(`expected one request, found ${events.length}`);
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** By id, title or name; else by what only its id or its title begins with. */
function rulesCalled(called: string, rules: readonly LoadedRule[]): readonly LoadedRule[] {
  const lower = called.toLowerCase();
  const exact = rules.filter(
    ({ id, title, name }) => id === lower || title.toLowerCase() === lower || name === called,
  );
  if (exact.length > 0) return exact;
  return rules.filter(({ id, title }) => id.startsWith(lower) || title.toLowerCase().startsWith(lower));
}

function notFound(called: string, rules: readonly LoadedRule[], isNone: boolean): string {
  const problem = isNone ? 'no rule is called' : 'more than one rule is called';
  const lines = rules.map(({ id, title }) => `  ${id}  ${title}`);
  return [`${problem} ${JSON.stringify(called)}${isNone ? '; there are:' : ':'}`, ...lines].join('\n');
}
