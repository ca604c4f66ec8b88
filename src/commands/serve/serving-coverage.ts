import type { Logger } from 'pino';
import type { Modes } from '../../policy/mode.ts';
import type { Ruleset } from '../../policy/ruleset.ts';
import {
  coverageLines,
  coverageOf,
  coverageSummary,
  formatCoverage,
  type Coverage,
  type Subscription,
} from '../../registration/coverage.ts';
import type { Check } from '../../webhook/readiness.ts';

/** The coverage of the rules in force, by the entries registered now. */
export interface ServingCoverage {
  /** The rules in force are these. */
  loaded(ruleset: Pick<Ruleset, 'rules'>): void;
  /** The registered entries are these. */
  compare(entries: readonly Subscription[]): void;
  /** The readiness check. It never fails: a rule that is not asked does not keep requests away. */
  check(): Check;
}

export interface ServingCoverageOptions {
  readonly modes: Modes;
  /** Called when the result changed. */
  readonly onChange: (found: readonly Coverage[]) => void;
}

/** Compares again where the rules or the entries are not those of the last time. */
export function createServingCoverage({ modes, onChange }: ServingCoverageOptions): ServingCoverage {
  let rules: Ruleset['rules'] = [];
  let entries: readonly Subscription[] | undefined;
  let found: readonly Coverage[] = [];
  function look(): void {
    const before = JSON.stringify(found);
    found = coverageOf(rules, modes, entries);
    if (JSON.stringify(found) !== before) onChange(found);
  }
  return {
    loaded(ruleset) {
      rules = ruleset.rules;
      look();
    },
    compare(now) {
      if (now === entries) return;
      entries = now;
      look();
    },
    check() {
      const name = 'coverage';
      const { error, warning, info } = coverageLines(found);
      const isWrong = error.length + warning.length > 0;
      const state = isWrong ? 'wrong' : entries === undefined ? 'unknown' : 'ok';
      const summary = entries === undefined ? 'the registered entries were not read' : coverageSummary(found);
      return { name, state, detail: [...error, ...warning, summary, ...info].join('; ') };
    },
  };
}

/** A line for each severity, however many rules are concerned: this is a state of things, not an event. */
export function logCoverage(found: readonly Coverage[], log: Logger): void {
  const { error, warning, info } = coverageLines(found);
  if (error.length > 0) log.error({ rules: error }, 'what the settings ask for is not in force');
  if (warning.length > 0) log.warn({ rules: warning }, 'rules are not asked all that they are about');
  const lesser = found.filter(({ asked, whyLess }) => asked !== 'never' && whyLess !== undefined);
  if (found.some(({ asked }) => asked === 'unknown')) return;
  log.info({ rules: info, lesser: lesser.map(formatCoverage) }, `coverage: ${coverageSummary(found)}`);
}
