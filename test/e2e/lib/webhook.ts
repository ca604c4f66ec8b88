import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { inNamespaces, webhookConfiguration } from '../../../src/registration/webhook-configuration.ts';
import type { Mode } from '../../../src/policy/mode.ts';
import type { DecisionRecord } from '../../../src/records/decision-record.ts';
import type { Json } from '../../control-plane/api-client.ts';
import type { ControlPlane } from '../../control-plane/control-plane.ts';
import { noted, stopProcess } from '../../control-plane/stop-process.ts';
import { eventually } from '../../lib/eventually.ts';
import { trusting } from '../../lib/trusting.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** The program itself, as a process of its own. */
export interface Webhook {
  readonly url: string;
  readonly port: number;
  readonly authorityPem: string;
  /** Every decision it has recorded so far. */
  readonly records: readonly DecisionRecord[];
  /** What it has said so far, a line each. */
  readonly log: readonly string[];
  /** How many requests an entry has judged; those with these labels. */
  judged(entry: 'guard' | 'observe', labels?: Readonly<Record<string, string>>): Promise<number>;
  stop(): Promise<void>;
}

/** Starts `sigma-admission serve` with the shipped seed rule, unless others are named, and filters; waits until it serves. */
export async function startWebhook(
  mode: Mode | { readonly config: string },
  flags: readonly string[] = [],
  rules: readonly string[] = ['rules/creation_of_pod_in_system_namespace.yml'],
): Promise<Webhook> {
  const directory = mkdtempSync(join(tmpdir(), 'sigma-admission-webhook-'));
  const certs = join(directory, 'certs');
  const ours = Object.entries(process.env).filter(([name]) => !name.startsWith('SIGMA_ADMISSION_'));
  const fixed = [
    '--host',
    '127.0.0.1',
    '--port',
    '0',
    '--metrics-port',
    '0',
    '--drain',
    '0',
    '--certs',
    certs,
  ];
  const said = typeof mode === 'string' ? ['--mode', mode] : ['--config', mode.config];
  const child = noted(
    spawn(process.execPath, ['src/main.ts', 'serve', ...said, ...fixed, '--rules', ...rules, ...flags], {
      cwd: ROOT,
      env: Object.fromEntries(ours),
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  const records: DecisionRecord[] = [];
  createInterface(child.stdout).on('line', (line) => records.push(JSON.parse(line) as DecisionRecord));
  const log: string[] = [];
  createInterface(child.stderr).on('line', (line) => log.push(line));
  const { port, metricsPort } = await eventually('the webhook serves', () => {
    const exit = child.exitCode ?? child.signalCode;
    if (exit !== null) throw new Error(`it exited with ${exit}:\n${log.join('\n')}`);
    const line = log.find((each) => each.includes('"msg":"serving"'));
    return line === undefined ? undefined : (JSON.parse(line) as { port: number; metricsPort: number });
  });
  return {
    url: `https://127.0.0.1:${port}`,
    port,
    authorityPem: readFileSync(join(certs, 'ca.crt'), 'utf8'),
    records,
    log,
    async judged(entry, labels = {}) {
      const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      const wanted = Object.entries({ entry, ...labels }).map(([label, value]) => `${label}="${value}"`);
      return metrics
        .split('\n')
        .filter(
          (line) =>
            line.startsWith('sigma_admission_requests_total{') &&
            wanted.every((label) => line.includes(label)),
        )
        .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    },
    async stop() {
      await stopProcess(child, 'the webhook', () => log);
      rmSync(directory, { recursive: true });
    },
  };
}

export interface Registration {
  readonly mode: Mode;
  /** Without them, everybody reaches guard, and observe is not registered. */
  readonly matchConditions: boolean;
  /** As the manifests have it: pod creations, and nothing else. */
  readonly onlyCreations?: boolean;
  /** By the Service's name rather than by URL, so that the name in the certificate is checked. */
  readonly byService?: boolean;
}

/**
 * Registers the two entries as the manifests do, and also for whatever else is done to pods (`pods/*` is pods, too), so that
 * "no match" is an answer rather than a question never asked. Resolves when the API server acts on it.
 */
export async function register(
  controlPlane: ControlPlane,
  webhook: Webhook,
  { mode, matchConditions, onlyCreations = false, byService = false }: Registration,
): Promise<void> {
  const configuration = trusting(
    webhookConfiguration({
      namespace: 'sigma-admission',
      service: 'sigma-admission',
      port: webhook.port,
      enforcing: mode === 'enforce',
      distribution: 'upstream',
    }),
    webhook.authorityPem,
  );
  const webhooks = configuration.webhooks.slice(0, matchConditions ? 2 : 1).map((entry) => {
    const { service, ...trust } = entry.clientConfig;
    const everythingElse = { ...entry.rules[0], operations: ['*'], resources: ['pods/*'] };
    return {
      ...entry,
      namespaceSelector: inNamespaces(['kube-system', 'default']),
      matchConditions: matchConditions ? entry.matchConditions : [],
      rules: onlyCreations ? entry.rules : [...entry.rules, everythingElse],
      clientConfig: byService ? entry.clientConfig : { ...trust, url: `${webhook.url}${service.path}` },
    };
  });
  if (byService) await createService(controlPlane);
  await apply(controlPlane, { ...configuration, webhooks });
  await eventually('the API server asks this webhook', async () => {
    const name = `sentinel-${Math.random().toString(36).slice(2)}`;
    await controlPlane.api('POST', '/api/v1/namespaces/kube-system/pods?dryRun=All', {
      body: pod(name, 'kube-system'),
    });
    return webhook.records.some((record) => record.name === name);
  });
}

export async function unregister({ api }: ControlPlane): Promise<void> {
  await api(
    'DELETE',
    '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/sigma-admission',
  );
}

async function apply({ api }: ControlPlane, object: Json): Promise<void> {
  const path = `/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/${object['metadata'].name}`;
  const applied = await api('PATCH', `${path}?fieldManager=e2e&force=true`, {
    contentType: 'application/apply-patch+yaml',
    body: object,
  });
  if (applied.status >= 300) throw new Error(JSON.stringify(applied.body));
}

/** An ExternalName, because no cluster IP is to be reached here and EndpointSlices refuse 127.0.0.1. */
async function createService({ api }: ControlPlane): Promise<void> {
  await api('POST', '/api/v1/namespaces', { body: { metadata: { name: 'sigma-admission' } } });
  await api('POST', '/api/v1/namespaces/sigma-admission/services', {
    body: {
      metadata: { name: 'sigma-admission' },
      spec: { type: 'ExternalName', externalName: 'localhost' },
    },
  });
}

/** As small as a pod can be. */
export function pod(name: string, namespace: string, changes: { metadata?: Json; spec?: Json } = {}): Json {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, ...changes.metadata },
    spec: { containers: [{ name: 'c', image: 'busybox:1', command: ['sleep', '1d'] }], ...changes.spec },
  };
}
