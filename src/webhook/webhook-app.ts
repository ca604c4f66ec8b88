import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import type { Registry } from 'prom-client';
import { answerReview, queryOf, type Review } from './answer-review.ts';
import type { CheckCaller } from './client-certificate.ts';
import { createInFlightLimiter, type InFlightLimits } from './in-flight-limiter.ts';
import { readinessOf, type Check } from './readiness.ts';
import { ClientGone, headersRefusal, Refusal, statusOf } from './refusal.ts';
import { send } from './send.ts';

/** What the routes need. */
export interface WebhookAppOptions {
  /** Each entry of the webhook configuration by its name, which is its path: `guard` is asked at `/guard`. */
  readonly entries: Readonly<Record<string, Review>>;
  /** How long the API server waits for the entry at a path, as our own configuration says. No request is given longer. */
  readonly timeoutSeconds: (path: string) => number;
  readonly checks: () => readonly Check[];
  readonly metrics: {
    readonly registry: Pick<Registry, 'contentType' | 'metrics'>;
    /** From the last byte of the request to the answer. */
    answered(entry: string, seconds: number): void;
    /** `entry` is empty for a request to none of them. */
    refused(entry: string, code: number): void;
  };
  /** Called with each fault of our own: the client is told only that there was one. */
  readonly onFault: (error: unknown) => void;
  readonly limits: InFlightLimits;
  /** Absent where every client may ask. */
  readonly checkCaller?: CheckCaller | undefined;
  readonly isDraining: () => boolean;
}

/** Reviews and health. A review does not go through express, whose routing would cost more than all but the parsing of the body. */
export function webhookApp(options: WebhookAppOptions): RequestListener {
  const { entries, timeoutSeconds, checks, metrics, limits, checkCaller, isDraining } = options;
  const limiter = createInFlightLimiter(limits);
  const refuse = createRefuse(options);
  const answers = new Map(
    Object.entries(entries).map(([entry, review]) => {
      const path = `/${entry}`;
      const timeoutMs = 1000 * timeoutSeconds(path);
      const answered = (seconds: number) => metrics.answered(entry, seconds);
      return [path, answerReview({ review, timeoutMs, limiter, answered, refuse })];
    }),
  );
  const app = bareApp();
  for (const path of answers.keys()) app.all(path, only('POST'));
  app
    .route('/healthz')
    .get((_, response) => send(response, 200, 'text/plain', 'ok'))
    .all(only('GET, HEAD'));
  app
    .route('/readyz')
    .get((request, response) => {
      const { isReady, text } = readinessOf([...checks(), servingCheck(isDraining())], performance.now());
      const verbose = queryOf(request.url).has('verbose');
      send(response, isReady ? 200 : 503, 'text/plain', isReady && !verbose ? 'ok' : text);
    })
    .all(only('GET, HEAD'));
  refusing(app, refuse);
  return function webhook(request, response) {
    const answer = request.method === 'POST' ? answers.get(pathOf(request)) : undefined;
    if (answer === undefined) return app(request, response);
    const refusal = headersRefusal(request) ?? checkCaller?.(request.socket);
    if (refusal === undefined) void answer(request, response);
    else refuse(refusal, request, response);
  };
}

function pathOf({ url = '' }: IncomingMessage): string {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}

/** Metrics, on a listener of their own: a scraper need not be a client that may ask for reviews. */
export function metricsApp(options: Pick<WebhookAppOptions, 'metrics' | 'onFault'>): Express {
  const { registry } = options.metrics;
  const app = bareApp();
  app
    .route('/metrics')
    .get(async (_, response) => send(response, 200, registry.contentType, await registry.metrics()))
    .all(only('GET, HEAD'));
  return refusing(app, createRefuse({ ...options, entries: {} }));
}

/** An express app that routes and does nothing else for a request. */
function bareApp(): Express {
  return express()
    .disable('x-powered-by')
    .disable('etag')
    .set('query parser', false)
    .enable('strict routing')
    .enable('case sensitive routing')
    .use((request, _, next) => next(headersRefusal(request)));
}

function servingCheck(draining: boolean): Check {
  return draining
    ? { name: 'serving', state: 'failed', detail: 'shutting down' }
    : { name: 'serving', state: 'ok' };
}

function only(methods: string): RequestHandler {
  return function refuseMethod(_, response) {
    response.setHeader('Allow', methods);
    throw new Refusal(405, `only ${methods} is answered here`);
  };
}

type Refuse = (error: unknown, request: IncomingMessage, response: ServerResponse, uid?: string) => void;

/** Answers with a Status: `statusOf` says which. */
function createRefuse({
  entries,
  metrics,
  onFault,
}: Pick<WebhookAppOptions, 'entries' | 'metrics' | 'onFault'>): Refuse {
  // An unknown path is no label: the client would choose it.
  const entryAt = new Map(Object.keys(entries).map((entry) => [`/${entry}`, entry]));
  return function refuse(error, request, response, uid) {
    if (error instanceof ClientGone) return;
    const status = statusOf(error, uid);
    if (status.code === 500) onFault(error);
    metrics.refused(entryAt.get(pathOf(request)) ?? '', status.code);
    if (response.headersSent) return void response.destroy();
    // The rest of the body is thrown away as it comes, so that the connection can carry another request. The connection ends
    // where the body stopped coming, or where the client may not ask.
    if (status.code === 408 || status.code === 401) response.setHeader('Connection', 'close');
    request.resume();
    send(response, status.code, 'application/json', JSON.stringify(status));
  };
}

/** Refuses what no route of `app` answers, or what went wrong in one. */
function refusing(app: Express, refuse: Refuse): Express {
  app.use(() => {
    throw new Refusal(404, 'nothing is served here');
  });
  // Express knows it by its four parameters.
  const handler: ErrorRequestHandler = (error: unknown, request, response, _next) =>
    refuse(error, request, response);
  return app.use(handler);
}
