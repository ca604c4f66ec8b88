import { describe, expect, it } from '@jest/globals';
import { readAdmissionReview } from '../../src/kubernetes/admission-review.ts';
import { PROBE_CONFIG_MAP, PROBE_NONCE } from '../../src/registration/probe.ts';
import { createProbe } from '../../src/webhook/probe.ts';

const probe = createProbe('ours');
const ask = (changes: object = {}, data: object | null = { [PROBE_NONCE]: 'n-1' }) =>
  probe(
    readAdmissionReview({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      request: {
        uid: 'u',
        kind: { group: '', version: 'v1', kind: 'ConfigMap' },
        resource: { group: '', version: 'v1', resource: 'configmaps' },
        name: PROBE_CONFIG_MAP,
        namespace: 'ours',
        operation: 'CREATE',
        userInfo: { username: 'us' },
        object: { data },
        dryRun: true,
        ...changes,
      },
    }),
  );

describe('a probe', () => {
  it('is denied, and its nonce repeated', async () => {
    expect(await ask()).toEqual({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: {
        uid: 'u',
        allowed: false,
        status: { code: 403, reason: 'Forbidden', message: 'sigma-admission was reached: n-1' },
      },
    });
  });

  it.each<[string, object | null, string]>([
    ['is repeated as far as it can be shown', { [PROBE_NONCE]: 'a\n\u202eb' }, 'a\u{fffd}\u{fffd}b'],
    [
      'is repeated as far as it is short',
      { [PROBE_NONCE]: 'x'.repeat(1_000_000) },
      `${'x'.repeat(32)}…${'x'.repeat(31)}`,
    ],
    ['may be missing', null, ''],
    ['may be no text', { [PROBE_NONCE]: 1 }, ''],
  ])('whose nonce %s', async (_what, data, shown) => {
    expect((await ask({}, data)).response.status?.message).toBe(`sigma-admission was reached: ${shown}`);
  });
});

it.each([
  ['that is no dry run', { dryRun: false }],
  ['elsewhere', { namespace: 'default' }],
  ['of another name', { name: 'sigma-admission-config' }],
  ['that is changed', { operation: 'UPDATE' }],
  ['of another kind', { resource: { group: '', version: 'v1', resource: 'secrets' } }],
  ['of a group of somebody’s', { resource: { group: 'x.io', version: 'v1', resource: 'configmaps' } }],
])('a ConfigMap %s is allowed', async (_what, changes) => {
  expect((await ask(changes)).response).toEqual({ uid: 'u', allowed: true });
});
