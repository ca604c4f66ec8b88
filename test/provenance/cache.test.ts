import { describe, expect, it } from '@jest/globals';
import {
  createCache,
  NAMESPACED_KINDS,
  type Cache,
  type CachedCollection,
  type CachedKind,
  type CachedObjects,
} from '../../src/provenance/cache.ts';
import { NAMESPACE_ALL, objectPath } from '../../src/kubernetes/objects.ts';
import { collectionsOf, watchedPath } from '../../src/provenance/collections.ts';
import type { Workload } from '../../src/provenance/object-index.ts';

function daemonSet(name: string, changes: Partial<Workload> = {}): Workload {
  return {
    kind: 'DaemonSet',
    apiVersion: 'apps/v1',
    namespace: 'kube-system',
    name,
    uid: `uid of ${name}`,
    template: { images: { c: 'image:1' } },
    ...changes,
  };
}

/** One whose clock the test turns. */
function cacheAt(limit = 100) {
  const clock = { now: 1_000_000 };
  return { clock, cache: createCache({ limit, now: () => clock.now }) };
}

/** Opens every collection of a namespace, and says that each is listed but `except`. */
function fill(cache: Cache, namespace: string, except: readonly string[] = []) {
  const opened = collectionsOf([namespace]).map(({ kind, namespace: of }) => {
    const collection = cache.open(kind, of);
    if (!except.includes(kind)) {
      collection.replace([]);
      collection.contact();
    }
    return [kind, collection] as const;
  });
  return Object.fromEntries(opened) as unknown as {
    readonly [Kind in CachedKind]: CachedCollection<CachedObjects[Kind]>;
  };
}

const FIND = { kind: 'DaemonSet', namespace: 'kube-system', name: 'a' } as const;

describe('what is known of a namespace', () => {
  it('is all once each of its kinds and the nodes were listed, and of no other namespace', () => {
    const { cache } = cacheAt();
    expect(cache.complete('kube-system')).toBe(false);
    fill(cache, 'kube-system');
    expect([cache.complete('kube-system'), cache.complete('default')]).toEqual([true, false]);
  });

  it.each([...NAMESPACED_KINDS, 'Node'])('is not all while %s was not listed', (kind) => {
    const { cache } = cacheAt();
    fill(cache, 'kube-system', [kind]);
    expect([cache.complete('kube-system'), cache.oldest()]).toEqual([false, Infinity]);
  });

  it('is all of every namespace where collections of the whole cluster are followed', () => {
    const { cache } = cacheAt();
    fill(cache, NAMESPACE_ALL);
    expect([cache.complete('kube-system'), cache.complete('default')]).toEqual([true, true]);
  });

  it('is all of a namespace that is followed by itself, though the whole cluster may not be listed', () => {
    const { cache } = cacheAt();
    fill(cache, 'kube-system');
    const { DaemonSet: everywhere } = fill(cache, NAMESPACE_ALL);
    everywhere.fail();
    expect([cache.complete('kube-system'), cache.complete('default')]).toEqual([true, false]);
  });

  it('is told by its own collections where the whole cluster is followed too, and by the others once they are closed', () => {
    const { cache } = cacheAt();
    const everywhere = fill(cache, NAMESPACE_ALL).DaemonSet;
    const own = fill(cache, 'kube-system').DaemonSet;
    const elsewhere = daemonSet('b', { namespace: 'default' });
    own.put(daemonSet('a'));
    everywhere.replace([daemonSet('stale'), elsewhere]);
    everywhere.remove(daemonSet('a'));
    const names = () =>
      ['kube-system', 'default'].map((each) => [...cache.workloadsIn(each)].map(({ name }) => name));
    expect([names(), cache.counts().DaemonSet]).toEqual([[['a'], ['b']], 2]);
    own.close();
    expect(names()).toEqual([['a'], ['b']]);
    everywhere.remove(daemonSet('a'));
    expect(names()).toEqual([[], ['b']]);
    fill(cache, 'kube-system').DaemonSet.put(daemonSet('c'));
    everywhere.close();
    expect([names(), cache.counts().DaemonSet]).toEqual([[['c'], []], 1]);
  });

  it('is not all any more when one kind was not heard of for three minutes, until it is again', () => {
    const { cache, clock } = cacheAt();
    const { DaemonSet: first, ...others } = fill(cache, 'kube-system');
    clock.now += 180_001;
    for (const other of Object.values(others)) other.contact();
    expect([cache.complete('kube-system'), cache.oldest()]).toEqual([false, 180_001]);
    first.contact();
    expect([cache.complete('kube-system'), cache.oldest()]).toEqual([true, 0]);
  });

  it('is not all any more when one kind was cut off, until it was listed again', () => {
    const { cache } = cacheAt();
    const { DaemonSet: first } = fill(cache, 'kube-system');
    first.fail();
    expect(cache.complete('kube-system')).toBe(false);
    first.replace([]);
    first.contact();
    expect(cache.complete('kube-system')).toBe(true);
  });

  it('is not all where there are more objects than there is room for, until a list shows fewer', () => {
    const { cache } = cacheAt(2);
    const { DaemonSet: collection } = fill(cache, 'kube-system');
    collection.replace([daemonSet('a'), daemonSet('b')]);
    expect([cache.complete('kube-system'), collection.room()]).toEqual([true, 2]);
    collection.put(daemonSet('c'));
    expect([cache.complete('kube-system'), cache.counts().DaemonSet]).toEqual([false, 2]);
    collection.replace([daemonSet('a')]);
    expect([cache.complete('kube-system'), cache.counts().DaemonSet]).toEqual([true, 1]);
  });
});

describe('a cached workload', () => {
  it('is found by its reference and among those of its namespace, as long as it is there', () => {
    const { cache } = cacheAt();
    const { DaemonSet: collection, Job: jobs } = fill(cache, 'kube-system');
    const job = { ...daemonSet('a'), kind: 'Job', apiVersion: 'batch/v1' } as const;
    collection.replace([daemonSet('a')]);
    jobs.put(job);
    expect(cache.workload(FIND)).toEqual(daemonSet('a'));
    expect([...cache.workloadsIn('kube-system')]).toEqual([daemonSet('a'), job]);
    expect(cache.workload({ ...FIND, namespace: 'default' })).toBeUndefined();
    collection.remove(daemonSet('a'));
    expect([...cache.workloadsIn('kube-system')]).toEqual([job]);
    jobs.replace([]);
    expect([...cache.workloadsIn('kube-system')]).toEqual([]);
  });

  it('carries when its template was seen to change, by a watch or between two lists', () => {
    const { cache, clock } = cacheAt();
    const { DaemonSet: collection } = fill(cache, 'kube-system');
    const changed = daemonSet('a', { template: { images: { c: 'image:2' } } });
    collection.replace([daemonSet('a')]);
    expect(cache.workload(FIND)).not.toHaveProperty('changedAt');
    collection.put(changed);
    const at = clock.now;
    clock.now += 1000;
    collection.put(changed);
    expect(cache.workload(FIND)?.changedAt).toBe(at);
    collection.replace([changed]);
    expect(cache.workload(FIND)?.changedAt).toBe(at);
    collection.replace([daemonSet('a')]);
    expect(cache.workload(FIND)?.changedAt).toBe(clock.now);
    collection.put(daemonSet('a', { uid: 'another', template: { images: {} } }));
    expect(cache.workload(FIND)).not.toHaveProperty('changedAt');
  });

  it('leaves the list of its namespace as it is where nothing that is kept of it changed, such as in its status', () => {
    const { cache } = cacheAt();
    const { DaemonSet: collection, Service: services, Node: nodes } = fill(cache, 'kube-system');
    collection.replace([daemonSet('a'), daemonSet('b')]);
    const list = cache.workloadsIn('kube-system');
    collection.put(daemonSet('a'));
    collection.replace([daemonSet('a'), daemonSet('b')]);
    services.put({ namespace: 'kube-system', name: 'kube-dns', selector: {} });
    nodes.put({ name: 'n', uid: 'u' });
    expect(cache.workloadsIn('kube-system')).toBe(list);
    collection.put(daemonSet('a', { selector: { matchLabels: { app: 'a' } } }));
    expect([...cache.workloadsIn('kube-system')]).toEqual([
      daemonSet('a', { selector: { matchLabels: { app: 'a' } }, changedAt: 1_000_000 }),
      daemonSet('b'),
    ]);
    collection.replace([daemonSet('b')]);
    expect([...cache.workloadsIn('kube-system')]).toEqual([daemonSet('b')]);
  });

  it('is not known any more where it was not heard of for too long: it may be gone', () => {
    const { cache, clock } = cacheAt();
    fill(cache, 'kube-system').DaemonSet.replace([daemonSet('a')]);
    expect([cache.workload(FIND), [...cache.workloadsIn('kube-system')]]).toEqual([
      daemonSet('a'),
      [daemonSet('a')],
    ]);
    clock.now += 180_001;
    expect([cache.workload(FIND), [...cache.workloadsIn('kube-system')]]).toEqual([undefined, []]);
  });

  it('is forgotten with its collection, which then tells nothing any more', () => {
    const { cache } = cacheAt();
    const { DaemonSet: collection } = fill(cache, 'kube-system');
    collection.replace([daemonSet('a')]);
    expect(cache.workload(FIND)).toBeDefined();
    collection.close();
    collection.put(daemonSet('b'));
    collection.replace([daemonSet('b')]);
    expect([cache.workload(FIND), cache.counts().DaemonSet]).toEqual([undefined, 0]);
  });
});

describe('what else is cached', () => {
  it('is found by name', () => {
    const { cache } = cacheAt();
    const template = { images: {} };
    const revision = { namespace: 'kube-system', name: 'r', ownerUid: 'u', template };
    const service = { namespace: 'kube-system', name: 'kube-dns', selector: { a: 'b' } };
    const collections = fill(cache, NAMESPACE_ALL);
    collections.ControllerRevision.put(revision);
    collections.Service.put(service);
    collections.Node.put({ name: 'n', uid: 'u' });
    expect([cache.revision('kube-system', 'r'), cache.node('n')]).toEqual([
      revision,
      { name: 'n', uid: 'u' },
    ]);
    expect([...cache.servicesIn('kube-system')]).toEqual([service]);
    expect([...cache.servicesIn('default')]).toEqual([]);
    expect(cache.counts()).toMatchObject({ ControllerRevision: 1, Service: 1, Node: 1, Job: 0 });
  });
});

describe('where a kind is', () => {
  it.each([
    [watchedPath('Node', NAMESPACE_ALL), '/api/v1/nodes'],
    [watchedPath('Job', NAMESPACE_ALL), '/apis/batch/v1/jobs'],
    [watchedPath('Service', 'a'), '/api/v1/namespaces/a/services'],
    [
      watchedPath('ControllerRevision', 'a'),
      '/apis/apps/v1/namespaces/a/controllerrevisions?labelSelector=controller.kubernetes.io%2Fhash',
    ],
    [objectPath('ControllerRevision', 'a', 'b'), '/apis/apps/v1/namespaces/a/controllerrevisions/b'],
    [objectPath('DaemonSet', 'a', '../b'), '/apis/apps/v1/namespaces/a/daemonsets/..%2Fb'],
  ])('%s', (path, expected) => expect(path).toBe(expected));

  it('is nowhere where no namespace is needed', () => expect(collectionsOf([])).toEqual([]));
});
