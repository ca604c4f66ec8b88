import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Json } from '../test/control-plane/api-client.ts';
import { startControlPlane, hasPrograms, type OwnControlPlane } from '../test/control-plane/control-plane.ts';
import { eventually } from '../test/lib/eventually.ts';
import { freePorts } from '../test/control-plane/free-port.ts';
import { startNode, stop } from './lib/process.ts';
import { cpuSeconds } from './cpu-seconds.ts';
import { ROUNDS, summary, type Figure } from './figure.ts';

const REQUESTS = 200;
const CONCURRENCIES = [1, 8];

/** Each way of being asked has a namespace of its own, so that all stand side by side and rounds can be interleaved. */
const WAYS = ['none', 'bare', 'guard', 'warned', 'denied', 'observe', 'vap'] as const;
type Way = (typeof WAYS)[number];

const namespaceOf = (way: Way) => `bench-${way}`;

/**
 * What a webhook adds to a pod's creation at a real API server, as a multiple of what a bare handler adds, which is what
 * being asked costs at all.
 */
export async function* apiServerFigures(): AsyncIterable<Figure> {
  if (!hasPrograms('etcd', 'kube-apiserver', 'kubectl')) {
    process.stderr.write(
      'api.*: left out; set KUBEBUILDER_ASSETS to a directory of control plane binaries\n',
    );
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), 'bench-api-'));
  const controlPlane = await startControlPlane({ without: ['kube-scheduler', 'kube-controller-manager'] });
  const processes: ChildProcess[] = [];
  try {
    const ours = await startWebhooks(directory, processes);
    await register(controlPlane, directory, ours);
    for (const concurrency of CONCURRENCIES) {
      for (const kind of ['dry', 'real'] as const) {
        const rounds: Record<Way, Sample>[] = [];
        await measure(controlPlane, concurrency, kind);
        for (let round = 0; round < ROUNDS; round++)
          rounds.push(await measure(controlPlane, concurrency, kind));
        yield* figuresOf(rounds, `${kind}.${concurrency}`);
      }
    }
    const [webhook] = processes;
    if (webhook !== undefined) yield* cpuFigure(controlPlane, webhook);
  } finally {
    await Promise.all(processes.map(stop));
    await controlPlane.stop();
    rmSync(directory, { recursive: true });
  }
}

interface Sample {
  readonly p50: number;
  readonly p99: number;
}

function* figuresOf(rounds: readonly Record<Way, Sample>[], suffix: string): Iterable<Figure> {
  const added = (round: Record<Way, Sample>, way: Way, at: keyof Sample) => round[way][at] - round.none[at];
  yield summary(
    `api.none.p50.${suffix}`,
    'ms',
    rounds.map((round) => round.none.p50),
  );
  yield summary(
    `api.bare.p50.${suffix}`,
    'ms added',
    rounds.map((round) => added(round, 'bare', 'p50')),
  );
  for (const way of WAYS.filter((each) => each !== 'none' && each !== 'bare')) {
    for (const at of ['p50', 'p99'] as const) {
      const target = at === 'p50' && way !== 'vap' ? '≤ 1.1' : undefined;
      const ratios = rounds.map((round) => added(round, way, at) / added(round, 'bare', at));
      yield summary(`api.${way}.${at}.${suffix}`, '× bare added', ratios, target);
    }
  }
}

/** CPU seconds our process spends on a thousand allowed requests. */
async function* cpuFigure(controlPlane: OwnControlPlane, webhook: ChildProcess): AsyncIterable<Figure> {
  const seconds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = cpuSeconds(webhook.pid);
    await create(controlPlane, 'guard', 8, 'dry');
    seconds.push((cpuSeconds(webhook.pid) - before) * (1000 / REQUESTS));
  }
  yield summary('api.guard.cpu', 's/1000 requests', seconds);
}

async function measure(controlPlane: OwnControlPlane, concurrency: number, kind: 'dry' | 'real') {
  const samples: Partial<Record<Way, Sample>> = {};
  for (const way of WAYS) samples[way] = await create(controlPlane, way, concurrency, kind);
  return samples as Record<Way, Sample>;
}

async function create(
  { api }: OwnControlPlane,
  way: Way,
  concurrency: number,
  kind: 'dry' | 'real',
): Promise<Sample> {
  const path = `/api/v1/namespaces/${namespaceOf(way)}/pods`;
  const expected = way === 'denied' ? 403 : 201;
  const times: number[] = [];
  let left = REQUESTS;
  async function client(): Promise<void> {
    while (left-- > 0) {
      const start = performance.now();
      const { status, body } = await api('POST', kind === 'dry' ? `${path}?dryRun=All` : path, { body: POD });
      times.push(performance.now() - start);
      if (status !== expected) throw new Error(`${way}: ${status} ${body['message']}`);
    }
  }
  await Promise.all(Array.from({ length: concurrency }, client));
  if (kind === 'real') await api('DELETE', `${path}?gracePeriodSeconds=0`);
  const sorted = times.toSorted((a, b) => a - b);
  return {
    p50: sorted[Math.floor(sorted.length / 2)] ?? NaN,
    p99: sorted[Math.floor(sorted.length * 0.99)] ?? NaN,
  };
}

const POD = {
  metadata: { generateName: 'bench-' },
  spec: { automountServiceAccountToken: false, containers: [{ name: 'c', image: 'busybox:1' }] },
};

interface Urls {
  readonly warn: string;
  readonly enforce: string;
  readonly bare: string;
}

async function startWebhooks(directory: string, processes: ChildProcess[]): Promise<Urls> {
  const matched = ['warned', 'denied'].map((way) => `bench-${way}`);
  writeFileSync(
    join(directory, 'rule.yml'),
    JSON.stringify({
      title: 'Bench',
      id: '00000000-0000-4000-8000-000000000001',
      logsource: { product: 'kubernetes', service: 'audit' },
      detection: {
        selection: { verb: 'create', 'objectRef.resource': 'pods', 'objectRef.namespace': matched },
        condition: 'selection',
      },
    }),
  );
  const [warn = 0, enforce = 0, bare = 0] = await freePorts(3);
  const ours = (mode: string, port: number) => {
    const quiet = ['--drain', '0', '--log-level', 'silent', '--metrics-port', '0', '--host', '127.0.0.1'];
    const rules = ['--rules', join(directory, 'rule.yml'), '--filters', 'filters', '--certs', directory];
    return ['src/main.ts', 'serve', '--mode', mode, '--port', String(port), ...rules, ...quiet];
  };
  const start = async (args: readonly string[], port: number) => {
    processes.push(startNode(args));
    await eventually(`${args[0]} answers`, () => isListening(port));
  };
  await start(ours('warn', warn), warn);
  await start(ours('enforce', enforce), enforce);
  await start(['bench/reference-server.ts', directory, String(bare), 'echo'], bare);
  const [urlOfWarn = '', urlOfEnforce = '', urlOfBare = ''] = [warn, enforce, bare].map(
    (port) => `https://127.0.0.1:${port}`,
  );
  return { warn: urlOfWarn, enforce: urlOfEnforce, bare: urlOfBare };
}

async function isListening(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/`).then(
    () => true,
    (error: Error) => !String((error.cause as NodeJS.ErrnoException).code).includes('ECONNREFUSED'),
  );
}

async function register(
  controlPlane: OwnControlPlane,
  directory: string,
  { warn, enforce, bare }: Urls,
): Promise<void> {
  const { api } = controlPlane;
  const caBundle = readFileSync(join(directory, 'ca.crt')).toString('base64');
  for (const way of WAYS) {
    await api('POST', '/api/v1/namespaces', { body: { metadata: { name: namespaceOf(way) } } });
    await api('POST', `/api/v1/namespaces/${namespaceOf(way)}/serviceaccounts`, {
      body: { metadata: { name: 'default' } },
    });
  }
  const entry = (way: Way, url: string) => ({
    name: `${way}.bench.sigma-admission.svc`,
    clientConfig: { url, caBundle },
    rules: [RULE],
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespaceOf(way) } },
    sideEffects: 'NoneOnDryRun',
    admissionReviewVersions: ['v1'],
    failurePolicy: 'Fail',
  });
  await posted(controlPlane, 'validatingwebhookconfigurations', {
    metadata: { name: 'bench' },
    webhooks: [
      entry('bare', `${bare}/guard`),
      entry('guard', `${warn}/guard`),
      entry('warned', `${warn}/guard`),
      entry('denied', `${enforce}/guard`),
      entry('observe', `${warn}/observe`),
    ],
  });
  await posted(controlPlane, 'validatingadmissionpolicies', {
    metadata: { name: 'bench' },
    spec: {
      matchConstraints: { resourceRules: [RULE] },
      validations: [
        {
          expression: "request.namespace != 'kube-system' || request.userInfo.username.startsWith('system:')",
        },
      ],
    },
  });
  await posted(controlPlane, 'validatingadmissionpolicybindings', {
    metadata: { name: 'bench' },
    spec: {
      policyName: 'bench',
      validationActions: ['Deny'],
      matchResources: {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespaceOf('vap') } },
      },
    },
  });
  await eventually('the webhooks are asked', async () => {
    const { status } = await api('POST', `/api/v1/namespaces/${namespaceOf('denied')}/pods?dryRun=All`, {
      body: POD,
    });
    return status === 403;
  });
}

const RULE = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] };

async function posted({ api }: OwnControlPlane, resource: string, object: Json): Promise<void> {
  const { status, body } = await api('POST', `/apis/admissionregistration.k8s.io/v1/${resource}`, {
    body: object,
  });
  if (status !== 201) throw new Error(`${resource}: ${body['message']}`);
}
