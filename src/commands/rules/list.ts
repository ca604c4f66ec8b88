import type { TextSink } from '../../io/output.ts';
import { withoutUndefined } from '../../io/without-undefined.ts';
import { termsOf } from '../../policy/filter-expiry.ts';
import { shortId } from '../../policy/short-id.ts';
import type { RulesListConfig } from '../../settings/types.ts';
import { modeOfRule } from '../../policy/decision.ts';
import { techniques } from '../../policy/message.ts';
import type { Mode } from '../../policy/mode.ts';
import type { RuleClass } from '../../policy/rule-class.ts';
import type { LoadedRule } from '../../policy/ruleset.ts';
import type { Filter } from '../../sigma/read/filter.ts';
import type { Level } from '../../sigma/read/level.ts';
import type { RuleStatus } from '../../sigma/read/rule.ts';
import { formatCoverage, whySentAll, type Coverage } from '../../registration/coverage.ts';
import { tacticsOf } from './attack.ts';
import { wantedCoverage } from './wanted-coverage.ts';
import { loadRuleset, readRules } from '../../policy/load-rules.ts';
import { ruleSourceWithOptionalFilters } from '../../policy/rule-source.ts';
import { table } from '../../io/table.ts';

/** A rule in a list. */
interface Listed {
  readonly id: string;
  readonly title: string;
  readonly level: Level;
  readonly status: RuleStatus;
  readonly tactics: readonly string[];
  readonly techniques: readonly string[];
  readonly class: RuleClass;
  /** Why it has that class, or why it is not asked at all. */
  readonly reason: string;
  readonly mode: Mode;
  /** With the settings of a replica: what of the rule is in force. */
  readonly coverage?: Omit<Coverage, 'rule' | 'severity'>;
  /** The filters for it; absent where there are none. */
  readonly filters?: readonly ListedFilter[];
}

interface ListedFilter {
  readonly id: string;
  readonly title: string;
  /** As written: a date, the whole day in UTC, or a time. */
  readonly expires?: string;
  readonly owner?: string;
  readonly ticket?: string;
}

/** Writes the rules with what becomes of them at a door. Gives the exit code; throws a SigmaError if they cannot be loaded. */
export async function rulesList(
  config: RulesListConfig,
  { stdout, stderr }: { readonly stdout: TextSink; readonly stderr: TextSink },
): Promise<0> {
  const ruleset = loadRuleset(await readRules(ruleSourceWithOptionalFilters(config)), {
    ...config,
    door: config.door,
  });
  const { rules, filters } = ruleset;
  const coverage =
    config.hasConfigFile && config.door === 'serve' ? wantedCoverage(ruleset, config.modes) : [];
  const byId = new Map(coverage.map((each) => [each.rule.id, each]));
  const listed = rules.map((rule): Listed => {
    const { id, title, level, status, tags } = rule;
    const { class: name, reason } = rule.classification;
    const mode = modeOfRule(rule, config.modes);
    const attack = { tactics: tacticsOf(tags), techniques: techniques(tags) };
    const given = { id, title, level, status, ...attack, class: name, mode };
    const inForce = inForceOf(byId.get(id));
    return { ...given, reason: whyDisabled(rule) ?? reason, ...inForce, ...filtersOf(rule) };
  });
  const text =
    config.format === 'json'
      ? JSON.stringify({ ruleset: ruleset.digest, rules: listed }, null, 2)
      : [
          ...(coverage.length > 0 ? coverageTable(listed) : tableOf(listed, rules)),
          ...termsTable(filters),
        ].join('\n');
  stdout.write(`${text}\n`);
  for (const each of coverage.filter(({ rule }) => rule.title === undefined))
    stderr.write(`${formatCoverage(each)}\n`);
  return 0;
}

function inForceOf(coverage: Coverage | undefined): Pick<Listed, 'coverage'> {
  if (coverage === undefined) return {};
  const { rule: _, severity: __, ...inForce } = coverage;
  return { coverage: inForce };
}

/** A class off by itself says why; a status or level that switches a rule off is another reason. */
function whyDisabled({ disabledReason, classification }: LoadedRule): string | undefined {
  return disabledReason === `${classification.class}: ${classification.reason}` ? undefined : disabledReason;
}

function filtersOf({ filters, filtersByUser }: LoadedRule): { readonly filters?: readonly ListedFilter[] } {
  const listed = [...filters, ...filtersByUser].map(({ filter }) => {
    const { id, title, expires, owner, ticket } = filter;
    return { id, title, ...withoutUndefined({ expires: expires?.text, owner, ticket }) };
  });
  return listed.length === 0 ? {} : { filters: listed };
}

/** The filters that say until when they accept, who answers for them, or where they were asked for. */
function termsTable(filters: readonly Filter[]): readonly string[] {
  const now = Date.now();
  const rows = filters
    .map((filter) => [shortId(filter.id), filter.title, termsOf(filter, now).join(', ')])
    .filter(([, , terms]) => terms !== '');
  return rows.length === 0 ? [] : ['', 'Filters with an end, an owner or a ticket:', ...table(rows)];
}

function tableOf(listed: readonly Listed[], rules: readonly LoadedRule[]): readonly string[] {
  const rows = listed.map(({ id, level, class: name, mode, techniques: ids, title }, position) => [
    shortId(id),
    level,
    name,
    rules[position]?.disabledReason === undefined ? mode : '-',
    ids.join(' '),
    title,
  ]);
  const lines = table([['ID', 'LEVEL', 'CLASS', 'MODE', 'TECHNIQUES', 'TITLE'], ...rows], { indent: 0 });
  const reasons = listed
    .filter(
      (_, position) =>
        rules[position]?.disabledReason !== undefined || listed[position]?.class === 'approximate',
    )
    .map(({ id, class: name, reason }) => [shortId(id), name, reason]);
  return reasons.length === 0
    ? lines
    : [...lines, '', 'Not asked, or only approximately decided:', ...table(reasons)];
}

/** What is asked of each rule by the webhook configuration that these rules want, and in which mode. */
function coverageTable(listed: readonly Listed[]): readonly string[] {
  const rows = listed.map(({ id, level, class: name, coverage, techniques: ids, title }) => [
    shortId(id),
    level,
    name,
    coverage?.asked ?? '',
    coverage?.wished ?? '',
    coverage?.inEffect ?? '',
    ids.join(' '),
    title,
  ]);
  const head = ['ID', 'LEVEL', 'CLASS', 'ASKED', 'WISHED', 'IN EFFECT', 'TECHNIQUES', 'TITLE'];
  return [
    ...table([head, ...rows], { indent: 0 }),
    ...byReason(
      'Not asked in full, or in a lesser mode than wished:',
      listed.map(({ id, coverage }) => [id, coverage?.whyNot ?? coverage?.whyLess]),
    ),
    ...byReason(
      'All that these are about is sent, whatever else they ask:',
      listed.map(({ id, coverage }) => [id, coverage && whySentAll(coverage)]),
    ),
  ];
}

/** A line for each reason, with the rules that it holds for. */
function byReason(
  title: string,
  reasons: readonly (readonly [id: string, reason: string | undefined])[],
): readonly string[] {
  const given = reasons.filter(([, reason]) => reason !== undefined);
  if (given.length === 0) return [];
  const groups = [...Map.groupBy(given, ([, reason]) => reason)];
  return [
    '',
    title,
    ...groups.map(([reason, members]) => `  ${reason}: ${members.map(([id]) => shortId(id)).join(', ')}`),
  ];
}
