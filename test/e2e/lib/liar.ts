import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { KeyedCertificate } from '../../../src/certificates/authority.ts';

/** Somebody that an API server takes for us, by the certificate, and who answers something else. */
export interface Liar {
  readonly port: number;
  close(): Promise<void>;
}

/** Answers every request alike: a status and a body, which may depend on what was sent. */
export interface Answer {
  readonly status?: number;
  readonly type?: string;
  readonly body: (sent: string) => string;
}

/** Listens on this machine. */
export async function startLiar(
  { certificatePem, keyPem }: KeyedCertificate,
  { status = 200, type = 'application/json', body }: Answer,
): Promise<Liar> {
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const sent = (await request.setEncoding('utf8').toArray()).join('');
    response.writeHead(status, { 'content-type': type }).end(body(sent));
  }
  const server = createServer(
    { cert: certificatePem, key: keyPem, ALPNProtocols: ['http/1.1'] },
    (request, response) => void answer(request, response),
  ).listen(0, 'localhost');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server.close(), 'close');
      server.closeAllConnections();
      await closed;
    },
  };
}
