import type { TextSink } from '../../io/output.ts';
import { quote } from '../../sigma/match/describe-value.ts';
import { identifiersOf } from './identifiers-of.ts';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RulesTestConfig } from '../../settings/types.ts';
import { evaluate, eventAs } from '../../policy/evaluate.ts';
import type { LoadedRule, Ruleset } from '../../policy/ruleset.ts';
import { loadRuleset, readRules } from '../../policy/load-rules.ts';
import { ruleSourceWithOptionalFilters } from '../../policy/rule-source.ts';
import { FIXTURE_KINDS, fixturesOf, type FixtureKind } from './fixtures.ts';
import { parseObservedEvents, type ObservedEvent } from './observed-event.ts';

/** A file of rules held against its fixtures. */
export interface TestedFile {
  readonly file: string;
  readonly fixtures: readonly Tested[];
  /** The directories in which there is none. */
  readonly without: readonly string[];
}

/** What one fixture showed; `problem` is absent where it agrees with its rule. */
export interface Tested {
  readonly kind: FixtureKind;
  readonly file: string;
  readonly problem?: string;
}

/** Writes which fixtures disagree with their rules. Gives the exit code; throws a SigmaError if the rules cannot be loaded. */
export async function rulesTest(
  config: RulesTestConfig,
  { stdout }: { readonly stdout: TextSink },
): Promise<0 | 1> {
  const tested = await testRules(config);
  for (const each of tested) stdout.write(`${linesOf(each, config.strict).join('\n')}\n`);
  const fixtures = tested.flatMap((each) => each.fixtures);
  const failed = fixtures.filter(({ problem }) => problem !== undefined).length;
  const without = tested.filter((each) => each.without.length > 0).length;
  const lacking = without === 0 ? '' : `; ${without} without fixtures of both kinds`;
  stdout.write(
    `\n${tested.length} files of rules, ${fixtures.length} fixtures: ${fixtures.length - failed} passed, ${failed} failed${lacking}\n`,
  );
  return failed > 0 || (config.strict && without > 0) ? 1 : 0;
}

function linesOf({ file, fixtures, without }: TestedFile, strict: boolean): readonly string[] {
  const failures = fixtures.filter(({ problem }) => problem !== undefined);
  const counts = FIXTURE_KINDS.map(
    (kind) => `${fixtures.filter((each) => each.kind === kind).length} ${kind}`,
  );
  const isFailed = failures.length > 0 || (strict && without.length > 0);
  return [
    `${isFailed ? 'FAIL' : 'ok  '}  ${file}: ${counts.join(', ')}`,
    ...failures.map((each) => `      ${each.file}: ${each.problem}`),
    ...without.map((directory) => `      ${directory}: no fixture`),
  ];
}

/** Holds each file of rules against its fixtures, with the filters that apply. */
export async function testRules(config: Omit<RulesTestConfig, 'strict'>): Promise<readonly TestedFile[]> {
  const parsed = await readRules(ruleSourceWithOptionalFilters(config));
  const rulesets = {
    serve: loadRuleset(parsed, { ...config, door: 'serve' }),
    replay: loadRuleset(parsed, { ...config, door: 'replay' }),
  };
  const files = [...new Set(rulesets.serve.rules.map(({ file }) => file))];
  return Promise.all(
    files.map(async (file): Promise<TestedFile> => {
      const fixtures: Tested[] = [];
      const without: string[] = [];
      for (const kind of FIXTURE_KINDS) {
        const { directory, names } = await fixturesOf(file, kind, config.fixturesDir);
        if (names.length === 0) without.push(directory);
        for (const name of names)
          fixtures.push(await testFixture(kind, join(directory, name), file, rulesets));
      }
      return { file, fixtures, without };
    }),
  );
}

async function testFixture(
  kind: FixtureKind,
  file: string,
  ruleFile: string,
  rulesets: Readonly<Record<ObservedEvent['door'], Ruleset>>,
): Promise<Tested> {
  try {
    const events = parseObservedEvents(await readFile(file, 'utf8'));
    if (events.length === 0) throw new Error('there is no event in it');
    const problem = events
      .map(({ door, observation }) => disagreement(kind, observation, ruleFile, rulesets[door]))
      .find((each) => each !== undefined);
    return problem === undefined ? { kind, file } : { kind, file, problem };
  } catch (error) {
    return { kind, file, problem: (error as Error).message };
  }
}

/** In what the rules of a file do not do as the fixture says; what they cannot decide agrees with nothing. */
function disagreement(
  kind: FixtureKind,
  observation: ObservedEvent['observation'],
  ruleFile: string,
  ruleset: Ruleset,
): string | undefined {
  const rules = ruleset.rules.filter(({ file }) => file === ruleFile);
  const reason = rules.find(({ disabledReason }) => disabledReason !== undefined)?.disabledReason;
  if (rules.every((rule) => rule.disabledReason !== undefined))
    return `${ruleset.door} does not ask the rule: ${reason}`;
  const { matches, notJudged } = evaluate(observation, ruleset);
  const ours = matches.filter(({ rule }) => rules.includes(rule));
  const match = ours.find(({ filter }) => filter === undefined);
  if (match !== undefined && kind === 'match') return undefined;
  if (match !== undefined) return `matches ${quote(match.rule.title)}, and no filter accepts it`;
  const undecided = notJudged.find(({ rule }) => rules.includes(rule));
  if (undecided !== undefined) return `cannot be judged: ${undecided.field} is not to be seen`;
  if (kind === 'ignore') return undefined;
  const filter = ours[0]?.filter?.filter;
  if (filter !== undefined) return `matches, but filter ${quote(filter.title)} accepts it`;
  return `does not match: ${whatIsFalse(rules, observation, ruleset)}`;
}

/** The search identifiers that do not hold, under the first verb the request may have. */
function whatIsFalse(
  rules: readonly LoadedRule[],
  observation: ObservedEvent['observation'],
  { compiler }: Ruleset,
): string {
  const event = eventAs(observation.verbs[0] ?? '', observation);
  const names = rules
    .flatMap(({ tree }) => identifiersOf([tree]))
    .filter(([, of]) => compiler.compile(of)(event) !== true)
    .map(([name]) => name);
  return names.length === 0 ? 'its condition is false' : `not true: ${[...new Set(names)].join(', ')}`;
}
