import { afterEach, describe, expect, it } from '@jest/globals';
import { ApiError, type ApiServer } from '../../src/cluster/api-server.ts';
import { caBundlePatch, type RegisteredEntry } from '../../src/cluster/ca-bundle.ts';
import { followRegistration } from '../../src/cluster/registration.ts';
import type { Subscription } from '../../src/install/scope.ts';
import { eventually } from '../e2e/eventually.ts';

const SERVICE = { namespace: 'sigma-admission', name: 'sigma-admission' };
const CA = Buffer.from('CA').toString('base64');

function entry(name: string, clientConfig: Partial<RegisteredEntry['clientConfig']> = {}): RegisteredEntry {
  return { name, clientConfig: { service: SERVICE, ...clientConfig } };
}

describe('the CA in the webhook configuration', () => {
  it('is put into each entry of ours that has none or another, and nothing else is', () => {
    const entries = [
      entry('none'),
      entry('another', { caBundle: 'b3RoZXI=' }),
      entry('ours', { caBundle: CA }),
      entry('somebody’s', { service: { namespace: 'other', name: 'sigma-admission' } }),
      { name: 'by url', clientConfig: {} },
    ];
    expect(caBundlePatch(entries, 'CA', SERVICE)).toEqual({
      webhooks: [
        { name: 'none', clientConfig: { caBundle: CA } },
        { name: 'another', clientConfig: { caBundle: CA } },
      ],
    });
  });

  it('is left alone where it is right', () => {
    expect(caBundlePatch([entry('ours', { caBundle: CA })], 'CA', SERVICE)).toBeUndefined();
  });
});

/** An API server that has one webhook configuration; `answers` are given first, one a request. */
function apiWith(entries: RegisteredEntry[], answers: (() => never)[] = []) {
  const requests: string[] = [];
  let resourceVersion = 1;
  const answer = (request: string) => {
    requests.push(request);
    answers.shift()?.();
    return { metadata: { resourceVersion: String(resourceVersion) }, webhooks: [...entries] };
  };
  const api: ApiServer = {
    get: async () => answer('get'),
    create: () => Promise.reject(new TypeError('nothing is created')),
    replace: () => Promise.reject(new TypeError('nothing is replaced')),
    watch: () => Promise.reject(new TypeError('nothing is watched')),
    async patch(_, patch) {
      answer(JSON.stringify(patch));
      resourceVersion += 1;
      entries = entries.map(({ name }) => entry(name, { caBundle: CA }));
      return { metadata: { resourceVersion: String(resourceVersion) }, webhooks: entries };
    },
  };
  return { api, requests };
}

const refuse = (status: number, message: string) => (): never => {
  throw new ApiError(status, message);
};

describe('following the registration', () => {
  let stop: (() => void) | undefined;
  afterEach(() => stop?.());

  function follow(api: ApiServer) {
    const seen: (readonly Subscription[])[] = [];
    const patched: (readonly string[])[] = [];
    const failures: string[] = [];
    stop = followRegistration({
      api,
      name: 'sigma-admission',
      service: SERVICE,
      caBundle: () => 'CA',
      everyMs: 1,
      onLook: (entries) => seen.push(entries),
      onPatch: (names) => patched.push(names),
      onFailure: ({ message }) => failures.push(message),
    });
    return { seen, patched, failures };
  }

  it('puts our CA in once, by the version it read, and shows the same entries while nothing changes', async () => {
    const { api, requests } = apiWith([entry('guard'), entry('observe')]);
    const { seen, patched } = follow(api);
    await eventually('it was looked at three times', () => seen.length >= 3);
    expect(patched).toEqual([['guard', 'observe']]);
    expect(requests.slice(0, 3)).toEqual([
      'get',
      `{"metadata":{"resourceVersion":"1"},"webhooks":[{"name":"guard","clientConfig":{"caBundle":"${CA}"}},{"name":"observe","clientConfig":{"caBundle":"${CA}"}}]}`,
      'get',
    ]);
    expect(seen[2]).toBe(seen[0]);
  });

  it('looks again at once when another replica was first', async () => {
    const { api } = apiWith([entry('guard')], [() => undefined as never, refuse(409, 'changed')]);
    const { seen, failures } = follow(api);
    await eventually('it was looked at', () => seen.length > 0);
    expect(failures).toEqual([]);
  });

  it('says once what keeps failing, and goes on', async () => {
    const { api } = apiWith(
      [entry('guard')],
      Array.from({ length: 3 }, () => refuse(403, 'no')),
    );
    const { seen, failures } = follow(api);
    await eventually('it was looked at', () => seen.length > 0);
    expect(failures).toEqual(['no']);
  });
});
