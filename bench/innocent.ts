import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { combine, parseSigma } from '../src/sigma/read/load.ts';
import { loadRuleset } from '../src/policy/load-rules.ts';
import { wantedConfiguration } from '../src/registration/wanted-configuration.ts';
import { inNamespaces } from '../src/registration/webhook-configuration.ts';
import { hasPrograms, startControlPlane, type OwnControlPlane } from '../test/control-plane/control-plane.ts';
import { freePorts } from '../test/control-plane/free-port.ts';
import { eventually } from '../test/lib/eventually.ts';
import { ROUNDS, summary, type Figure } from './figure.ts';
import { ROOT } from './lib/process.ts';

/** In each round, of each way. */
const REQUESTS = 60;

/**
 * What our conditions add to the creation of a pod that no rule can match and nobody is asked about: with the shipped rules,
 * and with 1, 15 and 200 rules. Each way has a namespace of its own, and they take turns request by request.
 */
export async function* innocentFigures(): AsyncIterable<Figure> {
  if (!hasPrograms('etcd', 'kube-apiserver', 'kubectl')) {
    process.stderr.write(
      'api.innocent.*: left out; set KUBEBUILDER_ASSETS to a directory of control plane binaries\n',
    );
    return;
  }
  const controlPlane = await startControlPlane({ without: ['kube-scheduler', 'kube-controller-manager'] });
  try {
    const ways = ['none', ...Object.keys(RULES)];
    for (const way of ways) await makeNamespace(controlPlane, way);
    for (const [way, texts] of Object.entries(RULES)) await register(controlPlane, way, texts);
    const rounds: Record<string, number>[] = [];
    await measure(controlPlane, ways);
    for (let round = 0; round < ROUNDS; round++) rounds.push(await measure(controlPlane, ways));
    const of = (way: string) => rounds.map((round) => (round[way] ?? NaN) - (round['none'] ?? NaN));
    yield summary(
      'api.innocent.none',
      'ms',
      rounds.map(({ none = NaN }) => none),
    );
    yield summary('api.innocent.p50', 'ms added', of('shipped'), '≤ 0.2');
    for (const way of ways.slice(2)) yield summary(`api.innocent.${way}`, 'ms added', of(way));
  } finally {
    await controlPlane.stop();
  }
}

const SHIPPED = readdirSync(join(ROOT, 'rules'))
  .filter((file) => file.endsWith('.yml'))
  .map((file) => readFileSync(join(ROOT, 'rules', file), 'utf8'));

/** What rules about pods ask for. */
const FIELDS = [
  'requestObject.metadata.name|startswith',
  'requestObject.metadata.labels.app',
  'requestObject.spec.serviceAccountName',
  'requestObject.spec.nodeName',
  'requestObject.spec.containers.image|startswith',
  'requestObject.spec.containers.args|contains',
  'requestObject.spec.containers.env.name|endswith',
  'requestObject.spec.initContainers.command|contains',
  'requestObject.spec.volumes.hostPath.path|startswith',
  'requestObject.spec.containers.securityContext.capabilities.add',
];

function madeUp(count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) =>
    JSON.stringify({
      title: `Bench ${at}`,
      id: `00000000-0000-4000-8000-${String(at).padStart(12, '0')}`,
      logsource: { product: 'kubernetes', service: 'audit' },
      detection: {
        selection: {
          verb: 'create',
          'objectRef.resource': 'pods',
          [FIELDS[at % FIELDS.length] ?? '']: `bench-${at}`,
        },
        condition: 'selection',
      },
    }),
  );
}

const RULES: Readonly<Record<string, readonly string[]>> = {
  shipped: SHIPPED,
  '1-rule': madeUp(1),
  '15-rules': madeUp(15),
  '200-rules': madeUp(200),
};

const namespaceOf = (way: string) => `bench-${way}`;

async function makeNamespace({ api }: OwnControlPlane, way: string): Promise<void> {
  await api('POST', '/api/v1/namespaces', { body: { metadata: { name: namespaceOf(way) } } });
  await api('POST', `/api/v1/namespaces/${namespaceOf(way)}/serviceaccounts`, {
    body: { metadata: { name: 'default' } },
  });
}

/** The whole configuration, in one namespace. Nothing listens, and that is fatal: a request that were sent would be refused. */
async function register(controlPlane: OwnControlPlane, way: string, texts: readonly string[]): Promise<void> {
  const { api } = controlPlane;
  const parsed = combine(texts.map((text, at) => parseSigma(`${at}.yml`, text)));
  const { webhooks } = wantedConfiguration(
    {
      name: 'sigma-admission',
      namespace: 'sigma-admission',
      service: 'sigma-admission',
      port: 443,
      distribution: 'upstream',
      modes: { default: 'warn', levels: {}, rules: {} },
    },
    loadRuleset(parsed, { door: 'serve', subresources: 'resource' }),
  );
  const [port] = await freePorts(1);
  const { status, body } = await api(
    'POST',
    '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
    {
      body: {
        metadata: { name: namespaceOf(way) },
        webhooks: webhooks.map((entry) => ({
          ...entry,
          clientConfig: { url: `https://127.0.0.1:${port}${entry.clientConfig.service.path}` },
          failurePolicy: 'Fail',
          ...(entry.clientConfig.service.path.startsWith('/other')
            ? { namespaceSelector: inNamespaces([namespaceOf(way)]) }
            : {}),
        })),
      },
    },
  );
  if (status !== 201) throw new Error(`${way}: ${body['message']}`);
  const hostile = {
    metadata: { name: 'bench-0', labels: { app: 'bench-1' } },
    spec: { ...POD.spec, hostPID: true },
  };
  await eventually(`the conditions of ${way} are in force`, async () => {
    const path = `/api/v1/namespaces/${namespaceOf(way)}/pods?dryRun=All`;
    return (await api('POST', path, { body: hostile })).status === 500;
  });
}

async function measure({ api }: OwnControlPlane, ways: readonly string[]): Promise<Record<string, number>> {
  const times: Record<string, number[]> = Object.fromEntries(ways.map((way) => [way, []]));
  for (let turn = 0; turn < REQUESTS; turn++) {
    for (const way of ways) {
      const start = performance.now();
      const { status, body } = await api('POST', `/api/v1/namespaces/${namespaceOf(way)}/pods?dryRun=All`, {
        body: POD,
      });
      times[way]?.push(performance.now() - start);
      if (status !== 201) throw new Error(`${way}: ${status} ${body['message']}`);
    }
  }
  return Object.fromEntries(
    ways.map((way) => [way, times[way]?.toSorted((a, b) => a - b)[Math.floor(REQUESTS / 2)] ?? NaN]),
  );
}

const CONTAINER = {
  image: 'registry.example/team/app:1.2.3',
  args: ['--listen=:8080', '--verbose'],
  env: Array.from({ length: 5 }, (_, at) => ({ name: `SETTING_${at}`, value: `value ${at}` })),
  securityContext: { allowPrivilegeEscalation: false, runAsNonRoot: true, capabilities: { drop: ['ALL'] } },
  volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
};

/** A pod as applications have it. */
const POD = {
  metadata: { generateName: 'web-', labels: { app: 'web', tier: 'front' } },
  spec: {
    automountServiceAccountToken: false,
    containers: [
      { ...CONTAINER, name: 'app' },
      { ...CONTAINER, name: 'sidecar' },
    ],
    volumes: [
      { name: 'scratch', emptyDir: {} },
      { name: 'config', configMap: { name: 'web', optional: true } },
    ],
  },
};
