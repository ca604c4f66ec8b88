import { SigmaError } from '../../sigma/read/errors.ts';
import type { ApiServer } from '../../cluster/api-server.ts';
import { loadRuleset, parseAll } from '../../policy/load-rules.ts';
import { isRuleFile, type NamedDocument } from '../../policy/rule-source.ts';
import { activeRules, type Ruleset } from '../../policy/ruleset.ts';
import type { Distribution } from '../../registration/identities.ts';
import { wantedConfiguration } from '../../registration/wanted-configuration.ts';
import type { Webhook } from '../../registration/webhook-configuration.ts';
import { configMapKeyOf } from '../../settings/of-replica.ts';
import { read, type ObjectRead } from './object-read.ts';
import type { ConfigMap } from './objects.ts';
import type { ServeSettings } from './serve-settings.ts';

/** The entries that replicas want by their settings and rules. */
export interface WantedEntries {
  readonly distribution: Distribution;
  /** How many rules are asked. */
  readonly rules: number;
  readonly webhooks: readonly Webhook[];
}

/** Computes them as the replicas do. */
export function wantedEntries(
  { configuration: name, ...place }: { configuration: string; namespace: string; service: string },
  settings: ObjectRead<ServeSettings>,
  ruleset: ObjectRead<Ruleset>,
): ObjectRead<WantedEntries> {
  if (settings.kind !== 'found') return settings;
  if (ruleset.kind !== 'found') return ruleset;
  const { distribution, modes } = settings.value;
  const { webhooks } = wantedConfiguration({ ...place, name, port: 443, distribution, modes }, ruleset.value);
  return { kind: 'found', value: { distribution, rules: activeRules(ruleset.value).length, webhooks } };
}

/** Reads the rules that replicas with this pod spec load, from the ConfigMaps that it mounts. */
export async function replicaRules(
  api: ApiServer,
  namespace: string,
  spec: unknown,
  settings: ServeSettings,
): Promise<ObjectRead<Ruleset>> {
  const { rulesDirs, placeholders } = settings;
  const documents: NamedDocument[] = [];
  for (const path of [...rulesDirs, ...(placeholders === undefined ? [] : [placeholders])]) {
    const found = await documentsAt(api, namespace, spec, path);
    if (found.kind !== 'found') return found;
    const isPlaceholders = path === placeholders ? { isPlaceholders: true as const } : {};
    documents.push(...found.value.map((document) => ({ ...document, ...isPlaceholders })));
  }
  try {
    return { kind: 'found', value: loadRuleset(parseAll(documents), { ...settings, door: 'serve' }) };
  } catch (error) {
    if (!(error instanceof SigmaError)) throw error;
    const why = `the rules of the replicas cannot be loaded: ${error.message}`;
    return { kind: 'unknown', why, fix: 'correct them: `sigma-admission rules check` finds what is wrong' };
  }
}

/** The files of a path that is a file or a directory in a mounted ConfigMap. */
async function documentsAt(
  api: ApiServer,
  namespace: string,
  spec: unknown,
  path: string,
): Promise<ObjectRead<readonly NamedDocument[]>> {
  const asFile = configMapKeyOf(spec, path);
  const configMap = asFile?.configMap ?? configMapKeyOf(spec, `${path}/any`)?.configMap;
  if (configMap === undefined)
    return {
      kind: 'unknown',
      why: `the rules at ${path} are in no ConfigMap that the replicas mount`,
      fix: 'mount rules from ConfigMaps',
    };
  const found = await read<ConfigMap>(
    api,
    `/api/v1/namespaces/${namespace}/configmaps/${configMap}`,
    `get configmaps/${configMap} -n ${namespace}`,
  );
  if (found.kind === 'unknown') return found;
  const { data = {} } = found.kind === 'found' ? found.value : {};
  if (asFile !== undefined) {
    const text = data[asFile.key];
    return { kind: 'found', value: text === undefined ? [] : [{ name: path, text }] };
  }
  const names = Object.keys(data).filter(isRuleFile).toSorted();
  const value = names.map((name) => ({ name: `${path}/${name}`, text: data[name] ?? '' }));
  return { kind: 'found', value };
}
