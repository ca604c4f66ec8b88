import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import type {
  RegisteredConfiguration,
  RegisteredWebhook,
} from '../../../src/registration/registered-webhook.ts';
import { createClusterMetrics } from '../../../src/records/cluster-metrics.ts';
import { createAuthority, issueCertificate } from '../../../src/certificates/authority.ts';
import { webhookConfiguration, type Webhook } from '../../../src/registration/webhook-configuration.ts';
import { createRegistered } from '../../../src/commands/serve/registered-state.ts';
import type { ServingCertificates } from '../../../src/commands/serve/serving-certificates.ts';

const SERVICE = { namespace: 'sigma-admission', name: 'sigma-admission' };
const OURS = await createAuthority({ now: Date.now() });
const SERVED = await issueCertificate({
  authority: OURS,
  dnsNames: ['sigma-admission.sigma-admission.svc'],
  ipAddresses: [],
  now: Date.now(),
});
const base64 = (pem: string) => Buffer.from(pem).toString('base64');
const CA = base64(OURS.certificatePem);
const STRANGER = base64((await createAuthority({ now: Date.now() })).certificatePem);

let version = 0;
function found(
  changes: { caBundle?: string; failurePolicy?: string; lowered?: string } = {},
): RegisteredConfiguration {
  version += 1;
  const { caBundle = CA, failurePolicy = 'Fail', lowered } = changes;
  return {
    metadata: {
      resourceVersion: String(version),
      managedFields: [
        {
          manager: 'somebody',
          time: '2026-11-24T12:00:00Z',
          fieldsV1: { 'f:webhooks': { 'k:{"name":"guard.sigma-admission.svc"}': { 'f:failurePolicy': {} } } },
        },
      ],
      ...(lowered === undefined ? {} : { annotations: { 'sigma-admission/lowered': lowered } }),
    },
    webhooks: [
      { name: 'guard.sigma-admission.svc', clientConfig: { service: SERVICE, caBundle }, failurePolicy },
      { name: 'observe.sigma-admission.svc', clientConfig: { service: SERVICE, caBundle: CA } },
    ],
  };
}

/** What is registered, seen by a replica whose certificate is by `CA`. */
function registered({
  isToFailClosed = true,
  kind = 'secret',
  wanted,
}: {
  isToFailClosed?: boolean;
  kind?: ServingCertificates['kind'];
  wanted?: () => readonly Webhook[];
} = {}) {
  const asked = { isToFailClosed };
  const told: string[] = [];
  const logged: string[] = [];
  let bundle: string | undefined;
  const certificates = {
    kind,
    current: () => SERVED,
    reconcile: (pem: string | undefined) => {
      bundle = pem;
      return OURS.certificatePem;
    },
    trusted: () => bundle === OURS.certificatePem,
  } as unknown as ServingCertificates;
  const registry = new Registry();
  const state = createRegistered({
    name: 'sigma-admission',
    service: SERVICE,
    wanted,
    isToFailClosed: () => asked.isToFailClosed,
    certificates,
    coverage: { compare: () => {} },
    metrics: createClusterMetrics(registry),
    log: pino({}, { write: (line: string) => void logged.push(JSON.parse(line).msg) }),
    recordEvent: (reason, _, note) => void told.push(`${reason}: ${note}`),
  });
  return {
    ...state,
    asked,
    told,
    logged,
    metrics: () => registry.metrics(),
    metric: async (name: string) => (await registry.getSingleMetric(name)?.get())?.values[0]?.value,
  };
}

describe('what is registered', () => {
  it('is not a replica’s to be sent anything before it was looked at, and nothing is measured', async () => {
    const { check, metrics } = registered();
    expect(check()).toEqual({ name: 'configuration', state: 'failed', detail: 'not looked at yet' });
    expect((await metrics()).split('\n').filter((line) => /^[^#]/.test(line))).toEqual([
      'sigma_admission_webhook_configuration_deferrals_total 0',
    ]);
  });

  it('keeps a replica from being sent anything until it trusts its certificate, and never again', () => {
    const { look, compare, check } = registered();
    look(found({ caBundle: '' }));
    expect(check()).toMatchObject({
      state: 'failed',
      detail: 'sigma-admission: guard does not trust our certificate',
    });
    look(found());
    compare({ differences: [], defers: false });
    expect(check()).toEqual({
      name: 'configuration',
      state: 'ok',
      detail: 'sigma-admission: as it should be; every entry trusts our certificate',
      seen: { atMs: expect.any(Number), goodForMs: 20_000 },
    });
    look(found({ caBundle: '' }));
    compare({ differences: ['guard.sigma-admission.svc: caBundle'], defers: false });
    expect(check()).toMatchObject({
      state: 'wrong',
      detail: 'sigma-admission: guard.sigma-admission.svc: caBundle; guard does not trust our certificate',
    });
  });

  it.each(['secret', 'directory', 'files'] as const)(
    'is told of by the name of the entry that trusts a stranger, once, where the certificate is from a %s',
    async (kind) => {
      const { look, compare, check, logged, metrics } = registered({ kind });
      const trusts = async () =>
        (await metrics())
          .split('\n')
          .filter((line) => line.startsWith('sigma_admission_entry_trusts_certificate{'));
      look(found());
      compare({ differences: [], defers: false });
      expect([check().state, await trusts(), logged]).toEqual([
        'ok',
        [
          'sigma_admission_entry_trusts_certificate{entry="guard"} 1',
          'sigma_admission_entry_trusts_certificate{entry="observe"} 1',
        ],
        [],
      ]);
      look(found({ caBundle: STRANGER }));
      look(found({ caBundle: STRANGER }));
      expect(check()).toMatchObject({
        state: 'wrong',
        detail: 'sigma-admission: as it should be; guard does not trust our certificate',
      });
      expect(await trusts()).toEqual([
        'sigma_admission_entry_trusts_certificate{entry="guard"} 0',
        'sigma_admission_entry_trusts_certificate{entry="observe"} 1',
      ]);
      look(found());
      expect(logged).toEqual([
        'guard does not trust our certificate: the API server does not call us there',
        'every entry trusts our certificate again',
      ]);
    },
  );

  it('is as old as the older of the two looks at it, and says why it is not looked at again', () => {
    const { look, compare, unseen, check, seenAt } = registered();
    look(found());
    compare({ differences: [], defers: false });
    const first = seenAt();
    unseen(new Error('GET it: 403: forbidden'));
    expect(check()).toMatchObject({
      state: 'ok',
      detail:
        'sigma-admission: as it should be; every entry trusts our certificate; cannot be looked at again: GET it: 403: forbidden',
      ...first,
    });
    const before = performance.now();
    look(found());
    expect(seenAt().seen?.atMs).toBeLessThan(before);
    expect(check().detail).toContain('cannot be looked at again');
    compare({ differences: [], defers: false });
    expect(seenAt().seen?.atMs).toBeGreaterThanOrEqual(before);
    expect(check().detail).toBe('sigma-admission: as it should be; every entry trusts our certificate');
  });

  it('that cannot be read from the beginning is not looked at, and it says why', () => {
    const { unseen, check } = registered();
    unseen(new Error('GET it: 403: forbidden'));
    expect(check()).toEqual({
      name: 'configuration',
      state: 'failed',
      detail: 'not looked at yet; cannot be looked at: GET it: 403: forbidden',
    });
  });

  it('is not as it should be while newer content than ours stands', () => {
    const { look, compare, check } = registered();
    look(found());
    compare({ differences: [], defers: true });
    expect(check()).toMatchObject({
      state: 'wrong',
      detail: 'sigma-admission: newer content than ours stands; every entry trusts our certificate',
    });
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

  it('is compared with what the settings and rules want also where others make it, and differences are told', () => {
    const { webhooks } = webhookConfiguration({
      ...{ namespace: 'sigma-admission', service: 'sigma-admission', port: 443 },
      ...{ distribution: 'upstream', enforcing: true },
    });
    const { look, check, logged } = registered({ wanted: () => webhooks });
    const put = (change: (entry: RegisteredWebhook) => readonly RegisteredWebhook[], lowered?: string) => {
      const trusting = webhooks.map((entry) => ({
        ...entry,
        clientConfig: { ...entry.clientConfig, caBundle: CA },
      }));
      look({
        ...found(lowered === undefined ? {} : { lowered }),
        webhooks: trusting.flatMap((entry) => (entry.name === webhooks[0]?.name ? change(entry) : [entry])),
      });
      const { state, detail } = check();
      return [state, detail];
    };
    const wrong = (text: string) => ['wrong', `sigma-admission: ${text}; every entry trusts our certificate`];
    put((guard) => [guard]);
    const conditions = webhooks[0]?.matchConditions ?? [];
    const never = { name: 'never', expression: 'false' };
    expect(put((guard) => [{ ...guard, matchConditions: [...conditions, never] }])).toEqual(
      wrong('guard: matchConditions differ'),
    );
    expect(put((guard) => [{ ...guard, objectSelector: { matchLabels: { a: 'b' } } }])).toEqual(
      wrong('guard: objectSelector differs'),
    );
    expect(put((guard) => [{ ...guard, failurePolicy: 'Ignore' }])).toEqual(
      wrong('guard: failurePolicy is Ignore, wanted Fail'),
    );
    expect(put(() => [])).toEqual(wrong('guard: missing'));
    expect(put((guard) => [{ ...guard, failurePolicy: 'Ignore' }], '{}')).not.toContain('wrong');
    expect(logged.filter((line) => line.includes('as our settings and rules want'))).toEqual([
      ...Array.from(
        { length: 4 },
        () => 'our entries are not as our settings and rules want them; not ours to mend',
      ),
      'our entries are as our settings and rules want them again',
    ]);
  });
});
