import { once } from 'node:events';
import {
  createServer as createHttpServer,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { IntakeLimits } from './server/intake.ts';
import { refuseUnreadable } from './server/refusal.ts';
import { metricsApp, webhookApp, type WebhookAppOptions } from './server/webhook-app.ts';
import type { CertificateSource, TlsCertificate } from './tls/certificate-source.ts';

/** What to serve, with which certificate. */
export interface ServerOptions extends Omit<WebhookAppOptions, 'limits' | 'isDraining'> {
  readonly certificates: CertificateSource;
  readonly limits?: Partial<Limits>;
}

/** What nobody may exceed. */
export interface Limits extends IntakeLimits {
  /**
   * How long a client may take to send a whole request, from the opening of a new connection on. The API server's
   * deadline cuts a body off long before. Not under 90 s: so long the API server keeps a connection that it opened and
   * then did not need, and its first request must not meet our closing it.
   */
  readonly requestMs: number;
}

const LIMITS: Limits = {
  bodyBytes: 20 * 1024 * 1024,
  bytesInFlight: 64 * 1024 * 1024,
  requestsInFlight: 1000,
  requestMs: 100_000,
};

/** The API server keeps an idle connection for 90 s, and does not repeat a POST that meets our closing it. */
const KEEP_ALIVE_MS = 95_000;
/** So long the API server waits for it. */
const HANDSHAKE_MS = 10_000;
const CHECK_CONNECTIONS_MS = 5_000;

/** The webhook, from its first listening to its last answer. */
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
  const { certificates, metrics, onFault } = options;
  const limits = { ...LIMITS, ...options.limits };
  const timeouts = {
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: limits.requestMs,
    requestTimeout: limits.requestMs,
    connectionsCheckingInterval: Math.min(limits.requestMs, CHECK_CONNECTIONS_MS),
  };
  const https = createHttpsServer({
    ...secureContext(certificates.current()),
    // To a webhook on localhost the API server would speak HTTP/2.
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: HANDSHAKE_MS,
    ...timeouts,
  });
  const http = createHttpServer(timeouts);
  let draining: Promise<void> | undefined;
  const unanswered = new Set<ServerResponse>();

  function serve(server: Server, app: RequestListener): void {
    server.on('request', (request, response) => {
      unanswered.add(response);
      response.once('close', () => unanswered.delete(response));
      if (draining !== undefined) closeAfter(response);
      app(request, response);
    });
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      const code = refuseUnreadable(error, socket);
      if (code !== undefined) metrics.refused('', code);
    });
  }
  serve(https, webhookApp({ ...options, limits, isDraining: () => draining !== undefined }));
  serve(http, metricsApp(options));
  // Connections that are open keep what they agreed on; only new ones get the new certificate.
  const stopFollowing = certificates.onChange((next) => https.setSecureContext(secureContext(next)));

  async function drain(drainMs: number): Promise<void> {
    for (const response of unanswered) closeAfter(response);
    if (drainMs > 0) await wait(drainMs);
    stopFollowing();
    const closed = [https, http].map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    for (const response of unanswered) await once(response, 'close');
    // Those that never sent a request: a server would wait for one.
    for (const server of [https, http]) server.closeAllConnections();
    await Promise.all(closed);
  }
  return {
    async listen({ host, port, metricsPort }) {
      const taken = await listen(https, port, host);
      const metricsTaken = await listen(http, metricsPort, host).catch((error: unknown) => {
        https.close();
        throw error;
      });
      // Such as no file descriptor left for one more connection: those that are open must not pay for it.
      for (const server of [https, http]) server.on('error', onFault);
      return { port: taken, metricsPort: metricsTaken };
    },
    drain(drainMs) {
      draining ??= drain(drainMs);
      return draining;
    },
  };
}

/** Tells the client to use another connection next time. */
function closeAfter(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}

function secureContext({ certificatePem, keyPem }: TlsCertificate) {
  return { cert: certificatePem, key: keyPem, minVersion: 'TLSv1.2' } as const;
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
