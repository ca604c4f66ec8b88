import { loadAll } from 'js-yaml';
import { basename } from 'node:path';
import type { ApiServer } from '../cluster/api-server.ts';
import { isOurs } from '../install/registration-plan.ts';
import { lookAt, type Look } from './look.ts';
import type {
  ConfigMap,
  Deployment,
  Listed,
  Named,
  Node,
  Registered,
  RegisteredWebhook,
  Service,
  Version,
} from './objects.ts';

/** Our Service, Deployment and ServiceAccount, wherever they are. */
export const OURS = 'sigma-admission';

/** Where we are looked for. */
export interface Names {
  readonly namespace: string;
  /** The ValidatingWebhookConfiguration. */
  readonly configuration: string;
}

/** Everything the checks look at, looked at once. */
export interface ClusterView {
  readonly names: Names;
  readonly version: Version;
  readonly configuration: Look<Registered>;
  readonly namespace: Look<Named>;
  readonly service: Look<Service>;
  readonly deployment: Look<Deployment>;
  readonly told: Look<Told>;
  readonly validating: Look<Listed<Registered>>;
  readonly mutating: Look<Listed<Registered>>;
  readonly kubeSystem: Look<Named>;
  readonly nodes: Look<Listed<Node>>;
}

/** What our replicas were told, by arguments and by file, as far as it concerns the cluster. */
export interface Told {
  /** A rule may refuse. */
  readonly enforcing: boolean;
  readonly manage: string;
  readonly secret?: string;
  readonly ownerReference: boolean;
}

const REGISTRATION = '/apis/admissionregistration.k8s.io/v1';
/** Labels say where we are; the first nodes say it as well as all. */
const NODES = 50;

/** Looks at the cluster. `version` was asked first, to see whether anybody answers. */
export async function viewCluster(api: ApiServer, names: Names, version: Version): Promise<ClusterView> {
  const { namespace } = names;
  const within = `/api/v1/namespaces/${namespace}`;
  const [validating, mutating] = ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations'];
  const deployment = await lookAt<Deployment>(
    api,
    `/apis/apps/v1/namespaces/${namespace}/deployments/${OURS}`,
    `get deployments.apps/${OURS} -n ${namespace}`,
  );
  return {
    names,
    version,
    deployment,
    told: await lookAtTold(api, namespace, deployment),
    configuration: await lookAt(
      api,
      `${REGISTRATION}/${validating}/${names.configuration}`,
      `get ${validating}/${names.configuration}`,
    ),
    namespace: await lookAt(api, within, `get namespaces/${namespace}`),
    service: await lookAt(api, `${within}/services/${OURS}`, `get services/${OURS} -n ${namespace}`),
    validating: await lookAt(api, `${REGISTRATION}/${validating}`, `list ${validating}`),
    mutating: await lookAt(api, `${REGISTRATION}/${mutating}`, `list ${mutating}`),
    kubeSystem: await lookAt(api, '/api/v1/namespaces/kube-system', 'get namespaces/kube-system'),
    nodes: await lookAt(api, `/api/v1/nodes?limit=${NODES}`, 'list nodes'),
  };
}

async function lookAtTold(
  api: ApiServer,
  namespace: string,
  deployment: Look<Deployment>,
): Promise<Look<Told>> {
  if (deployment.kind !== 'seen') return deployment;
  const { containers, volumes = [] } = deployment.value.spec.template.spec;
  const args = containers.flatMap((container) => container.args ?? []);
  const name = volumes.find((volume) => volume.name === 'config')?.configMap?.name;
  if (name === undefined) return { kind: 'seen', value: toldBy(args, '') };
  const file = await lookAt<ConfigMap>(
    api,
    `/api/v1/namespaces/${namespace}/configmaps/${name}`,
    `get configmaps/${name} -n ${namespace}`,
  );
  if (file.kind === 'unknown') return file;
  const key = basename(valueOf(args, 'config') ?? 'config.yaml');
  const text = file.kind === 'seen' ? (file.value.data?.[key] ?? '') : '';
  return { kind: 'seen', value: toldBy(args, text) };
}

/** An argument wins over the file, and that over what we do untold. */
export function toldBy(args: readonly string[], configFile: string): Told {
  const file = mapOf(configFile);
  const text = (flag: string, key = flag) => valueOf(args, flag) ?? textOf(file[key]);
  const modes = [text('mode'), ...valuesOf(file['levels']), ...valuesOf(file['rules'])];
  const secret = text('secret');
  const ownerReference = !args.includes('--no-owner-reference') && file['noOwnerReference'] !== true;
  return {
    enforcing: modes.includes('enforce'),
    manage: text('manage') ?? 'ca',
    ownerReference,
    ...(secret === undefined ? {} : { secret }),
  };
}

/** `--mode=warn` or `--mode warn`. */
function valueOf(args: readonly string[], flag: string): string | undefined {
  const at = args.findIndex((arg) => arg === `--${flag}` || arg.startsWith(`--${flag}=`));
  const found = args[at];
  return found?.includes('=') === true ? found.slice(found.indexOf('=') + 1) : args[at + 1 || Infinity];
}

/** A file that cannot be read says nothing; the replicas themselves refuse it loudly. */
function mapOf(yaml: string): Readonly<Record<string, unknown>> {
  try {
    const [document] = loadAll(yaml);
    return typeof document === 'object' && document !== null ? (document as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function valuesOf(value: unknown): readonly unknown[] {
  return typeof value === 'object' && value !== null ? Object.values(value) : [];
}

/** Our entries: those that call our Service. Somebody may have put one of theirs beside them. */
export function ourEntries({ configuration, names }: ClusterView): readonly RegisteredWebhook[] {
  if (configuration.kind !== 'seen') return [];
  const { webhooks = [] } = configuration.value;
  return webhooks.filter((entry) => isOurs(entry, { namespace: names.namespace, name: OURS }));
}

/** `guard.sigma-admission.svc` is called guard. */
export function shortName(name: string): string {
  return name.replace(/\.sigma-admission\.svc$/, '');
}
