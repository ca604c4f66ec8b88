import { describe, expect, it } from '@jest/globals';
import {
  agreementLease,
  oneMoreUndone,
  readAgreement,
  undoneLately,
  type Lease,
} from '../../src/registration/agreement.ts';

const NOW = Date.parse('2026-11-24T12:00:00Z');
const ago = (minutes: number) => NOW - minutes * 60_000;

describe('what the replicas agree on', () => {
  const agreement = { claim: { digest: 'abc', since: ago(3) }, undone: { since: ago(2), count: 4 } };

  it('is read as it was written', () => {
    const lease = agreementLease(agreement, 'a-replica');
    expect(lease).toEqual({
      metadata: { annotations: { 'sigma-admission/content': 'abc 2026-11-24T11:57:00.000Z' } },
      spec: {
        holderIdentity: 'a-replica',
        leaseDurationSeconds: 600,
        acquireTime: '2026-11-24T11:58:00.000000Z',
        leaseTransitions: 4,
      },
    });
    expect(readAgreement(lease)).toEqual(agreement);
    expect(readAgreement(agreementLease({}, 'a-replica'))).toEqual({});
  });

  it.each<[string, Lease]>([
    ['of nothing', {}],
    ['without a time', { metadata: { annotations: { 'sigma-admission/content': 'abc' } } }],
    [
      'with times that cannot be read',
      { metadata: { annotations: { 'sigma-admission/content': 'abc now' } }, spec: { acquireTime: 'soon' } },
    ],
  ])('is nothing in a Lease %s', (_, lease) => {
    expect(readAgreement(lease)).toEqual({});
  });
});

describe('changes that were undone', () => {
  it.each([
    ['nine minutes ago', ago(9), 3],
    ['half a minute ahead, by a clock that is a little ahead', ago(-0.5), 3],
    ['ten minutes ago', ago(10), 0],
    ['in the future', ago(-2), 0],
  ])('the first of them %s', (_, since, count) => {
    expect(undoneLately({ since, count: 3 }, NOW)).toBe(count);
  });

  it('are counted from the first, for ten minutes', () => {
    const first = oneMoreUndone(undefined, NOW);
    expect(first).toEqual({ since: NOW, count: 1 });
    expect(oneMoreUndone(first, NOW + 599_999)).toEqual({ since: NOW, count: 2 });
    expect(oneMoreUndone(first, NOW + 600_000)).toEqual({ since: NOW + 600_000, count: 1 });
    expect(undoneLately(undefined, NOW)).toBe(0);
  });
});
