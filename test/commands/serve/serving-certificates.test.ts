import { describe, expect, it } from '@jest/globals';
import {
  certificateCheck,
  type ServingCertificates,
} from '../../../src/commands/serve/serving-certificates.ts';

const NOW = Date.parse('2026-11-24T12:00:00Z');

function certificates(changes: object): ServingCertificates {
  const certificate = {
    notBefore: new Date('2026-11-24T10:00:00Z'),
    notAfter: new Date('2027-11-24T12:00:00Z'),
  };
  return {
    kind: 'directory',
    current: () => certificate,
    refused: () => undefined,
    ...changes,
  } as ServingCertificates;
}

const shared = (authorities: number) => ({
  kind: 'secret',
  authorityNotAfter: () => new Date('2036-11-21T12:00:00Z'),
  authorities: () => authorities,
});

describe('the check of the serving certificate', () => {
  it.each([
    ['says until when it is valid', {}, NOW, 'ok', 'until 2027-11-24T12:00:00.000Z'],
    ['fails once it has ended', {}, NOW + 366 * 86_400_000, 'failed', 'until 2027-11-24T12:00:00.000Z'],
    [
      'says where our clock is before it',
      {},
      NOW - 3 * 3_600_000,
      'wrong',
      'until 2027-11-24T12:00:00.000Z; by our clock not valid before 2026-11-24T10:00:00.000Z',
    ],
    [
      'says what is wrong with the newest',
      { refused: () => new Error('tls.crt: torn') },
      NOW,
      'wrong',
      'until 2027-11-24T12:00:00.000Z; the newest one is refused: tls.crt: torn',
    ],
    [
      'says until when the authority in the Secret is valid',
      shared(1),
      NOW,
      'ok',
      'until 2027-11-24T12:00:00.000Z; its authority until 2036-11-21T12:00:00.000Z',
    ],
    [
      'says how many authorities are to be trusted while one follows another',
      shared(2),
      NOW,
      'ok',
      'until 2027-11-24T12:00:00.000Z; its authority until 2036-11-21T12:00:00.000Z; 2 authorities to be trusted',
    ],
  ])('%s', (_, changes, now, state, detail) => {
    expect(certificateCheck(certificates(changes), now)).toEqual({ name: 'certificate', state, detail });
  });
});
