import { afterEach, describe, expect, it } from '@jest/globals';
import { ApiError, type ApiServer } from '../../src/cluster/api-server.ts';
import {
  createCertificateSecret,
  type CertificateSecret,
  type CertificateSecretOptions,
} from '../../src/cluster/certificate-secret.ts';
import { eventually } from '../lib/eventually.ts';
import { servingNames } from '../../src/certificates/authority.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** A Secret in memory, of which an old version is not replaced. */
function secretStore() {
  let version = 0;
  let held: { metadata: object } | undefined;
  const keep = (object: unknown) => {
    version += 1;
    held = structuredClone(object) as { metadata: object };
    held.metadata = { ...held.metadata, resourceVersion: String(version) };
    return held;
  };
  const versionOf = (object: unknown) =>
    (object as { metadata: { resourceVersion?: string } }).metadata.resourceVersion;
  const api: Pick<ApiServer, 'get' | 'create' | 'replace'> = {
    async get() {
      if (held === undefined) throw new ApiError(404, 'not found');
      return structuredClone(held);
    },
    async create(_, object) {
      if (held !== undefined) throw new ApiError(409, 'it exists');
      return keep(object);
    },
    async replace(_, object) {
      if (versionOf(object) !== versionOf(held)) throw new ApiError(409, 'it was changed');
      return keep(object);
    },
  };
  return {
    api: api as ApiServer,
    versions: () => version,
    remove: () => {
      held = undefined;
    },
  };
}

const open: CertificateSecret[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

/** A replica whose looks a test counts, and whose clock it sets. */
async function replica(options: Pick<CertificateSecretOptions, 'api' | 'now'>) {
  const said: string[] = [];
  const made: string[] = [];
  const source = await createCertificateSecret({
    namespace: 'n',
    name: 'tls',
    names: servingNames('sigma-admission', 'n'),
    everyMs: 5,
    onMake: (_, kind) => made.push(kind),
    onRefuse: ({ message }) => said.push(message),
    ...options,
  });
  open.push(source);
  return { source, said, made };
}

/** Waits for so many looks of an API's at the Secret. */
function looks(api: ApiServer) {
  let count = 0;
  let waiting: { readonly until: number; readonly resolve: () => void } | undefined;
  const counting: ApiServer = {
    ...api,
    get(...asked) {
      count += 1;
      if (waiting !== undefined && count >= waiting.until) waiting.resolve();
      return api.get(...asked);
    },
  };
  return {
    api: counting,
    next: (more: number) =>
      new Promise<void>((resolve) => {
        waiting = { until: count + more, resolve };
      }),
  };
}

const LET_BE =
  'secret n/tls: put back 5 times in ten minutes, so it is let be for a while: do the clocks of replicas disagree, or does another writer change it?';

describe('a Secret that is written against us', () => {
  it.each([300, 400])(
    'by a replica whose clock is %i days ahead is let be, and that is said',
    async (days) => {
      const { api, versions } = secretStore();
      const looked = looks(api);
      const [one, other] = await Promise.all([
        replica({ api: looked.api, now: Date.now }),
        replica({ api: looked.api, now: () => Date.now() + days * DAY_MS }),
      ]);
      await eventually('one lets it be', () => [...one!.said, ...other!.said].includes(LET_BE));
      await looked.next(60);
      const before = versions();
      await looked.next(60);
      expect(versions()).toBe(before);
      const restored = [one!, other!].map(({ made }) => made.filter((kind) => kind !== 'renewed').length);
      expect(restored.every((times) => times <= 5)).toBe(true);
      for (const { source, said } of [one!, other!]) {
        if (said.includes(LET_BE)) expect(source.refused()?.message).toBe(LET_BE);
      }
    },
  );

  it('is put back five times in ten minutes, and again when they are over', async () => {
    const { api, versions, remove } = secretStore();
    const looked = looks(api);
    let now = Date.parse('2026-11-24T12:00:00Z');
    const { source, said, made } = await replica({ api: looked.api, now: () => now });
    const certificate = source.current().certificatePem;
    for (let times = 0; times < 6; times += 1) {
      remove();
      await looked.next(6);
    }
    expect(made).toEqual(['made', 'restored', 'restored', 'restored', 'restored']);
    expect([said, source.refused()?.message]).toEqual([[LET_BE], LET_BE]);
    expect(source.current().certificatePem).toBe(certificate);
    now += 11 * 60_000;
    await looked.next(6);
    expect([versions(), source.refused()]).toEqual([6, undefined]);
    expect(source.current().certificatePem).toBe(certificate);
  });
});
