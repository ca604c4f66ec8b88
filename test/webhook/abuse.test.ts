import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { createAuthority, issueCertificate } from '../../src/certificates/authority.ts';
import type { AdmissionReview } from '../../src/kubernetes/admission-review.ts';
import { createServer, type ServerOptions, type WebhookServer } from '../../src/webhook/server.ts';
import { clientSigner, createPki, pkiFiles, type ClientCertificate } from '../control-plane/pki.ts';

const ALLOWED: AdmissionReview = {
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  response: { uid: 'u', allowed: true },
};
const BODY = `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"u","kind":{"version":"v1","kind":"Pod"},"resource":{"version":"v1","resource":"pods"},"operation":"CREATE","userInfo":{}}}`;
const JSON_TYPE = 'Content-Type: application/json\r\n';
const HOST = 'Host: a\r\n';
const LAST = 'Connection: close\r\n';

let directory: string;
let clientAuthority: string;
let apiServer: ClientCertificate;
let serving: { readonly ca: string; readonly certificatePem: string; readonly keyPem: string };
let server: WebhookServer;
let port: number;
let metricsPort: number;
let faults: unknown[];
/** Keeps its connection, as the API server does. */
let kept: Agent;
const clients = new Set<Socket>();

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'abuse-'));
  await createPki(directory);
  clientAuthority = readFileSync(pkiFiles(directory).authority, 'utf8');
  apiServer = await clientSigner(directory)('api-server', ['system:masters']);
  const authority = await createAuthority({ now: Date.now() });
  const names = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] };
  serving = {
    ca: authority.certificatePem,
    ...(await issueCertificate({ authority, ...names, now: Date.now() })),
  };
});
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(async () => {
  for (const client of clients) client.destroy();
  clients.clear();
  kept.destroy();
  await server.drain(0);
});

async function start(callers?: ServerOptions['callers']): Promise<void> {
  faults = [];
  kept = new Agent({ keepAlive: true, maxSockets: 1 });
  server = createServer({
    callers,
    entries: { guard: async () => ALLOWED },
    timeoutSeconds: () => 30,
    certificates: {
      current: () => ({ ...serving, notBefore: new Date(), notAfter: new Date() }),
      refused: () => undefined,
      onChange: () => () => {},
      close: () => {},
    },
    checks: () => [],
    metrics: {
      registry: new Registry(),
      answered: () => {},
      refused: () => {},
      connectionRefused: () => {},
    },
    onFault: (error) => faults.push(error),
  });
  ({ port, metricsPort } = await server.listen({ host: '127.0.0.1', port: 0, metricsPort: 0 }));
}

/** The code of an answer to the API server, on the connection it keeps or on a new one. */
function ask(method: 'GET' | 'POST', path: string, agent: Agent | false): Promise<number | undefined> {
  const { certificatePem: cert, keyPem: key } = apiServer;
  const options = { host: '127.0.0.1', port, ca: serving.ca, cert, key };
  return new Promise((resolve, reject) => {
    httpsRequest({ ...options, method, path, agent, headers: { 'Content-Type': 'application/json' } })
      .on('response', (response) => text(response).then(() => resolve(response.statusCode), reject))
      .on('error', reject)
      .end(method === 'POST' ? BODY : undefined);
  });
}

/** What the API server and a kubelet are told. */
const genuine = () =>
  Promise.all([ask('POST', '/guard', kept), ask('POST', '/guard', false), ask('GET', '/healthz', false)]);
const SERVED = [200, 200, 200];

function follow<Client extends Socket>(client: Client): Client {
  clients.add(client);
  return client.on('error', () => {}).once('close', () => clients.delete(client));
}

async function connect(options: ConnectionOptions = {}): Promise<Socket> {
  const socket = follow(connectTls({ host: '127.0.0.1', port, ca: serving.ca, ...options }));
  await once(socket, 'secureConnect');
  return socket;
}

/** All that comes until the server closes the connection, also where that cuts off what is being sent. */
async function rest(socket: Socket): Promise<string> {
  let read = '';
  socket.on('data', (chunk) => (read += String(chunk)));
  if (!socket.closed) await once(socket, 'close').catch(() => {});
  return read;
}

const post = (headers: string, body = '', { path = '/guard', version = '1.1', host = HOST } = {}) =>
  `POST ${path} HTTP/${version}\r\n${host}${JSON_TYPE}${headers}\r\n${body}`;
const length = (bytes: number) => `Content-Length: ${bytes}\r\n`;
const REVIEW = post(LAST + length(BODY.length), BODY);
const KEPT_REVIEW = post(length(BODY.length), BODY);
const CHUNKED = 'Transfer-Encoding: chunked\r\n';
/** The deadline of a body that stops coming. */
const SOON = { path: '/guard?timeout=50ms' };
const chunk = (data: string) => `${data.length.toString(16)}\r\n${data}\r\n`;
const bodiless = (method: string) => `${method} /guard HTTP/1.1\r\n${HOST}${LAST}\r\n`;

describe('a client that abuses HTTP gets a Status or a close, and the API server its answers', () => {
  it.each<[string, string, string]>([
    ...['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'].map((method): [string, string, string] => [
      method,
      bodiless(method),
      '405',
    ]),
    ['CONNECT', `CONNECT a:443 HTTP/1.1\r\n${HOST}\r\n`, '405'],
    ['CONNECT without a Host', 'CONNECT a:443 HTTP/1.1\r\n\r\n', '405'],
    ['an unknown method', bodiless('BREW'), '400'],
    ['HTTP/1.0', post(length(BODY.length), BODY, { version: '1.0', host: '' }), '200'],
    ['HTTP/9.9', post(length(BODY.length), BODY, { version: '9.9' }), '400'],
    ['no version, which is HTTP/0.9', 'GET /guard\r\n\r\n', '405'],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '400'],
    ['an upgrade', post(`Connection: Upgrade, close\r\nUpgrade: h2c\r\n${length(BODY.length)}`, BODY), '200'],
    ['no Host', post(LAST + length(BODY.length), BODY, { host: '' }), '400'],
    ['no Host at /healthz', `GET /healthz HTTP/1.1\r\n${LAST}\r\n`, '400'],
    ['Expect: 100-continue', post(`Expect: 100-continue\r\n${LAST}${length(BODY.length)}`, BODY), '100 200'],
    ['another Expect', post(`Expect: a-miracle\r\n${LAST}${length(BODY.length)}`, BODY), '417'],
    ['another Expect at /healthz', `GET /healthz HTTP/1.1\r\n${HOST}Expect: a\r\n${LAST}\r\n`, '417'],
    ['a body that is longer than announced', post(length(10), BODY), '400'],
    ['a body that is shorter than announced', post(length(BODY.length + 1), BODY, SOON), '408'],
    ['a negative Content-Length', post(length(-1), BODY), '400'],
    ['two Content-Lengths', post(length(1) + length(BODY.length), BODY), '400'],
    ['Content-Length with chunks', post(CHUNKED + length(BODY.length), BODY), '400'],
    ['an announced body of 21 MiB', post(LAST + length(21 * 1024 * 1024)), '413'],
    ['chunks', post(LAST + CHUNKED, `${chunk(BODY)}0\r\n\r\n`), '200'],
    ['chunks with trailers', post(LAST + CHUNKED, `${chunk(BODY)}0\r\nA: b\r\n\r\n`), '200'],
    ['garbage for a chunk', post(CHUNKED, 'zz\r\n'), '400'],
    ['a chunk whose size overflows', post(CHUNKED, `${'F'.repeat(17)}\r\n`), '400'],
    ['a chunk of 21 MiB that does not come', post(CHUNKED, '1500000\r\n{', SOON), '408'],
    ['chunks that do not end', post(CHUNKED, chunk(BODY), SOON), '408'],
    ['17 KB of headers', post(`A: ${'x'.repeat(17_000)}\r\n`), '431'],
    ['5,000 headers', post('A: b\r\n'.repeat(5000)), '431'],
    ['a URL of 20 KB', bodiless(`GET /${'x'.repeat(20_000)}`), '431'],
    ['NUL in a header', post('A: \0\r\n'), '400'],
    ['a space before a colon', post('A : b\r\n'), '400'],
    ['200 pipelined reviews', KEPT_REVIEW.repeat(199) + REVIEW, Array(200).fill('200').join(' ')],
  ])('%s', async (_what, said, codes) => {
    await start();
    const socket = await connect();
    const told = rest(socket);
    const meanwhile = genuine();
    socket.write(said);
    const answers = await told;
    const found = [...answers.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, code]) => code!);
    expect(found.join(' ')).toBe(codes);
    expect(answers.split('"kind":"Status"')).toHaveLength(1 + found.filter((code) => code >= '400').length);
    expect([await meanwhile, await genuine(), faults]).toEqual([SERVED, SERVED, []]);
  });

  it.each<[string, () => Promise<Socket>]>([
    ['plain HTTP', async () => follow(connectTcp(port, '127.0.0.1'))],
    [
      'TLS, then garbage instead of its records',
      async () => {
        const tcp = follow(connectTcp(port, '127.0.0.1'));
        const socket = follow(connectTls({ socket: tcp, ca: serving.ca, host: '127.0.0.1' }));
        await once(socket, 'secureConnect');
        return tcp;
      },
    ],
  ])('%s is closed', async (_what, open) => {
    await start();
    const socket = await open();
    const closed = once(socket, 'close');
    socket.resume().write('GET / HTTP/1.1\r\n\r\n');
    await closed;
    expect([await genuine(), faults]).toEqual([SERVED, []]);
  });

  it.each<[string, string, number]>([
    ['before its answer', REVIEW, 100],
    ['in its body', post(length(1000), BODY), 100],
    ['in its headers', `POST /guard HTTP/1.1\r\n${HOST}`, 100],
    ['with 1,000 pipelined reviews', KEPT_REVIEW.repeat(1000), 3],
  ])(
    'a client that goes away %s leaves no connection behind',
    async (_when, said, times) => {
      await start();
      const before = openSockets();
      for (let round = 0; round < times; round += 1) {
        const socket = await connect();
        await new Promise((resolve) => socket.write(said, resolve));
        socket.destroy();
      }
      while (openSockets() > before) await turn();
      expect([await genuine(), faults]).toEqual([SERVED, []]);
    },
    30_000,
  );
});

const openSockets = () =>
  process.getActiveResourcesInfo().filter((resource) => /^(TCP|TLS)/.test(resource)).length;

describe.each<[string, () => ServerOptions['callers']]>([
  ['without a client CA', () => undefined],
  [
    'with a client CA',
    () => ({
      names: [],
      authority: { current: () => clientAuthority, onChange: () => () => {}, close: () => {} },
    }),
  ],
])('%s', (_what, callers) => {
  it.each(['127.0.0.1', '127.0.0.2'])(
    'the API server is served while strangers at %s stall',
    async (localAddress) => {
      await start(callers());
      expect(await genuine()).toEqual(SERVED);
      const stall = async (to: number, said: string | Buffer) => {
        const socket = follow(connectTcp({ port: to, host: '127.0.0.1', localAddress }));
        await once(socket, 'connect');
        socket.resume().write(said);
      };
      const stallInTls = async (said: string) => {
        const socket = await connect({ port, localAddress } as ConnectionOptions);
        socket.resume().write(said);
      };
      const each = <T>(open: () => Promise<T>) => Array.from({ length: 60 }, open);
      await Promise.all([
        ...each(() => stall(port, '')),
        ...each(() => stall(port, Buffer.from('16030100ff0100', 'hex'))),
        ...each(() => stallInTls(`POST /guard HTTP/1.1\r\n${HOST}`)),
        ...each(() => stallInTls(post(length(1000), BODY))),
        ...each(() => stall(metricsPort, `GET /metrics HTTP/1.1\r\n`)),
        ...each(() => stall(metricsPort, '')),
      ]);
      for (let round = 0; round < 10; round += 1) expect(await genuine()).toEqual(SERVED);
      expect(await scrape()).toBe(200);
      await server.drain(0);
      while (clients.size > 0) await turn();
      expect(faults).toEqual([]);
    },
    60_000,
  );
});

async function scrape(): Promise<number | undefined> {
  const request = get({ host: '127.0.0.1', port: metricsPort, path: '/metrics', agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  await text(response);
  return response.statusCode;
}
