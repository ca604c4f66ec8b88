import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { ApiError, ifThere, type ApiServer } from '../../cluster/api-server.ts';
import { repeat } from '../../cluster/repeat.ts';
import { follow } from '../../cluster/watch.ts';
import { KINDS, NAMESPACE_ALL } from '../../kubernetes/objects.ts';
import { provenanceNeeds } from '../../policy/provenance-needs.ts';
import type { Ruleset } from '../../policy/ruleset.ts';
import {
  createCache,
  type Cache,
  type CachedCollection,
  type CachedKind,
  type CachedObjects,
} from '../../provenance/cache.ts';
import { COLLECTIONS, collectionsOf, watchedPath } from '../../provenance/collections.ts';
import { createProvenance, type FindProvenance } from '../../provenance/find-provenance.ts';
import { createProvenanceMetrics } from '../../records/provenance-metrics.ts';
import type { Check } from '../../webhook/readiness.ts';

/** Provenance by the objects that the API server tells of as they change. */
export interface LiveProvenance {
  readonly find: FindProvenance;
  /** Watches the collections that these rules need, and no others. */
  follow(ruleset: Ruleset): void;
  /** Readiness checks, never failing: reviews are answered without provenance, too. None where no rule asks for it. */
  checks(): readonly Check[];
  close(): void;
}

export interface LiveProvenanceOptions {
  /** Absent outside a cluster: then only what the request itself shows is known. */
  readonly api: ApiServer | undefined;
  readonly registry: Registry;
  readonly log: Logger;
}

export function createLiveProvenance({ api, registry, log }: LiveProvenanceOptions): LiveProvenance {
  const cache = createCache();
  const metrics = createProvenanceMetrics({ registry, counts: cache.counts, oldestMs: cache.oldest });
  const followed = new Map<string, () => void>();
  let namespaces: readonly string[] = [];
  let serverMinor: number | undefined;
  let stopVersion: (() => void) | undefined;

  /** Collections that our service account may not list and watch, by their keys in `followed`. */
  const forbidden = new Map<string, Collection>();

  function onFailure(key: string, collection: Collection, error: Error, isNew: boolean): void {
    const { kind, namespace } = collection;
    metrics.failures.inc({ kind });
    if (error instanceof ApiError && error.status === 403) forbidden.set(key, collection);
    if (isNew) log.warn({ kind, namespace }, `provenance: ${error.message}`);
  }
  function followAll(server: ApiServer): void {
    const wanted = new Map(collectionsOf(namespaces).map((each) => [`${each.kind}/${each.namespace}`, each]));
    for (const [key, stop] of followed) {
      if (wanted.has(key)) continue;
      stop();
      followed.delete(key);
      forbidden.delete(key);
    }
    for (const [key, { kind, namespace }] of wanted) {
      if (followed.has(key)) continue;
      followed.set(
        key,
        followCollection(server, cache.open(kind, namespace), {
          kind,
          namespace,
          onContact: () => void forbidden.delete(key),
          onFailure: (error, isNew) => onFailure(key, { kind, namespace }, error, isNew),
        }),
      );
    }
  }
  function followVersion(server: ApiServer): () => void {
    return repeat({
      everyMs: VERSION_EVERY_MS,
      async task() {
        const { minor } = (await server.get('/version')) as { readonly minor: string };
        serverMinor = Number.parseInt(minor, 10) || undefined;
      },
      onFailure: (error) => log.warn(`provenance: ${error.message}`),
    });
  }

  return {
    find: createProvenance({
      objects: cache,
      get: api === undefined ? undefined : (path) => ifThere(api.get(path)),
      isNeeded: (namespace) => namespaces.includes(namespace) || namespaces.includes(NAMESPACE_ALL),
      serverMinor: () => serverMinor,
      onRead: (result) => metrics.reads.inc({ result }),
    }),
    follow(ruleset) {
      const needs = provenanceNeeds(ruleset);
      if (!needs.serverVersion) {
        stopVersion?.();
        stopVersion = undefined;
      } else if (api !== undefined) stopVersion ??= followVersion(api);
      if (isDeepStrictEqual(needs.namespaces, namespaces)) return;
      namespaces = needs.namespaces;
      if (api === undefined) return;
      followAll(api);
      log.info({ namespaces: displayNamespaces(namespaces) }, 'following what makes pods');
    },
    checks() {
      if (namespaces.length === 0) return [];
      if (api === undefined) return [{ name: 'provenance', state: 'unknown', detail: NO_CLUSTER }];
      return [checkOf(namespaces, cache, [...forbidden.values()], serverMinor)];
    },
    close() {
      stopVersion?.();
      for (const stop of followed.values()) stop();
      followed.clear();
    },
  };
}

interface Collection {
  readonly kind: CachedKind;
  readonly namespace: string;
}

/** Keeps one collection in the cache. Returns what ends that, and forgets it. */
function followCollection<Kind extends CachedKind>(
  api: ApiServer,
  collection: CachedCollection<CachedObjects[Kind]>,
  {
    kind,
    namespace,
    onContact,
    onFailure,
  }: {
    readonly kind: Kind;
    readonly namespace: string;
    readonly onContact: () => void;
    readonly onFailure: (error: Error, isNew: boolean) => void;
  },
): () => void {
  const { keep, metadataOnly } = COLLECTIONS[kind];
  let lastFailure: string | undefined;
  const stop = follow({
    api,
    path: watchedPath(kind, namespace),
    metadataOnly,
    keep,
    room: collection.room,
    onList: collection.replace,
    onChange: collection.put,
    onDelete: collection.remove,
    onContact() {
      collection.contact();
      onContact();
      lastFailure = undefined;
    },
    onFailure(error) {
      collection.fail();
      onFailure(error, error.message !== lastFailure);
      lastFailure = error.message;
    },
  });
  return () => {
    stop();
    collection.close();
  };
}

/** An API server is upgraded while we run, or does not answer when we begin. */
const VERSION_EVERY_MS = 10_000;
const NO_CLUSTER = 'unknown but for what a request itself shows: no cluster to ask';

function displayNamespaces(namespaces: readonly string[]): readonly string[] {
  return namespaces.map((namespace) => (namespace === NAMESPACE_ALL ? 'every namespace' : namespace));
}

function checkOf(
  namespaces: readonly string[],
  cache: Cache,
  forbidden: readonly Collection[],
  serverMinor: number | undefined,
): Check {
  const objects = Object.values(cache.counts()).reduce((sum, count) => sum + count, 0);
  const unknown = namespaces.filter((namespace) => !cache.complete(namespace));
  const refused = [...Map.groupBy(forbidden, ({ namespace }) => namespace)].map(
    ([namespace, collections]) =>
      `not allowed to list and watch ${collections.map(({ kind }) => resourceOf(kind)).join(', ')} in ${displayNamespaces([namespace]).join()}`,
  );
  const unseen = [
    ...(unknown.length === 0
      ? []
      : [`not all yet, or not any more, of ${displayNamespaces(unknown).join(', ')}`]),
    ...refused,
    ...(serverMinor === undefined ? ['the version of the API server is not known'] : []),
  ];
  const known = `${objects} objects known of ${displayNamespaces(namespaces).join(', ')}`;
  const state = refused.length > 0 ? 'wrong' : unseen.length > 0 ? 'unknown' : 'ok';
  const oldestMs = cache.oldest();
  // How old is too old, the cache says.
  const seen = { atMs: performance.now() - oldestMs, goodForMs: Infinity };
  const detail = [known, ...unseen].join('; ');
  return { name: 'provenance', state, detail, ...(oldestMs === Infinity ? {} : { seen }) };
}

/** As `kubectl auth can-i` names it: `jobs.batch`. */
function resourceOf(kind: CachedKind): string {
  const { group, resource } = KINDS[kind];
  return group === '' ? resource : `${resource}.${group}`;
}
