import { describe, expect, it } from '@jest/globals';
import { planRegistration, type RegistrationState } from '../../src/registration/registration-plan.ts';
import type { Claim } from '../../src/registration/agreement.ts';
import { ownerOf } from '../../src/registration/field-owners.ts';
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
    serviceMissing: false,
    wasOurs: true,
    outgoing: false,
    owner: OWNER,
    now: NOW,
    ...changes,
  };
}

/** That a server-side apply of ours made us an owner of these entries. */
function ownedByUs(names: readonly string[]) {
  const owned = names.map((name) => [`k:${JSON.stringify({ name })}`, { 'f:failurePolicy': {} }]);
  const fieldsV1 = { 'f:webhooks': Object.fromEntries(owned) };
  return { manager: 'sigma-admission', operation: 'Apply', fieldsV1 };
}

/** What the API server holds after what is planned was done. */
function after(found: RegisteredConfiguration | undefined, circumstances = about()): RegisteredConfiguration {
  const { write } = planRegistration(found, circumstances);
  if (write === undefined) throw new TypeError('nothing was planned');
  const { metadata, webhooks = [] } = write.object;
  return {
    ...write.object,
    metadata: { ...metadata, managedFields: [ownedByUs(webhooks.map(({ name }) => name))] },
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
const CLAIM = planRegistration(undefined, about()).claim as Claim;
const NOTHING = { differences: [], defers: false };

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
    expect(write?.method).toBe('apply');
    expect(write?.object.metadata).toMatchObject({
      name: 'sigma-admission',
      labels: { 'admissions.enforcer/disabled': 'true' },
      ownerReferences: [OWNER],
    });
    expect(write?.object.webhooks?.map(({ clientConfig }) => clientConfig.caBundle)).toEqual(
      Array.from({ length: 4 }, () => 'UEVNCg=='),
    );
    expect(planRegistration(RIGHT, about({ claim: CLAIM }))).toEqual(NOTHING);
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

  it('is owned by us, too, where another client applied it', () => {
    const { managedFields, ...metadata } = RIGHT.metadata;
    const theirs = { manager: 'kubectl', operation: 'Apply', fieldsV1: managedFields?.[0]?.fieldsV1 };
    const found = { ...RIGHT, metadata: { ...metadata, resourceVersion: '7', managedFields: [theirs] } };
    const { write, differences } = planRegistration(found, about());
    expect(differences).toEqual([]);
    expect(write).toEqual({
      method: 'apply',
      object: {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingWebhookConfiguration',
        metadata: {
          name: 'sigma-admission',
          resourceVersion: '7',
          labels: content().metadata.labels,
          ownerReferences: [OWNER],
        },
        webhooks: RIGHT.webhooks,
      },
    });
    const notOurs = planRegistration(found, about({ caBundle: undefined })).write?.object.webhooks;
    expect(notOurs?.flatMap(({ clientConfig }) => Object.keys(clientConfig))).toEqual(
      Array.from({ length: 4 }, () => 'service'),
    );
  });

  it('forgets that a client applied entries, which that client’s next apply would take away', () => {
    const applied = (object: object) => ({
      'kubectl.kubernetes.io/last-applied-configuration': `${JSON.stringify(object)}\n`,
    });
    const annotations = {
      ...RIGHT.metadata.annotations,
      ...applied({ kind: 'a', webhooks: [{ name: 'b' }] }),
    };
    const found = { ...RIGHT, metadata: { ...RIGHT.metadata, annotations } };
    expect(after(found).metadata.annotations).toMatchObject(applied({ kind: 'a' }));
    expect(planRegistration(found, about({ outgoing: true })).differences).toEqual([]);
    const emptied = { ...annotations, ...applied({ kind: 'a', webhooks: [] }) };
    const right = { ...RIGHT, metadata: { ...RIGHT.metadata, annotations: emptied } };
    expect(planRegistration(right, about()).differences).toEqual([]);
  });

  const ago = (minutes: number) => NOW - minutes * 60_000;
  const AKS = planRegistration(undefined, about({ content: content('aks') })).claim as Claim;
  const claimed = (since: number) => about({ since: ago(20), claim: { ...AKS, since } });

  it('claims its content once', () => {
    expect(planRegistration(RIGHT, about()).claim).toEqual(CLAIM);
    expect(CLAIM).toEqual({ digest: expect.stringMatching(/^[0-9a-f]{16}$/), since: NOW - 60_000 });
    expect(planRegistration(RIGHT, about({ claim: CLAIM, since: NOW })).claim).toBeUndefined();
    expect(planRegistration(RIGHT, about({ claim: { ...AKS, since: ago(9) } })).claim).toEqual(CLAIM);
  });

  it.each([
    ['nine minutes ago', ago(9)],
    ['in half a minute, by a clock that is a little ahead', ago(-0.5)],
  ])('is left to the replica that claimed it later, %s', (_, since) => {
    const later = after(RIGHT, about({ content: content('aks') }));
    expect(planRegistration(later, claimed(since))).toEqual({ differences: [], defers: true });
  });

  it.each([
    ['ten minutes ago', ago(10)],
    ['in two minutes', ago(-2)],
    ['before this replica wanted something else', ago(21)],
  ])('is not left to a replica that claimed it %s', (_, since) => {
    const other = after(RIGHT, about({ content: content('aks') }));
    expect(planRegistration(other, claimed(since))).toMatchObject({
      defers: false,
      write: { method: 'replace' },
      claim: { ...CLAIM, since: ago(20) },
    });
  });

  const without = (name: string) => ({
    ...RIGHT,
    webhooks: (RIGHT.webhooks ?? []).filter((entry) => !entry.name.startsWith(name)),
  });
  it.each<[string, RegisteredConfiguration]>([
    ['without guard', without('guard')],
    ['without observe', without('observe')],
    ['without self', without('self')],
    ['without any entry', { ...RIGHT, webhooks: [] }],
    ['with a guard without rules', edited((guard) => ({ ...guard, rules: [] }))],
    [
      'with a guard for another namespace',
      edited((guard) => ({ ...guard, namespaceSelector: { matchLabels: { a: 'b' } } })),
    ],
    [
      'with a guard for labelled objects alone',
      edited((guard) => ({ ...guard, objectSelector: { matchLabels: { a: 'b' } } })),
    ],
  ])('is left to no replica %s', (_, found) => {
    expect(planRegistration(found, claimed(ago(1)))).toMatchObject({
      defers: false,
      write: { method: 'replace' },
    });
  });

  it('an annotation claims nothing', () => {
    const annotations = {
      ...RIGHT.metadata.annotations,
      'sigma-admission/content': `ffffffffffffffff ${new Date(NOW - 1_000).toISOString()}`,
    };
    const found = { ...RIGHT, metadata: { ...RIGHT.metadata, annotations } };
    expect(planRegistration(found, about())).toMatchObject({
      defers: false,
      write: { method: 'replace', object: { metadata: { annotations: RIGHT.metadata.annotations } } },
    });
  });

  it('is not made while our Service is missing, and stays as it is', () => {
    const missing = about({ serviceMissing: true, claim: CLAIM });
    expect(planRegistration(undefined, missing)).toEqual({
      differences: ['it does not exist'],
      defers: false,
    });
    expect(planRegistration(RIGHT, missing)).toEqual(NOTHING);
    expect(policies(after(RIGHT, { ...missing, breakGlass: 'why' }))).toMatchObject({ guard: 'Ignore' });
  });

  it('is another release’s where it calls that one’s Service, unless this release ever claimed it', () => {
    const theirs = (entry: RegisteredWebhook): RegisteredWebhook => ({
      ...entry,
      clientConfig: { service: { namespace: 'theirs', name: 'sigma-admission' } },
    });
    const found = { ...RIGHT, webhooks: (RIGHT.webhooks ?? []).map(theirs) };
    const fresh = { wasOurs: false, claim: undefined };
    const refusal = {
      differences: [
        'it is the webhook configuration of another release, with the Service theirs/sigma-admission',
      ],
      defers: false,
      otherRelease: 'theirs/sigma-admission',
    };
    expect(planRegistration(found, about(fresh))).toEqual(refusal);
    expect(planRegistration(found, about({ ...fresh, manage: 'ca' }))).toEqual(refusal);
    expect(planRegistration(found, about({ ...fresh, claim: CLAIM })).write?.method).toBe('replace');
    expect(planRegistration(found, about({ ...fresh, wasOurs: true })).write?.method).toBe('replace');
    expect(planRegistration({ ...found, webhooks: [] }, about(fresh)).write?.method).toBe('replace');
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

  describe('after replicas managed all of it,', () => {
    const added = ['other.sigma-admission.svc', 'other-observe.sigma-admission.svc'].map((name) => ({
      ...(RIGHT.webhooks?.[0] as RegisteredWebhook),
      name,
    }));
    const left: RegisteredConfiguration = { ...RIGHT, webhooks: [...(RIGHT.webhooks ?? []), ...added] };
    const names = ({ webhooks = [] }: RegisteredConfiguration) =>
      webhooks.map(({ name }) => name.split('.')[0]);
    const withMetadata = (metadata: object) => ({ ...left, metadata: { ...left.metadata, ...metadata } });

    it('loses the entries that only they added, and is claimed', () => {
      const plan = planRegistration(left, ca());
      expect(plan.claim).toEqual({ digest: 'ca', since: NOW - 60_000 });
      const found = after(left, ca());
      expect(names(found)).toEqual(['guard', 'observe', 'probe', 'self']);
      expect(planRegistration(found, ca({ claim: plan.claim }))).toEqual(NOTHING);
      expect(planRegistration(RIGHT, about({ claim: { digest: 'ca', since: NOW } })).defers).toBe(true);
    });

    it.each<[string, RegisteredConfiguration]>([
      [
        'owned by another client',
        withMetadata({
          managedFields: [{ ...ownedByUs(added.map(({ name }) => name)), manager: 'kustomize-controller' }],
        }),
      ],
      [
        'applied by another client',
        withMetadata({
          annotations: {
            ...left.metadata.annotations,
            'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({ webhooks: added }),
          },
        }),
      ],
    ])('keeps those %s', (_, found) => {
      expect(names(after(found, ca()))).toEqual(names(left));
    });

    it('keeps them where a replica that manages all of it came later', () => {
      const later = ca({ claim: { ...CLAIM, since: NOW } });
      expect(planRegistration(left, later)).toEqual({ differences: [], defers: true });
    });
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
    expect(policies(after(right, about({ manage, ending: 'our Deployment is missing' })))).toEqual(IGNORED);
    expect(
      planRegistration(undefined, about({ manage, ending: 'our Deployment is missing' })).write,
    ).toBeUndefined();
    const emptied = edited((guard) => ({ ...guard, failurePolicy: 'Ignore', rules: [] }), right);
    expect(
      planRegistration(emptied, about({ manage, ending: 'our Deployment is missing' })).differences,
    ).toEqual(expect.not.arrayContaining(['guard.sigma-admission.svc: rules']));
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

describe('who changed it', () => {
  const GUARD = 'guard.sigma-admission.svc';
  const by = (manager: string, time: string, ...fields: readonly (readonly [string, object])[]) => ({
    manager,
    time: `2026-11-24T${time}:00:00Z`,
    fieldsV1: {
      'f:webhooks': Object.fromEntries(fields.map(([name, owned]) => [`k:{"name":"${name}"}`, owned])),
    },
  });
  const found = (...managedFields: readonly object[]): RegisteredConfiguration => ({
    metadata: { managedFields },
  });
  const POLICY = { 'f:failurePolicy': {} };

  it('is the field manager that owns the field, the last of them', () => {
    const all = found(
      by('kubectl', '10', [GUARD, POLICY]),
      by('argo', '11', [GUARD, POLICY]),
      by('flux', '12', ['self.sigma-admission.svc', POLICY]),
      by('sigma-admission', '13', [GUARD, POLICY]),
    );
    expect(ownerOf(all, [{ entry: GUARD, field: 'failurePolicy' }])).toBe('argo');
    expect(ownerOf(all, [{ entry: GUARD, field: 'rules' }])).toBeUndefined();
    expect(ownerOf(all, [{ entry: 'self.sigma-admission.svc' }])).toBe('flux');
    expect(ownerOf(all, [])).toBeUndefined();
  });

  it('is found in clientConfig, too, and nobody where nothing says', () => {
    const ca = found(by('kubectl', '10', [GUARD, { 'f:clientConfig': { 'f:caBundle': {} } }]));
    expect(ownerOf(ca, [{ entry: GUARD, field: 'caBundle' }])).toBe('kubectl');
    expect(ownerOf({ metadata: {} }, [{ entry: GUARD }])).toBeUndefined();
  });
});
