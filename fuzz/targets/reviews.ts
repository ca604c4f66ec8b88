import fc from 'fast-check';
import { mutatedBytes, mutatedJson } from '../mutations.ts';
import { jsonAmong, kept, others, othersLines, ours } from '../seeds.ts';
import { spell } from '../spelling.ts';
import { expect, expectCleanPrototypes, expectPrintable, type Target } from '../target.ts';
import { createWebhook, type Answer, type Asked } from '../webhook.ts';

/** README's table of answers, without those that take a connection. */
const DOCUMENTED = [200, 400, 404, 405, 413, 415, 503];

const KEPT = kept('reviews');
const SEEDS = jsonAmong([
  ...ours('examples', '.json'),
  ...KEPT,
  ...others('admission/connaisseur', '.json'),
  ...othersLines('pairs/requests.ndjson').flatMap((line) =>
    (JSON.parse(line) as { admissionReviews: unknown[] }).admissionReviews.map((review) =>
      JSON.stringify(review),
    ),
  ),
]);

const path = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom('/guard?timeout=30s', '/observe?timeout=30s', '/other-observe?timeout=30s'),
  },
  { weight: 1, arbitrary: fc.constantFrom('/self?timeout=30s', '/probe?timeout=30s', '/', '/healthz') },
);
const body = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(mutatedJson(SEEDS), fc.nat())
      .map(([value, seed]) => Buffer.from(spell(value, seed & 3))),
  },
  { weight: 4, arbitrary: mutatedBytes(SEEDS) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)) },
);

const ask = createWebhook();

/** Any bytes as the body of a review: an answer that is documented, and can be shown. */
export const reviews: Target<Asked> = {
  name: 'reviews',
  arbitrary: fc.record({ path, body }),
  known: [...ours('examples', '.json'), ...KEPT].map((text) => ({
    path: '/guard?timeout=30s',
    body: Buffer.from(text),
  })),
  async check(asked) {
    const answer = await ask(asked);
    expect(DOCUMENTED.includes(answer.code), `answered with ${answer.code}`);
    expectCleanPrototypes();
    for (const text of shownIn(answer)) expectPrintable(text);
  },
};

function shownIn({ code, body: text }: Answer): readonly string[] {
  const { message, response } = JSON.parse(text === 'ok' ? '{}' : text) as {
    message?: string;
    response?: { warnings?: string[]; status?: { message: string } };
  };
  if (code !== 200) return message === undefined ? [] : [message];
  return [
    ...(response?.warnings ?? []),
    ...(response?.status === undefined ? [] : [response.status.message]),
  ];
}

/** The same review in two spellings. */
interface Respelled {
  readonly review: unknown;
  readonly spelling: number;
}

/** One meaning, one answer, byte for byte. */
export const spellings: Target<Respelled> = {
  name: 'spellings',
  arbitrary: fc.record({ review: mutatedJson(SEEDS), spelling: fc.nat() }),
  known: SEEDS.slice(0, 20).map((text, index) => ({
    review: JSON.parse(text) as unknown,
    spelling: index + 1,
  })),
  async check({ review, spelling }) {
    const [one, other] = [
      await ask({ path: '/guard?timeout=30s', body: Buffer.from(JSON.stringify(review)) }),
      await ask({ path: '/guard?timeout=30s', body: Buffer.from(spell(withUnknown(review), spelling)) }),
    ];
    // Of two things that are wrong with a review, the one that comes first is told.
    const isSame = one.code === other.code && (one.code !== 200 || one.body === other.body);
    expect(isSame, `two answers: ${one.body} and ${other.body}`);
  },
};

/** An API server of another version says more than is known here. */
function withUnknown(review: unknown): unknown {
  const isMap = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isMap(review)) return review;
  const { request } = review as { request?: object };
  const known = isMap(request) ? { request: { ...request, notYetKnown: { a: [1] } } } : {};
  return { ...(review as object), ...known, notYetKnown: null };
}
