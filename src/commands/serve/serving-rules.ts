import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../../settings/types.ts';
import { expiryProblems } from '../../policy/filter-expiry.ts';
import { createLiveRuleset, type LiveRuleset } from '../../policy/live-ruleset.ts';
import { ruleSourceOf } from '../../policy/rule-source.ts';
import { activeRules, type Ruleset } from '../../policy/ruleset.ts';
import type { Metrics } from '../../records/metrics.ts';
import type { Check } from '../../webhook/readiness.ts';
import { formatProblem } from '../../sigma/read/errors.ts';

/** The rules and filters in force, and how they stand. */
export interface ServingRules extends LiveRuleset {
  checks(): readonly Check[];
}

/** Loads what we were told to, or throws with everything that is wrong; then follows it. */
export async function createServingRules(
  config: Config,
  {
    log,
    metrics,
    onLoad,
  }: {
    readonly log: Logger;
    readonly metrics: Metrics;
    readonly onLoad: (ruleset: Ruleset) => void;
  },
): Promise<ServingRules> {
  const paths = [...new Set([...config.rulesDirs, ...config.filtersDirs])];
  for (const directory of await unnamedSubdirectories(paths)) {
    log.info(`${directory} is not loaded; name it with --rules or --filters to load it`);
  }
  const rules = await createLiveRuleset({
    door: 'serve',
    subresources: config.subresources,
    minLevel: config.minLevel,
    modes: config.modes,
    source: ruleSourceOf(config),
    onLoad(ruleset, leftOut) {
      metrics.observeRuleset(ruleset);
      metrics.filesLeftOut.set(new Set(leftOut.map(({ file }) => file)).size);
      metrics.reloads.inc({ result: 'loaded' });
      onLoad(ruleset);
      for (const warning of ruleset.warnings) log.warn({ code: warning.code }, formatProblem(warning));
      for (const problem of leftOut) log.error({ code: problem.code }, `left out: ${formatProblem(problem)}`);
      log.info(summaryOf(ruleset), 'rules loaded');
      if (activeRules(ruleset).length === 0) log.warn('no rule is asked: whatever comes is allowed');
    },
    onRefuse(problems) {
      metrics.reloads.inc({ result: 'refused' });
      for (const problem of problems) log.error({ code: problem.code }, formatProblem(problem));
      log.error('rules not loaded: the last good set stays in force');
    },
  });
  return { ...rules, checks: () => [rulesCheck(rules), filtersCheck(rules)] };
}

function summaryOf(ruleset: Ruleset) {
  const { rules, filters, digest } = ruleset;
  const off = rules
    .filter(({ disabledReason }) => disabledReason !== undefined)
    .map(({ title, disabledReason }) => `${title}: ${disabledReason}`);
  return { asked: activeRules(ruleset).length, filters: filters.length, ruleset: digest, off };
}

function rulesCheck(rules: LiveRuleset): Check {
  const { digest, rules: loaded } = rules.current();
  const asked = activeRules(rules.current()).length;
  const refused = rules.refused();
  const stale =
    refused === undefined ? '' : `; the newest set is refused: ${refused.map(formatProblem).join('; ')}`;
  return {
    name: 'rules',
    state: refused === undefined && asked > 0 ? 'ok' : 'wrong',
    detail: `${loaded.length} loaded, ${asked} asked, ruleset ${digest}${stale}`,
  };
}

function filtersCheck(rules: LiveRuleset): Check {
  const { filters, warnings } = rules.current();
  const leftOut = rules.leftOut().map((problem) => `left out: ${formatProblem(problem)}`);
  const tooWide = warnings.filter(({ code }) => code === 'filter-accepts-anybody');
  const doubtful = [...tooWide, ...expiryProblems(filters, Date.now())].map(formatProblem);
  const problems = [...leftOut, ...doubtful];
  return {
    name: 'filters',
    state: problems.length === 0 ? 'ok' : 'wrong',
    detail: [`${filters.length} loaded`, ...problems].join('; '),
  };
}

async function unnamedSubdirectories(paths: readonly string[]): Promise<readonly string[]> {
  const listed = await Promise.all(
    paths.map(async (path) => {
      const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
      return entries
        .filter((each) => each.isDirectory() && !each.name.startsWith('..'))
        .map(({ name }) => join(path, name));
    }),
  );
  return listed.flat().filter((directory) => !paths.includes(directory));
}
