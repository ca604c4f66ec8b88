import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { createAuthority, issueCertificate } from '../../../src/certificates/authority.ts';

/** A webhook that allows everything, in this process. */
export interface Notary {
  readonly url: string;
  /** The authority of its certificate, as a webhook configuration has it. */
  readonly caBundle: string;
  stop(): Promise<void>;
}

/** Tells of each review where it was sent, and its text. */
export async function startNotary(note: (path: string, review: string) => void): Promise<Notary> {
  const authority = await createAuthority({ now: Date.now() });
  const names = { dnsNames: ['localhost'], ipAddresses: [] };
  const { certificatePem, keyPem } = await issueCertificate({ authority, ...names, now: Date.now() });
  const server = createServer({ cert: certificatePem, key: keyPem }, async (request, response) => {
    const review = await text(request);
    note(new URL(request.url ?? '', 'https://localhost').pathname, review);
    const [, uid] = UID.exec(review) ?? [];
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        response: { uid, allowed: true },
      }),
    );
  }).listen(0, 'localhost');
  // An API server lets its connections idle for 90 seconds.
  server.keepAliveTimeout = 95_000;
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://localhost:${port}`,
    caBundle: Buffer.from(authority.certificatePem).toString('base64'),
    stop: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
}

/** The request's uid comes first of all in what an API server sends. */
const UID = /"uid":"([^"]+)"/;
