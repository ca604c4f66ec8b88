import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import type { Registry } from 'prom-client';
import { answerReview, queryOf, type Review } from './answer-review.ts';
import { createIntake, type IntakeLimits } from './intake.ts';
import { ClientGone, Refusal, statusOf } from './refusal.ts';
import { send } from './send.ts';

/** One thing that must be so before requests are welcome, or that an operator wants to see. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail?: string;
}

/** What the routes need. */
export interface WebhookAppOptions {
  /** Each entry of the webhook configuration by its name, which is its path: `guard` is asked at `/guard`. */
  readonly entries: Readonly<Record<string, Review>>;
  readonly checks: () => readonly Check[];
  readonly metrics: {
    readonly registry: Pick<Registry, 'contentType' | 'metrics'>;
    /** From the last byte of the request to the answer. */
    answered(entry: string, seconds: number): void;
    /** `entry` is empty for a request to none of them. */
    refused(entry: string, code: number): void;
  };
  /** What went wrong on our side: the client is told no more than that something did. */
  readonly onFault: (error: unknown) => void;
  readonly limits: IntakeLimits;
  readonly isDraining: () => boolean;
}

/** Reviews and health. */
export function webhookApp(options: WebhookAppOptions): Express {
  const { entries, checks, metrics, limits, isDraining } = options;
  const app = bareApp();
  const admit = createIntake(limits);
  for (const [entry, review] of Object.entries(entries)) {
    app
      .route(`/${entry}`)
      .post(answerReview(review, admit, (seconds) => metrics.answered(entry, seconds)))
      .all(only('POST'));
  }
  app
    .route('/healthz')
    .get((_, response) => send(response, 200, 'text/plain', 'ok'))
    .all(only('GET, HEAD'));
  app
    .route('/readyz')
    .get((request, response) => {
      const all = [...checks(), servingCheck(isDraining())];
      const ok = all.every((check) => check.ok);
      const lines = [...all.map(checkLine), `readyz check ${ok ? 'passed' : 'failed'}\n`].join('\n');
      const verbose = queryOf(request.url).has('verbose');
      send(response, ok ? 200 : 503, 'text/plain', ok && !verbose ? 'ok' : lines);
    })
    .all(only('GET, HEAD'));
  return refusing(app, options);
}

/** Metrics, apart from reviews: who may scrape need not be who may ask. */
export function metricsApp(options: Pick<WebhookAppOptions, 'metrics' | 'onFault'>): Express {
  const { registry } = options.metrics;
  const app = bareApp();
  app
    .route('/metrics')
    .get(async (_, response) => send(response, 200, registry.contentType, await registry.metrics()))
    .all(only('GET, HEAD'));
  return refusing(app, { ...options, entries: {} });
}

/** Routes, and nothing else that express would do for each request. */
function bareApp(): Express {
  return express()
    .disable('x-powered-by')
    .disable('etag')
    .set('query parser', false)
    .enable('strict routing')
    .enable('case sensitive routing');
}

function servingCheck(draining: boolean): Check {
  return draining ? { name: 'serving', ok: false, detail: 'shutting down' } : { name: 'serving', ok: true };
}

/** As the API server's own /readyz says it. */
function checkLine({ name, ok, detail }: Check): string {
  return `${ok ? '[+]' : '[-]'}${name} ${ok ? 'ok' : 'failed'}${detail === undefined ? '' : `: ${detail}`}`;
}

function only(methods: string): RequestHandler {
  return function refuseMethod(_, response) {
    response.setHeader('Allow', methods);
    throw new Refusal(405, `only ${methods} is answered here`);
  };
}

/** Gives whatever has no answer yet a Status: `statusOf` says which. */
function refusing(
  app: Express,
  { entries, metrics, onFault }: Pick<WebhookAppOptions, 'entries' | 'metrics' | 'onFault'>,
): Express {
  // An unknown path is no label: whoever asks would choose it.
  const entryAt = new Map(Object.keys(entries).map((entry) => [`/${entry}`, entry]));
  app.use(() => {
    throw new Refusal(404, 'nothing is served here');
  });
  // Express knows it by its four parameters.
  const refuse: ErrorRequestHandler = (error: unknown, request, response, _next) => {
    if (error instanceof ClientGone) return;
    const status = statusOf(error, request.body);
    if (status.code === 500) onFault(error);
    metrics.refused(entryAt.get(request.path) ?? '', status.code);
    if (response.headersSent) return void response.destroy();
    // The rest of a body is thrown away as it comes, so that the connection is good for another request. Not of one that
    // stopped coming.
    if (status.code === 408) response.setHeader('Connection', 'close');
    request.resume();
    send(response, status.code, 'application/json', JSON.stringify(status));
  };
  return app.use(refuse);
}
