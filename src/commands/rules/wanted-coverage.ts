import type { Modes } from '../../policy/mode.ts';
import type { Ruleset } from '../../policy/ruleset.ts';
import { coverageOf, type Coverage } from '../../registration/coverage.ts';
import { wantedConfiguration } from '../../registration/wanted-configuration.ts';

/** Names and the distribution's users change nothing of what is asked. */
const SOMEWHERE = {
  name: 'sigma-admission',
  namespace: 'sigma-admission',
  service: 'sigma-admission',
  port: 443,
  distribution: 'upstream',
} as const;

/** The coverage by the webhook configuration that these rules and modes want: the one that `manifests` prints. */
export function wantedCoverage(ruleset: Pick<Ruleset, 'rules'>, modes: Modes): readonly Coverage[] {
  const { webhooks } = wantedConfiguration({ ...SOMEWHERE, modes }, ruleset);
  return coverageOf(ruleset.rules, modes, webhooks);
}
