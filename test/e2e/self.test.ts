import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { PROBE_CONFIG_MAP, PROBE_NONCE } from '../../src/registration/probe.ts';
import { PROBE, SELF, webhookConfiguration } from '../../src/registration/webhook-configuration.ts';
import type { Json } from '../control-plane/api-client.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { describeWithControlPlane } from './lib/describe-with-control-plane.ts';
import { eventually } from '../lib/eventually.ts';
import { startWebhook, unregister, type Webhook } from './lib/webhook.ts';
import { trusting } from '../lib/trusting.ts';

const NAMESPACE = 'sigma-admission-self';
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
const BOB = { name: 'bob', groups: ['system:masters', 'ops'] };
const BY_BOB = { username: 'bob', groups: ['system:masters', 'ops', 'system:authenticated'] };

const configMap = (name: string, mode: string): Json => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: NAMESPACE },
  data: { 'config.yaml': `mode: ${mode}\n` },
});
const deployment = (config: string): Json => {
  const labels = { app: 'sigma-admission' };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'sigma-admission', namespace: NAMESPACE },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [
            { name: 'sigma-admission', image: 'registry.example/sigma-admission:1', args: ['serve'] },
          ],
          volumes: [{ name: 'config', configMap: { name: config } }],
        },
      },
    },
  };
};

const anybodyFilter = `title: Anybody
logsource: {product: kubernetes, service: audit}
filter:
  rules: any
  selection: {user.username: '*'}
  condition: not selection
`;

describeWithControlPlane('What is done to us', (controlPlane) => {
  const { api } = controlPlane;
  let webhook: Webhook;
  const directory = mkdtempSync(join(tmpdir(), 'sigma-admission-self-'));

  /** What the log has said of it, a line each. */
  const told = (): Json[] =>
    webhook.log
      .filter((line) => line.includes('changes what we are made of'))
      .map((line) => JSON.parse(line) as Json);
  const toldOf = (found: Json) =>
    eventually('it is told', () =>
      told().find((line) => Object.entries(found).every(([key, value]) => line[key] === value)),
    );

  async function kubectl(args: readonly string[], input?: object): Promise<string> {
    const { stdout, stderr, exitCode } = await controlPlane.kubectl(['-n', NAMESPACE, ...args], {
      user: BOB,
      ...(input === undefined ? {} : { input }),
    });
    expect([stderr, exitCode]).toEqual(['', 0]);
    return stdout;
  }

  beforeAll(async () => {
    const config = join(directory, 'config.yaml');
    writeFileSync(config, 'mode: enforce\n');
    webhook = await startWebhook({ config }, ['--namespace', NAMESPACE]);
    await api('POST', '/api/v1/namespaces', { body: { metadata: { name: NAMESPACE } } });
    await kubectl(['create', '-f', '-'], configMap('sigma-admission-config-abc', 'enforce'));
    await kubectl(['create', '-f', '-'], deployment('sigma-admission-config-abc'));
    await kubectl(['create', 'secret', 'generic', 'sigma-admission-tls', '--from-literal=tls.key=hush']);
    await registerOwn(controlPlane, webhook);
    // A dry run, so that it changes nothing however often it takes.
    await eventually('the API server tells us', async () => {
      await api('PATCH', `/api/v1/namespaces/${NAMESPACE}/configmaps/sigma-admission-config-abc?dryRun=All`, {
        body: { data: { 'config.yaml': 'mode: audit' } },
      });
      return told().length > 0;
    });
  });
  afterAll(async () => {
    await unregister(controlPlane);
    await api('DELETE', `/api/v1/namespaces/${NAMESPACE}`);
    await webhook.stop();
    rmSync(directory, { recursive: true });
  });

  it('as a dry run is told as one', () => {
    const [first] = told();
    expect(first).toMatchObject({
      level: 30,
      what: 'ConfigMap sigma-admission-config-abc',
      dryRun: true,
      lowers: ['mode from enforce to audit'],
      by: { username: 'admin' },
    });
  });

  it('to lower enforce is allowed, and told with whoever the API server named', async () => {
    await kubectl(
      ['apply', '--server-side', '--force-conflicts', '-f', '-'],
      configMap('sigma-admission-config-abc', 'warn'),
    );
    expect(await toldOf({ what: 'ConfigMap sigma-admission-config-abc', dryRun: false })).toMatchObject({
      level: 50,
      operation: 'UPDATE',
      lowers: ['mode from enforce to warn'],
      notable: ['1 key changed: config.yaml'],
      by: BY_BOB,
      msg: 'bob changes what we are made of: ConfigMap sigma-admission-config-abc: mode from enforce to warn; 1 key changed: config.yaml',
    });
  });

  it('as kustomize does it, by another ConfigMap and a Deployment that names it, is told twice', async () => {
    await kubectl(['create', '-f', '-'], configMap('sigma-admission-config-def', 'audit'));
    await kubectl(
      ['apply', '--server-side', '--force-conflicts', '-f', '-'],
      deployment('sigma-admission-config-def'),
    );
    const made = await toldOf({ what: 'ConfigMap sigma-admission-config-def' });
    const named = await toldOf({ what: 'Deployment sigma-admission', operation: 'UPDATE' });
    expect([made['lowers'], made['by'], named['notable'], named['by']]).toEqual([
      ['mode from enforce to audit'],
      BY_BOB,
      ['volume config from ConfigMap sigma-admission-config-abc to ConfigMap sigma-admission-config-def'],
      BY_BOB,
    ]);
  });

  it('a filter that accepts any user, and a rule removed, lower what is in force', async () => {
    const filters = (files: object): object => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'sigma-admission-filters', namespace: NAMESPACE },
      data: files,
    });
    const seed = readFileSync('rules/creation_of_pod_in_system_namespace.yml', 'utf8');
    await kubectl(['create', '-f', '-'], filters({ 'seed.yml': seed }));
    await kubectl(['replace', '-f', '-'], filters({ 'any.yml': anybodyFilter }));
    expect(await toldOf({ what: 'ConfigMap sigma-admission-filters' })).toMatchObject({
      level: 50,
      lowers: [
        'rule a80d927d "Creation Of Pod In System Namespace" removed',
        'filter "Anybody" that accepts any user added',
      ],
      by: BY_BOB,
    });
  });

  it('to the Deployment and the Secret is told, and never what the Secret holds', async () => {
    await kubectl([
      'annotate',
      'deployment/sigma-admission',
      'sigma-admission/break-glass=the cluster burns',
    ]);
    await kubectl(['scale', 'deployment/sigma-admission', '--replicas=0']);
    await kubectl(['delete', 'secret', 'sigma-admission-tls']);
    await toldOf({ what: 'Secret sigma-admission-tls' });
    const notable = told().flatMap((line) => line['notable'] as string[]);
    expect(notable).toEqual(
      expect.arrayContaining(['break-glass put on: the cluster burns', 'replicas from 1 to 0', 'deleted']),
    );
    expect(webhook.log.join()).not.toMatch(/hush|aHVzaA/);
  });

  it('by a probe is a denial that repeats its nonce', async () => {
    const body = { metadata: { name: PROBE_CONFIG_MAP }, data: { [PROBE_NONCE]: 'nonce-7' } };
    const path = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
    const { status, body: answer } = await api('POST', `${path}?dryRun=All`, { body });
    expect([status, answer['message']]).toEqual([
      403,
      'admission webhook "probe.sigma-admission.svc" denied the request: sigma-admission was reached: nonce-7',
    ]);
    expect(webhook.records).toEqual([]);
  });
});

/** The entries about ourselves, and none besides. */
async function registerOwn({ api }: ControlPlane, { url, port, authorityPem }: Webhook): Promise<void> {
  const { webhooks, ...configuration } = trusting(
    webhookConfiguration({
      namespace: NAMESPACE,
      service: 'sigma-admission',
      port,
      enforcing: true,
      distribution: 'upstream',
    }),
    authorityPem,
  );
  const entries = webhooks
    .filter(({ name }) => name === SELF || name === PROBE)
    .map((entry) => {
      const { service, ...trust } = entry.clientConfig;
      return { ...entry, clientConfig: { ...trust, url: `${url}${service.path}` } };
    });
  const { name } = configuration.metadata;
  const { status, body } = await api('PATCH', `${WEBHOOKS}/${name}?fieldManager=e2e&force=true`, {
    contentType: 'application/apply-patch+yaml',
    body: { ...configuration, webhooks: entries },
  });
  if (status >= 300) throw new Error(JSON.stringify(body));
}
