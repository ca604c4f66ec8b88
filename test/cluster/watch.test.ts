import { afterEach, describe, expect, it } from '@jest/globals';
import { ApiError, type ApiServer, type WatchEvent } from '../../src/cluster/api-server.ts';
import { follow, type FollowOptions, type Timing } from '../../src/cluster/watch.ts';
import { eventually } from '../lib/eventually.ts';

const AT_ONCE: Timing = { relistMs: 60_000, silentMs: 60_000, retryMs: 1, longestRetryMs: 4 };

interface Named {
  readonly name: string;
  readonly size?: number;
}

/** Pages of a list, each of names; or what it answers instead. */
type Answer = readonly (readonly string[])[] | Error;

/** One watch as the test holds it. */
interface Held {
  readonly path: string;
  readonly as: string | undefined;
  tell(type: WatchEvent['type'], object: unknown): void;
  end(): void;
  fail(error: Error): void;
}

/** An API server that gives `answers` one list after the other, the last of them again and again. */
function apiWith(answers: readonly Answer[]) {
  const asked: string[] = [];
  const watches: Held[] = [];
  let lists = 0;
  const api: Pick<ApiServer, 'get' | 'watch'> = {
    async get(path, _signal, as) {
      asked.push(as === undefined ? path : `${path} as ${as}`);
      const { searchParams } = new URL(path, 'https://api');
      const page = Number(searchParams.get('continue') ?? '0');
      const answer = answers[Math.min(lists, answers.length - 1)] ?? [];
      const isLast = answer instanceof Error || page >= answer.length - 1;
      if (isLast) lists += 1;
      if (answer instanceof Error) throw answer;
      return {
        metadata: { resourceVersion: `v${lists}`, ...(isLast ? {} : { continue: String(page + 1) }) },
        items: answer[page]?.map((name) => ({ metadata: { name } })) ?? null,
      };
    },
    watch: (path, onEvent, signal, as) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
        watches.push({
          path,
          as,
          tell(type, object) {
            try {
              onEvent({ type, object });
            } catch (error) {
              reject(error as Error);
            }
          },
          end: resolve,
          fail: reject,
        });
      }),
  };
  return { api, asked, watches };
}

let stop = () => {};
afterEach(() => stop());

/** What is kept, as the last list and what came after it say. */
function followed(api: Pick<ApiServer, 'get' | 'watch'>, options: Partial<FollowOptions<Named>> = {}) {
  const told = { kept: new Map<string, Named>(), lists: 0, contacts: 0, failures: [] as string[] };
  stop = follow<Named>({
    api,
    path: '/api/v1/things',
    keep: ({ metadata, size }) => ({
      ...(metadata as Named),
      ...(size === undefined ? {} : { size: Number(size) }),
    }),
    room: () => 100,
    onList(objects) {
      told.lists += 1;
      told.kept = new Map(objects.map((object) => [object.name, object]));
    },
    onChange: (object) => told.kept.set(object.name, object),
    onDelete: ({ name }) => told.kept.delete(name),
    onContact: () => (told.contacts += 1),
    onFailure: ({ message }) => told.failures.push(message),
    timing: AT_ONCE,
    ...options,
  });
  return told;
}

const watchedAgain = (watches: readonly Held[], count: number) =>
  eventually(`watch ${count} is open`, () => watches[count - 1]);

describe('a collection that is followed', () => {
  it('is listed page by page, watched from there, and changes as the watch says', async () => {
    const { api, asked, watches } = apiWith([[['a', 'b'], ['c']]]);
    const told = followed(api);
    const watch = await watchedAgain(watches, 1);
    expect(asked).toEqual(['/api/v1/things?limit=500', '/api/v1/things?limit=500&continue=1']);
    expect(watch.path).toMatch(
      /^\/api\/v1\/things\?watch=true&allowWatchBookmarks=true&resourceVersion=v1&timeoutSeconds=(5[4-9]|6[0-6])$/,
    );
    expect([...told.kept.keys()]).toEqual(['a', 'b', 'c']);
    watch.tell('MODIFIED', { metadata: { name: 'a' }, size: 2 });
    watch.tell('DELETED', { metadata: { name: 'b' } });
    watch.tell('ADDED', { metadata: { name: 'd' } });
    watch.tell('BOOKMARK', { metadata: { resourceVersion: 'v9' } });
    expect([...told.kept.values()]).toEqual([{ name: 'a', size: 2 }, { name: 'c' }, { name: 'd' }]);
    expect(told).toMatchObject({ lists: 1, contacts: 5, failures: [] });
  });

  it('asks for metadata alone where no more is needed, and keeps the query it was given', async () => {
    const { api, asked, watches } = apiWith([[['a']]]);
    followed(api, { path: '/api/v1/things?labelSelector=x', metadataOnly: true });
    const watch = await watchedAgain(watches, 1);
    expect(asked).toEqual(['/api/v1/things?labelSelector=x&limit=500 as PartialObjectMetadataList']);
    expect([watch.path, watch.as]).toEqual([
      expect.stringMatching(/^\/api\/v1\/things\?labelSelector=x&watch=true/),
      'PartialObjectMetadata',
    ]);
  });

  it.each<[string, (watch: Held) => void, readonly string[]]>([
    ['ends', (watch) => watch.end(), []],
    ['breaks', (watch) => watch.fail(new Error('socket hang up')), ['socket hang up']],
    ['is too old', (watch) => watch.tell('ERROR', { code: 410, message: 'too old' }), []],
    [
      'is refused in its course',
      (watch) => watch.tell('ERROR', { code: 500, message: 'etcd' }),
      ['watch: etcd'],
    ],
  ])('is listed anew when its watch %s, so that nothing lost stays lost', async (_, what, failures) => {
    const { api, watches } = apiWith([[['a', 'b']], [['b', 'c']]]);
    const told = followed(api);
    what(await watchedAgain(watches, 1));
    await watchedAgain(watches, 2);
    expect([...told.kept.keys()]).toEqual(['b', 'c']);
    expect(told.failures).toEqual(failures);
  });

  it('is listed anew when its watch says nothing for too long, of which nobody is told', async () => {
    const { api, watches } = apiWith([[['a']], [['b']]]);
    const told = followed(api, { timing: { ...AT_ONCE, silentMs: 20 } });
    await watchedAgain(watches, 2);
    expect([...told.kept.keys()]).toEqual(['b']);
    expect(told.failures).toEqual([]);
  });

  it('is asked for until it is there, and what failed is said each time', async () => {
    const { api, watches } = apiWith([new Error('refused'), new ApiError(403, 'forbidden'), [['a']]]);
    const told = followed(api);
    await watchedAgain(watches, 1);
    expect(told).toMatchObject({ lists: 1, failures: ['refused', 'forbidden'] });
  });

  it('of which a page has expired is listed from its beginning', async () => {
    const { api, watches } = apiWith([new ApiError(410, 'expired'), [['a']]]);
    const told = followed(api);
    await watchedAgain(watches, 1);
    expect(told).toMatchObject({ lists: 1, failures: [] });
  });

  it('is not listed where it has more objects than there is room for', async () => {
    const { api, asked } = apiWith([[['a', 'b'], ['c', 'd'], ['e']]]);
    const told = followed(api, { room: () => 3 });
    await eventually('it is said', () => told.failures.length > 0);
    expect(told).toMatchObject({ lists: 0, failures: ['/api/v1/things: more than 3 objects'] });
    expect(asked).toHaveLength(2);
  });

  it('whose pages do not end is not followed for ever', async () => {
    const { api, asked } = apiWith([Array.from({ length: 1_000 }, () => [])]);
    const told = followed(api, { timing: { ...AT_ONCE, relistMs: 60_000 } });
    await eventually('it is said', () => told.failures.length > 0);
    expect(told).toMatchObject({ lists: 0, failures: ['/api/v1/things: 400 pages or more'] });
    expect(asked).toHaveLength(400);
  });

  it('whose every watch is too old from its beginning is asked for less and less', async () => {
    const { api, asked, watches } = apiWith([[['a']]]);
    followed(api, { timing: { ...AT_ONCE, retryMs: 1, longestRetryMs: 60_000 } });
    // The waits double from half a millisecond at least: the 17th is over half a minute, and without that there would be
    // thousands of lists by then.
    const tooOld = setInterval(() => {
      for (const watch of watches.splice(0)) watch.tell('ERROR', { code: 410, message: 'too old' });
    }, 1);
    await new Promise((resolve) => setTimeout(resolve, 300));
    clearInterval(tooOld);
    expect(asked.length).toBeLessThan(15);
  });

  it('is let go at once when nobody follows it any more', async () => {
    const { api, asked, watches } = apiWith([[['a']]]);
    const told = followed(api);
    await watchedAgain(watches, 1);
    stop();
    await new Promise((resolve) => setImmediate(resolve));
    expect([asked.length, watches.length, told.failures]).toEqual([1, 1, []]);
  });
});
