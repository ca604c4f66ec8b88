import { once } from 'node:events';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import {
  connect as connectTcp,
  type AddressInfo,
  createServer as createTcpServer,
  type Socket,
} from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate as wait } from 'node:timers/promises';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Counter, Registry } from 'prom-client';
import { InvalidReview, type AdmissionReview } from '../../src/kubernetes/admission-review.ts';
import type { Review } from '../../src/webhook/answer-review.ts';
import type { Check } from '../../src/webhook/readiness.ts';
import {
  createServer,
  type Limits,
  type ServerOptions,
  type WebhookServer,
} from '../../src/webhook/server.ts';
import { parsedBytes } from '../../src/kubernetes/parsed-bytes.ts';
import {
  createAuthority,
  issueCertificate,
  type KeyedCertificate,
} from '../../src/certificates/authority.ts';
import type { CertificateSource, TlsCertificate } from '../../src/certificates/certificate-source.ts';

const MIB = 1024 * 1024;
const UID = '0c5f2d3e-3c1b-4a6c-9d7e-5a1f0b7c9e11';
/** As the API server begins it. */
const BODY = `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"${UID}","kind":{"version":"v1","kind":"Pod"},"resource":{"version":"v1","resource":"pods"},"operation":"CREATE","userInfo":{}}}`;
const ALLOWED: AdmissionReview = {
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  response: { uid: UID, allowed: true },
};
const TLS_1_1 = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
const HEAD = 'POST /guard HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';
const JSON_BODY = { 'Content-Type': 'application/json' };

let authority: KeyedCertificate;
let certificates: CertificateSource & { replace(next: TlsCertificate): void };
let server: WebhookServer;
let port: number;
let metricsPort: number;

/** What `/guard` does. */
let review: Review;
let checks: Check[];
let refused: [entry: string, code: number][];
let answered: string[];
let ended: string[];
let faults: unknown[];

beforeAll(async () => {
  authority = await createAuthority({ now: Date.now() });
});
beforeEach(async () => {
  review = async () => ALLOWED;
  checks = [{ name: 'rules', state: 'ok', detail: '1 loaded' }];
  [refused, answered, ended, faults] = [[], [], [], []];
  certificates = sourceOf(await issue());
});
afterEach(() => server.drain(0));

async function issue(): Promise<TlsCertificate> {
  const now = Date.now();
  const names = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] };
  const issued = await issueCertificate({ authority, ...names, now });
  return { ...issued, notBefore: new Date(now), notAfter: new Date(now + 1) };
}

function sourceOf(first: TlsCertificate) {
  let current = first;
  const listeners = new Set<(certificate: TlsCertificate) => void>();
  return {
    current: () => current,
    refused: () => undefined,
    onChange(listener: (certificate: TlsCertificate) => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => listeners.clear(),
    replace(next: TlsCertificate) {
      current = next;
      for (const listener of listeners) listener(next);
    },
  };
}

async function start(
  limits: Partial<Limits> = {},
  registry: Pick<Registry, 'contentType' | 'metrics'> = new Registry(),
  callers?: ServerOptions['callers'],
) {
  server = createServer({
    callers,
    entries: { guard: (...asked) => review(...asked), observe: async () => ALLOWED },
    timeoutSeconds: () => 30,
    certificates,
    checks: () => checks,
    metrics: {
      registry,
      answered: (entry) => answered.push(entry),
      refused: (entry, code) => refused.push([entry, code]),
      connectionRefused: (why) => ended.push(why),
    },
    onFault: (error) => faults.push(error),
    limits,
  });
  ({ port, metricsPort } = await server.listen({ host: '127.0.0.1', port: 0, metricsPort: 0 }));
}

interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string | number>;
  /** Several parts are sent in chunks, without a length. */
  readonly body?: string | Buffer | readonly Buffer[];
  readonly agent?: Agent;
}

interface Answer {
  readonly code: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly clientPort: number | undefined;
}

function ask({ method = 'POST', path = '/guard', headers = JSON_BODY, body = BODY, agent }: Asked = {}) {
  return new Promise<Answer>((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method, path, ca: authority.certificatePem };
    const parts = typeof body === 'string' || Buffer.isBuffer(body) ? [body] : body;
    const length = parts.length === 1 && method === 'POST' ? { 'Content-Length': parts[0]!.length } : {};
    const request = httpsRequest({ ...options, headers: { ...length, ...headers }, agent: agent ?? false });
    request.on('error', reject).on('response', (response) => {
      const { statusCode: code, headers: received, socket } = response;
      const clientPort = socket.localPort;
      text(response).then((read) => resolve({ code, headers: received, text: read, clientPort }), reject);
    });
    if (method === 'POST') for (const part of parts) request.write(part);
    request.end();
  });
}

/** What every refusal looks like. */
function status(code: number, reason: string, message: string, details?: object) {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    ...(details === undefined ? {} : { details }),
    code,
  };
}

/** A review that waits until it is told how to end. */
function heldReview() {
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<AdmissionReview>();
  review = () => {
    begun.resolve();
    return end.promise;
  };
  return { begun: begun.promise, ...end };
}

/** An open TLS connection to speak to by hand. */
async function connect(options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectTls({ host: '127.0.0.1', port, ca: authority.certificatePem, ...options });
  await once(socket, 'secureConnect');
  return socket;
}

/** A TCP connection, on which `said` was written. */
async function connectRaw(said: Buffer = Buffer.alloc(0), to = port): Promise<Socket> {
  const socket = connectTcp(to, '127.0.0.1').on('error', () => {});
  await once(socket, 'connect');
  socket.resume().write(said);
  return socket;
}

/** The authority of those who may ask. */
function clientAuthority() {
  return { current: () => authority.certificatePem, onChange: () => () => {}, close: () => {} };
}

/** Everything that still comes, until the server ends the connection. */
const rest = (socket: TLSSocket) => text(socket);

/** A review of so many bytes. */
const padded = (size: number) => Buffer.from(BODY.padEnd(size));
const inParts = (size: number) => [padded(size).subarray(0, 1000), padded(size).subarray(1000)];
const tooMany = (what: string) => status(503, 'ServiceUnavailable', `too many ${what} in flight`);
const probe = (path: string, method = 'GET') => ask({ method, path });
const serialOf = ({ certificatePem }: TlsCertificate) => new X509Certificate(certificatePem).serialNumber;

function scrape(path = '/metrics') {
  return new Promise<Answer>((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port: metricsPort, path }, (response) => {
      const { statusCode: code, headers } = response;
      text(response).then((read) => resolve({ code, headers, text: read, clientPort: 0 }), reject);
    });
    request.on('error', reject).end();
  });
}

describe('an answer', () => {
  beforeEach(() => start());

  it('is what the review says', async () => {
    const { code, headers, text: body } = await ask({ path: '/guard?timeout=3s' });
    expect([code, body]).toEqual([200, JSON.stringify(ALLOWED)]);
    expect(headers).toEqual({
      'content-type': 'application/json',
      'content-length': String(body.length),
      date: expect.any(String),
      connection: 'close',
    });
    expect([answered, refused, faults]).toEqual([['guard'], [], []]);
  });

  it('is for exactly the bytes that came, in how many parts ever', async () => {
    const seen: unknown[] = [];
    review = async ({ userInfo }) => {
      seen.push(userInfo.username);
      return ALLOWED;
    };
    const body = Buffer.from(BODY.replace('"userInfo":{}', '"userInfo":{"username":"\u{1f512}"}'));
    const middle = body.indexOf('\u{1f512}') + 2;
    await ask({ body: [body.subarray(0, middle), body.subarray(middle)] });
    await ask({ body });
    expect(seen).toEqual(['\u{1f512}', '\u{1f512}']);
    expect((await ask({ body: '' })).code).toBe(400);
  });

  it('has 80 % of the time that the API server waits', async () => {
    const clock = jest.spyOn(Date, 'now').mockReturnValue(1_000_000);
    let deadline = 0;
    review = async (_, given) => {
      deadline = given;
      return ALLOWED;
    };
    await ask({ path: '/guard?timeout=3s' }).finally(() => clock.mockRestore());
    expect(deadline).toBeLessThanOrEqual(1_002_400);
    expect(deadline).toBeGreaterThan(1_002_000);
  });

  it.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON ;q=1'])(
    'is given to %s',
    async (type) => {
      expect((await ask({ headers: { 'Content-Type': type } })).code).toBe(200);
    },
  );
});

describe('a refusal leaves it to failurePolicy', () => {
  const NO_VERDICT = 'no verdict before the deadline';
  const FAULT = 'a fault of our own: the log of the webhook has it';
  const NOT_JSON = status(415, 'UnsupportedMediaType', 'the body must be application/json');

  it.each<[string, Asked, () => void, ReturnType<typeof status>]>([
    [
      'the review has something wrong in it',
      {},
      () => {
        review = async () => {
          throw new InvalidReview('request.operation', 'expected one of CREATE, …, got nothing', UID);
        };
      },
      status(400, 'BadRequest', 'request.operation: expected one of CREATE, …, got nothing', {
        uid: UID,
        causes: [
          {
            reason: 'FieldValueInvalid',
            message: 'expected one of CREATE, …, got nothing',
            field: 'request.operation',
          },
        ],
      }),
    ],
    ['the body is no review', { body: 'hello' }, () => {}, status(400, 'BadRequest', 'not JSON')],
    ['the body has no type', { headers: {} }, () => {}, NOT_JSON],
    ['the body is text', { headers: { 'Content-Type': 'text/plain' } }, () => {}, NOT_JSON],
    ['the body is only like JSON', { headers: { 'Content-Type': 'application/json5' } }, () => {}, NOT_JSON],
    [
      'the body is compressed',
      { headers: { ...JSON_BODY, 'Content-Encoding': 'gzip' } },
      () => {},
      status(415, 'UnsupportedMediaType', 'the body must not be compressed'),
    ],
    [
      'something breaks at once',
      {},
      () => {
        review = () => {
          throw new TypeError('secret');
        };
      },
      status(500, 'InternalError', FAULT, { uid: UID }),
    ],
    [
      'something breaks later',
      {},
      () => {
        review = async () => {
          throw new RangeError('secret');
        };
      },
      status(500, 'InternalError', FAULT, { uid: UID }),
    ],
    [
      'the body is no review, but says of which request',
      { body: BODY.slice(0, -1) },
      () => {},
      status(400, 'BadRequest', 'not JSON'),
    ],
    [
      'what was thrown is no error',
      {},
      () => {
        review = () => Promise.reject('secret');
      },
      status(500, 'InternalError', FAULT, { uid: UID }),
    ],
    [
      'there is no verdict in time',
      { path: '/guard?timeout=20ms' },
      () => {
        review = () => new Promise(() => {});
      },
      status(500, 'InternalError', NO_VERDICT, { uid: UID }),
    ],
    [
      'the verdict comes late, because somebody kept the processor',
      { path: '/guard?timeout=20ms' },
      () => {
        review = async () => {
          const end = performance.now() + 20;
          while (performance.now() < end);
          return ALLOWED;
        };
      },
      status(500, 'InternalError', NO_VERDICT, { uid: UID }),
    ],
  ])('%s', async (_what, asked, arrange, expected) => {
    await start();
    arrange();
    const { code, headers, text: body } = await ask(asked);
    expect(JSON.parse(body)).toEqual(expected);
    expect({ code, headers }).toEqual({
      code: expected.code,
      headers: {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
        date: expect.any(String),
        connection: 'close',
      },
    });
    expect([answered, refused]).toEqual([[], [['guard', expected.code]]]);
    expect(faults).toHaveLength(expected.code === 500 ? 1 : 0);
  });

  it('and the log gets the fault itself', async () => {
    await start();
    const fault = new Error('secret');
    review = async () => {
      throw fault;
    };
    await ask();
    expect(faults).toEqual([fault]);
  });

  it('and an error that comes after the deadline is nobody’s', async () => {
    await start();
    const held = heldReview();
    expect((await ask({ path: '/guard?timeout=20ms' })).code).toBe(500);
    held.reject(new Error('too late'));
    await held.begun;
    review = async () => ALLOWED;
    expect((await ask()).code).toBe(200);
    expect(faults).toHaveLength(1);
  });
});

describe('a verdict', () => {
  let told: boolean[];

  beforeEach(async () => {
    await start();
    told = [];
    review = async (_request, _deadline, delivered) => {
      void delivered.then((is) => told.push(is));
      return ALLOWED;
    };
  });

  const isTold = async () => {
    while (told.length === 0) await wait();
    return told;
  };

  it('is delivered once its answer is out', async () => {
    const answer = ask();
    expect(told).toEqual([]);
    expect((await answer).code).toBe(200);
    expect(await isTold()).toEqual([true]);
  });

  it.each<[string, () => void]>([
    ['comes too late', () => {}],
    ['would have been an error', () => held.reject(new Error('too late'))],
  ])('is not delivered where it %s', async (_what, arrange) => {
    const deliver = review;
    held = heldReview();
    const waiting = review;
    review = async (...asked) => {
      await deliver(...asked);
      return waiting(...asked);
    };
    const { code } = await ask({ path: '/guard?timeout=20ms' });
    arrange();
    held.resolve(ALLOWED);
    expect([code, await isTold()]).toEqual([500, [false]]);
    expect(answered).toEqual([]);
  });
  let held: ReturnType<typeof heldReview>;

  it.each<[string, (socket: TLSSocket) => void]>([
    ['ends its connection', (socket) => socket.end()],
    ['breaks it off', (socket) => socket.destroy()],
  ])('is not delivered where the client %s before it is there', async (_what, hangUp) => {
    const deliver = review;
    held = heldReview();
    const waiting = review;
    review = async (...asked) => {
      await deliver(...asked);
      return waiting(...asked);
    };
    const socket = await connect();
    socket.write(`${HEAD}Content-Length: ${BODY.length}\r\n\r\n${BODY}`);
    await held.begun;
    hangUp(socket);
    expect(await isTold()).toEqual([false]);
    held.resolve(ALLOWED);
    expect((await probe('/healthz')).code).toBe(200);
    expect([answered, refused, faults]).toEqual([[], [], []]);
    socket.destroy();
  });

  it('is not delivered to a client that hung up while the processor was kept from hearing it', async () => {
    const deliver = review;
    review = async (...asked) => {
      const end = performance.now() + 200;
      while (performance.now() < end);
      return deliver(...asked);
    };
    const socket = await connect();
    socket.end(`${HEAD}Content-Length: ${BODY.length}\r\n\r\n${BODY}`);
    expect(await isTold()).toEqual([false]);
    expect([answered, refused, faults]).toEqual([[], [], []]);
    socket.destroy();
  });

  it('has no more time for having been read behind another that took long', async () => {
    const deadlines: number[] = [];
    review = async (_request, deadline) => {
      deadlines.push(deadline - Date.now());
      const end = performance.now() + 300;
      while (performance.now() < end);
      return ALLOWED;
    };
    const sockets = await Promise.all([connect(), connect()]);
    for (const socket of sockets) {
      socket.write(`${HEAD}Content-Length: ${BODY.length}\r\n\r\n${BODY}`);
    }
    while (deadlines.length < 2) await wait();
    for (const socket of sockets) socket.destroy();
    expect(deadlines[0]! - deadlines[1]!).toBeGreaterThan(250);
  });
});

describe('elsewhere', () => {
  beforeEach(() => start());
  const NOTHING = status(404, 'NotFound', 'nothing is served here');

  it.each(['/', '/other', '/guard/', '/GUARD', '/guard/x', '//guard', '/%E0%A4%A', '/metrics', '/__proto__'])(
    'nothing is served at %s',
    async (path) => {
      const { code, text: body } = await ask({ path });
      expect([code, JSON.parse(body), refused]).toEqual([404, NOTHING, [['', 404]]]);
    },
  );

  it.each(['GET', 'PUT', 'DELETE', 'OPTIONS'])('%s is answered by no entry', async (method) => {
    const { code, headers, text: body } = await ask({ method });
    const expected = status(405, 'MethodNotAllowed', 'only POST is answered here');
    expect([code, headers.allow, JSON.parse(body)]).toEqual([405, 'POST', expected]);
    expect(refused).toEqual([['guard', 405]]);
  });

  it('HEAD is answered by no entry, and has no body', async () => {
    const { code, headers, text: body } = await ask({ method: 'HEAD' });
    expect([code, headers.allow, body]).toEqual([405, 'POST', '']);
  });

  it('each entry is its own', async () => {
    review = async () => {
      throw new Error('guard was asked');
    };
    expect((await ask({ path: '/observe' })).code).toBe(200);
    expect(answered).toEqual(['observe']);
  });
});

describe('a body', () => {
  const tooLarge = status(413, 'RequestEntityTooLarge', `the body is over ${20 * MIB} bytes`);
  let agent: Agent;

  beforeEach(() => {
    agent = new Agent({ keepAlive: true, maxSockets: 1 });
  });
  afterEach(() => agent.destroy());

  it.each<[string, (size: number) => Buffer | Buffer[]]>([
    ['with a length', padded],
    ['in chunks', inParts],
  ])('%s may be 20 MiB and not a byte more, and a good one may follow', async (_what, bodyOf) => {
    await start();
    const largest = await ask({ body: bodyOf(20 * MIB), agent });
    expect(largest.code).toBe(200);
    const over = await ask({ body: bodyOf(20 * MIB + 1), agent });
    expect([over.code, JSON.parse(over.text)]).toEqual([413, tooLarge]);
    const good = await ask({ agent });
    expect([good.code, good.clientPort]).toEqual([200, largest.clientPort]);
    expect([answered, refused]).toEqual([['guard', 'guard'], [['guard', 413]]]);
  });

  it('that is announced too large is refused before it comes', async () => {
    await start();
    const socket = await connect();
    socket.write(
      `POST /guard HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${20 * MIB + 1}\r\n\r\n`,
    );
    const [head] = (await once(socket, 'data')) as [Buffer];
    expect(String(head).split('\r\n')[0]).toBe('HTTP/1.1 413 Payload Too Large');
    socket.destroy();
  });

  it('that is bad is followed by a good one on the same connection', async () => {
    await start();
    const answers = [
      await ask({ agent }),
      await ask({ agent, body: '{' }),
      await ask({ agent, headers: { 'Content-Type': 'text/plain' }, body: Buffer.alloc(MIB) }),
      await ask({ agent, path: '/nowhere', body: Buffer.alloc(MIB) }),
      await ask({ agent }),
    ];
    expect(answers.map(({ code }) => code)).toEqual([200, 400, 415, 404, 200]);
    expect(new Set(answers.map(({ clientPort }) => clientPort)).size).toBe(1);
    expect(answers[4]!.headers).toMatchObject({ connection: 'keep-alive', 'keep-alive': 'timeout=95' });
  });

  it('that is nested 100,000 deep breaks nothing', async () => {
    await start();
    const depth = (value: unknown): number => (Array.isArray(value) ? 1 + depth(value[0]) : 0);
    review = async ({ object }) => {
      depth(object!['a']);
      return ALLOWED;
    };
    const deep = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    const { code } = await ask({ body: BODY.replace('"userInfo"', `"object":${deep},"userInfo"`) });
    expect([code, faults]).toEqual([500, [expect.any(RangeError)]]);
    expect((await ask({ path: '/observe' })).code).toBe(200);
  });

  it('that stops coming is cut off at the deadline', async () => {
    await start();
    const socket = await connect();
    socket.write(
      'POST /guard?timeout=50ms HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a"',
    );
    const [head, body] = (await rest(socket)).split('\r\n\r\n');
    expect(head!.split('\r\n')).toEqual(
      expect.arrayContaining(['HTTP/1.1 408 Request Timeout', 'Connection: close']),
    );
    expect(JSON.parse(body!)).toEqual(status(408, 'Timeout', 'the body stopped coming'));
    expect([refused, faults]).toEqual([[['guard', 408]], []]);
    expect((await ask()).code).toBe(200);
  });
});

describe('what is in flight', () => {
  it('is so many requests at most', async () => {
    await start({ requestsInFlight: 1 });
    const held = heldReview();
    const first = ask();
    await held.begun;
    const second = await ask({ path: '/observe' });
    expect([second.code, JSON.parse(second.text)]).toEqual([503, tooMany('requests')]);
    expect(second.headers).not.toHaveProperty('retry-after');
    expect((await ask({ method: 'GET', path: '/healthz' })).code).toBe(200);
    held.resolve(ALLOWED);
    expect((await first).code).toBe(200);
    expect((await ask({ path: '/observe' })).code).toBe(200);
    expect(refused).toEqual([['observe', 503]]);
  });

  it('is so many bytes at most', async () => {
    await start({ bytesInFlight: 1000 });
    const first = await connect();
    first.write(`${HEAD}Content-Length: 600\r\n\r\n`);
    first.write(padded(600).subarray(0, 599));
    let answer = await ask({ path: '/observe', body: padded(402) });
    while (answer.code !== 503) answer = await ask({ path: '/observe', body: padded(402) });
    expect(JSON.parse(answer.text)).toEqual(tooMany('bytes'));
    expect((await ask({ path: '/observe', body: padded(401) })).code).toBe(200);
    first.write(' ');
    await once(first, 'data');
    expect((await ask({ path: '/observe', body: padded(1000) })).code).toBe(200);
    first.destroy();
  });

  it('is so many bytes at most of what bodies become, until each is answered', async () => {
    const body = BODY.replace('"userInfo"', '"object":{"a":[[],[],[]]},"userInfo"');
    const size = parsedBytes(Buffer.from(body));
    await start({ parsedBytesInFlight: 2 * size });
    const held = heldReview();
    const first = ask({ body });
    await held.begun;
    expect((await ask({ path: '/observe', body })).code).toBe(200);
    const second = ask({ body });
    let answer = await ask({ path: '/observe', body });
    while (answer.code !== 503) answer = await ask({ path: '/observe', body });
    expect(JSON.parse(answer.text)).toEqual(tooMany('bytes'));
    held.resolve(ALLOWED);
    expect([(await first).code, (await second).code]).toEqual([200, 200]);
    expect((await ask({ path: '/observe', body })).code).toBe(200);
  });

  it('is no body that would take more than all may', async () => {
    await start({ parsedBytesInFlight: 10_000 });
    review = async () => {
      throw new Error('it was parsed');
    };
    const { code, text: body } = await ask({ body: `[${'[],'.repeat(200)}[]]` });
    const message = 'the body would take more than 10000 bytes once parsed';
    expect([code, JSON.parse(body)]).toEqual([400, status(400, 'BadRequest', message)]);
  });

  it('is four of fifty bodies of 1 MiB of nothing but lists, while these wait', async () => {
    await start();
    const held = heldReview();
    const lists = '[],'.repeat((MIB - 1000) / 3);
    const body = BODY.replace('"userInfo"', `"object":{"a":[${lists}[]]},"userInfo"`);
    let parsed = 0;
    const waiting = review;
    review = (...asked) => {
      parsed += 1;
      return waiting(...asked);
    };
    const asked = Array.from({ length: 50 }, () => ask({ body }));
    while (refused.length < 46) await wait();
    expect([parsed, refused]).toEqual([4, Array.from({ length: 46 }, () => ['guard', 503])]);
    held.resolve(ALLOWED);
    const codes = (await Promise.all(asked)).map(({ code }) => code);
    expect(codes.filter((code) => code === 200)).toHaveLength(4);
  }, 30_000);

  it('are bytes that came, not bytes that were announced', async () => {
    await start({ bytesInFlight: 500 });
    const socket = await connect();
    socket.write(`${HEAD}Content-Length: 500\r\n\r\n`);
    expect((await ask({ body: padded(500) })).code).toBe(200);
    socket.write(padded(500));
    expect(String(((await once(socket, 'data')) as [Buffer])[0])).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    socket.destroy();
  });

  it('is no more what was answered, in whatever way', async () => {
    await start({ requestsInFlight: 1, bytesInFlight: 2000 });
    const answers = [
      await ask({ headers: {} }),
      await ask({ body: padded(2001) }),
      await ask({ body: inParts(2500) }),
      await ask({ body: padded(2000).fill(' ') }),
      await ask({ path: '/nowhere' }),
    ];
    review = () => new Promise(() => {});
    answers.push(await ask({ path: '/guard?timeout=10ms' }));
    review = async () => ALLOWED;
    answers.push(await ask({ body: padded(2000) }));
    expect(answers.map(({ code }) => code)).toEqual([415, 503, 503, 400, 404, 500, 200]);
  });

  it('is no more what a client left', async () => {
    await start({ requestsInFlight: 1, bytesInFlight: BODY.length + 9 });
    const held = heldReview();
    const socket = await connect();
    const head = `${HEAD}Content-Length: ${BODY.length}\r\n\r\n`;
    socket.write(head + BODY);
    await held.begun;
    socket.destroy();
    held.resolve(ALLOWED);
    review = async () => ALLOWED;
    let code: number | undefined = 503;
    while (code === 503) ({ code } = await ask());
    expect(code).toBe(200);

    const halfway = await connect();
    halfway.write(head + BODY.slice(0, 10));
    // Its bytes are in, once there is no room for those of another.
    while (code !== 503) ({ code } = await ask());
    halfway.destroy();
    while (code === 503) ({ code } = await ask());
    expect([code, faults]).toEqual([200, []]);
  });
});

describe('health', () => {
  it('is that it answers', async () => {
    await start();
    checks = [{ name: 'rules', state: 'failed' }];
    const { code, headers, text: body } = await probe('/healthz');
    expect([code, headers['content-type'], body]).toEqual([200, 'text/plain', 'ok']);
    expect((await probe('/healthz', 'HEAD')).code).toBe(200);
    expect((await probe('/healthz', 'POST')).code).toBe(405);
  });

  it('is readiness when all checks hold', async () => {
    await start();
    const { code, text: body } = await probe('/readyz');
    expect([code, body]).toEqual([200, 'ok']);
    const verbose = await probe('/readyz?verbose');
    expect([verbose.code, verbose.text]).toEqual([
      200,
      '[+]rules ok: 1 loaded\n[+]serving ok\nreadyz check passed\n',
    ]);
  });

  it('is no readiness when one does not, and says which', async () => {
    await start();
    checks = [
      ...checks,
      { name: 'cache', state: 'failed', detail: 'not synced' },
      { name: 'other', state: 'failed' },
    ];
    for (const path of ['/readyz', '/readyz?verbose=1']) {
      const { code, headers, text: body } = await probe(path);
      expect([code, headers['content-type'], body]).toEqual([
        503,
        'text/plain',
        '[+]rules ok: 1 loaded\n[-]cache failed: not synced\n[-]other failed\n[+]serving ok\nreadyz check failed\n',
      ]);
    }
    expect(refused).toEqual([]);
  });
});

describe('metrics', () => {
  it('are on a port of their own, in plain HTTP', async () => {
    const registry = new Registry();
    new Counter({ name: 'things_total', help: 'Things.', registers: [registry] }).inc(3);
    await start({}, registry);
    const { code, headers, text: body } = await scrape();
    expect([code, headers['content-type'], body]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
      '# HELP things_total Things.\n# TYPE things_total counter\nthings_total 3\n',
    ]);
  });

  it('are all there is', async () => {
    await start();
    const { code, text: body } = await scrape('/guard');
    expect([code, JSON.parse(body)]).toEqual([404, status(404, 'NotFound', 'nothing is served here')]);
  });

  it('that cannot be collected are a fault', async () => {
    await start(
      {},
      { contentType: Registry.PROMETHEUS_CONTENT_TYPE, metrics: () => Promise.reject(new Error('secret')) },
    );
    const { code, text: body } = await scrape();
    expect([code, JSON.parse(body)]).toEqual([
      500,
      status(500, 'InternalError', 'a fault of our own: the log of the webhook has it'),
    ]);
    expect(faults).toEqual([new Error('secret')]);
  });
});

describe('a connection', () => {
  it('speaks TLS 1.2 or newer', async () => {
    await start();
    await expect(connect(TLS_1_1)).rejects.toThrow(/protocol version|EPROTO/);
    const protocols: (string | null)[] = [];
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await connect({ minVersion: version, maxVersion: version });
      protocols.push(socket.getProtocol());
      socket.destroy();
    }
    expect(protocols).toEqual(['TLSv1.2', 'TLSv1.3']);
  });

  it('speaks HTTP/1.1, whatever else the client offers', async () => {
    await start();
    const socket = await connect({ ALPNProtocols: ['h2', 'http/1.1'] });
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
  });

  it.each([
    ['garbage', 'garbage\r\n\r\n', 400, 'BadRequest', 'not an HTTP request that can be read'],
    [
      'too many headers',
      `POST /guard HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`,
      431,
      'BadRequest',
      'too many headers',
    ],
    [
      'a broken chunk',
      'POST /guard HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      400,
      'BadRequest',
      'not an HTTP request that can be read',
    ],
    ['half a request', 'POST /guard HTTP/1.1\r\nHost: a\r\n', 408, 'Timeout', 'the request stopped coming'],
    ['nothing at all', '', 408, 'Timeout', 'the request stopped coming'],
  ])('that brings %s is told so and ended', async (_what, sent, code, reason, message) => {
    await start({ requestMs: 200 });
    const socket = await connect();
    socket.write(sent);
    const [head, body] = (await rest(socket)).split('\r\n\r\n');
    expect(head!.split('\r\n')).toEqual(
      expect.arrayContaining([
        expect.stringMatching(`^HTTP/1\\.1 ${code} `),
        'Content-Type: application/json',
        'Connection: close',
      ]),
    );
    expect(JSON.parse(body!)).toEqual(status(code, reason, message));
    expect([refused, faults]).toEqual([[['', code]], []]);
    expect((await ask()).code).toBe(200);
  });

  it('that is no TLS, or broken off, hurts nobody', async () => {
    await start();
    const plain = connectTcp(port, '127.0.0.1');
    plain.end('GET / HTTP/1.1\r\n\r\n').resume();
    await once(plain, 'close');
    const abrupt = await connect();
    abrupt.write('POST /guard HTTP/1.1\r\n');
    abrupt.destroy();
    const reset = connectTcp(port, '127.0.0.1');
    await once(reset, 'connect');
    reset.resetAndDestroy();
    expect((await ask()).code).toBe(200);
    expect(faults).toEqual([]);
    expect(ended).toContain('not_tls');
  });

  /** A ClientHello, as a real client sends it. */
  async function clientHello(): Promise<Buffer> {
    const catcher = createTcpServer().listen(0, '127.0.0.1');
    await once(catcher, 'listening');
    const client = connectTls((catcher.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
    const [caught] = (await once(catcher, 'connection')) as [Socket];
    const [hello] = (await once(caught, 'data')) as [Buffer];
    client.destroy();
    caught.destroy();
    catcher.close();
    return hello;
  }

  it.each<[string, (hello: Buffer) => Buffer<ArrayBufferLike>]>([
    ['says nothing', () => Buffer.alloc(0)],
    ['says half a ClientHello', (hello) => hello.subarray(0, hello.length / 2)],
    ['says a ClientHello and nothing more', (hello) => hello],
  ])('that %s is ended at the limit of a handshake, and counted', async (_what, said) => {
    for (const callers of [undefined, { authority: clientAuthority(), names: [] }]) {
      ended = [];
      await start({ handshakeMs: 100 }, new Registry(), callers);
      const sockets = await Promise.all([1, 2, 3].map(() => connectRaw(said(Buffer.alloc(0)))));
      const hello = await clientHello();
      const closed = sockets.map((socket) => once(socket, 'close'));
      for (const socket of sockets) socket.write(said(hello));
      await Promise.all(closed);
      expect([ended, refused, faults]).toEqual([['timeout', 'timeout', 'timeout'], [], []]);
      expect((await probe('/healthz')).code).toBe(200);
      await server.drain(0);
    }
  });

  it('that brings its ClientHello by drops has no longer for it', async () => {
    await start({ handshakeMs: 200 });
    const hello = await clientHello();
    const socket = await connectRaw();
    let sent = 0;
    const drops = setInterval(() => socket.write(hello.subarray(sent, ++sent)), 20);
    await once(socket, 'close');
    clearInterval(drops);
    expect([ended, sent < hello.length]).toEqual([['timeout'], true]);
  });

  it('that cannot be agreed on is counted, by one of few words', async () => {
    await start();
    await expect(connect(TLS_1_1)).rejects.toThrow(/protocol version|EPROTO/);
    while (ended.length < 1) await wait();
    expect(ended).toEqual(['version']);
    expect([refused, faults]).toEqual([[], []]);
  });

  it('is one of so many at most, and another is closed as it is opened', async () => {
    await start({ connections: 2 });
    const open = [await connect(), await connect()];
    await expect(connect()).rejects.toThrow(/disconnected|ECONNRESET/);
    expect(ended).toEqual(['too_many']);
    open[0]!.destroy();
    let code: number | undefined;
    while (code === undefined) code = (await ask().catch(() => undefined))?.code;
    expect(code).toBe(200);
    open[1]!.destroy();
  });

  it('that brings nothing is closed for another, and none that brought a review', async () => {
    await start({ newcomers: 3, newcomersPerAddress: 3 });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const { clientPort } = await ask({ agent });
    const silent = await connectRaw();
    const closed = once(silent, 'close');
    const others = [await connect(), await connectRaw(Buffer.from([22, 3, 1]))];
    expect(ended).toEqual([]);
    const halfway = await connect();
    halfway.on('error', () => {}).write(`${HEAD}Content-Length: 100\r\n\r\n{`);
    await closed;
    expect(ended[0]).toBe('too_many');
    for (let time = 0; time < 10; time += 1) expect((await probe('/healthz')).code).toBe(200);
    expect((await ask({ agent })).clientPort).toBe(clientPort);
    agent.destroy();
    for (const socket of [...others, halfway]) socket.destroy();
  });

  it('that is being answered is closed for no other', async () => {
    await start({ newcomers: 1, newcomersPerAddress: 1 });
    const held = heldReview();
    const first = ask();
    await held.begun;
    for (let time = 0; time < 3; time += 1) await connectRaw();
    held.resolve(ALLOWED);
    expect((await first).code).toBe(200);
  });

  it('ends with its answer where as many as may are kept', async () => {
    await start({ kept: 1 });
    const agents = [1, 2].map(() => new Agent({ keepAlive: true, maxSockets: 1 }));
    const connections = [];
    for (const agent of [...agents, ...agents]) connections.push((await ask({ agent })).headers.connection);
    for (const agent of agents) agent.destroy();
    expect(connections).toEqual(['keep-alive', 'close', 'keep-alive', 'close']);
  });

  it('to the metrics is there for a scrape, however many bring nothing', async () => {
    await start();
    const idle = await Promise.all(Array.from({ length: 150 }, () => connectRaw(undefined, metricsPort)));
    expect((await scrape()).code).toBe(200);
    for (const socket of idle) socket.destroy();
  });

  it('stays as the certificate is replaced, and new ones get the new one', async () => {
    await start();
    const [first, second] = [certificates.current(), await issue()];
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const held = heldReview();
    const during = ask({ agent });
    await held.begun;
    certificates.replace(second);
    held.resolve(ALLOWED);
    const { clientPort } = await during;
    expect((await ask({ agent })).clientPort).toBe(clientPort);
    agent.destroy();
    const socket = await connect();
    expect(socket.getPeerX509Certificate()?.serialNumber).toBe(serialOf(second));
    expect(socket.getPeerX509Certificate()?.serialNumber).not.toBe(serialOf(first));
    socket.destroy();
    await expect(connect(TLS_1_1)).rejects.toThrow(/protocol version|EPROTO/);
  });
});

describe('listening', () => {
  it.each(['port', 'metricsPort'] as const)(
    'on a %s that is taken is an error, and takes nothing',
    async (which) => {
      await start();
      const other = createTcpServer().listen(0, '127.0.0.1');
      await once(other, 'listening');
      const taken = (other.address() as AddressInfo).port;
      const second = createServer({
        entries: {},
        timeoutSeconds: () => 3,
        certificates,
        checks: () => [],
        metrics: {
          registry: new Registry(),
          answered: () => {},
          refused: () => {},
          connectionRefused: () => {},
        },
        onFault: () => {},
      });
      await expect(
        second.listen({ host: '127.0.0.1', port: 0, metricsPort: 0, [which]: taken }),
      ).rejects.toThrow(`EADDRINUSE: address already in use 127.0.0.1:${taken}`);
      other.close();
      await second.drain(0);
    },
  );
});

describe('stopping', () => {
  it('is told to probes at once, while requests are still served, on connections that are not kept', async () => {
    await start();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    await ask({ agent });
    const held = heldReview();
    const begunBefore = ask({ agent: new Agent({ keepAlive: true }) });
    await held.begun;
    const stopped = server.drain(1000);
    const ready = await ask({ method: 'GET', path: '/readyz' });
    expect([ready.code, ready.text]).toEqual([
      503,
      '[+]rules ok: 1 loaded\n[-]serving failed: shutting down\nreadyz check failed\n',
    ]);
    expect((await ask({ method: 'GET', path: '/healthz' })).code).toBe(200);
    const kept = await ask({ agent, path: '/observe' });
    expect([kept.code, kept.headers.connection]).toEqual([200, 'close']);
    const fresh = await ask({ agent: new Agent({ keepAlive: true }), path: '/observe' });
    expect([fresh.code, fresh.headers.connection]).toEqual([200, 'close']);
    held.resolve(ALLOWED);
    const { code, headers } = await begunBefore;
    expect([code, headers.connection]).toEqual([200, 'close']);
    await stopped;
    await expect(ask()).rejects.toThrow('ECONNREFUSED');
  });

  it('waits for no body that still comes when the drain is over', async () => {
    await start();
    const socket = await connect();
    socket.write(`${HEAD}Content-Length: 100\r\n\r\n{`);
    const ended = rest(socket).catch(String);
    await ask();
    while ((await probe('/readyz')).code !== 200);
    await server.drain(0);
    await ended;
    expect([refused, faults]).toEqual([[], []]);
  });

  it('waits for no handshake', async () => {
    await start({ handshakeMs: 3_600_000 });
    const silent = await Promise.all([connectRaw(), connectRaw(Buffer.from([22, 3, 1]))]);
    const closed = silent.map((socket) => once(socket, 'close'));
    await ask();
    await server.drain(0);
    await Promise.all(closed);
    expect(silent.map(({ destroyed }) => destroyed)).toEqual([true, true]);
  });

  it('waits for the answers that are due, and for nothing else', async () => {
    await start();
    const agent = new Agent({ keepAlive: true });
    await ask({ agent });
    const silent = await connect();
    const halfway = await connect();
    halfway.write('POST /guard HTTP/1.1\r\nHost: a\r\n');
    const ends = [silent, halfway].map((socket) => rest(socket).catch(String));
    const held = heldReview();
    const due = ask();
    await held.begun;
    const stopped = server.drain(0);
    await expect(ask()).rejects.toThrow('ECONNREFUSED');
    held.resolve(ALLOWED);
    expect((await due).code).toBe(200);
    await Promise.all([stopped, ...ends]);
  });
});
