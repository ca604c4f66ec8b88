import { expect, it } from '@jest/globals';
import { handshakeFailure } from '../../src/webhook/handshake-failure.ts';

it.each([
  // What an API server's TLS (Go) says of a certificate that its caBundle does not cover, in either version.
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'untrusted'],
  ['ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE', 'untrusted'],
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'untrusted'],
  ['ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED', 'untrusted'],
  ['ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN', 'untrusted'],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'version'],
  ['ERR_SSL_NO_SHARED_CIPHER', 'version'],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'version'],
  ['ERR_SSL_HTTP_REQUEST', 'not_tls'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'not_tls'],
  ['ERR_TLS_HANDSHAKE_TIMEOUT', 'timeout'],
  ['ECONNRESET', 'gone'],
  ['ERR_SSL_UNHEARD_OF', 'other'],
  [undefined, 'other'],
])('%s is called %s', (code, expected) => {
  expect(handshakeFailure(Object.assign(new Error(), code === undefined ? {} : { code }))).toBe(expected);
});
