import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import type { RegisteredConfiguration } from '../../../src/registration/registered-webhook.ts';
import { createClusterMetrics } from '../../../src/records/cluster-metrics.ts';
import { createRegistered } from '../../../src/commands/serve/registered-state.ts';
import type { ServingCertificates } from '../../../src/commands/serve/serving-certificates.ts';

const SERVICE = { namespace: 'sigma-admission', name: 'sigma-admission' };
const CA = Buffer.from('CA').toString('base64');

let version = 0;
function found(
  changes: { caBundle?: string; failurePolicy?: string; lowered?: string } = {},
): RegisteredConfiguration {
  version += 1;
  const { caBundle = CA, failurePolicy = 'Fail', lowered } = changes;
  return {
    metadata: {
      resourceVersion: String(version),
      managedFields: [{ manager: 'somebody', time: '2026-11-24T12:00:00Z' }],
      ...(lowered === undefined ? {} : { annotations: { 'sigma-admission/lowered': lowered } }),
    },
    webhooks: [
      { name: 'guard.sigma-admission.svc', clientConfig: { service: SERVICE, caBundle }, failurePolicy },
      { name: 'observe.sigma-admission.svc', clientConfig: { service: SERVICE, caBundle: CA } },
    ],
  };
}

/** What is registered, seen by a replica whose certificate is by `CA`. */
function registered({ isToFailClosed = true } = {}) {
  const asked = { isToFailClosed };
  const told: string[] = [];
  let bundle: string | undefined;
  const certificates = {
    kind: 'secret',
    reconcile: (pem: string | undefined) => {
      bundle = pem;
      return 'CA';
    },
    trusted: () => bundle === 'CA',
  } as unknown as ServingCertificates;
  const registry = new Registry();
  const state = createRegistered({
    name: 'sigma-admission',
    service: SERVICE,
    isToFailClosed: () => asked.isToFailClosed,
    certificates,
    scope: { compare: () => {}, check: () => ({ name: 'registered', state: 'ok' }) },
    metrics: createClusterMetrics(registry),
    log: pino({ level: 'silent' }),
    recordEvent: (reason, _, note) => void told.push(`${reason}: ${note}`),
  });
  return {
    ...state,
    asked,
    told,
    metric: async (name: string) => (await registry.getSingleMetric(name)?.get())?.values[0]?.value,
  };
}

describe('what is registered', () => {
  it('is not a replica’s to be sent anything before it was looked at', () => {
    expect(registered().check()).toEqual({
      name: 'configuration',
      state: 'failed',
      detail: 'not looked at yet',
    });
  });

  it('keeps a replica from being sent anything until it trusts its certificate, and never again', () => {
    const { look, compare, check } = registered();
    look(found({ caBundle: '' }));
    expect(check()).toMatchObject({
      state: 'failed',
      detail: 'sigma-admission: it does not trust our certificate',
    });
    look(found());
    compare({ differences: [], defers: false });
    expect(check()).toMatchObject({
      state: 'ok',
      detail: 'sigma-admission: as it should be; it trusts our certificate',
    });
    look(found({ caBundle: '' }));
    compare({ differences: ['guard.sigma-admission.svc: caBundle'], defers: false });
    expect(check()).toMatchObject({
      state: 'wrong',
      detail: 'sigma-admission: guard.sigma-admission.svc: caBundle; it does not trust our certificate',
    });
  });

  it('is trusted by no entry alone: all must say the same', () => {
    const { look, check } = registered();
    look(found({ caBundle: Buffer.from('other').toString('base64') }));
    expect(check()).toMatchObject({ state: 'failed' });
  });

  it('is not as it should be while newer content than ours stands', () => {
    const { look, compare, check } = registered();
    look(found());
    compare({ differences: [], defers: true });
    expect(check().detail).toBe('sigma-admission: newer content than ours stands; it trusts our certificate');
  });

  it('is nothing to wait for where it does not exist', async () => {
    const { look, check, told, metric } = registered();
    look(undefined);
    expect(check()).toMatchObject({ state: 'wrong', detail: 'sigma-admission does not exist' });
    expect([told, await metric('sigma_admission_webhook_configuration_exists')]).toEqual([[], 0]);
  });

  it('is told of once when it is lost', async () => {
    const { look, told, metric } = registered();
    look(found());
    expect(await metric('sigma_admission_webhook_configuration_exists')).toBe(1);
    look(undefined);
    look(undefined);
    expect(told).toEqual([
      'WebhookConfigurationLost: sigma-admission was deleted: the API server calls no entry',
    ]);
  });

  it('is told of once when its owner has guard fail open, though we are told to enforce', async () => {
    const { look, told, metric } = registered();
    look(found({ failurePolicy: 'Ignore' }));
    look(found({ failurePolicy: 'Ignore' }));
    expect(told).toEqual([
      'GuardLowered: guard fails open, though we are told to enforce (last changed by field manager somebody, as it calls itself)',
    ]);
    expect(await metric('sigma_admission_guard_lowered')).toBe(1);
    look(found());
    expect(await metric('sigma_admission_guard_lowered')).toBe(0);
  });

  it('is told of when rules that are loaded anew ask for a guard that fails closed, and no longer', async () => {
    const { look, asked, told, metric } = registered({ isToFailClosed: false });
    const configuration = found({ failurePolicy: 'Ignore' });
    look(configuration);
    expect([told, await metric('sigma_admission_guard_lowered')]).toEqual([[], 0]);
    asked.isToFailClosed = true;
    look(configuration);
    look(configuration);
    expect(told).toHaveLength(1);
    expect(await metric('sigma_admission_guard_lowered')).toBe(1);
    asked.isToFailClosed = false;
    look(configuration);
    expect(await metric('sigma_admission_guard_lowered')).toBe(0);
  });

  it.each([
    ['nothing asks for more', { isToFailClosed: false }, found({ failurePolicy: 'Ignore' })],
    ['the glass is broken', {}, found({ failurePolicy: 'Ignore', lowered: '{}' })],
  ])('may have guard fail open where %s', (_, options, configuration) => {
    const { look, told } = registered(options);
    look(configuration);
    expect(told).toEqual([]);
  });
});
