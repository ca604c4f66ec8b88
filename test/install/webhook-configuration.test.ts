import { describe, expect, it } from '@jest/globals';
import { doesNotHeal, heals } from '../../src/install/match-conditions.ts';
import { webhookConfiguration, type WebhookSettings } from '../../src/install/webhook-configuration.ts';

const SETTINGS: WebhookSettings = {
  namespace: 'security',
  service: 'sigma-admission',
  port: 443,
  enforcing: false,
  namespaces: [],
  distribution: 'upstream',
};

describe('the webhook configuration', () => {
  it('asks about pods made in kube-system, by two entries between which who asks decides', () => {
    const shared = {
      rules: [
        {
          apiGroups: [''],
          apiVersions: ['v1'],
          operations: ['CREATE'],
          resources: ['pods'],
          scope: 'Namespaced',
        },
      ],
      namespaceSelector: {
        matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['kube-system'] }],
      },
      failurePolicy: 'Ignore',
      matchPolicy: 'Equivalent',
      sideEffects: 'NoneOnDryRun',
      admissionReviewVersions: ['v1'],
    };
    const service = { namespace: 'security', name: 'sigma-admission', port: 443 };
    expect(webhookConfiguration(SETTINGS)).toEqual({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'sigma-admission', labels: { 'admissions.enforcer/disabled': 'true' } },
      webhooks: [
        {
          ...shared,
          name: 'guard.sigma-admission.svc',
          clientConfig: { service: { ...service, path: '/guard' } },
          matchConditions: [doesNotHeal('upstream')],
          timeoutSeconds: 3,
        },
        {
          ...shared,
          name: 'observe.sigma-admission.svc',
          clientConfig: { service: { ...service, path: '/observe' } },
          matchConditions: [heals('upstream')],
          timeoutSeconds: 1,
        },
      ],
    });
  });

  it.each([
    [false, ['Ignore', 'Ignore']],
    [true, ['Fail', 'Ignore']],
  ])('fails closed for nobody who heals (enforcing: %s)', (enforcing, policies) => {
    const { webhooks } = webhookConfiguration({ ...SETTINGS, enforcing });
    expect(webhooks.map(({ failurePolicy }) => failurePolicy)).toEqual(policies);
  });

  it('adds the operator’s namespaces to kube-system, each once', () => {
    const { webhooks } = webhookConfiguration({ ...SETTINGS, namespaces: ['kube-public', 'kube-system'] });
    expect(webhooks.map(({ namespaceSelector }) => namespaceSelector.matchExpressions?.[0]?.values)).toEqual([
      ['kube-system', 'kube-public'],
      ['kube-system', 'kube-public'],
    ]);
  });

  it('carries the CA in both entries', () => {
    const { webhooks } = webhookConfiguration({ ...SETTINGS, caBundle: 'PEM\n' });
    expect(webhooks.map(({ clientConfig }) => clientConfig.caBundle)).toEqual(['UEVNCg==', 'UEVNCg==']);
  });
});
