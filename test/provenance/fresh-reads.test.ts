import { beforeEach, describe, expect, it } from '@jest/globals';
import { createFreshReads, type FreshReads } from '../../src/provenance/fresh-reads.ts';
import { keyOf, type Fresh, type Lookup } from '../../src/provenance/lookup.ts';

const lookup = (name: string): Lookup => ({ kind: 'DaemonSet', namespace: 'kube-system', name });
const pathOf = (name: string) => `/apis/apps/v1/namespaces/kube-system/daemonsets/${name}`;
const daemonSet = (name: string) => ({
  metadata: { namespace: 'kube-system', name, uid: `uid of ${name}` },
  spec: { selector: { matchLabels: { app: name } }, template: { spec: { containers: [] } } },
});

let asked: { path: string; answer: PromiseWithResolvers<unknown> }[];
let failures: unknown[];
let into: Fresh;
let reads: FreshReads;

beforeEach(() => {
  [asked, failures, into] = [[], [], new Map()];
  reads = createFreshReads({
    limit: 2,
    get(path) {
      const answer = Promise.withResolvers<unknown>();
      asked.push({ path, answer });
      return answer.promise;
    },
    onFailure: (failed, error) => failures.push([failed.name, error]),
  });
});

const answer = (index: number, object: unknown) => asked[index]?.answer.resolve(object);

it('adds what it found, and that there is nothing', async () => {
  const both = [reads.read(lookup('proxy'), into), reads.read(lookup('gone'), into)];
  answer(0, daemonSet('proxy'));
  answer(1, undefined);
  expect(await Promise.all(both)).toEqual(['found', 'absent']);
  expect(asked.map(({ path }) => path)).toEqual([pathOf('proxy'), pathOf('gone')]);
  expect(into.get(keyOf(lookup('proxy')))).toMatchObject({ uid: 'uid of proxy' });
  expect([into.has(keyOf(lookup('gone'))), into.get(keyOf(lookup('gone')))]).toEqual([true, undefined]);
});

it('reads again, once, for all lookups that came during a read', async () => {
  const first = reads.read(lookup('proxy'), into);
  const later = [1, 2, 3].map(() => reads.read(lookup('proxy'), into));
  expect(asked).toHaveLength(1);
  answer(0, undefined);
  expect(await first).toBe('absent');
  expect(asked).toHaveLength(2);
  answer(1, daemonSet('proxy'));
  expect(await Promise.all(later)).toEqual(['found', 'found', 'found']);
  expect(asked).toHaveLength(2);
});

it('is busy beyond its limit, and free again when a read has ended', async () => {
  const two = [reads.read(lookup('a'), into), reads.read(lookup('b'), into)];
  expect(await reads.read(lookup('c'), into)).toBe('busy');
  expect(into.has(keyOf(lookup('c')))).toBe(false);
  answer(0, undefined);
  answer(1, undefined);
  await Promise.all(two);
  const third = reads.read(lookup('c'), into);
  answer(2, daemonSet('c'));
  expect(await third).toBe('found');
});

it('tells of a read that fails, adds nothing, and reads again for the next lookup', async () => {
  const first = reads.read(lookup('proxy'), into);
  const error = new Error('500');
  asked[0]?.answer.reject(error);
  expect(await first).toBe('failed');
  expect([failures, into.size]).toEqual([[['proxy', error]], 0]);
  const second = reads.read(lookup('proxy'), into);
  answer(1, daemonSet('proxy'));
  expect(await second).toBe('found');
});

describe('a name that no object can have', () => {
  it.each(['..', '../secrets/x', 'a/b', 'A', '-a', 'a'.repeat(254), ''])(
    'is absent without a read: %j',
    async (name) => {
      expect(await reads.read(lookup(name), into)).toBe('absent');
      expect(asked).toEqual([]);
    },
  );
});
