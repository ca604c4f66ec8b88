import { setTimeout as wait } from 'node:timers/promises';
import type { KubernetesObject } from '../kubernetes/admission-review.ts';
import { asObject } from '../kubernetes/as-object.ts';
import { ApiError, type ApiServer, type WatchEvent } from './api-server.ts';
import { pagesOf, withQuery } from './pages.ts';

export interface FollowOptions<Kept> {
  readonly api: Pick<ApiServer, 'get' | 'watch'>;
  /** The path of the collection, which may carry a query. */
  readonly path: string;
  /** Only metadata is needed. */
  readonly metadataOnly?: boolean | undefined;
  /** Projects an object to the part that is kept. Whole objects are released page by page. */
  readonly keep: (object: KubernetesObject) => Kept | undefined;
  /** The largest number of objects to keep. A larger collection is not kept at all. */
  readonly room: () => number;
  /** The whole collection. An object that is not among these no longer exists. */
  readonly onList: (objects: readonly Kept[]) => void;
  readonly onChange: (object: Kept) => void;
  readonly onDelete: (object: Kept) => void;
  /** The collection was listed, or the watch sent an event or a bookmark. */
  readonly onContact: () => void;
  /** A list or watch failed; it is tried again. A watch that ends because it is too old or silent is not reported. */
  readonly onFailure: (error: Error) => void;
  readonly timing?: Timing;
}

export interface Timing {
  /** How long a watch is trusted before the collection is listed again: a watch may die silently and lose events. */
  readonly relistMs: number;
  /** The API server says every minute that a watch lives. One that is silent for longer than this is given up. */
  readonly silentMs: number;
  /** The first wait after a failure, doubled with each that follows, and the longest. */
  readonly retryMs: number;
  readonly longestRetryMs: number;
}

const TIMING: Timing = { relistMs: 300_000, silentMs: 120_000, retryMs: 500, longestRetryMs: 10_000 };

/** How long after its timeout a watch is ended here, if the API server has not ended it. */
const GRACE_MS = 10_000;

/** 200,000 objects. A collection whose pages do not end, be they empty, is not followed for ever. */
const MAX_PAGES = 400;

/** The collection has more objects than may be kept. */
class TooManyObjects extends Error {
  override readonly name = 'TooManyObjects';
}

/** Lists a collection, watches it, and begins again whenever a watch ends, in whatever way. Returns what ends that. */
export function follow<Kept>(options: FollowOptions<Kept>): () => void {
  const ended = new AbortController();
  void followUntil(ended.signal, options);
  return () => ended.abort();
}

async function followUntil<Kept>(signal: AbortSignal, options: FollowOptions<Kept>): Promise<void> {
  const { onFailure, timing = TIMING } = options;
  let failures = 0;
  while (!signal.aborted) {
    let waitMs = 0;
    const onHeard = () => (failures = 0);
    try {
      await watch(await list(signal, options), signal, onHeard, options);
    } catch (error) {
      if (signal.aborted) return;
      if (!isTooOld(error)) onFailure(error as Error);
      if (error instanceof TooManyObjects) waitMs = timing.relistMs;
    }
    // A watch that says nothing and ends is no better than one that fails.
    waitMs ||= Math.min(timing.retryMs * 2 ** failures, timing.longestRetryMs);
    failures += 1;
    const jitter = 0.5 + Math.random();
    await wait(waitMs * jitter, undefined, { signal, ref: false }).catch(() => {});
  }
}

/** Resolves with the version to watch from. */
async function list<Kept>(
  signal: AbortSignal,
  { api, path, metadataOnly, keep, room, onList, onContact }: FollowOptions<Kept>,
): Promise<string> {
  const as = metadataOnly === true ? 'PartialObjectMetadataList' : undefined;
  const kept: Kept[] = [];
  let from = '';
  let pages = 0;
  for await (const { items, resourceVersion } of pagesOf(api, path, { signal, as })) {
    for (const object of items) {
      const each = keep(object);
      if (each !== undefined) kept.push(each);
    }
    if (kept.length > room()) throw new TooManyObjects(`${path}: more than ${room()} objects`);
    from = resourceVersion;
    pages += 1;
    if (pages === MAX_PAGES) throw new TooManyObjects(`${path}: ${MAX_PAGES} pages or more`);
  }
  onList(kept);
  onContact();
  return from;
}

/** Resolves when it is time to list again. */
async function watch<Kept>(
  resourceVersion: string,
  signal: AbortSignal,
  onHeard: () => void,
  options: FollowOptions<Kept>,
): Promise<void> {
  const { api, path, metadataOnly, timing: { relistMs, silentMs } = TIMING } = options;
  const lifeMs = relistMs * (0.9 + 0.2 * Math.random());
  const query = {
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion,
    timeoutSeconds: String(Math.max(1, Math.ceil(lifeMs / 1000))),
  };
  const dead = new AbortController();
  const giveUp = () => dead.abort();
  const timers = [setTimeout(giveUp, lifeMs + GRACE_MS), setTimeout(giveUp, silentMs)];
  for (const timer of timers) timer.unref();
  try {
    await api.watch(
      withQuery(path, query),
      (event) => {
        timers[1]?.refresh();
        take(event, options);
        // Not after an error that came as an event: the wait before the next list would never grow.
        onHeard();
      },
      AbortSignal.any([signal, dead.signal]),
      metadataOnly === true ? 'PartialObjectMetadata' : undefined,
    );
  } catch (error) {
    if (!dead.signal.aborted) throw error;
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}

function take<Kept>(
  { type, object: told }: WatchEvent,
  { keep, onChange, onDelete, onContact }: FollowOptions<Kept>,
): void {
  const object = asObject(told) ?? {};
  if (type === 'ERROR') throw new ApiError(Number(object['code']), `watch: ${String(object['message'])}`);
  onContact();
  if (type === 'BOOKMARK') return;
  const kept = keep(object);
  if (kept === undefined) return;
  if (type === 'DELETED') onDelete(kept);
  else onChange(kept);
}

/** Gone or Expired: the resourceVersion is too old, so the collection is listed again. */
function isTooOld(error: unknown): boolean {
  return error instanceof ApiError && error.status === 410;
}
