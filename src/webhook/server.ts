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
import { createCheckCaller, keepOnlyTrusted } from './client-certificate.ts';
import { followConnections, type ConnectionLimits, type Connections } from './connections.ts';
import { handshakeFailure, type HandshakeFailure } from './handshake-failure.ts';
import type { InFlightLimits } from './in-flight-limiter.ts';
import { refuseConnect, refuseUnreadable } from './refusal.ts';
import { metricsApp, webhookApp, type WebhookAppOptions } from './webhook-app.ts';
import type { CertificateSource, TlsCertificate } from '../certificates/certificate-source.ts';
import type { ClientAuthority } from './client-authority.ts';

/** What to serve, with which certificate. */
export interface ServerOptions extends Omit<
  WebhookAppOptions,
  'limits' | 'isDraining' | 'checkCaller' | 'metrics'
> {
  readonly certificates: CertificateSource;
  /** The clients that may ask the entries: their authority and names, any name if none is given. Absent: every client. */
  readonly callers?: { readonly authority: ClientAuthority; readonly names: readonly string[] } | undefined;
  readonly metrics: WebhookAppOptions['metrics'] & {
    /** A connection ended before it could bring a request. */
    connectionRefused(why: HandshakeFailure | 'too_many'): void;
  };
  /** Called for each failed handshake, most often of a client that does not trust our certificate. */
  readonly onHandshakeFailure?: (error: Error) => void;
  readonly limits?: Partial<Limits>;
}

/** The limits of all clients together. */
export interface Limits extends InFlightLimits, ConnectionLimits {
  /**
   * How long a client may take to send a whole request, from the opening of a new connection on. The API server's
   * deadline cuts a body off long before. Not under 90 s: so long the API server keeps a connection that it opened and
   * then did not need, and its first request must not meet our closing it.
   */
  readonly requestMs: number;
  /** How long a TLS handshake may take: as long as the API server waits for one. */
  readonly handshakeMs: number;
  /**
   * Two for each request that may be in flight. An idle connection took 57 KiB here, one with all the headers it may send
   * 77 KiB: 150 MiB, however many strangers open them and stall. `newcomers` and `kept` leave places for those that are being
   * answered; one connection more is closed as soon as it is opened: the API server calls that `EOF` or `connection reset by
   * peer`, and failurePolicy decides.
   */
  readonly connections: number;
}

const LIMITS: Limits = {
  bodyBytes: 20 * 1024 * 1024,
  bytesInFlight: 64 * 1024 * 1024,
  parsedBytesInFlight: 128 * 1024 * 1024,
  requestsInFlight: 1000,
  requestMs: 100_000,
  handshakeMs: 10_000,
  connections: 2000,
  // Four hundred changes at once, each on a new connection, are twice what an API server has in flight.
  newcomers: 800,
  newcomersPerAddress: 400,
  kept: 1000,
};

/** The API server keeps an idle connection for 90 s, and does not repeat a POST that meets our closing it. */
const KEEP_ALIVE_MS = 95_000;
/** Scrapers are few. */
const METRICS_CONNECTIONS = { connections: 100, newcomers: 50, newcomersPerAddress: 25, kept: 30 };
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
  const { certificates, callers, metrics, onFault, onHandshakeFailure } = options;
  const limits = { ...LIMITS, ...options.limits };
  const shared = {
    // Node would refuse such a request without a Status.
    requireHostHeader: false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: limits.requestMs,
    requestTimeout: limits.requestMs,
    connectionsCheckingInterval: Math.min(limits.requestMs, CHECK_CONNECTIONS_MS),
  };
  const context = () => secureContext(certificates.current(), callers?.authority.current());
  const https = createHttpsServer({
    ...context(),
    // A kubelet's probe brings no certificate: only the entries demand one.
    requestCert: callers !== undefined,
    rejectUnauthorized: false,
    // To a webhook on localhost the API server would speak HTTP/2.
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: limits.handshakeMs,
    ...shared,
  });
  const http = createHttpServer(shared);
  https.maxConnections = limits.connections;
  http.maxConnections = METRICS_CONNECTIONS.connections;
  const onClosed = () => metrics.connectionRefused('too_many');
  const followed = [
    followConnections(https, limits, onClosed),
    followConnections(http, METRICS_CONNECTIONS, onClosed),
  ] as const;
  let draining: Promise<void> | undefined;
  const unanswered = new Set<ServerResponse>();

  function serve(server: Server, connections: Connections, app: RequestListener): void {
    server.on('request', (request, response) => {
      unanswered.add(response);
      const { socket, method } = request;
      request.once('end', () => connections.delivered(socket));
      response.once('close', () => {
        unanswered.delete(response);
        // Health is asked on a new connection each time.
        const isHealth = server === https && method !== 'POST';
        connections.answered(socket, response.statusCode === 200 && response.writableFinished && !isHealth);
      });
      if (draining !== undefined || !connections.mayStay(socket)) closeAfter(response);
      app(request, response);
    });
    server.on('checkExpectation', (request, response) => server.emit('request', request, response));
    server.on('connect', (_, socket) => metrics.refused('', refuseConnect(socket)));
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      const code = refuseUnreadable(error, socket);
      if (code !== undefined) metrics.refused('', code);
    });
  }
  const checkCaller = callers === undefined ? undefined : createCheckCaller(callers.names);
  if (callers !== undefined) keepOnlyTrusted(https, callers.authority, limits.handshakeMs);
  serve(
    https,
    followed[0],
    webhookApp({ ...options, limits, checkCaller, isDraining: () => draining !== undefined }),
  );
  serve(http, followed[1], metricsApp(options));
  https.on('drop', () => metrics.connectionRefused('too_many'));
  // Node's own listener takes it for an unreadable request: what that is answered waits for the end of the handshake.
  https.removeAllListeners('tlsClientError');
  https.on('tlsClientError', (error, socket) => {
    socket.destroy();
    metrics.connectionRefused(handshakeFailure(error));
    onHandshakeFailure?.(error);
  });
  // Connections that are open keep what they agreed on; only new ones get the new certificate.
  const unfollow = [certificates, callers?.authority].map((source) =>
    source?.onChange(() => https.setSecureContext(context())),
  );

  async function drain(drainMs: number): Promise<void> {
    for (const response of unanswered) closeAfter(response);
    if (drainMs > 0) await wait(drainMs);
    for (const stop of unfollow) stop?.();
    // A request that is not whole by now is dropped: the API server asks another replica.
    for (const response of unanswered) if (!response.req.complete) response.req.destroy();
    const closed = [https, http].map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    for (const response of unanswered) await once(response, 'close');
    // A server would wait for a first request, and for ever for the end of a TLS handshake.
    for (const connections of followed) connections.closeAll();
    await Promise.all(closed);
  }
  return {
    async listen({ host, port, metricsPort }) {
      const taken = await listen(https, port, host);
      const metricsTaken = await listen(http, metricsPort, host).catch((error: unknown) => {
        https.close();
        throw error;
      });
      // An error such as EMFILE must not end the connections that are open.
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

function secureContext({ certificatePem, keyPem }: TlsCertificate, clientAuthority: string | undefined) {
  const own = { cert: certificatePem, key: keyPem, minVersion: 'TLSv1.2' } as const;
  // An intermediate in that file counts as one that is trusted, as it does for Go.
  return clientAuthority === undefined ? own : { ...own, ca: clientAuthority, allowPartialTrustChain: true };
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
