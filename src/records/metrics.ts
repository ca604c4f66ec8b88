import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { OwnChange } from '../self/own-change.ts';
import type { Mode } from '../policy/mode.ts';
import { RULE_CLASSES } from '../policy/rule-class.ts';
import type { Ruleset } from '../policy/ruleset.ts';
import type { Recorder } from './recorder.ts';

const PREFIX = 'sigma_admission_';

/** Sums of other metrics, and gauges that are named like counters. */
const SUMS = ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total`);

/** Of the certificates, what is counted. */
interface CertificateState {
  current(): { readonly notAfter: Date };
  authorityNotAfter?(): Date;
}

/** Of a rule's coverage, what is stated. */
interface RuleCoverage {
  readonly rule: { readonly id: string };
  readonly asked: string;
  readonly wished: string;
  readonly inEffect: string;
}

/** Label values come from what is loaded and from closed sets, never from a request: no pod, user or namespace. */
export function createMetrics(version: string) {
  const registry = new Registry();
  // Of the process and of Node, by the names that every dashboard knows.
  collectDefaultMetrics({ register: registry });
  for (const name of SUMS) registry.removeSingleMetric(name);
  const registers = [registry];
  const build = new Gauge({
    name: `${PREFIX}build_info`,
    help: 'The version of the program, and the digest of the rules and filters in force, which `rules check` prints and each record has.',
    labelNames: ['version', 'ruleset'],
    registers,
  });
  const requests = new Counter({
    name: `${PREFIX}requests_total`,
    help: 'Admission requests judged; undelivered where the verdict came too late or the client had hung up.',
    labelNames: ['entry', 'operation', 'verdict', 'dry_run'],
    registers,
  });
  const duration = new Histogram({
    name: `${PREFIX}request_duration_seconds`,
    help: 'From the last byte of the request to the answer.',
    labelNames: ['entry'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers,
  });
  const refusals = new Counter({
    name: `${PREFIX}refusals_total`,
    help: 'Requests that got no verdict, by HTTP status: failurePolicy decided them.',
    labelNames: ['entry', 'code'],
    registers,
  });
  const matches = new Counter({
    name: `${PREFIX}matches_total`,
    help: 'Rules that matched, by the mode of the rule and what this match alone comes to: denied, warned, recorded, or accepted by a filter, whatever the mode.',
    labelNames: ['rule', 'mode', 'filtered', 'outcome', 'dry_run'],
    registers,
  });
  const notJudged = new Counter({
    name: `${PREFIX}not_judged_total`,
    help: 'Rules that a request could not decide, because a field they need was not to be seen.',
    labelNames: ['rule', 'field'],
    registers,
  });
  const dropped = new Counter({
    name: `${PREFIX}records_dropped_total`,
    help: 'Decision records dropped because their reader was too slow.',
    registers,
  });
  const faults = new Counter({
    name: `${PREFIX}recorder_faults_total`,
    help: 'Requests that could not be recorded or counted: a fault of our own, which the log has. Their answer was given.',
    registers,
  });
  const logDropped = new Counter({
    name: `${PREFIX}log_lines_dropped_total`,
    help: 'Lines of our own log dropped because their reader was too slow or writing failed.',
    registers,
  });
  const rules = new Gauge({
    name: `${PREFIX}rules`,
    help: 'Rules loaded, by class, and whether they are asked.',
    labelNames: ['class', 'asked'],
    registers,
  });
  const ruleInfo = new Gauge({
    name: `${PREFIX}rule_info`,
    help: 'The title, level and status of each loaded rule, to be joined with other metrics by its id.',
    labelNames: ['rule', 'title', 'level', 'status'],
    registers,
  });
  const filterExpiry = new Gauge({
    name: `${PREFIX}filter_expiry_timestamp_seconds`,
    help: 'When each filter that has an end accepts nothing any more, by id and title.',
    labelNames: ['filter', 'title'],
    registers,
  });
  const filesLeftOut = new Gauge({
    name: `${PREFIX}optional_files_left_out`,
    help: 'Files NAME.optional.yml that are wrong, so that their filters are not in force.',
    registers,
  });
  const reloads = new Counter({
    name: `${PREFIX}ruleset_reloads_total`,
    help: 'Reloads of rules and filters; a failed one keeps the last good set.',
    labelNames: ['result'],
    registers,
  });
  const certificateChanges = new Counter({
    name: `${PREFIX}certificate_changes_total`,
    help: 'Writes of the Secret with our certificates: made, renewed, restored after damage, or only trusted anew.',
    labelNames: ['kind'],
    registers,
  });
  const connectionsRefused = new Counter({
    name: `${PREFIX}connections_refused_total`,
    help: 'Connections that ended before they could bring a request: untrusted is a client that does not trust our certificate.',
    labelNames: ['why'],
    registers,
  });
  const ownChanges = new Counter({
    name: `${PREFIX}own_changes_total`,
    help: 'Changes of our own ConfigMaps, Deployment and Secret that weaken us or that an operator wants to know of.',
    labelNames: ['kind', 'lowers', 'dry_run'],
    registers,
  });
  const coverage = new Gauge({
    name: `${PREFIX}rule_coverage`,
    help: 'For each rule that is loaded or named in the settings: whether all, part or none of it is asked, the mode wished for and that in effect.',
    labelNames: ['rule', 'asked', 'wished', 'mode'],
    registers,
  });

  return {
    registry,
    dropped,
    logDropped,
    recorderFaults: faults,
    filesLeftOut,
    reloads,
    certificateChanges,
    answered: (entry: string, seconds: number) => duration.observe({ entry }, seconds),
    refused: (entry: string, code: number) => refusals.inc({ entry, code }),
    connectionRefused: (why: string) => connectionsRefused.inc({ why }),
    observeOwnChange: ({ kind, lowers, dryRun }: OwnChange) =>
      ownChanges.inc({ kind, lowers: String(lowers.length > 0), dry_run: String(dryRun) }),
    /** States at each scrape how long what is served is good for. */
    followCertificates({ current, authorityNotAfter }: CertificateState): void {
      registry.registerMetric(
        expiry('certificate', 'When the serving certificate expires.', () => current().notAfter),
      );
      if (authorityNotAfter !== undefined) {
        registry.registerMetric(expiry('authority', 'When its authority expires.', authorityNotAfter));
      }
    },
    /** Counts what one entry decides. The counters of the few combinations there are, are looked up once each. */
    recorderFor(entry: string): Recorder {
      const counters = new Map<string, { inc(): void }>();
      const counterOf = (operation: string, verdict: string, dryRun: string) => {
        const key = `${operation} ${verdict} ${dryRun}`;
        const known = counters.get(key) ?? requests.labels(entry, operation, verdict, dryRun);
        counters.set(key, known);
        return known;
      };
      return {
        record({ request, delivered, observation: { dryRun }, evaluation, decision }) {
          const dry_run = String(dryRun);
          const verdict = delivered === false ? 'undelivered' : decision.verdict;
          counterOf(request?.operation ?? '', verdict, dry_run).inc();
          for (const { rule, mode, filter } of decision.decided) {
            const outcome = filter === undefined ? OUTCOMES[mode] : 'accepted';
            matches.inc({ rule: rule.id, mode, filtered: String(filter !== undefined), outcome, dry_run });
          }
          for (const { rule, field } of evaluation.notJudged) notJudged.inc({ rule: rule.id, field });
        },
      };
    },
    /** States the coverage as it is known now: of what was not looked at, nothing. */
    observeCoverage(found: readonly RuleCoverage[]): void {
      coverage.reset();
      for (const { rule, asked, wished, inEffect } of found)
        if (asked !== 'unknown') coverage.set({ rule: rule.id, asked, wished, mode: inEffect }, 1);
    },
    /** States what is loaded now. */
    observeRuleset(ruleset: Ruleset): void {
      build.reset();
      build.set({ version, ruleset: ruleset.digest }, 1);
      ruleInfo.reset();
      for (const { id, title, level, status } of ruleset.rules)
        ruleInfo.set({ rule: id, title, level, status }, 1);
      filterExpiry.reset();
      for (const { id, title, expires } of ruleset.filters)
        if (expires !== undefined) filterExpiry.set({ filter: id, title }, expires.at / 1000);
      rules.reset();
      for (const name of RULE_CLASSES) {
        const ofClass = ruleset.rules.filter(({ classification }) => classification.class === name);
        rules.set(
          { class: name, asked: 'true' },
          ofClass.filter(({ disabledReason }) => disabledReason === undefined).length,
        );
        rules.set(
          { class: name, asked: 'false' },
          ofClass.filter(({ disabledReason }) => disabledReason !== undefined).length,
        );
      }
    },
  };
}

/** Where no filter accepts it. */
const OUTCOMES: Readonly<Record<Mode, string>> = { audit: 'recorded', warn: 'warned', enforce: 'denied' };

export type Metrics = ReturnType<typeof createMetrics>;

/** Read anew at each scrape. */
function expiry(of: string, help: string, end: () => Date): Gauge {
  return new Gauge({
    name: `${PREFIX}${of}_expiry_timestamp_seconds`,
    help,
    registers: [],
    collect() {
      this.set(end().getTime() / 1000);
    },
  });
}
