import { describe, expect, it } from '@jest/globals';
import { probeOutcome, type ProbeOutcome } from '../../src/registration/probe-outcome.ts';

const NONCE = '5f0c7e0e-3a4b-4d52-9f6e-0a7b54a6f1c2';
const PROBE = 'probe.sigma-admission.svc';
const URL = 'https://sigma-admission.sigma-admission.svc:443/probe?timeout=3s';

function notCalled(cause: string, name = PROBE): string {
  return `Internal error occurred: failed calling webhook "${name}": ${cause}`;
}

function post(cause: string): string {
  return `Post "${URL}": ${cause}`;
}

describe('what a probe that was not answered met', () => {
  it.each<[string, ProbeOutcome['kind'], string]>([
    ['a port where nobody listens', 'refused', post('dial tcp 10.96.7.1:443: connect: connection refused')],
    ['a network that sends it back', 'refused', post('dial tcp 10.96.7.1:443: connect: no route to host')],
    ['no network at all', 'refused', post('dial tcp 10.96.7.1:443: connect: network is unreachable')],
    ['nobody who answers', 'timed-out', post('context deadline exceeded')],
    [
      'nobody who answers, in the words of the client',
      'timed-out',
      post('net/http: request canceled (Client.Timeout exceeded while awaiting headers)'),
    ],
    ['a firewall that drops it', 'timed-out', post('dial tcp 10.96.7.1:443: i/o timeout')],
    ['nobody who speaks TLS in time', 'timed-out', post('net/http: TLS handshake timeout')],
    [
      'a certificate of another authority',
      'certificate',
      post('tls: failed to verify certificate: x509: certificate signed by unknown authority'),
    ],
    [
      'a certificate for another name',
      'certificate',
      post(
        'tls: failed to verify certificate: x509: certificate is valid for localhost, not sigma-admission.sigma-admission.svc',
      ),
    ],
    [
      'an expired certificate',
      'certificate',
      post(
        'tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-24T08:00:00Z is after 2026-11-23T08:00:00Z',
      ),
    ],
    [
      'a server that wants one of the API server',
      'certificate',
      post('remote error: tls: certificate required'),
    ],
    ['a server of TLS 1.1', 'certificate', post('remote error: tls: protocol version not supported')],
    [
      'a caBundle that is none',
      'certificate',
      'unable to load root certificates: unable to parse bytes as PEM block',
    ],
    ['a Service that is missing', 'no-endpoints', post('service "sigma-admission" not found')],
    [
      'a Service without pods that are ready',
      'no-endpoints',
      post('no endpoints available for service "sigma-admission"'),
    ],
    ['a connection that was closed', 'other', post('EOF')],
    ['a server without TLS', 'other', post('http: server gave HTTP response to HTTPS client')],
    ['a server of something else', 'other', post('tls: first record does not look like a TLS handshake')],
    [
      'an error of ours',
      'other',
      'an error on the server ("unknown") has prevented the request from succeeding',
    ],
    ['a path that is not served', 'other', 'the server could not find the requested resource'],
  ])('%s: %s', (_, kind, cause) => {
    const called = notCalled(`failed to call webhook: ${cause}`);
    expect(probeOutcome(500, called, NONCE)).toEqual({ kind, detail: cause });
    expect(probeOutcome(500, `POST /api/v1/…: 500: ${called}`, NONCE)).toEqual({ kind, detail: cause });
  });

  it('an answer that was none of ours', () => {
    const cause = 'received invalid webhook response: webhook response was absent';
    expect(probeOutcome(500, notCalled(cause), NONCE)).toEqual({ kind: 'other', detail: cause });
  });
});

describe('what an API server answers to a probe', () => {
  const theirs = notCalled(
    'failed to call webhook: Post "https://a.b.svc:443/?timeout=10s": context deadline exceeded',
    'validate.example.org',
  );
  it.each<[string, number, string, ProbeOutcome]>([
    [
      'our denial with the nonce',
      403,
      `admission webhook "${PROBE}" denied the request: probe ${NONCE}`,
      { kind: 'answered', detail: `probe ${NONCE}` },
    ],
    [
      'our denial of another probe',
      403,
      `admission webhook "${PROBE}" denied the request: probe 1`,
      { kind: 'other', detail: `${PROBE} denied it: probe 1` },
    ],
    [
      "somebody else's denial, though it repeats the nonce",
      403,
      `admission webhook "validate.example.org" denied the request: no ${NONCE} here`,
      { kind: 'other', detail: `validate.example.org denied it: no ${NONCE} here` },
    ],
    [
      "somebody else's denial without a word",
      400,
      'admission webhook "validate.example.org" denied the request without explanation',
      { kind: 'other', detail: 'validate.example.org denied it: without explanation' },
    ],
    [
      "a failure of somebody else's",
      500,
      theirs,
      {
        kind: 'other',
        detail:
          'the webhook validate.example.org, which is not ours: Post "https://a.b.svc:443/?timeout=10s": context deadline exceeded',
      },
    ],
    ['that it would be made', 201, '', { kind: 'not-registered', detail: 'the probe was let through' }],
    [
      'that it is there already',
      409,
      'configmaps "sigma-admission-probe" already exists',
      { kind: 'not-registered', detail: 'configmaps "sigma-admission-probe" already exists' },
    ],
    [
      'that we may not',
      403,
      'configmaps is forbidden: User "jane" cannot create resource "configmaps" in API group "" in the namespace "sigma-admission"',
      {
        kind: 'not-allowed',
        detail:
          'configmaps is forbidden: User "jane" cannot create resource "configmaps" in API group "" in the namespace "sigma-admission"',
      },
    ],
    ['that it does not know us', 401, 'Unauthorized', { kind: 'not-allowed', detail: 'Unauthorized' }],
    [
      'that the namespace is missing',
      404,
      'namespaces "sigma-admission" not found',
      { kind: 'other', detail: 'namespaces "sigma-admission" not found' },
    ],
    [
      'that the namespace is going',
      403,
      'configmaps "sigma-admission-probe" is forbidden: unable to create new content in namespace sigma-admission because it is being terminated',
      {
        kind: 'other',
        detail:
          'configmaps "sigma-admission-probe" is forbidden: unable to create new content in namespace sigma-admission because it is being terminated',
      },
    ],
    [
      'that its own storage is late, which is no webhook',
      500,
      'context deadline exceeded',
      { kind: 'other', detail: 'context deadline exceeded' },
    ],
  ])('%s', (_, status, message, outcome) => {
    expect(probeOutcome(status, message, NONCE)).toEqual(outcome);
  });
});
