import { expect, it } from '@jest/globals';
import type { OwnChange } from '../../src/self/own-change.ts';
import { readAdmissionReview, type AdmissionRequest } from '../../src/kubernetes/admission-review.ts';
import { createSelfReview } from '../../src/webhook/self-review.ts';
import { load } from '../policy/rulesets.ts';
import { ownSettings } from '../../src/settings/own-settings.ts';

function review(name: string): AdmissionRequest {
  return readAdmissionReview({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u',
      kind: { group: '', version: 'v1', kind: 'ConfigMap' },
      resource: { group: '', version: 'v1', resource: 'configmaps' },
      name,
      namespace: 'ours',
      operation: 'CREATE',
      userInfo: { username: 'alice' },
      object: { data: { 'config.yaml': 'mode: audit' } },
    },
  });
}

it('what is done to us is allowed, and told where it is to be known', async () => {
  const told: OwnChange[] = [];
  const selfReview = createSelfReview({
    modes: { default: 'enforce', levels: {}, rules: {} },
    ruleset: () => load([]),
    namespace: 'ours',
    settings: ownSettings({ argv: ['--config=config.yaml'], env: {}, readFile: () => '' }, 'ours'),
    onOwnChange: (change) => told.push(change),
  });
  const answers = [await selfReview(review('config-abc')), await selfReview(review('kube-root-ca.crt'))];
  expect(answers.map(({ response }) => response)).toEqual([
    { uid: 'u', allowed: true },
    { uid: 'u', allowed: true },
  ]);
  expect(told.map(({ what, lowers, by }) => ({ what, lowers, by }))).toEqual([
    {
      what: 'ConfigMap config-abc',
      lowers: ['mode from enforce to audit'],
      by: { username: 'alice', groups: [] },
    },
  ]);
});
