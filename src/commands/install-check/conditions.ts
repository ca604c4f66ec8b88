import { shortName } from '../../registration/entry-name.ts';
import { ourEntries, type ClusterView } from './cluster-view.ts';
import { ok, warn, type CheckFinding } from './finding.ts';
import { notRead } from './object-read.ts';

const CHECK = 'conditions';
const METRIC = 'apiserver_admission_match_condition_evaluation_errors_total';

/** Whether a match condition of our entries ended in an error: its request was then not sent, or refused, by failurePolicy. */
export function checkConditions(view: ClusterView): readonly CheckFinding[] {
  const { metrics } = view;
  const names = ourEntries(view).map(({ name }) => name);
  if (names.length === 0) return [];
  if (metrics.kind !== 'found')
    return [notRead(CHECK, 'errors of match conditions', metrics.kind === 'unknown' ? metrics : NO_METRICS)];
  const errors = names
    .map((name) => ({ name: shortName(name), count: errorsOf(name, metrics.value) }))
    .filter(({ count }) => count > 0);
  if (errors.length === 0)
    return [ok(CHECK, 'none of ours ended in an error, by the API server that answered')];
  return [
    warn(CHECK, 'some of ours ended in errors, by the API server that answered, since its start', {
      details: errors.map(({ name, count }) => `${name}: ${count}`),
      fix: 'each is a request that we were not asked about, or that was refused; look for it as docs/runbook.md says under Conditions that end in errors',
    }),
  ];
}

const NO_METRICS = {
  why: 'the API server has no /metrics',
  fix: 'ask who runs the control plane for its metrics',
};

/** A counter that was never counted up is absent. */
function errorsOf(name: string, metrics: string): number {
  return metrics
    .split('\n')
    .filter((line) => line.startsWith(`${METRIC}{`) && line.includes(`name="${name}"`))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf('}') + 1)), 0);
}
