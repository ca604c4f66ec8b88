import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { loadAll } from 'js-yaml';
import { yamlText } from '../../io/yaml-text.ts';
import type { KubernetesObject } from '../../kubernetes/admission-review.ts';
import { asObject } from '../../kubernetes/as-object.ts';
import { directorySource } from '../../policy/rule-source.ts';
import type { WebhookConfiguration } from '../../registration/webhook-configuration.ts';
import type { ManifestsConfig } from '../../settings/types.ts';

/** The manifests that every overlay begins with, in the checkout and in the image. */
const BASE = new URL('../../../manifests/base/', import.meta.url);
/** The namespace that they name. */
const NAMESPACE = 'sigma-admission';
const DIRECTORY = '/etc/sigma-admission';
const LABELS = {
  'app.kubernetes.io/name': 'sigma-admission',
  'app.kubernetes.io/part-of': 'sigma-admission',
};

/**
 * The objects of an installation with these settings, rules and filters, in the order in which they are applied. `content` is
 * the webhook configuration that they want. Throws where files cannot be read, or two have one name.
 */
export async function releaseObjects(
  config: ManifestsConfig,
  content: WebhookConfiguration,
): Promise<readonly KubernetesObject[]> {
  const configMaps = await configMapsOf(config);
  const [settings] = configMaps;
  const base = (await baseObjects()).map((object) => {
    switch (object['kind']) {
      case 'Deployment':
        return withPod(object, config, nameOf(settings));
      case 'ValidatingWebhookConfiguration':
        return withEntries(object, config, content);
      case 'ClusterRole':
        return withRules(object, config);
      default:
        return object;
    }
  });
  const first = base.findIndex(({ kind }) => kind === 'Deployment');
  return [...base.slice(0, first), ...configMaps, ...base.slice(first)].map((object) =>
    labelled(inNamespace(object, config.namespace)),
  );
}

async function baseObjects(): Promise<readonly KubernetesObject[]> {
  const files = (await readdir(BASE)).filter((name) => /^\d\d-/.test(name)).toSorted();
  const texts = await Promise.all(files.map((name) => readFile(new URL(name, BASE), 'utf8')));
  return texts.flatMap((text) => loadAll(text) as KubernetesObject[]);
}

/** Settings, rules and filters. The first is named after its content, so that another mode is a rollout. */
async function configMapsOf(config: ManifestsConfig): Promise<readonly KubernetesObject[]> {
  const { modes, allowUsers, minLevel, subresources, placeholders } = config;
  const settings = {
    mode: modes.default,
    levels: modes.levels,
    rules: modes.rules,
    filtersDirs: [`${DIRECTORY}/filters`],
    allowUsers,
    subresources,
    ...(minLevel === undefined ? {} : { minLevel }),
    ...(placeholders === undefined ? {} : { placeholders: `${DIRECTORY}/config/placeholders.yml` }),
  };
  const data = {
    'config.yaml': yamlText(settings),
    ...(placeholders === undefined ? {} : { 'placeholders.yml': await readFile(placeholders, 'utf8') }),
  };
  const digest = createHash('sha256').update(JSON.stringify(data)).digest('hex').slice(0, 10);
  return [
    configMap(`sigma-admission-config-${digest}`, data),
    configMap('sigma-admission-rules', await filesOf(config.rulesDirs)),
    configMap('sigma-admission-filters', await filesOf(config.filtersDirs)),
  ];
}

function configMap(name: string, data: Readonly<Record<string, string>>): KubernetesObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: NAMESPACE }, data };
}

/** Files by name: a ConfigMap has no directories. */
async function filesOf(paths: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const files = new Map<string, { readonly path: string; readonly text: string }>();
  for (const { name: path, text } of await directorySource([...new Set(paths)]).read()) {
    const name = basename(path);
    const other = files.get(name);
    if (other !== undefined)
      throw new Error(`${path}: ${other.path} has the same name, and a ConfigMap has no directories`);
    files.set(name, { path, text });
  }
  const sorted = [...files].toSorted(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(sorted.map(([name, { text }]) => [name, text]));
}

/** Presets are among the filters: what is named is loaded, and nothing else is there. */
const LEFT_OUT = 'filter-presets';

function withPod(
  deployment: KubernetesObject,
  { image, releaseManage, distribution, webhookConfiguration, filterConfigMaps }: ManifestsConfig,
  settings: string,
): KubernetesObject {
  const flags: Readonly<Record<string, string>> = {
    '--manage': releaseManage,
    '--webhooks': webhookConfiguration,
  };
  return at(deployment, ['spec', 'template', 'spec'], (pod) => {
    const [container = {}, ...others] = listOf(pod['containers']);
    const args = (container['args'] as readonly string[]).map((arg) => {
      const [flag = ''] = arg.split('=');
      return flags[flag] === undefined ? arg : `${flag}=${flags[flag]}`;
    });
    const volumes = listOf(pod['volumes']).filter(({ name }) => name !== LEFT_OUT);
    return {
      ...pod,
      containers: [
        {
          ...container,
          ...(image === undefined ? {} : { image }),
          args: distribution === 'upstream' ? args : [...args, `--distribution=${distribution}`],
          volumeMounts: listOf(container['volumeMounts']).filter(({ name }) => name !== LEFT_OUT),
        },
        ...others,
      ],
      volumes: volumes.map((volume) => {
        if (volume['name'] === 'config') return { ...volume, configMap: { name: settings } };
        return volume['name'] === 'filters' ? withTeams(volume, filterConfigMaps) : volume;
      }),
    };
  });
}

/** Filters of other teams beside ours, as the component team-filters mounts them: each file is called after its ConfigMap. */
function withTeams({ configMap, ...volume }: KubernetesObject, teams: readonly string[]): KubernetesObject {
  if (teams.length === 0) return { ...volume, configMap };
  const sources = [...new Set(teams)].map((name) => ({
    configMap: { name, optional: true, items: [{ key: 'filters.yml', path: `${name}.optional.yml` }] },
  }));
  return { ...volume, projected: { sources: [{ configMap }, ...sources] } };
}

/** With `all` the replicas put the entries in. */
function withEntries(
  configuration: KubernetesObject,
  { releaseManage, webhookConfiguration: name }: ManifestsConfig,
  { webhooks }: WebhookConfiguration,
): KubernetesObject {
  const named = at(configuration, ['metadata'], (metadata) => ({ ...metadata, name }));
  return releaseManage === 'all' ? named : { ...named, webhooks };
}

/** The rights to the webhook configuration that this much of managing it needs. */
function withRules(
  role: KubernetesObject,
  { releaseManage, webhookConfiguration }: ManifestsConfig,
): KubernetesObject {
  const verbs = { all: undefined, ca: ['get', 'update'], none: ['get'] }[releaseManage];
  const rules = listOf(role['rules']).map((rule) =>
    (rule['resources'] as readonly string[]).includes('validatingwebhookconfigurations')
      ? { ...rule, resourceNames: [webhookConfiguration], verbs: verbs ?? rule['verbs'] }
      : rule,
  );
  return { ...role, rules };
}

/** The namespace wherever an object of ours names it; what is in kube-system stays there. */
function inNamespace(object: KubernetesObject, namespace: string): KubernetesObject {
  const moved = renamed(object, namespace) as KubernetesObject;
  switch (object['kind']) {
    case 'Namespace':
      return at(moved, ['metadata'], (metadata) => ({ ...metadata, name: namespace }));
    case 'Role':
      return {
        ...moved,
        rules: listOf(moved['rules']).map((rule) =>
          (rule['resources'] as readonly string[]).includes('namespaces')
            ? { ...rule, resourceNames: [namespace] }
            : rule,
        ),
      };
    default:
      return moved;
  }
}

/** Every `namespace` that is ours, at any depth. */
function renamed(value: unknown, namespace: string): unknown {
  if (Array.isArray(value)) return value.map((each) => renamed(each, namespace));
  const object = asObject(value);
  if (object === undefined) return value;
  return Object.fromEntries(
    Object.entries(object).map(([key, each]) => [
      key,
      key === 'namespace' && each === NAMESPACE ? namespace : renamed(each, namespace),
    ]),
  );
}

function labelled(object: KubernetesObject): KubernetesObject {
  return at(object, ['metadata'], (metadata) => ({
    ...metadata,
    labels: { ...asObject(metadata['labels']), ...LABELS },
  }));
}

/** The object with the part at a path changed. */
function at(
  object: KubernetesObject,
  [key = '', ...rest]: readonly string[],
  change: (part: KubernetesObject) => KubernetesObject,
): KubernetesObject {
  const part = asObject(object[key]) ?? {};
  return { ...object, [key]: rest.length === 0 ? change(part) : at(part, rest, change) };
}

function listOf(value: unknown): readonly KubernetesObject[] {
  return value as readonly KubernetesObject[];
}

function nameOf(object: KubernetesObject | undefined): string {
  return String(asObject(object?.['metadata'])?.['name']);
}
