import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import type { ClientAuthority } from './client-authority.ts';
import { Refusal } from './refusal.ts';

/** Refuses a client that may not ask, by its connection. */
export type CheckCaller = (socket: Socket) => Refusal | undefined;

/**
 * Lets a client ask whose certificate our client authority signed for clients and, where `names` are given, which has one of
 * them as its CN or a DNS name. The result holds for the whole connection.
 */
export function createCheckCaller(names: readonly string[]): CheckCaller {
  const found = new WeakMap<Socket, { readonly refusal: Refusal | undefined }>();
  return function checkCaller(socket) {
    const known = found.get(socket);
    if (known !== undefined) return known.refusal;
    const problem = problemWith(socket as TLSSocket, names);
    const refusal = problem === undefined ? undefined : new Refusal(401, problem);
    found.set(socket, { refusal });
    return refusal;
  };
}

function problemWith(socket: TLSSocket, names: readonly string[]): string | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return 'only the API server may ask here: no client certificate came';
  if (!socket.authorized) {
    // Node gives OpenSSL's word for it, such as CERT_HAS_EXPIRED, whatever its types say.
    return `only the API server may ask here: the client certificate is refused: ${String(socket.authorizationError)}`;
  }
  const isNamed =
    names.length === 0 ||
    names.includes(commonName(certificate.toLegacyObject())) ||
    names.some((name) => certificate.checkHost(name, EXACTLY) !== undefined);
  return isNamed ? undefined : 'only the API server may ask here: the client certificate has another name';
}

const EXACTLY = { subject: 'never', wildcards: false } as const;

/** The CN of a subject; empty for a subject with several, which is ambiguous. */
function commonName({ subject }: PeerCertificate): string {
  const { CN } = subject as { readonly CN?: string | string[] };
  return typeof CN === 'string' ? CN : '';
}

/**
 * After a change of the client authorities, ends each connection that the former ones trusted with its next answer. Closing
 * it at once could cost the API server a request.
 */
export function keepOnlyTrusted(https: Server, authority: ClientAuthority, handshakeMs: number): void {
  let trusted = new WeakSet<Socket>();
  const startAgain = () => {
    trusted = new WeakSet();
  };
  https.on('secureConnection', (socket) => trusted.add(socket));
  https.prependListener('request', ({ socket }, response) => {
    if (!trusted.has(socket)) response.setHeader('Connection', 'close');
  });
  authority.onChange(() => {
    startAgain();
    // A handshake under way began with the former authorities.
    setTimeout(startAgain, handshakeMs).unref();
  });
}
