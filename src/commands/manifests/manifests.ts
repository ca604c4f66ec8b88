import type { TextSink } from '../../io/output.ts';
import { yamlText } from '../../io/yaml-text.ts';
import { loadRuleset, readRules } from '../../policy/load-rules.ts';
import { ruleSourceOf } from '../../policy/rule-source.ts';
import { wantedConfiguration } from '../../registration/wanted-configuration.ts';
import type { ManifestsConfig } from '../../settings/types.ts';
import { releaseObjects } from './release.ts';

/** The name of our Service, and its port in the manifests. */
const SERVICE = { service: 'sigma-admission', port: 443 };

/**
 * Writes the webhook configuration that replicas with these settings and rules want, or the whole release: the same text for the
 * same input. Filters do not change the configuration: what one accepts is asked and recorded, too. Throws a SigmaError if the
 * rules, and for a release the filters, cannot be loaded.
 */
export async function manifests(
  config: ManifestsConfig,
  { stdout }: { readonly stdout: TextSink },
): Promise<0> {
  const allowlist = config.release ? {} : { filtersDirs: [], allowUsers: [] };
  const parsed = await readRules(ruleSourceOf({ ...config, ...allowlist }));
  const ruleset = loadRuleset(parsed, { ...config, door: 'serve' });
  const name = config.webhookConfiguration;
  const content = wantedConfiguration({ ...config, ...SERVICE, name }, ruleset);
  stdout.write(yamlText(...(config.release ? await releaseObjects(config, content) : [content])));
  return 0;
}
