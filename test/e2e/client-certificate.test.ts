import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { GUARD, webhookConfiguration } from '../../src/registration/webhook-configuration.ts';
import { createAuthority } from '../../src/certificates/authority.ts';
import {
  startControlPlane,
  type ControlPlane,
  type OwnControlPlane,
} from '../control-plane/control-plane.ts';
import { describeWithControlPlane, describeWithPrograms } from './lib/describe-with-control-plane.ts';
import { eventually } from '../lib/eventually.ts';
import { clientSigner, createPki, pkiFiles, type ClientCertificate } from '../control-plane/pki.ts';
import { pod, register, startWebhook, unregister, type Webhook } from './lib/webhook.ts';
import { trusting } from '../lib/trusting.ts';

const NAME = 'kube-apiserver-webhooks';
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
const DENIAL =
  'admission webhook "guard.sigma-admission.svc" denied the request: Creation Of Pod In System Namespace: pods kube-system/kube-proxy-bv61v by admin (Sigma a80d927d, medium, T1036.005). To allow it, an administrator adds a Sigma filter for this user, or sets rule a80d927d-ac6e-443f-a867-e8d6e3897318 to warn.';

interface Demanding {
  readonly webhook: Webhook;
  /** Who signs for clients, and somebody else who calls himself the same. */
  readonly sign: (name: string) => ClientCertificate;
  readonly signFalsely: (name: string) => ClientCertificate;
  stop(): Promise<void>;
}

/** A webhook in `enforce` that wants to see NAME's certificate. */
async function startDemanding(): Promise<Demanding> {
  const directories = ['client-ca-', 'other-ca-'].map((name) => mkdtempSync(join(tmpdir(), name)));
  await Promise.all(directories.map(createPki));
  const [signer, falseSigner] = directories.map(clientSigner);
  const { authority } = pkiFiles(directories[0] ?? '');
  const webhook = await startWebhook('enforce', ['--client-ca', authority, '--client-name', NAME]);
  return {
    webhook,
    sign: (name) => signer!(name, []),
    signFalsely: (name) => falseSigner!(name, []),
    async stop() {
      await webhook.stop();
      for (const directory of directories) rmSync(directory, { recursive: true });
    },
  };
}

/** Asks without an API server in between. */
function ask(
  { port, authorityPem }: Webhook,
  {
    path = '/guard',
    method = 'POST',
    identity,
  }: { path?: string; method?: string; identity?: ClientCertificate },
): Promise<{ code: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const client = identity && { cert: identity.certificatePem, key: identity.keyPem };
    const headers = { 'content-type': 'application/json' };
    const options = { host: '127.0.0.1', port, path, method, ca: authorityPem, agent: false, headers };
    request({ ...options, ...client }, async (response) =>
      resolve({ code: response.statusCode, body: await text(response) }),
    )
      .once('error', reject)
      .end(method === 'POST' ? '{}' : undefined);
  });
}

async function metric({ log }: Webhook, line: string): Promise<number> {
  const serving = log.find((each) => each.includes('"msg":"serving"')) ?? '';
  const { metricsPort } = JSON.parse(serving) as { metricsPort: number };
  const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  return Number(
    metrics
      .split('\n')
      .find((each) => each.startsWith(`${line} `))
      ?.split(' ')
      .at(-1) ?? 0,
  );
}

describeWithPrograms('An API server that shows a client certificate', () => {
  let demanding: Demanding;
  let webhook: Webhook;
  let controlPlane: OwnControlPlane;
  let directory: string;

  beforeAll(async () => {
    demanding = await startDemanding();
    ({ webhook } = demanding);
    directory = mkdtempSync(join(tmpdir(), 'admission-configuration-'));
    controlPlane = await startControlPlane({
      without: ['kube-controller-manager', 'kube-scheduler'],
      flags: {
        'kube-apiserver': [`--admission-control-config-file=${admissionConfiguration(directory, demanding)}`],
      },
    });
  });
  afterAll(async () => {
    await controlPlane?.stop();
    await demanding.stop();
    rmSync(directory, { recursive: true });
  });

  it.each([
    ['by its Service', true],
    ['by a URL', false],
  ])('is answered, where it calls us %s', async (_what, byService) => {
    await register(controlPlane, webhook, {
      mode: 'enforce',
      matchConditions: true,
      onlyCreations: true,
      byService,
    });
    const { stderr } = await controlPlane.kubectl(['create', '-f', '-'], {
      input: pod('kube-proxy-bv61v', 'kube-system'),
    });
    expect(stderr).toBe(`Error from server (Forbidden): error when creating "STDIN": ${DENIAL}\n`);
    await unregister(controlPlane);
  });

  it('is the only one that is: whoever else asks is told why not, and nothing of it is on record', async () => {
    const { sign, signFalsely } = demanding;
    const before = [
      webhook.records.length,
      await metric(webhook, 'sigma_admission_refusals_total{entry="guard",code="401"}'),
    ];
    const answers = await Promise.all(
      [undefined, signFalsely(NAME), sign('front-proxy-client')].map((identity) =>
        ask(webhook, identity === undefined ? {} : { identity }),
      ),
    );
    expect(answers.map(({ code, body }) => [code, JSON.parse(body).message])).toEqual([
      [401, 'only the API server may ask here: no client certificate came'],
      [401, 'only the API server may ask here: the client certificate is refused: CERT_SIGNATURE_FAILURE'],
      [401, 'only the API server may ask here: the client certificate has another name'],
    ]);
    // Let in, it would be told that this is no review.
    expect((await ask(webhook, { identity: sign(NAME) })).code).toBe(400);
    const after = [
      webhook.records.length,
      await metric(webhook, 'sigma_admission_refusals_total{entry="guard",code="401"}'),
    ];
    expect(after).toEqual([before[0], before[1]! + 3]);
  });

  it('does not keep probes from being answered, which show none', async () => {
    const answers = await Promise.all(
      ['/healthz', '/readyz'].map((path) => ask(webhook, { path, method: 'GET' })),
    );
    expect(answers).toEqual([
      { code: 200, body: 'ok' },
      { code: 200, body: 'ok' },
    ]);
  });
});

/** As the documentation has it: a user's name is the host and port that is called. */
function admissionConfiguration(directory: string, { webhook: { port }, sign }: Demanding): string {
  const { certificatePem, keyPem } = sign(NAME);
  const base64 = (pem: string) => Buffer.from(pem).toString('base64');
  const user = { 'client-certificate-data': base64(certificatePem), 'client-key-data': base64(keyPem) };
  const kubeConfigFile = join(directory, 'kubeconfig.json');
  const file = join(directory, 'admission.json');
  writeFileSync(
    kubeConfigFile,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      users: [
        { name: `sigma-admission.sigma-admission.svc:${port}`, user },
        { name: `127.0.0.1:${port}`, user },
      ],
    }),
  );
  writeFileSync(
    file,
    JSON.stringify({
      apiVersion: 'apiserver.config.k8s.io/v1',
      kind: 'AdmissionConfiguration',
      plugins: [
        {
          name: 'ValidatingAdmissionWebhook',
          configuration: {
            apiVersion: 'apiserver.config.k8s.io/v1',
            kind: 'WebhookAdmissionConfiguration',
            kubeConfigFile,
          },
        },
      ],
    }),
  );
  return file;
}

describeWithControlPlane('An API server that shows no client certificate', (controlPlane) => {
  let demanding: Demanding;
  let webhook: Webhook;

  beforeAll(async () => {
    demanding = await startDemanding();
    ({ webhook } = demanding);
  });
  afterAll(async () => {
    await unregister(controlPlane);
    await demanding.stop();
  });

  it('is not answered, where it must show one: failurePolicy decides', async () => {
    await registerGuard(controlPlane, webhook, webhook.authorityPem);
    const failure = await eventually('the API server asks this webhook', async () => {
      const message = await refusalOf(controlPlane);
      return message?.includes('x509') ? undefined : message;
    });
    expect(failure).toBe(
      'Internal error occurred: failed calling webhook "guard.sigma-admission.svc": failed to call webhook: only the API server may ask here: no client certificate came',
    );
    expect(webhook.records).toEqual([]);
    expect(await metric(webhook, 'sigma_admission_refusals_total{entry="guard",code="401"}')).toBeGreaterThan(
      0,
    );
  });

  it('and that does not trust us either is counted as such', async () => {
    const stranger = await createAuthority({ now: Date.now() });
    await registerGuard(controlPlane, webhook, stranger.certificatePem);
    await eventually('the API server does not trust this webhook', async () =>
      (await refusalOf(controlPlane))?.includes('x509: certificate signed by unknown authority'),
    );
    expect(
      await metric(webhook, 'sigma_admission_connections_refused_total{why="untrusted"}'),
    ).toBeGreaterThan(0);
  });
});

/** What the API server says of a pod that nobody is to make. */
async function refusalOf({ api }: ControlPlane): Promise<string | undefined> {
  const path = '/api/v1/namespaces/kube-system/pods?dryRun=All';
  const { status, body } = await api('POST', path, { body: pod('kube-proxy-bv61v', 'kube-system') });
  return status === 500 ? (body['message'] as string) : undefined;
}

async function registerGuard({ api }: ControlPlane, { url, port }: Webhook, caBundle: string): Promise<void> {
  const { webhooks, ...configuration } = trusting(
    webhookConfiguration({
      namespace: 'sigma-admission',
      service: 'sigma-admission',
      port,
      enforcing: true,
      distribution: 'upstream',
    }),
    caBundle,
  );
  const guard = webhooks.find(({ name }) => name === GUARD);
  if (guard === undefined) throw new TypeError('guard');
  const { service, ...trust } = guard.clientConfig;
  const entry = { ...guard, clientConfig: { ...trust, url: `${url}${service.path}` } };
  const { name } = configuration.metadata;
  const { status, body } = await api('PATCH', `${WEBHOOKS}/${name}?fieldManager=e2e&force=true`, {
    contentType: 'application/apply-patch+yaml',
    body: { ...configuration, webhooks: [entry] },
  });
  if (status >= 300) throw new Error(JSON.stringify(body));
}
