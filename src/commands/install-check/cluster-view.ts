import { ourWebhooks, type RegisteredWebhook } from '../../registration/registered-webhook.ts';
import type { ApiServer } from '../../cluster/api-server.ts';
import { COMMANDS } from '../../settings/commands.ts';
import { configMapKeyOf, settingsOfReplica, type ReplicaSettings } from '../../settings/of-replica.ts';
import type { Key } from '../../settings/settings.ts';
import type { Ruleset } from '../../policy/ruleset.ts';
import type { ServeSettings } from './serve-settings.ts';
import { replicaRules, wantedEntries, type WantedEntries } from './wanted-entries.ts';
import { read, type ObjectRead } from './object-read.ts';
import type { ConfigMap, Deployment, Listed, Named, Node, Registered, Service, Version } from './objects.ts';

/** The name of our Service, Deployment and ServiceAccount in every namespace. */
export const OURS = 'sigma-admission';

/** The place and name of the installation. */
export interface Names {
  readonly namespace: string;
  /** The ValidatingWebhookConfiguration. */
  readonly configuration: string;
}

/** The objects that the checks read, each read once. */
export interface ClusterView {
  readonly names: Names;
  readonly version: Version;
  readonly configuration: ObjectRead<Registered>;
  readonly namespace: ObjectRead<Named>;
  readonly service: ObjectRead<Service>;
  readonly deployment: ObjectRead<Deployment>;
  /** Of our replicas. */
  readonly settings: ObjectRead<ServeSettings>;
  /** That our replicas load, by the ConfigMaps that they mount. */
  readonly ruleset: ObjectRead<Ruleset>;
  /** That our replicas want, by their settings and rules. */
  readonly wanted: ObjectRead<WantedEntries>;
  readonly validating: ObjectRead<Listed<Registered>>;
  readonly mutating: ObjectRead<Listed<Registered>>;
  readonly kubeSystem: ObjectRead<Named>;
  readonly nodes: ObjectRead<Listed<Node>>;
  /** Of the API server that answers. */
  readonly metrics: ObjectRead<string>;
}

const REGISTRATION = '/apis/admissionregistration.k8s.io/v1';
/** Nodes that are read for labels of a distribution: the first have the same as all. */
const NODES = 50;

/** Reads the cluster. `version` was read before, to see whether the API server answers. */
export async function viewCluster(api: ApiServer, names: Names, version: Version): Promise<ClusterView> {
  const { namespace } = names;
  const within = `/api/v1/namespaces/${namespace}`;
  const [validating, mutating] = ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations'];
  const deployment = await read<Deployment>(
    api,
    `/apis/apps/v1/namespaces/${namespace}/deployments/${OURS}`,
    `get deployments.apps/${OURS} -n ${namespace}`,
  );
  const settings = await settingsOf(api, namespace, deployment);
  const ruleset = await rulesetOf(api, namespace, deployment, settings);
  return {
    names,
    version,
    deployment,
    settings,
    ruleset,
    wanted: wantedEntries({ ...names, service: OURS }, settings, ruleset),
    configuration: await read(
      api,
      `${REGISTRATION}/${validating}/${names.configuration}`,
      `get ${validating}/${names.configuration}`,
    ),
    namespace: await read(api, within, `get namespaces/${namespace}`),
    service: await read(api, `${within}/services/${OURS}`, `get services/${OURS} -n ${namespace}`),
    validating: await read(api, `${REGISTRATION}/${validating}`, `list ${validating}`),
    mutating: await read(api, `${REGISTRATION}/${mutating}`, `list ${mutating}`),
    kubeSystem: await read(api, '/api/v1/namespaces/kube-system', 'get namespaces/kube-system'),
    nodes: await read(api, `/api/v1/nodes?limit=${NODES}`, 'list nodes'),
    metrics: await read(api, '/metrics', 'get /metrics', 'text'),
  };
}

async function rulesetOf(
  api: ApiServer,
  namespace: string,
  deployment: ObjectRead<Deployment>,
  settings: ObjectRead<ServeSettings>,
): Promise<ObjectRead<Ruleset>> {
  if (deployment.kind !== 'found') return deployment;
  if (settings.kind !== 'found') return settings;
  return replicaRules(api, namespace, deployment.value.spec.template.spec, settings.value);
}

/** The settings of the replicas, with the settings file from its ConfigMap if that can be read. */
async function settingsOf(
  api: ApiServer,
  namespace: string,
  deployment: ObjectRead<Deployment>,
): Promise<ObjectRead<ServeSettings>> {
  if (deployment.kind !== 'found') return deployment;
  const { spec } = deployment.value.spec.template;
  let path: string | undefined;
  settingsOfReplica(spec, { namespace, readFile: (asked) => void (path = asked) });
  const source = path === undefined ? undefined : configMapKeyOf(spec, path);
  const file =
    source &&
    (await read<ConfigMap>(
      api,
      `/api/v1/namespaces/${namespace}/configmaps/${source.configMap}`,
      `get configmaps/${source.configMap} -n ${namespace}`,
    ));
  if (file?.kind === 'unknown') return file;
  const text = file?.kind === 'found' ? file.value.data?.[source?.key ?? ''] : undefined;
  return told(settingsOfReplica(spec, { namespace, readFile: () => text }));
}

/** The settings that the checks need. */
const ASKED: readonly Key[] = [
  'mode',
  'levels',
  'rules',
  'manage',
  'noOwnerReference',
  'secret',
  'distribution',
  'rulesDirs',
  'placeholders',
  'minLevel',
  'subresources',
];

/** The settings, if all that the checks need are known. */
function told(settings: ReplicaSettings): ObjectRead<ServeSettings> {
  switch (settings.kind) {
    case 'read': {
      const why = ASKED.flatMap((key) => settings.unknown.get(key) ?? [])[0];
      if (why === undefined) return { kind: 'found', value: COMMANDS.serve.config(settings.values) };
      return { kind: 'unknown', why, fix: 'give it a value in the Deployment, or in config.yaml' };
    }
    case 'refused':
      return {
        kind: 'unknown',
        why: `the replicas do not start with their settings: ${settings.problems.join('; ')}`,
        fix: 'correct them in the Deployment or in config.yaml',
      };
    case 'unknown':
      return {
        kind: 'unknown',
        why: settings.why,
        fix: 'set it in the Deployment’s arguments, or in a ConfigMap that it mounts',
      };
  }
}

/** Our entries: those that call our Service. Other entries may stand beside them. */
export function ourEntries({ configuration, names }: ClusterView): readonly RegisteredWebhook[] {
  if (configuration.kind !== 'found') return [];
  return ourWebhooks(configuration.value, { namespace: names.namespace, name: OURS });
}
