import { afterEach, describe, expect, it } from '@jest/globals';
import { ApiError, type ApiServer } from '../../src/cluster/api-server.ts';
import {
  followRegistration,
  type RegistrationListener,
  type RegistrationOptions,
} from '../../src/cluster/registration.ts';
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
  } = {
    deployment: { metadata: { name: 'sigma-admission', uid: 'd' } },
    namespace: { metadata: { name: 'sigma-admission', uid: 'n' } },
  };
  const writes: string[] = [];
  const found = (object: unknown) =>
    object === undefined ? Promise.reject(new ApiError(404, 'not found')) : Promise.resolve(object);
  const store = (method: string, object: RegisteredConfiguration) => {
    const refusal = refusals.shift();
    if (refusal !== undefined) return Promise.reject(refusal);
    writes.push(method);
    version += 1;
    held.configuration = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    return Promise.resolve(held.configuration);
  };
  const api: ApiServer = {
    get(path) {
      if (path.includes('validatingwebhookconfigurations')) return found(held.configuration);
      if (path.includes('/deployments/')) return found(held.deployment);
      if (path.includes('/services/')) {
        return found({ spec: { clusterIP: '10.0.0.1', ports: [{ name: 'https', port: 443 }] } });
      }
      return found(held.namespace);
    },
    create: (_, object) => store('create', object as RegisteredConfiguration),
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
      terminating: (is) => told.push(`terminating: ${is}`),
    };
    stop = followRegistration({
      api,
      name: 'sigma-admission',
      manage: 'all',
      service: SERVICE,
      content: () => ({ content: CONTENT, since: 0 }),
      confirmed: () => true,
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
    expect(writes).toEqual(['create', 'create']);
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
    expect(writes).toEqual(['create', 'replace', 'replace']);
    expect(told).toEqual([
      'written: 1',
      'reverted: edited by nobody named',
      'reverted: edited by nobody named',
    ]);
  });

  it('is left to newer content for ten minutes in all, which is told once', async () => {
    const { api, held, writes } = cluster();
    let at = Date.now();
    const { told, looks, inOrder } = follow(api, { now: () => at });
    await inOrder();
    const right = held.configuration as RegisteredConfiguration;
    const written = () => {
      const annotations = { 'sigma-admission/content': `ffffffffffffffff ${new Date(at).toISOString()}` };
      const webhooks = right.webhooks?.map((entry) => ({ ...entry, timeoutSeconds: 7 })) ?? [];
      held.configuration = { metadata: { ...right.metadata, annotations }, webhooks };
    };
    written();
    await eventually('it is left', () => told.includes('deferred: true'));
    at += 9 * 60_000;
    written();
    const { length } = looks;
    await eventually('it was looked at', () => looks.length > length + 2);
    expect(writes).toEqual(['create']);
    at += 60_000;
    written();
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
    withAnnotation(held, 'reverted', new Date(Date.now() - 60_000).toISOString());
    for (const time of ['second', 'third', 'fourth', 'fifth']) {
      await eventually(`it is undone a ${time} time`, () => held.configuration?.webhooks?.length === 4);
      await inOrder();
      held.configuration = { ...(held.configuration as RegisteredConfiguration), webhooks: [] };
    }
    await eventually('it is let be', () => told.includes('contested: true'));
    expect(writes).toEqual(['create', 'replace', 'replace', 'replace', 'replace']);
    held.deployment = {
      metadata: { name: 'sigma-admission', uid: 'd', annotations: { 'sigma-admission/break-glass': 'why' } },
    };
    await eventually('what an operator asks for is done all the same', () =>
      told.includes('broken glass: why'),
    );
  });

  it('restores nothing while our Deployment is missing', async () => {
    const { api, held, writes } = cluster();
    const { told, inOrder } = follow(api);
    await inOrder();
    const { deployment } = held;
    delete held.deployment;
    held.configuration = undefined;
    await eventually('it was seen', () => told.includes('terminating: true'));
    expect(writes).toEqual(['create']);
    held.deployment = deployment as object;
    await eventually('it is back', () => held.configuration !== undefined);
    expect(told.slice(1)).toEqual([
      'terminating: true',
      'terminating: false',
      'reverted: deleted by nobody named',
    ]);
  });
});
