import type { TextSink } from '../../io/output.ts';
import type { RulesCheckConfig } from '../../settings/types.ts';
import { ruleSourceOf } from '../../policy/rule-source.ts';
import { expiryProblems } from '../../policy/filter-expiry.ts';
import { problemOfId, unresolvedIds } from '../../policy/mode-ids.ts';
import { RULE_CLASSES } from '../../policy/rule-class.ts';
import { createRuleset, type Ruleset } from '../../policy/ruleset.ts';
import type { Schema } from '../../kubernetes/schema/schema.ts';
import { connectToCluster } from '../../cluster/api-server.ts';
import { readOpenApi } from '../../cluster/open-api.ts';
import { FIXTURE_KINDS, fixturesOf } from './fixtures.ts';
import { SigmaError, type Problem } from '../../sigma/read/errors.ts';
import { readRules } from '../../policy/load-rules.ts';
import { whySentAll, type Coverage } from '../../registration/coverage.ts';
import { wantedCoverage } from './wanted-coverage.ts';

/** Writes everything that is wrong with rules and filters. Gives the exit code: 1 if anything is, 0 if not. */
export async function rulesCheck(
  config: RulesCheckConfig,
  { stdout, stderr }: { readonly stdout: TextSink; readonly stderr: TextSink },
): Promise<0 | 1> {
  const { problems, notes = [], ruleset } = await check(config);
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const warnings = problems.length - errors;
  const isWrong = errors > 0 || (config.strict && warnings > 0);
  const summary = `${summaryOf(errors, warnings, ruleset)}\n`;
  if (config.format === 'json')
    stdout.write(`${JSON.stringify({ ruleset: ruleset?.digest, problems }, null, 2)}\n`);
  for (const problem of config.format === 'json' ? [] : problems)
    stdout.write(`${config.format === 'github' ? githubAnnotation(problem) : textLine(problem)}\n`);
  for (const note of notes) stderr.write(`${note}\n`);
  // What reads JSON or annotations reads nothing else.
  (config.format === 'text' ? stdout : stderr).write(summary);
  return isWrong ? 1 : 0;
}

interface Checked {
  readonly problems: readonly Problem[];
  /** What is not wrong and costs: a line each. */
  readonly notes?: readonly string[];
  readonly ruleset?: Ruleset;
}

async function check({
  dirs,
  allowUsers,
  placeholders,
  fixturesDir,
  kubeconfig,
  inForce,
  ...options
}: RulesCheckConfig): Promise<Checked> {
  const files = placeholders === undefined ? {} : { placeholders };
  try {
    const parsed = await readRules(ruleSourceOf({ rulesDirs: dirs, filtersDirs: [], allowUsers, ...files }));
    const found = createRuleset(parsed, options, await schemaOf(kubeconfig));
    const coverage =
      inForce === undefined || found.ruleset?.door !== 'serve'
        ? []
        : wantedCoverage(found.ruleset, inForce.modes);
    const problems = [
      ...found.problems,
      ...expiryProblems(parsed.filters, Date.now()),
      ...(await withoutFixtures(parsed.rules, fixturesDir)),
      ...(inForce === undefined ? [] : coverageProblems(found.ruleset, inForce, coverage)),
    ];
    return { ...found, problems, notes: notesOf(found.ruleset, coverage) };
  } catch (error) {
    if (error instanceof SigmaError) return { problems: error.problems };
    throw error;
  }
}

async function schemaOf(kubeconfig: string | undefined): Promise<Schema | undefined> {
  return kubeconfig === undefined ? undefined : readOpenApi(await connectToCluster({ kubeconfig, env: {} }));
}

async function withoutFixtures(
  rules: readonly { readonly file: string }[],
  fixturesDir: string | undefined,
): Promise<readonly Problem[]> {
  if (fixturesDir === undefined) return [];
  const problems: Problem[] = [];
  for (const file of new Set(rules.map((rule) => rule.file))) {
    for (const kind of FIXTURE_KINDS) {
      const { directory, names } = await fixturesOf(file, kind, fixturesDir);
      const message = `no fixture in ${directory}`;
      if (names.length === 0)
        problems.push({ code: 'no-fixture', severity: 'warning', file, path: '', message });
    }
  }
  return problems;
}

/** What of the settings is not in force with these rules, whatever is registered. */
function coverageProblems(
  ruleset: Ruleset | undefined,
  { modes, configFile }: NonNullable<RulesCheckConfig['inForce']>,
  coverage: readonly Coverage[],
): readonly Problem[] {
  if (ruleset?.door !== 'serve') return [];
  const byId = new Map(ruleset.rules.map((rule) => [rule.id, rule]));
  return [
    ...unresolvedIds(modes, ruleset.rules).map((each) => problemOfId(each, configFile)),
    ...coverage.flatMap(({ rule: { id }, asked, whyNot = '', wished, severity }): Problem[] => {
      const rule = byId.get(id);
      if (rule === undefined || severity === undefined) return [];
      const { file, line } = rule;
      return asked === 'never'
        ? [
            {
              code: 'not-asked',
              severity,
              file,
              line,
              path: '',
              message: `never asked, so that ${wished} is none: ${whyNot}`,
            },
          ]
        : [
            {
              code: 'asked-in-part',
              severity,
              file,
              line,
              path: '',
              message: `asked only in part: ${whyNot}`,
            },
          ];
    }),
  ];
}

/** The rules for which every request of some kind is sent. */
function notesOf(ruleset: Ruleset | undefined, coverage: readonly Coverage[]): readonly string[] {
  return (ruleset?.rules ?? []).flatMap(({ id, file, line }) => {
    const found = coverage.find(({ rule }) => rule.id === id);
    const why = found && whySentAll(found);
    return why === undefined
      ? []
      : [`${file}:${line}: note: all that it is about is sent, whatever else it asks: ${why}`];
  });
}

/** As compilers write it, so that editors and logs find the place: `rules/exec.yml:12: error: … [unknown-modifier]`. */
function textLine({ file, line, severity, code, path, message }: Problem): string {
  const where = line === undefined ? file : `${file}:${line}`;
  return `${where}: ${severity}: ${path === '' ? message : `${path}: ${message}`} [${code}]`;
}

/** A workflow command: GitHub shows it at the line of the file. */
function githubAnnotation({ severity, file, line, code, path, message }: Problem): string {
  const place = line === undefined ? { file } : { file, line: String(line) };
  const properties = Object.entries({ ...place, title: code }).map(
    ([name, value]) => `${name}=${escapeData(value).replaceAll(':', '%3A').replaceAll(',', '%2C')}`,
  );
  return `::${severity} ${properties.join(',')}::${escapeData(path === '' ? message : `${path}: ${message}`)}`;
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function summaryOf(errors: number, warnings: number, ruleset: Ruleset | undefined): string {
  const found = [
    ...(errors === 0 ? [] : [counted(errors, 'error')]),
    ...(warnings === 0 ? [] : [counted(warnings, 'warning')]),
  ];
  const wrong = found.length === 0 ? 'nothing is wrong' : found.join(', ');
  if (ruleset === undefined) return `${wrong}; this set would be refused whole`;
  const classes = RULE_CLASSES.flatMap((name) => {
    const count = ruleset.rules.filter(({ classification }) => classification.class === name).length;
    return count === 0 ? [] : [`${count} ${name}`];
  });
  const rules = `${counted(ruleset.rules.length, 'rule')}${classes.length === 0 ? '' : ` (${classes.join(', ')} at ${ruleset.door})`}`;
  return `${rules}, ${counted(ruleset.filters.length, 'filter')}, ruleset ${ruleset.digest}: ${wrong}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
