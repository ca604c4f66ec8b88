import { coverageLines, coverageOf, coverageSummary, type Coverage } from '../../registration/coverage.ts';
import { ourEntries, type ClusterView } from './cluster-view.ts';
import { fail, ok, warn, type CheckFinding } from './finding.ts';
import { notRead } from './object-read.ts';

const CHECK = 'coverage';

/** Whether all that the settings ask for is in force: sent by the registered entries, for rules that are loaded. */
export function checkCoverage(view: ClusterView): readonly CheckFinding[] {
  const { configuration, deployment, settings, ruleset } = view;
  // A configuration or a Deployment that is missing, or cannot be read, has a finding of its own.
  if (configuration.kind !== 'found' || deployment.kind !== 'found') return [];
  for (const read of [settings, ruleset])
    if (read.kind === 'unknown') return [notRead(CHECK, 'what is asked of the loaded rules', read)];
  if (settings.kind !== 'found' || ruleset.kind !== 'found') return [];
  const found = coverageOf(ruleset.value.rules, settings.value.modes, ourEntries(view));
  const { error, warning, info } = coverageLines(found);
  const summary = coverageSummary(found);
  if (error.length + warning.length === 0) return [ok(CHECK, summary, info.length === 0 ? undefined : info)];
  const isEnforced = error.length > 0;
  return [
    (isEnforced ? fail : warn)(
      CHECK,
      isEnforced
        ? 'what the settings ask for is not in force'
        : 'rules are not asked all that they are about',
      { details: [...error, ...warning, summary], fix: fixOf(found) },
    ),
  ];
}

/** By what is wrong: ids in the settings, or the entries. */
function fixOf(found: readonly Coverage[]): string {
  const doubtful = found.filter(({ severity }) => severity !== undefined);
  const ids = doubtful.some(({ rule }) => rule.title === undefined)
    ? ['correct the ids under rules in config.yaml']
    : [];
  const entries = doubtful.some(({ rule }) => rule.title !== undefined)
    ? [
        'let the replicas register what the rules need (--manage all), or apply what `sigma-admission manifests` prints; set to audit what no webhook can ask',
      ]
    : [];
  return [...ids, ...entries].join('; ');
}
