import { afterEach, describe, expect, it } from '@jest/globals';
import { ApiError, type ApiServer } from '../../src/cluster/api-server.ts';
import {
  followRegistration,
  type RegistrationListener,
  type RegistrationOptions,
} from '../../src/cluster/registration.ts';
import type { Lease } from '../../src/registration/agreement.ts';
import type { RegisteredConfiguration } from '../../src/registration/registered-webhook.ts';
import { webhookConfiguration } from '../../src/registration/webhook-configuration.ts';
import { eventually } from '../lib/eventually.ts';

const SERVICE = { namespace: 'sigma-admission', name: 'sigma-admission' };
const CONTENT = webhookConfiguration({
  namespace: 'sigma-admission',
  service: 'sigma-admission',
  port: 443,
  enforcing: false,
  distribution: 'upstream',
});

/** An API server that holds our release; `refusals` are given first, one a write. */
function cluster(refusals: ApiError[] = []) {
  let version = 1;
  const held: {
    configuration?: RegisteredConfiguration | undefined;
    deployment?: object;
    namespace?: object;
    service?: object | undefined;
    lease?: Lease | undefined;
  } = {
    deployment: { metadata: { name: 'sigma-admission', uid: 'd' } },
    namespace: { metadata: { name: 'sigma-admission', uid: 'n' } },
    service: {
      metadata: { name: 'sigma-admission', uid: 's' },
      spec: { clusterIP: '10.0.0.1', ports: [{ name: 'https', port: 443 }] },
    },
  };
  const writes: string[] = [];
  const found = (object: unknown) =>
    object === undefined ? Promise.reject(new ApiError(404, 'not found')) : Promise.resolve(object);
  const store = (method: string, object: RegisteredConfiguration) => {
    const refusal = refusals.shift();
    if (refusal !== undefined) return Promise.reject(refusal);
    writes.push(method);
    version += 1;
    const names = (object.webhooks ?? []).map(({ name }) => [`k:${JSON.stringify({ name })}`, {}]);
    const ours = { manager: 'sigma-admission', operation: 'Apply' };
    const managedFields = [{ ...ours, fieldsV1: { 'f:webhooks': Object.fromEntries(names) } }];
    const metadata = { ...object.metadata, resourceVersion: String(version), managedFields };
    held.configuration = { ...object, metadata };
    return Promise.resolve(held.configuration);
  };
  const api: ApiServer = {
    get(path) {
      if (path.includes('validatingwebhookconfigurations')) return found(held.configuration);
      if (path.includes('/deployments/')) return found(held.deployment);
      if (path.includes('/services/')) return found(held.service);
      if (path.includes('/leases/')) return found(held.lease);
      return found(held.namespace);
    },
    create: () => Promise.reject(new TypeError('nothing is created')),
    apply(path, object) {
      if (!path.includes('/leases/')) return store('apply', object as RegisteredConfiguration);
      held.lease = object as Lease;
      return Promise.resolve(held.lease);
    },
    replace: (_, object) => store('replace', object as RegisteredConfiguration),
    watch: () => Promise.reject(new TypeError('nothing is watched')),
  };
  return { api, held, writes };
}

describe('following the registration', () => {
  let stop: (() => void) | undefined;
  afterEach(() => stop?.());

  function follow(
    api: ApiServer,
    {
      caBundle = () => 'CA',
      ...changes
    }: Partial<Pick<RegistrationOptions, 'manage' | 'confirmed' | 'now'>> & { caBundle?: () => string } = {},
  ) {
    const told: string[] = [];
    const looks: (RegisteredConfiguration | undefined)[] = [];
    const state: { differences?: readonly string[] | undefined } = {};
    const on: RegistrationListener = {
      looked: (plan) => void (state.differences = plan?.differences),
      deferred: (is) => told.push(`deferred: ${is}`),
      written: (differences) => told.push(`written: ${differences.length}`),
      reverted: (what, by) => told.push(`reverted: ${what} by ${by ?? 'nobody named'}`),
      contested: (is) => told.push(`contested: ${is}`),
      breakGlass: (reason) => told.push(`broken glass: ${reason ?? 'no more'}`),
      ending: (why) => told.push(why ?? 'ending no more'),
      serviceMissing: (is) => told.push(`Service missing: ${is}`),
      otherRelease: (service) => told.push(`other release: ${service ?? 'no more'}`),
    };
    stop = followRegistration({
      api,
      name: 'sigma-admission',
      manage: 'all',
      service: SERVICE,
      content: () => ({ content: CONTENT, since: 0 }),
      confirmed: () => true,
      holder: 'a-replica',
      ownerReference: true,
      everyMs: 1,
      reconcile(found) {
        looks.push(found);
        return caBundle();
      },
      on,
      onFailure: ({ message }) => told.push(`failed: ${message}`),
      ...changes,
    });
    return {
      told,
      looks,
      inOrder: () => eventually('it is in order', () => state.differences?.length === 0),
    };
  }

  it('makes it, and makes it again when somebody deleted it', async () => {
    const { api, held, writes } = cluster();
    const { told, inOrder } = follow(api);
    await inOrder();
    held.configuration = undefined;
    await eventually('it is there again', () => held.configuration !== undefined);
    expect(writes).toEqual(['apply', 'apply']);
    expect(told).toEqual(['written: 1', 'reverted: deleted by nobody named']);
  });

  it('looks again at once when another replica was first', async () => {
    const { api } = cluster([new ApiError(409, 'changed')]);
    const { told, inOrder } = follow(api);
    await inOrder();
    expect(told).toEqual(['written: 1']);
  });

  it('says once what keeps failing, and goes on', async () => {
    const { api } = cluster(Array.from({ length: 3 }, () => new ApiError(403, 'no')));
    const { told, inOrder } = follow(api);
    await inOrder();
    expect(told).toEqual(['failed: no', 'written: 1']);
  });

  it('only looks where nothing of it is ours', async () => {
    const { api, writes } = cluster();
    const { told, looks } = follow(api, { manage: 'none' });
    await eventually('it was looked at', () => looks.length > 2);
    expect([writes, told]).toEqual([[], []]);
  });

  it('counts no change of our own as somebody else’s', async () => {
    const { api, held } = cluster();
    let ca = 'one';
    const { told, inOrder } = follow(api, { caBundle: () => ca });
    await inOrder();
    ca = 'two';
    const wanted = Buffer.from('two').toString('base64');
    await eventually(
      'it is the other',
      () => held.configuration?.webhooks?.[0]?.clientConfig.caBundle === wanted,
    );
    await inOrder();
    expect(told).toEqual(['written: 1', 'written: 4']);
  });

  it('counts what somebody else did, though we want something else since', async () => {
    const { api, held } = cluster();
    let ca = 'one';
    const { told, inOrder } = follow(api, { caBundle: () => ca });
    await inOrder();
    ca = 'two';
    held.configuration = undefined;
    await eventually('it is there again', () => held.configuration !== undefined);
    expect(told).toEqual(['written: 1', 'reverted: deleted by nobody named']);
  });

  const withAnnotation = (
    held: { configuration?: RegisteredConfiguration | undefined },
    key: string,
    value: string,
  ) => {
    const { metadata } = held.configuration as RegisteredConfiguration;
    const annotations = { ...metadata.annotations, [`sigma-admission/${key}`]: value };
    held.configuration = { metadata: { ...metadata, annotations }, webhooks: [] };
  };

  it('is restored though an annotation says that it is newer, or was let be', async () => {
    const { api, held, writes } = cluster();
    const { told, inOrder } = follow(api);
    await inOrder();
    withAnnotation(held, 'content', 'ffffffffffffffff 9999-01-01T00:00:00Z');
    await eventually('it is restored', () => held.configuration?.webhooks?.length === 4);
    await inOrder();
    const five = [1, 2, 3, 4, 5].map((minutes) => new Date(Date.now() - minutes * 60_000).toISOString());
    withAnnotation(held, 'reverted', five.join(' '));
    await eventually('it is restored', () => held.configuration?.webhooks?.length === 4);
    await inOrder();
    expect(writes).toEqual(['apply', 'replace', 'replace']);
    expect(told).toEqual([
      'written: 1',
      'reverted: edited by nobody named',
      'reverted: edited by nobody named',
    ]);
  });

  const claim = (digest: string, at: number): Lease => ({
    metadata: { annotations: { 'sigma-admission/content': `${digest} ${new Date(at).toISOString()}` } },
  });
  const slower = (held: { configuration?: RegisteredConfiguration | undefined }) => {
    const { webhooks = [], ...rest } = held.configuration as RegisteredConfiguration;
    held.configuration = { ...rest, webhooks: webhooks.map((entry) => ({ ...entry, timeoutSeconds: 7 })) };
  };

  it('is left for ten minutes to a replica that claimed it later, which is told once', async () => {
    const { api, held, writes } = cluster();
    let at = Date.now();
    const { told, looks, inOrder } = follow(api, { now: () => at });
    await inOrder();
    expect(held.lease?.metadata?.annotations).toEqual({
      'sigma-admission/content': expect.stringMatching(/^[0-9a-f]{16} 1970-01-01T00:00:00.000Z$/),
    });
    held.lease = claim('ffffffffffffffff', at);
    slower(held);
    await eventually('it is left', () => told.includes('deferred: true'));
    at += 9 * 60_000;
    const { length } = looks;
    await eventually('it was looked at', () => looks.length > length + 2);
    expect(writes).toEqual(['apply']);
    at += 60_000;
    await eventually('it is restored', () => held.configuration?.webhooks?.[0]?.timeoutSeconds === 3);
    expect(told).toEqual([
      'written: 1',
      'deferred: true',
      'deferred: false',
      'reverted: edited by nobody named',
    ]);
  });

  it('is let be after five changes within ten minutes, by whichever replicas they were undone', async () => {
    const { api, held, writes } = cluster();
    const { told, inOrder } = follow(api);
    await inOrder();
    const acquireTime = new Date(Date.now() - 60_000).toISOString();
    held.lease = { ...held.lease, spec: { acquireTime, leaseTransitions: 3 } };
    const empty = () => {
      held.configuration = { ...(held.configuration as RegisteredConfiguration), webhooks: [] };
    };
    for (const time of ['fourth', 'fifth']) {
      empty();
      await eventually(`it is undone a ${time} time`, () => held.configuration?.webhooks?.length === 4);
      await inOrder();
    }
    expect(held.lease?.spec?.leaseTransitions).toBe(5);
    empty();
    await eventually('it is let be', () => told.includes('contested: true'));
    expect(writes).toEqual(['apply', 'replace', 'replace']);
    held.deployment = {
      metadata: { name: 'sigma-admission', uid: 'd', annotations: { 'sigma-admission/break-glass': 'why' } },
    };
    await eventually('what an operator asks for is done all the same', () =>
      told.includes('broken glass: why'),
    );
  });

  it('counts by itself while the Lease cannot be read, which is told once', async () => {
    const { api, held } = cluster();
    const refused = () => Promise.reject(new ApiError(403, 'no Lease'));
    const isLease = (path: string) => path.includes('/leases/');
    const { told, inOrder } = follow({
      ...api,
      get: (path) => (isLease(path) ? refused() : api.get(path)),
      apply: (path, object) => (isLease(path) ? refused() : api.apply(path, object)),
    });
    await inOrder();
    for (let time = 0; time < 5; time += 1) {
      held.configuration = undefined;
      await eventually('it is there again', () => held.configuration !== undefined);
      await inOrder();
    }
    held.configuration = undefined;
    await eventually('it is let be', () => told.includes('contested: true'));
    expect(told).toEqual([
      'failed: no Lease',
      'written: 1',
      ...Array.from({ length: 5 }, () => 'reverted: deleted by nobody named'),
      'contested: true',
    ]);
  });

  it('stays while our Service is missing, and is not made then', async () => {
    const { api, held, writes } = cluster();
    const { told, inOrder, looks } = follow(api);
    await inOrder();
    const { service } = held;
    held.service = undefined;
    await eventually('it was seen', () => told.includes('Service missing: true'));
    held.configuration = undefined;
    const { length } = looks;
    await eventually('it was looked at', () => looks.length > length + 2);
    expect(writes).toEqual(['apply']);
    held.service = service;
    await eventually('it is there again', () => held.configuration !== undefined);
    expect(told.slice(1)).toEqual([
      'Service missing: true',
      'Service missing: false',
      'reverted: deleted by nobody named',
    ]);
  });

  it('says by which finalizers our Deployment is held', async () => {
    const { api, held } = cluster();
    const { told, inOrder } = follow(api);
    await inOrder();
    const metadata = { name: 'sigma-admission', uid: 'd', deletionTimestamp: 'now', finalizers: ['a', 'b'] };
    held.deployment = { metadata };
    await eventually('it fails open', () => told.includes('written: 2'));
    expect(told.slice(1)).toEqual([
      'our Deployment is being deleted, and is held by its finalizers a, b',
      'written: 2',
    ]);
  });

  it('leaves the configuration of another release alone, and says whose it is', async () => {
    const { api, held, writes } = cluster();
    const theirs = { namespace: 'theirs', name: 'sigma-admission' };
    held.configuration = {
      metadata: { name: 'sigma-admission' },
      webhooks: [{ name: 'guard.sigma-admission.svc', clientConfig: { service: theirs } }],
    };
    const { told, looks } = follow(api);
    await eventually('it was looked at', () => looks.length > 3);
    expect([writes, told]).toEqual([[], ['other release: theirs/sigma-admission']]);
    held.configuration = undefined;
    await eventually('ours is made', () => writes.length === 1);
    expect(told.slice(1)).toEqual(['other release: no more', 'written: 1']);
  });

  it('restores nothing while our Deployment is missing', async () => {
    const { api, held, writes } = cluster();
    const { told, inOrder } = follow(api);
    await inOrder();
    const { deployment } = held;
    delete held.deployment;
    held.configuration = undefined;
    await eventually('it was seen', () => told.includes('our Deployment is missing'));
    expect(writes).toEqual(['apply']);
    held.deployment = deployment as object;
    await eventually('it is back', () => held.configuration !== undefined);
    expect(told.slice(1)).toEqual([
      'our Deployment is missing',
      'ending no more',
      'reverted: deleted by nobody named',
    ]);
  });
});
