import { describe, expect, it } from '@jest/globals';
import { createAuthority, issueCertificate } from '../../src/certificates/authority.ts';
import { isTrustedBy } from '../../src/certificates/validity.ts';

const now = Date.now();
const [ours, stranger] = await Promise.all([createAuthority({ now }), createAuthority({ now })]);
const served = await issueCertificate({ authority: ours, dnsNames: ['a'], ipAddresses: [], now });

describe('a serving certificate is trusted by a bundle', () => {
  it.each([
    ['that holds its authority', served.certificatePem, ours.certificatePem, true],
    [
      'that holds it beside another',
      served.certificatePem,
      stranger.certificatePem + ours.certificatePem,
      true,
    ],
    [
      'that holds the authority of what it is served with',
      served.certificatePem + ours.certificatePem,
      ours.certificatePem,
      true,
    ],
    ['that holds a stranger alone', served.certificatePem, stranger.certificatePem, false],
    [
      'that holds a stranger alone, whatever it is served with',
      served.certificatePem + ours.certificatePem,
      stranger.certificatePem,
      false,
    ],
    ['that holds itself', served.certificatePem, served.certificatePem, true],
    ['that is empty', served.certificatePem, '', false],
    ['that is no PEM', served.certificatePem, 'no PEM', false],
  ])('%s: %#', (_, certificate, bundle, isTrusted) => {
    expect(isTrustedBy(certificate, bundle)).toBe(isTrusted);
  });
});
