import { describe, expect, it } from '@jest/globals';
import { doesNotHeal, heals, isProbe, joined } from '../../src/registration/match-conditions.ts';
import {
  webhookConfiguration,
  type Scope,
  type WebhookSettings,
} from '../../src/registration/webhook-configuration.ts';

const SETTINGS: WebhookSettings = {
  namespace: 'security',
  service: 'sigma-admission',
  port: 443,
  enforcing: false,
  distribution: 'upstream',
};

/** What every entry says. */
const COMMON = {
  failurePolicy: 'Ignore',
  matchPolicy: 'Equivalent',
  sideEffects: 'NoneOnDryRun',
  admissionReviewVersions: ['v1'],
  timeoutSeconds: 3,
};

const called = (path: string) => ({
  clientConfig: { service: { namespace: 'security', name: 'sigma-admission', port: 443, path } },
});

const inNamespace = (name: string) => ({
  namespaceSelector: {
    matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: [name] }],
  },
});

const written = (apiGroup: string, resources: readonly string[], ...operations: readonly string[]) => ({
  apiGroups: [apiGroup],
  apiVersions: ['v1'],
  operations,
  resources,
  scope: 'Namespaced',
});

const NARROWED = { name: 'narrowed', expression: `request.operation != 'DELETE'` };

describe('the webhook configuration', () => {
  it('asks about pods made in kube-system, by two entries between which who asks decides, and about ourselves', () => {
    const guarded = { ...inNamespace('kube-system'), rules: [written('', ['pods'], 'CREATE')] };
    expect(webhookConfiguration(SETTINGS)).toEqual({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'sigma-admission', labels: { 'admissions.enforcer/disabled': 'true' } },
      webhooks: [
        {
          ...COMMON,
          ...called('/guard'),
          ...guarded,
          name: 'guard.sigma-admission.svc',
          matchConditions: [doesNotHeal('upstream')],
        },
        {
          ...COMMON,
          ...called('/observe'),
          ...guarded,
          name: 'observe.sigma-admission.svc',
          matchConditions: [heals('upstream')],
          timeoutSeconds: 1,
        },
        {
          ...COMMON,
          ...called('/probe'),
          ...inNamespace('security'),
          name: 'probe.sigma-admission.svc',
          rules: [written('', ['configmaps'], 'CREATE')],
          matchConditions: [isProbe()],
          failurePolicy: 'Fail',
        },
        {
          ...COMMON,
          ...called('/self'),
          ...inNamespace('security'),
          name: 'self.sigma-admission.svc',
          rules: [
            written('', ['configmaps', 'secrets'], 'CREATE', 'UPDATE', 'DELETE'),
            written('apps', ['deployments', 'deployments/scale'], 'CREATE', 'UPDATE', 'DELETE'),
          ],
        },
      ],
    });
  });

  it('asks about whatever else the rules need by two entries, too, and never fails closed for that', () => {
    const scope = { rules: [written('', ['pods/exec'], 'CONNECT')], namespaceSelector: {} };
    const other = { ...scope, matchConditions: [NARROWED] } as unknown as Scope;
    const { webhooks } = webhookConfiguration({ ...SETTINGS, enforcing: true, other });
    expect(webhooks.slice(2, 4)).toEqual([
      {
        ...COMMON,
        ...called('/other'),
        ...scope,
        name: 'other.sigma-admission.svc',
        matchConditions: [joined([doesNotHeal('upstream'), NARROWED])],
      },
      {
        ...COMMON,
        ...called('/other-observe'),
        ...scope,
        name: 'other-observe.sigma-admission.svc',
        matchConditions: [joined([heals('upstream'), NARROWED])],
        timeoutSeconds: 1,
      },
    ]);
  });

  it.each([
    [false, 'Ignore'],
    [true, 'Fail'],
  ])('fails closed for nobody who heals (enforcing: %s)', (enforcing, guard) => {
    const { webhooks } = webhookConfiguration({ ...SETTINGS, enforcing });
    const probe = 'Fail';
    expect(webhooks.map(({ failurePolicy }) => failurePolicy)).toEqual([guard, 'Ignore', probe, 'Ignore']);
  });
});
