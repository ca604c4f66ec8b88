import type { TextSink } from '../../io/output.ts';
import { yamlText } from '../../io/yaml-text.ts';
import { loadRuleset, readRules } from '../../policy/load-rules.ts';
import { ruleSourceOf } from '../../policy/rule-source.ts';
import { wantedConfiguration } from '../../registration/wanted-configuration.ts';
import type { ManifestsConfig } from '../../settings/types.ts';

/** The name of our Service, and its port in the manifests. */
const SERVICE = { service: 'sigma-admission', port: 443 };

/**
 * Writes the webhook configuration that replicas with these settings and rules want: the same text for the same input. Filters
 * do not change it: what one accepts is asked and recorded, too. Throws a SigmaError if the rules cannot be loaded.
 */
export async function manifests(
  config: ManifestsConfig,
  { stdout }: { readonly stdout: TextSink },
): Promise<0> {
  const source = ruleSourceOf({ ...config, filtersDirs: [], allowUsers: [] });
  const ruleset = loadRuleset(await readRules(source), { ...config, door: 'serve' });
  const name = config.webhookConfiguration;
  stdout.write(yamlText(wantedConfiguration({ ...config, ...SERVICE, name }, ruleset)));
  return 0;
}
