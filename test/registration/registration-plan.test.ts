import { describe, expect, it } from '@jest/globals';
import {
  claimedManager,
  countedReversions,
  planRegistration,
  type RegistrationState,
} from '../../src/registration/registration-plan.ts';
import type {
  RegisteredConfiguration,
  RegisteredWebhook,
} from '../../src/registration/registered-webhook.ts';
import { webhookConfiguration } from '../../src/registration/webhook-configuration.ts';

const SERVICE = { namespace: 'sigma-admission', name: 'sigma-admission' };
const OWNER = { apiVersion: 'v1', kind: 'Namespace', name: 'sigma-admission', uid: 'namespace-uid' };
const NOW = Date.parse('2026-11-24T12:00:00Z');

function content(distribution: 'upstream' | 'aks' = 'upstream') {
  return webhookConfiguration({
    namespace: 'sigma-admission',
    service: 'sigma-admission',
    port: 443,
    enforcing: true,
    distribution,
  });
}

function about(changes: Partial<RegistrationState> = {}): RegistrationState {
  return {
    manage: 'all',
    service: SERVICE,
    content: content(),
    since: NOW - 60_000,
    caBundle: 'PEM\n',
    confirmed: true,
    terminating: false,
    owner: OWNER,
    now: NOW,
    ...changes,
  };
}

/** What the API server holds after what is planned was done. */
function after(found: RegisteredConfiguration | undefined, circumstances = about()): RegisteredConfiguration {
  const { write } = planRegistration(found, circumstances);
  if (write === undefined) throw new TypeError('nothing was planned');
  return {
    ...write.object,
    webhooks: (write.object.webhooks ?? []).map((entry) => ({ objectSelector: {}, ...entry })),
  };
}

const shipped = (): RegisteredConfiguration => ({
  metadata: { name: 'sigma-admission' },
  webhooks: content().webhooks,
});
const policies = ({ webhooks = [] }: RegisteredConfiguration) =>
  Object.fromEntries(webhooks.map(({ name, failurePolicy }) => [name.split('.')[0], failurePolicy]));
const RIGHT = after(undefined);

function edited(
  change: (guard: RegisteredWebhook) => RegisteredWebhook,
  found = RIGHT,
): RegisteredConfiguration {
  const [guard, ...rest] = found.webhooks ?? [];
  return { ...found, webhooks: [change(guard as RegisteredWebhook), ...rest] };
}

describe('the webhook configuration, all of it our own,', () => {
  it('is made where it is missing, owned by our Namespace, and is then as it should be', () => {
    const { write, differences } = planRegistration(undefined, about());
    expect(differences).toEqual(['it does not exist']);
    expect(write?.method).toBe('create');
    expect(write?.object.metadata).toMatchObject({
      name: 'sigma-admission',
      labels: { 'admissions.enforcer/disabled': 'true' },
      ownerReferences: [OWNER],
    });
    expect(write?.object.webhooks?.map(({ clientConfig }) => clientConfig.caBundle)).toEqual(
      Array.from({ length: 4 }, () => 'UEVNCg=='),
    );
    expect(planRegistration(RIGHT, about())).toEqual({ differences: [], defers: false });
  });

  it.each<[string, RegisteredConfiguration, readonly string[]]>([
    [
      'lost its CA',
      edited(
        (guard) => ({ ...guard, clientConfig: { service: guard.clientConfig.service } }) as RegisteredWebhook,
      ),
      ['guard.sigma-admission.svc: caBundle'],
    ],
    [
      'sends nothing any more',
      edited((guard) => ({ ...guard, rules: [] })),
      ['guard.sigma-admission.svc: rules'],
    ],
    [
      'lets everybody through',
      edited((guard) => ({ ...guard, objectSelector: { matchLabels: { a: 'b' } } })),
      ['guard.sigma-admission.svc: objectSelector'],
    ],
    [
      'lost an entry',
      { ...RIGHT, webhooks: (RIGHT.webhooks ?? []).slice(1) },
      ['guard.sigma-admission.svc: missing'],
    ],
    [
      'got an entry of somebody else',
      {
        ...RIGHT,
        webhooks: [...(RIGHT.webhooks ?? []), { name: 'a.b.c', clientConfig: { url: 'https://a' } }],
      },
      ['a.b.c: not ours'],
    ],
    [
      'belongs to nobody',
      { ...RIGHT, metadata: { ...RIGHT.metadata, ownerReferences: [] } },
      ['metadata: ownerReferences'],
    ],
  ])('is brought back when it %s', (_, found, differences) => {
    const plan = planRegistration(found, about());
    expect(plan.differences).toEqual(differences);
    expect(planRegistration(after(found), about()).differences).toEqual([]);
  });

  it('keeps what somebody wrote beside it', () => {
    const metadata = { ...RIGHT.metadata, annotations: { ...RIGHT.metadata.annotations, theirs: 'kept' } };
    expect(planRegistration({ ...RIGHT, metadata }, about()).differences).toEqual([]);
  });

  it('keeps the CA that somebody else sees to', () => {
    const theirs = edited((guard) => ({
      ...guard,
      clientConfig: { ...guard.clientConfig, caBundle: 'dGhlaXJz' },
    }));
    expect(planRegistration(theirs, about({ caBundle: undefined })).differences).toEqual([]);
  });

  it('fails closed once a probe came back; who proved nothing leaves what another replica proved', () => {
    const unconfirmed = after(undefined, about({ confirmed: false }));
    expect(policies(unconfirmed)).toEqual({
      guard: 'Ignore',
      observe: 'Ignore',
      probe: 'Fail',
      self: 'Ignore',
    });
    expect(planRegistration(unconfirmed, about({ confirmed: false })).differences).toEqual([]);
    const confirmed = after(unconfirmed);
    expect(policies(confirmed)['guard']).toBe('Fail');
    expect(planRegistration(confirmed, about({ confirmed: false })).differences).toEqual([]);
  });

  it('is left to whoever was told something else later, until that is ten minutes ago', () => {
    const later = after(RIGHT, about({ content: content('aks'), since: NOW - 1_000 }));
    expect(planRegistration(later, about())).toEqual({ differences: [], defers: true });
    const much = { now: NOW + 10 * 60_000 };
    expect(planRegistration(later, about(much)).differences).toContain(
      'guard.sigma-admission.svc: matchConditions',
    );
  });

  describe('is not left to content that says it is newer', () => {
    const at = (time: string, found = RIGHT): RegisteredConfiguration => {
      const annotations = {
        ...found.metadata.annotations,
        'sigma-admission/content': `ffffffffffffffff ${time}`,
      };
      return { ...found, metadata: { ...found.metadata, annotations } };
    };
    const JUST_NOW = new Date(NOW - 1_000).toISOString();
    const without = (name: string) => ({
      ...RIGHT,
      webhooks: (RIGHT.webhooks ?? []).filter((entry) => !entry.name.startsWith(name)),
    });

    it.each([
      ['a second ago', JUST_NOW],
      ['in half a minute, by a clock that is a little ahead', new Date(NOW + 30_000).toISOString()],
    ])('but it is where it has every entry, and was written %s', (_, time) => {
      expect(planRegistration(at(time), about())).toEqual({ differences: [], defers: true });
    });

    it.each<[string, RegisteredConfiguration]>([
      ['in two minutes', at(new Date(NOW + 120_000).toISOString())],
      ['in the year 9999', at('9999-01-01T00:00:00Z')],
      ['ten minutes ago', at(new Date(NOW - 600_000).toISOString())],
      ['at no time that can be read', at('tomorrow')],
      ['a second ago, without guard', at(JUST_NOW, without('guard'))],
      ['a second ago, without observe', at(JUST_NOW, without('observe'))],
      ['a second ago, without self', at(JUST_NOW, without('self'))],
      ['a second ago, without any entry', at(JUST_NOW, { ...RIGHT, webhooks: [] })],
      [
        'a second ago, guard without rules',
        at(
          JUST_NOW,
          edited((guard) => ({ ...guard, rules: [] })),
        ),
      ],
      [
        'a second ago, guard for another namespace',
        at(
          JUST_NOW,
          edited((guard) => ({ ...guard, namespaceSelector: { matchLabels: { a: 'b' } } })),
        ),
      ],
      [
        'a second ago, guard for labelled objects alone',
        at(
          JUST_NOW,
          edited((guard) => ({ ...guard, objectSelector: { matchLabels: { a: 'b' } } })),
        ),
      ],
    ])('written %s', (_, found) => {
      expect(planRegistration(found, about())).toMatchObject({ defers: false, write: { method: 'replace' } });
      expect(planRegistration(after(found), about())).toEqual({ differences: [], defers: false });
    });

    it('for longer than ten minutes in all, however often it is written anew', () => {
      const since = (ms: number) => about({ deferringSince: NOW - ms });
      expect(planRegistration(at(JUST_NOW), since(599_000)).defers).toBe(true);
      expect(planRegistration(at(JUST_NOW), since(600_000))).toMatchObject({ defers: false, write: {} });
    });
  });

  it('is taken from whoever was told something else before', () => {
    const earlier = after(undefined, about({ content: content('aks'), since: NOW - 120_000 }));
    expect(planRegistration(earlier, about())).toMatchObject({ defers: false, write: { method: 'replace' } });
  });
});

describe('the webhook configuration, of which the CA alone is ours,', () => {
  const ca = (changes: Partial<RegistrationState> = {}) => about({ manage: 'ca', ...changes });

  it('gets our CA and our Namespace, and nothing else', () => {
    const plan = planRegistration(shipped(), ca());
    expect(plan.differences).toEqual([
      ...['guard', 'observe', 'probe', 'self'].map((name) => `${name}.sigma-admission.svc: caBundle`),
      'metadata: ownerReferences',
    ]);
    const found = edited((guard) => ({ ...guard, timeoutSeconds: 7, rules: [] }), after(shipped(), ca()));
    expect(planRegistration(found, ca()).differences).toEqual([]);
  });

  it('is not made where it is missing: nobody told us what to put into it', () => {
    expect(planRegistration(undefined, ca())).toEqual({ differences: ['it does not exist'], defers: false });
  });

  it('leaves entries alone that call somebody else', () => {
    const theirs = {
      name: 'a.b.c',
      clientConfig: { service: { namespace: 'other', name: 'sigma-admission' } },
    };
    const found = { ...after(shipped(), ca()), webhooks: [theirs] };
    expect(planRegistration(found, ca()).differences).toEqual([]);
  });

  it('does not belong to our Namespace where it is not to', () => {
    expect(after(shipped(), ca({ owner: undefined })).metadata.ownerReferences).toBeUndefined();
  });
});

describe.each(['ca', 'all'] as const)('while nothing is to fail closed (--manage %s),', (manage) => {
  const right = after(manage === 'all' ? undefined : shipped(), about({ manage }));
  const IGNORED = { guard: 'Ignore', observe: 'Ignore', probe: 'Ignore', self: 'Ignore' };

  it('every entry ignores failures while the glass is broken, and then does what it did', () => {
    const broken = after(right, about({ manage, breakGlass: 'a reason' }));
    expect(policies(broken)).toEqual(IGNORED);
    expect(planRegistration(broken, about({ manage, breakGlass: 'a reason' })).differences).toEqual([]);
    const mended = after(broken, about({ manage }));
    expect(policies(mended)).toEqual(policies(right));
    expect(planRegistration(mended, about({ manage })).differences).toEqual([]);
  });

  it('every entry ignores failures when we are terminating, and nothing is restored', () => {
    expect(policies(after(right, about({ manage, terminating: true })))).toEqual(IGNORED);
    expect(planRegistration(undefined, about({ manage, terminating: true })).write).toBeUndefined();
    const emptied = edited((guard) => ({ ...guard, failurePolicy: 'Ignore', rules: [] }), right);
    expect(planRegistration(emptied, about({ manage, terminating: true })).differences).toEqual(
      expect.not.arrayContaining(['guard.sigma-admission.svc: rules']),
    );
  });

  it.each(['no JSON', '[]', 'null', '{"guard.sigma-admission.svc":"Deny"}'])(
    'what was remembered may be anybody’s: %s',
    (remembered) => {
      const annotations = { ...right.metadata.annotations, 'sigma-admission/lowered': remembered };
      const found = { ...right, metadata: { ...right.metadata, annotations } };
      expect(policies(after(found, about({ manage })))).toEqual(policies(right));
    },
  );
});

describe('changes that were undone', () => {
  const ago = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString();
  const told = (...times: readonly string[]): RegisteredConfiguration => ({
    metadata: { annotations: { 'sigma-admission/reverted': times.join(' ') } },
  });

  it.each<[string, RegisteredConfiguration | undefined, readonly string[], readonly string[]]>([
    ['are our own, for ten minutes', undefined, [ago(11), ago(10), ago(9), ago(1)], [ago(9), ago(1)]],
    ['are our own, told again', told(ago(2), ago(1)), [ago(2), ago(1)], [ago(2), ago(1)]],
    ['are one of another replica’s', told(ago(1)), [], [ago(1)]],
    ['are one at most, however many the annotation tells', told(...[5, 4, 3, 2, 1].map(ago)), [], [ago(1)]],
    [
      'are of others’ one more than of ours',
      told(...[6, 5, 4, 3].map(ago)),
      [ago(2)],
      [ago(4), ago(3), ago(2)],
    ],
    ['are five once three were ours', told(ago(5), ago(4)), [3, 2, 1].map(ago), [5, 4, 3, 2, 1].map(ago)],
    ['are none that cannot be read, or is far from now', told('', 'no time', ago(-11), ago(60)), [], []],
  ])('%s', (_, found, own, counted) => {
    expect(countedReversions(found, own, NOW)).toEqual(counted);
  });
});

describe('who changed it', () => {
  const managedBy = (...entries: readonly (readonly [string, string])[]): RegisteredConfiguration => ({
    metadata: { managedFields: entries.map(([manager, time]) => ({ manager, time })) },
  });
  it('is the last field manager that is not ourselves, as it calls itself', () => {
    const found = managedBy(
      ['kubectl', '2026-11-24T10:00:00Z'],
      ['argo', '2026-11-24T11:00:00Z'],
      ['sigma-admission', '2026-11-24T12:00:00Z'],
    );
    expect(claimedManager(found, 'sigma-admission')).toBe('argo');
    expect(claimedManager(managedBy(), 'sigma-admission')).toBeUndefined();
  });
});
