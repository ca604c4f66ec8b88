import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import type { Registry } from 'prom-client';
import { parseGoDuration } from './go-duration.ts';
import { InvalidReview, type AdmissionReview } from './kubernetes/admission-review.ts';
import type { CertificateSource } from './tls/certificate-source.ts';

/** Answers the body of an AdmissionReview before `deadline` (ms since the epoch). */
export type Review = (body: Buffer, deadline: number) => Promise<AdmissionReview>;

/** One thing that must be so before requests are welcome, or that an operator wants to see. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail?: string;
}

export interface ServerOptions {
  /** Each entry of the webhook configuration by its name, which is its path: `guard` is asked at `/guard`. */
  readonly entries: Readonly<Record<string, Review>>;
  readonly certificates: CertificateSource;
  readonly checks: () => readonly Check[];
  readonly metrics: {
    readonly registry: Registry;
    answered(entry: string, seconds: number): void;
    refused(entry: string, code: number): void;
  };
  /** What went wrong on our side: the client is told no more than that something did. */
  readonly onFault: (error: unknown) => void;
  readonly limits?: Partial<Limits>;
}

export interface Limits {
  /**
   * 20 MiB. etcd takes 1.5 MiB; the API server's JSON writes `<`, `>` and `&` as six bytes; a review carries two objects
   * and an envelope: 2 × 6 × 1.5 = 18 MiB, and 2 for the rest. (A 1.3 MB pod of `<` was stored; its review was 7.8 MB.)
   */
  readonly bodyBytes: number;
  /** Three of the largest bodies at once, or thousands of ordinary ones (9 KB). */
  readonly bytesInFlight: number;
  /** More than an API server has requests in flight (600); beyond it waiting only makes everybody late. */
  readonly requestsInFlight: number;
  /** A client that stalls is cut off with 408. The API server itself waits for no webhook longer than 30 s. */
  readonly requestMs: number;
}

const LIMITS: Limits = {
  bodyBytes: 20 * 1024 * 1024,
  bytesInFlight: 64 * 1024 * 1024,
  requestsInFlight: 1000,
  requestMs: 30_000,
};

export interface WebhookServer {
  /** Resolves with the ports taken. */
  listen(address: {
    host?: string | undefined;
    port: number;
    metricsPort: number;
  }): Promise<{ port: number; metricsPort: number }>;
  /** Not ready from now on; serves for `drainMs` more, then ends when the last answer is out. */
  drain(drainMs: number): Promise<void>;
}

/** HTTPS for reviews and health, HTTP for metrics. */
export function createServer(options: ServerOptions): WebhookServer {
  const { certificates, metrics } = options;
  const limits = { ...LIMITS, ...options.limits };
  const state = { draining: false };
  const { certificatePem, keyPem } = certificates.current();
  const https = createHttpsServer(
    {
      cert: certificatePem,
      key: keyPem,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
      // The API server keeps idle connections for 90 s, and does not repeat a POST that meets our closing one.
      keepAliveTimeout: 95_000,
      headersTimeout: limits.requestMs,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: Math.min(limits.requestMs, 5_000),
    },
    webhookApp(options, limits, state),
  );
  const http = createHttpServer(metricsApp(metrics.registry));
  const stopFollowing = certificates.onChange((next) =>
    https.setSecureContext({ cert: next.certificatePem, key: next.keyPem, minVersion: 'TLSv1.2' }),
  );

  return {
    async listen({ host, port, metricsPort }) {
      return { port: await listen(https, port, host), metricsPort: await listen(http, metricsPort, host) };
    },
    async drain(drainMs) {
      state.draining = true;
      await new Promise((resolve) => setTimeout(resolve, drainMs));
      stopFollowing();
      await Promise.all([close(https), close(http)]);
    },
  };
}

function webhookApp(
  { entries, checks, metrics, onFault }: ServerOptions,
  limits: Limits,
  state: { draining: boolean },
): Express {
  const app = bareApp();
  const admit = admission(limits);
  for (const [entry, review] of Object.entries(entries)) {
    const answered = (seconds: number) => metrics.answered(entry, seconds);
    app.post(`/${entry}`, answer({ review, admit, limits, state, answered }));
    app.all(`/${entry}`, () => {
      throw new HttpError(405, 'MethodNotAllowed', 'only POST is answered here');
    });
  }
  app.get('/healthz', (_, response) => {
    response.type('text/plain').send('ok');
  });
  app.get('/readyz', (request, response) => {
    const all = [...checks(), { name: 'serving', ok: !state.draining, detail: 'shutting down' }];
    const ok = all.every((check) => check.ok);
    const verbose = new URL(request.url, 'https://localhost').searchParams.has('verbose');
    response.status(ok ? 200 : 503).type('text/plain');
    response.send(
      verbose || !ok ? `${all.map(checkLine).join('\n')}\nreadyz check ${ok ? 'passed' : 'failed'}\n` : 'ok',
    );
  });
  app.use((request) => {
    throw new HttpError(404, 'NotFound', `nothing is served at ${request.path}`);
  });
  app.use(refusal((request, code) => metrics.refused(entryOf(request, entries), code), onFault));
  return app;
}

/** As the API server's own /readyz says it. */
function checkLine({ name, ok, detail }: Check): string {
  if (!ok) return `[-]${name} failed${detail === undefined ? '' : `: ${detail}`}`;
  return `[+]${name} ok${detail === undefined || name === 'serving' ? '' : `: ${detail}`}`;
}

/** An unknown path is no label: whoever asks would choose it. */
function entryOf(request: Request, entries: ServerOptions['entries']): string {
  const name = request.path.slice(1);
  return Object.hasOwn(entries, name) ? name : '';
}

function metricsApp(registry: Registry): Express {
  const app = bareApp();
  app.get('/metrics', async (_, response) => {
    response.type(registry.contentType).send(await registry.metrics());
  });
  return app;
}

/** No header or query parsing that nobody reads. */
function bareApp(): Express {
  return express().disable('x-powered-by').disable('etag').set('query parser', false);
}

/** Takes a request in, if there is room for its body, and counts it until its answer is out or its client gone. */
function admission({
  bytesInFlight,
  requestsInFlight,
  bodyBytes,
}: Limits): (request: Request, response: Response) => void {
  let bytes = 0;
  let requests = 0;
  return function admit({ headers }, response) {
    if (!/^application\/json *(;|$)/i.test(headers['content-type'] ?? '')) {
      throw new HttpError(415, 'UnsupportedMediaType', 'the body must be application/json');
    }
    if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
      throw new HttpError(415, 'UnsupportedMediaType', 'the body must not be compressed');
    }
    const declared = Number(headers['content-length'] ?? bodyBytes);
    if (declared > bodyBytes) throw tooLarge(bodyBytes);
    if (requests >= requestsInFlight || bytes + declared > bytesInFlight) {
      throw new HttpError(503, 'ServiceUnavailable', 'too much is in flight already');
    }
    requests += 1;
    bytes += declared;
    response.once('close', () => {
      requests -= 1;
      bytes -= declared;
    });
  };
}

/** The whole body, as it came. Express's reader also guesses its type, inflates and decodes it: none of that is wanted here. */
function readBody(request: Request, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limit) chunks.push(chunk);
    });
    request.on('end', () =>
      length > limit ? reject(tooLarge(limit)) : resolve(Buffer.concat(chunks, length)),
    );
    request.on('error', () => reject(new HttpError(400, 'BadRequest', 'the body was cut short')));
  });
}

function tooLarge(limit: number): HttpError {
  return new HttpError(413, 'RequestEntityTooLarge', `the body is over ${limit} bytes`);
}

/** The API server waits 10 s where a configuration says nothing. */
const DEFAULT_TIMEOUT_MS = 10_000;
/** The rest of the time is for the way back: an answer the API server no longer waits for is worth nothing. */
const SHARE_OF_TIMEOUT = 0.8;

interface Answering {
  readonly review: Review;
  readonly admit: (request: Request, response: Response) => void;
  readonly limits: Limits;
  readonly state: { readonly draining: boolean };
  readonly answered: (seconds: number) => void;
}

function answer({ review, admit, limits, state, answered }: Answering): RequestHandler {
  return async function answerReview(request: Request, response: Response) {
    const deadline = Date.now() + (timeoutOf(request.url) ?? DEFAULT_TIMEOUT_MS) * SHARE_OF_TIMEOUT;
    admit(request, response);
    const body = await readBody(request, limits.bodyBytes);
    const read = performance.now();
    const verdict = JSON.stringify(await beforeDeadline(review(body, deadline), deadline));
    if (state.draining) response.setHeader('Connection', 'close');
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(verdict),
    });
    response.end(verdict);
    answered((performance.now() - read) / 1000);
  };
}

/** What the API server says it will wait, as `?timeout=3s`. */
function timeoutOf(url: string): number | undefined {
  const [, text = ''] = /[?&]timeout=([^&]*)/.exec(url) ?? [];
  return parseGoDuration(text);
}

async function beforeDeadline<T>(promise: Promise<T>, deadline: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlineExceeded()), Math.max(0, deadline - Date.now()));
  });
  try {
    const result = await Promise.race([promise, late]);
    if (Date.now() > deadline) throw new DeadlineExceeded();
    return result;
  } finally {
    clearTimeout(timer);
  }
}

class DeadlineExceeded extends Error {
  constructor() {
    super('the deadline passed before there was an answer');
  }
}

/** An answer that is no verdict. `message` is for the client. */
class HttpError extends Error {
  readonly code: number;
  readonly reason: string;

  constructor(code: number, reason: string, message: string) {
    super(message);
    this.code = code;
    this.reason = reason;
  }
}

/**
 * The one place where an exception becomes an answer.
 *
 * | outcome                                  | HTTP          | body   | who decides   |
 * | ---------------------------------------- | ------------- | ------ | ------------- |
 * | a verdict: allowed, warned, denied       | 200           | review | we do         |
 * | not an AdmissionReview v1 we can read    | 400           | Status | failurePolicy |
 * | body too large, no JSON by its type      | 413, 415      | Status | failurePolicy |
 * | too many bytes or requests in flight     | 503           | Status | failurePolicy |
 * | our own fault, or past the deadline      | 500           | Status | failurePolicy |
 * | another path or method                   | 404, 405      | Status | failurePolicy |
 *
 * Never 403 (kubectl would take it for a denial), never 429, a redirect or Retry-After (the API server would call again
 * and again within its timeout).
 */
function refusal(
  refused: (request: Request, code: number) => void,
  onFault: (error: unknown) => void,
): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return function refuse(error: unknown, request, response, _next) {
    const status = statusOf(error);
    if (status.code >= 500 && !(error instanceof HttpError)) onFault(error);
    refused(request, status.code);
    if (response.headersSent) return void response.destroy();
    response.status(status.code).set('Content-Type', 'application/json').end(JSON.stringify(status));
  };
}

function statusOf(error: unknown) {
  const { code, reason, message } = httpErrorOf(error);
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code };
}

function httpErrorOf(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof InvalidReview) {
    const about = error.uid === undefined ? '' : ` (uid ${error.uid})`;
    return new HttpError(400, 'BadRequest', `${error.message}${about}`);
  }
  if (error instanceof DeadlineExceeded) return new HttpError(500, 'InternalError', error.message);
  return new HttpError(500, 'InternalError', 'an error of our own; the log has it');
}

function listen(server: Server, port: number, host: string | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
