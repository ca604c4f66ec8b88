/** Why a connection ended before it could bring a request. */
const HANDSHAKE_FAILURES = ['untrusted', 'version', 'not_tls', 'timeout', 'gone', 'other'] as const;
export type HandshakeFailure = (typeof HANDSHAKE_FAILURES)[number];

// As Node and OpenSSL call them.
const CODES = [
  // The client does not trust our certificate: an API server whose caBundle is another.
  [/ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_\w+|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED)$/, 'untrusted'],
  [/^ERR_SSL_(UNSUPPORTED_PROTOCOL|NO_SHARED_CIPHER|NO_SUITABLE_\w+|VERSION_TOO_LOW)$/, 'version'],
  [/ALERT_(PROTOCOL_VERSION|HANDSHAKE_FAILURE)$/, 'version'],
  [/^ERR_SSL_(HTTP_REQUEST|HTTPS_PROXY_REQUEST|WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/, 'not_tls'],
  [/^ERR_TLS_HANDSHAKE_TIMEOUT$/, 'timeout'],
  [/^(ECONNRESET|EPIPE|ERR_STREAM_PREMATURE_CLOSE)$/, 'gone'],
] as const;

/** One of few words for an error of a handshake: a label must not be the client's to choose. */
export function handshakeFailure({ code = '' }: NodeJS.ErrnoException): HandshakeFailure {
  return CODES.find(([codes]) => codes.test(code))?.[1] ?? 'other';
}
