import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import type { ClientAuthority } from './client-authority.ts';
import { Refusal } from './refusal.ts';

/** Refuses whoever may not ask, by the connection that it asks on. */
export type CheckCaller = (socket: Socket) => Refusal | undefined;

/**
 * Lets those ask whose certificate TLS found to be of our client authority and for clients, and, where `names` are given,
 * to be called one of them (its CN, or a DNS name). What was found holds for as long as the connection does.
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
  return isNamed ? undefined : 'only the API server may ask here: the client certificate names somebody else';
}

const EXACTLY = { subject: 'never', wildcards: false } as const;

/** Of a subject with several, who could say which is meant? */
function commonName({ subject }: PeerCertificate): string {
  const { CN } = subject as { readonly CN?: string | string[] };
  return typeof CN === 'string' ? CN : '';
}

/**
 * Lets connections that were found good by authorities which are no longer ours end with their next answer. That costs the
 * API server no request, where closing them would.
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
    // A handshake that is under way was begun with the old ones.
    setTimeout(startAgain, handshakeMs).unref();
  });
}
