import { describe, expect, it } from '@jest/globals';
import type { AdmissionRequest } from '../../src/kubernetes/admission-review.ts';
import { NAMESPACE_ALL } from '../../src/kubernetes/objects.ts';
import { createCache, type Cache } from '../../src/provenance/cache.ts';
import { collectionsOf } from '../../src/provenance/collections.ts';
import type { Workload } from '../../src/provenance/object-index.ts';
import { createProvenance, type ProvenanceOptions } from '../../src/provenance/find-provenance.ts';
import { UNKNOWN } from '../../src/sigma/match/fields.ts';

const CONTROLLER = 'system:serviceaccount:kube-system:daemon-set-controller';
const PATH = '/apis/apps/v1/namespaces/kube-system/daemonsets/proxy';

/** A pod as daemon-set-controller makes it, of DaemonSet `owner`. */
function request(owner = 'proxy', changes: Partial<AdmissionRequest> = {}): AdmissionRequest {
  const metadata = {
    namespace: 'kube-system',
    name: `${owner}-bcdfg`,
    generateName: `${owner}-`,
    labels: { app: 'proxy' },
    ownerReferences: [
      {
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        name: owner,
        uid: 'u',
        controller: true,
        blockOwnerDeletion: true,
      },
    ],
  };
  return {
    uid: 'request',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    requestKind: { group: '', version: 'v1', kind: 'Pod' },
    requestResource: { group: '', version: 'v1', resource: 'pods' },
    name: metadata.name,
    namespace: 'kube-system',
    operation: 'CREATE',
    userInfo: {
      username: CONTROLLER,
      uid: 'sa',
      groups: ['system:serviceaccounts:kube-system'],
      extra: { 'authentication.kubernetes.io/credential-id': ['JTI=1'] },
    },
    object: { metadata, spec: { containers: [{ name: 'c', image: 'proxy:1' }] } },
    dryRun: false,
    ...changes,
  };
}

const raw = (uid = 'u', app = 'proxy') => ({
  metadata: { namespace: 'kube-system', name: 'proxy', uid },
  spec: {
    selector: { matchLabels: { app } },
    template: { spec: { containers: [{ name: 'c', image: 'proxy:1' }] } },
  },
});
const trimmed: Workload = {
  kind: 'DaemonSet',
  apiVersion: 'apps/v1',
  namespace: 'kube-system',
  name: 'proxy',
  uid: 'u',
  selector: { matchLabels: { app: 'proxy' } },
  template: { images: { c: 'proxy:1' } },
};

/** Everything there is of kube-system was listed: these DaemonSets. */
function listed(...workloads: readonly Workload[]): Cache {
  const cache = createCache();
  for (const { kind, namespace } of collectionsOf(['kube-system'])) {
    const collection = cache.open(kind, namespace);
    collection.replace(kind === 'DaemonSet' ? (workloads as never[]) : []);
    collection.contact();
  }
  return cache;
}

/** An API server whose answers the test gives when it likes, in the order of the questions. */
function held() {
  const asked: { readonly path: string; answer(object: unknown): void; fail(): void }[] = [];
  const get = (path: string) =>
    new Promise<unknown>((resolve, reject) => {
      asked.push({ path, answer: resolve, fail: () => reject(new Error('500')) });
    });
  return { get, asked };
}

function finding(objects: Cache, options: Partial<ProvenanceOptions> = {}) {
  const reads: string[] = [];
  const find = createProvenance({
    objects,
    isNeeded: () => true,
    serverMinor: () => 36,
    onRead: (result) => reads.push(result),
    ...options,
  });
  return { find, reads };
}

const soon = () => Date.now() + 60_000;
const settled = () => new Promise((resolve) => setImmediate(resolve));
const owner = (fields: unknown) => (fields as { owner: { verified: unknown; problem?: unknown } }).owner;
const VERIFIED = { verified: true, imagesMatch: true };

describe('who made a pod', () => {
  it('is said at once where what is known says it', () => {
    const { find, reads } = finding(listed(trimmed), { get: held().get });
    const fields = find(request(), soon());
    expect(fields).not.toBeInstanceOf(Promise);
    expect(owner(fields)).toMatchObject(VERIFIED);
    expect(reads).toEqual([]);
  });

  it('is not looked up where no rule asks, but for what the request shows', () => {
    const { find } = finding(listed(trimmed), { get: held().get, isNeeded: () => false });
    expect(find(request(), soon())).toEqual({
      mirrorPod: false,
      creator: 'controller',
      owner: UNKNOWN,
      imitates: UNKNOWN,
      evidence: UNKNOWN,
    });
  });

  it('is not asked of what is no pod, nor made', () => {
    const { find } = finding(createCache(), { get: held().get });
    const made = { mirrorPod: false, creator: 'controller' };
    expect(find(request('proxy', { operation: 'UPDATE' }), soon())).toEqual(made);
    expect(find(request('proxy', { requestSubResource: 'exec' }), soon())).toEqual(made);
  });

  it('is unknown without a cluster, unless the request itself gives it away', () => {
    const { find } = finding(createCache());
    expect(owner(find(request(), soon())).verified).toBe(UNKNOWN);
    const impersonated = { ...request().userInfo, uid: undefined };
    expect(owner(find(request('proxy', { userInfo: impersonated }), soon()))).toMatchObject({
      verified: false,
      problem: 'its creator has the name of daemon-set-controller without its uid',
    });
  });

  it('is read at the API server before anybody is called a forger', async () => {
    const { get, asked } = held();
    const { find, reads } = finding(listed(), { get });
    const found = find(request(), soon());
    expect(asked.map(({ path }) => path)).toEqual([PATH]);
    asked[0]?.answer(raw());
    expect(owner(await found)).toMatchObject(VERIFIED);
    expect(reads).toEqual(['found']);
  });

  it.each<[string, unknown, string]>([
    ['is not there', undefined, 'no DaemonSet proxy with uid u in kube-system'],
    ['is another', raw('another'), 'no DaemonSet proxy with uid u in kube-system'],
    ['selects others', raw('u', 'other'), 'its labels do not match the selector of DaemonSet proxy'],
  ])('is denied by an owner that %s, once that was read', async (_, answer, problem) => {
    const { get, asked } = held();
    const { find } = finding(listed(), { get });
    const found = find(request(), soon());
    asked[0]?.answer(answer);
    expect(owner(await found)).toMatchObject({ verified: false, problem });
  });

  it('is unknown where the API server cannot be asked, which is not tried twice', async () => {
    const { get, asked } = held();
    const { find, reads } = finding(listed(), { get });
    const found = find(request(), soon());
    asked[0]?.fail();
    expect(owner(await found).verified).toBe(UNKNOWN);
    expect([asked.length, reads]).toEqual([1, ['failed']]);
  });

  it('is unknown where the answer takes more than half of the time there is', async () => {
    const { get, asked } = held();
    const { find, reads } = finding(listed(), { get });
    const began = Date.now();
    expect(owner(await find(request(), began + 40)).verified).toBe(UNKNOWN);
    expect(reads).toEqual(['late']);
    asked[0]?.fail();
    await settled();
  });

  it('is not looked up by a name that nothing can have, which might lead elsewhere', () => {
    const { get, asked } = held();
    const { find } = finding(listed(), { get });
    void find(request('../../secrets'), soon());
    void find(request('..'), soon());
    expect(asked).toEqual([]);
  });

  it('is unknown while nothing was listed yet, though the owner is not there when it is read', async () => {
    const { get, asked } = held();
    const { find } = finding(createCache(), { get });
    const found = find(request(), soon());
    asked[0]?.answer(undefined);
    expect(owner(await found).verified).toBe(UNKNOWN);
  });
});

describe('many pods of one owner that is not known', () => {
  it('wait for a read that began after them, which they share', async () => {
    const { get, asked } = held();
    const { find } = finding(listed(), { get });
    const first = find(request(), soon());
    const others = [find(request(), soon()), find(request(), soon())];
    expect(asked).toHaveLength(1);
    // It had not been made yet when this was read: the first is refused rightly, and for the others it says nothing.
    asked[0]?.answer(undefined);
    expect(owner(await first).verified).toBe(false);
    await settled();
    expect(asked).toHaveLength(2);
    asked[1]?.answer(raw());
    for (const each of await Promise.all(others)) expect(owner(each)).toMatchObject(VERIFIED);
  });

  it('and a read that fails does not fail the next', async () => {
    const { get, asked } = held();
    const { find } = finding(listed(), { get });
    const [first, second] = [find(request(), soon()), find(request(), soon())];
    asked[0]?.fail();
    expect(owner(await first).verified).toBe(UNKNOWN);
    await settled();
    asked[1]?.answer(raw());
    expect(owner(await second)).toMatchObject(VERIFIED);
  });
});

describe('a flood of forged owners', () => {
  it('reads eight at once, and says of the rest that it does not know', async () => {
    const { get, asked } = held();
    const { find, reads } = finding(listed(), { get });
    const flood = Array.from({ length: 20 }, (_, index) => find(request(`forged${index}`), soon()));
    await settled();
    expect([asked.length, reads.filter((result) => result === 'busy').length]).toEqual([8, 12]);
    for (const { answer } of asked) answer(undefined);
    const verified = (await Promise.all(flood)).map((fields) => owner(fields).verified);
    expect(verified.filter((each) => each === false)).toHaveLength(8);
    expect(verified.filter((each) => each === UNKNOWN)).toHaveLength(12);
    await settled();
    const after = find(request(), soon());
    asked[8]?.answer(raw());
    expect(owner(await after)).toMatchObject(VERIFIED);
  });
});

it('knows every namespace from collections of the whole cluster', () => {
  expect(collectionsOf([NAMESPACE_ALL]).every(({ namespace }) => namespace === NAMESPACE_ALL)).toBe(true);
});
