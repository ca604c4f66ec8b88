import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect, type ConnectionOptions } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import forge from 'node-forge';
import { Registry } from 'prom-client';
import type { AdmissionReview } from '../../src/kubernetes/admission-review.ts';
import { createServer, type WebhookServer } from '../../src/webhook/server.ts';
import { createAuthority, issueCertificate } from '../../src/certificates/authority.ts';
import { clientSigner, createPki, pkiFiles, type ClientCertificate } from '../control-plane/pki.ts';

const ALLOWED: AdmissionReview = {
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  response: { uid: 'u', allowed: true },
};

const BODY = `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"u","kind":{"version":"v1","kind":"Pod"},"resource":{"version":"v1","resource":"pods"},"operation":"CREATE","userInfo":{}}}`;

/** Whom we believe, and whom we do not. */
let ours: Pki;
let theirs: Pki;
let serving: { readonly ca: string; readonly certificatePem: string; readonly keyPem: string };
let authority: { pem: string; replace(pem: string): void; listeners: Set<(pem: string) => void> };
let server: WebhookServer;
let port: number;
let reviews: number;
let refused: [entry: string, code: number][];

interface Pki {
  readonly authorityPem: string;
  readonly directory: string;
  sign(name: string): ClientCertificate;
}

async function newPki(): Promise<Pki> {
  const directory = mkdtempSync(join(tmpdir(), 'client-certificate-'));
  await createPki(directory);
  const sign = clientSigner(directory);
  return {
    directory,
    authorityPem: readFileSync(pkiFiles(directory).authority, 'utf8'),
    sign: (name) => sign(name, ['system:masters']),
  };
}

beforeAll(async () => {
  [ours, theirs] = await Promise.all([newPki(), newPki()]);
  const ca = await createAuthority({ now: Date.now() });
  const names = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] };
  serving = {
    ca: ca.certificatePem,
    ...(await issueCertificate({ authority: ca, ...names, now: Date.now() })),
  };
});
afterAll(() => {
  for (const { directory } of [ours, theirs]) rmSync(directory, { recursive: true });
});
beforeEach(() => {
  [reviews, refused] = [0, []];
});
afterEach(() => server.drain(0));

async function start(names: readonly string[] = []): Promise<void> {
  const listeners = new Set<(pem: string) => void>();
  authority = {
    pem: ours.authorityPem,
    listeners,
    replace(pem) {
      authority.pem = pem;
      for (const listener of listeners) listener(pem);
    },
  };
  server = createServer({
    timeoutSeconds: () => 3,
    entries: {
      guard: async () => {
        reviews += 1;
        return ALLOWED;
      },
    },
    certificates: {
      current: () => ({ ...serving, notBefore: new Date(), notAfter: new Date() }),
      refused: () => undefined,
      onChange: () => () => {},
      close: () => {},
    },
    callers: {
      names,
      authority: {
        current: () => authority.pem,
        onChange(listener) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
        close: () => {},
      },
    },
    checks: () => [],
    metrics: {
      registry: new Registry(),
      answered: () => {},
      refused: (entry, code) => refused.push([entry, code]),
      connectionRefused: () => {},
    },
    onFault: (error) => {
      throw error;
    },
    // One place: who is refused must not take it.
    limits: { requestsInFlight: 1 },
  });
  ({ port } = await server.listen({ host: '127.0.0.1', port: 0, metricsPort: 0 }));
}

interface Answer {
  readonly code: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function ask(
  client: Partial<ClientCertificate> = {},
  { path = '/guard', method = 'POST', agent }: { path?: string; method?: string; agent?: Agent } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { certificatePem: cert, keyPem: key } = client;
    const identity = cert === undefined || key === undefined ? {} : { cert, key };
    const headers = { 'Content-Type': 'application/json' };
    request(
      { host: '127.0.0.1', port, path, method, ca: serving.ca, ...identity, headers, agent: agent ?? false },
      async (response) =>
        resolve({ code: response.statusCode, headers: response.headers, body: await text(response) }),
    )
      .once('error', reject)
      .end(method === 'POST' ? BODY : undefined);
  });
}

const unauthorized = (message: string) => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message: `only the API server may ask here: ${message}`,
  reason: 'Unauthorized',
  code: 401,
});

/** A certificate of ours with another name beside its CN, or for another use. */
function signed({ cn, dnsName, use }: { cn?: string[]; dnsName?: string; use?: object }): ClientCertificate {
  const { pki, md } = forge;
  const files = pkiFiles(ours.directory);
  const issuer = pki.certificateFromPem(readFileSync(files.authority, 'utf8'));
  const keyPem = readFileSync(files.key, 'utf8');
  const certificate = pki.createCertificate();
  certificate.publicKey = pki.publicKeyFromPem(readFileSync(files.publicKey, 'utf8'));
  certificate.serialNumber = '4001';
  certificate.validity.notBefore = new Date(Date.now() - 60_000);
  certificate.validity.notAfter = new Date(Date.now() + 60_000);
  certificate.setSubject((cn ?? []).map((value) => ({ shortName: 'CN', value })));
  certificate.setIssuer(issuer.subject.attributes);
  certificate.setExtensions([
    { name: 'extKeyUsage', ...(use ?? { clientAuth: true }) },
    ...(dnsName === undefined ? [] : [{ name: 'subjectAltName', altNames: [{ type: 2, value: dnsName }] }]),
  ]);
  certificate.sign(pki.privateKeyFromPem(readFileSync(files.authorityKey, 'utf8')), md.sha256.create());
  return { certificatePem: pki.certificateToPem(certificate), keyPem };
}

it('of our authority lets its holder ask, whatever it is called, where no name is demanded', async () => {
  await start();
  const answer = await ask(ours.sign('anybody'));
  expect([answer.code, answer.body, reviews, refused]).toEqual([200, JSON.stringify(ALLOWED), 1, []]);
});

it('that is missing, or of another authority, leaves it to failurePolicy, and the connection ends', async () => {
  await start();
  const none = await ask();
  expect([none.code, none.headers.connection, JSON.parse(none.body)]).toEqual([
    401,
    'close',
    unauthorized('no client certificate came'),
  ]);
  expect(none.headers['content-type']).toBe('application/json');
  const stranger = await ask(theirs.sign('kube-apiserver'));
  expect([stranger.code, JSON.parse(stranger.body)]).toEqual([
    401,
    unauthorized('the client certificate is refused: CERT_SIGNATURE_FAILURE'),
  ]);
  expect([reviews, refused]).toEqual([
    0,
    [
      ['guard', 401],
      ['guard', 401],
    ],
  ]);
});

it('for servers is none for clients', async () => {
  await start();
  const { code, body } = await ask(signed({ cn: ['kube-apiserver'], use: { serverAuth: true } }));
  expect([code, JSON.parse(body)]).toEqual([
    401,
    unauthorized('the client certificate is refused: INVALID_PURPOSE'),
  ]);
});

it('must carry one of the names that are demanded, as its only CN or as a DNS name', async () => {
  await start(['kube-apiserver', 'front.example']);
  const wanted = [ours.sign('kube-apiserver'), signed({ cn: ['other'], dnsName: 'front.example' })];
  for (const client of wanted) expect((await ask(client)).code).toBe(200);
  const others = [
    ours.sign('kube-apiserver2'),
    ours.sign('Kube-apiserver'),
    ours.sign('front.example,CN=kube-apiserver'),
    ours.sign('x\nCN=kube-apiserver'),
    signed({ cn: ['kube-apiserver', 'somebody'] }),
    signed({ dnsName: '*.example' }),
  ];
  for (const client of others) {
    const { code, body } = await ask(client);
    expect([code, JSON.parse(body)]).toEqual([401, unauthorized('the client certificate has another name')]);
  }
  expect(reviews).toBe(2);
});

it('is not asked of probes, nor for what is not there', async () => {
  await start(['kube-apiserver']);
  const answers = [
    await ask({}, { path: '/healthz', method: 'GET' }),
    await ask({}, { path: '/readyz', method: 'GET' }),
    await ask({}, { path: '/guard', method: 'GET' }),
    await ask({}, { path: '/nowhere' }),
    await ask(theirs.sign('x'), { path: '/healthz', method: 'GET' }),
  ];
  expect(answers.map(({ code }) => code)).toEqual([200, 200, 405, 404, 200]);
});

it.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'is not made good by a %s session that is resumed',
  async (version) => {
    await start();
    const options: ConnectionOptions = {
      host: '127.0.0.1',
      port,
      ca: serving.ca,
      minVersion: version,
      maxVersion: version,
    };
    const first = connect(options);
    const session = once(first, 'session') as Promise<[Buffer]>;
    first.write('GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await text(first);
    const second = connect({ ...options, session: (await session)[0] });
    second.write(
      'POST /guard HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n' +
        `Content-Length: ${BODY.length}\r\n\r\n${BODY}`,
    );
    const reused = once(second, 'secureConnect').then(() => second.isSessionReused());
    const answer = await text(second);
    expect([await reused, answer.split('\r\n')[0], reviews]).toEqual([true, 'HTTP/1.1 401 Unauthorized', 0]);
  },
);

it('counts by the authorities of now: a new connection at once, an open one after one more answer', async () => {
  await start();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const client = ours.sign('kube-apiserver');
  const before = await ask(client, { agent });
  authority.replace(theirs.authorityPem);
  const last = await ask(client, { agent });
  const after = await ask(client, { agent });
  expect([before, last, after].map(({ code, headers }) => [code, headers.connection])).toEqual([
    [200, 'keep-alive'],
    [200, 'close'],
    [401, 'close'],
  ]);
  const next = theirs.sign('kube-apiserver');
  expect((await ask(next)).code).toBe(200);
  agent.destroy();
});
