import { Writable } from 'node:stream';
import fc from 'fast-check';
import { mutatedBytes, mutatedJson, random } from '../mutations.ts';
import { jsonAmong, kept, others, othersLines } from '../seeds.ts';
import {
  createJudge,
  createLineFilter,
  createOutput,
  createReading,
  createSummary,
  parseAll,
  summaryText,
} from '../src.ts';
import { expect, expectCleanPrototypes, expectPrintable, type Target } from '../target.ts';
import { RULES } from '../webhook.ts';

const KEPT = kept('logs');
const SEEDS = jsonAmong([
  ...KEPT.flatMap((log) => log.split('\n')),
  ...['audit/panther', 'audit/audit2rbac'].flatMap((folder) =>
    others(folder, '').flatMap((log) => log.split('\n')),
  ),
  ...othersLines('pairs/requests.ndjson').map((line) =>
    JSON.stringify((JSON.parse(line) as { auditEvent: unknown }).auditEvent),
  ),
]);

/** No API server gives two requests one audit ID and one time, and a later one would be taken for the first. */
function withOwnId(text: string, id: number): string {
  return text.replace(/"auditID": ?"(?:[^"\\]|\\.)*"/, `"auditID":"id-${id}"`);
}

const value = fc.tuple(mutatedJson(SEEDS), fc.nat());
const event = value.map(([of, id]) => withOwnId(JSON.stringify(of), id));
const stages = event.map((text) => {
  const received = text.replace('"stage":"ResponseComplete"', '"stage":"RequestReceived"');
  return `${received.replace(/"responseStatus":\{[^{}]*\},/, '')}\n${text}`;
});
const line = fc.oneof(
  { weight: 6, arbitrary: event },
  {
    weight: 2,
    arbitrary: fc
      .tuple(mutatedBytes(SEEDS), fc.nat())
      .map(([bytes, id]) => Buffer.from(withOwnId(bytes.toString('latin1'), id), 'latin1')),
  },
  { weight: 1, arbitrary: stages },
  { weight: 1, arbitrary: event.map((text) => `2026-11-24T08:00:00.000Z stdout F ${text}`) },
  { weight: 1, arbitrary: event.map((text) => JSON.stringify({ log: text })) },
  { weight: 1, arbitrary: event.map((text) => JSON.stringify({ properties: { log: text } })) },
  { weight: 1, arbitrary: event.map((text) => JSON.stringify({ message: `${text}\n` })) },
  { weight: 1, arbitrary: value.map(([of, id]) => withOwnId(JSON.stringify(of, null, 1), id)) },
  {
    weight: 1,
    arbitrary: fc.tuple(event, event).map((two) => `{"kind":"EventList","items":[${two.join()}]}`),
  },
  { weight: 1, arbitrary: fc.tuple(event, event).map((two) => two.join(' ')) },
  { weight: 1, arbitrary: fc.constantFrom('', 'nonsense', '{', '[', '"', '{"kind":"Event"', '\ufeff', '\r') },
);

interface Log {
  readonly lines: readonly (string | Buffer)[];
  readonly end: string;
  /** How the log comes in pieces. */
  readonly pieces: number;
}

/** A request that the first rule matches, and no filter accepts. */
const LAST_ID = 'the-last-line-of-the-log';
const LAST = JSON.stringify({
  kind: 'Event',
  apiVersion: 'audit.k8s.io/v1',
  level: 'Request',
  auditID: LAST_ID,
  stage: 'ResponseComplete',
  requestURI: '/api/v1/namespaces/kube-system/pods',
  verb: 'create',
  user: { username: 'alice', groups: ['system:masters'] },
  objectRef: { resource: 'pods', namespace: 'kube-system', name: 'a', apiVersion: 'v1' },
  responseStatus: { code: 201 },
  requestObject: { kind: 'Pod' },
  requestReceivedTimestamp: '2026-11-24T08:00:00.000000Z',
});

/**
 * Any lines as a log: what is bad is reported and reading goes on, and leaving out lines on which no rule can match changes
 * no match.
 */
export const logs: Target<Log> = {
  name: 'logs',
  arbitrary: fc.record({
    lines: fc.array(line, { maxLength: 40, size: 'max' }),
    end: fc.constantFrom('\n', '\n', '\r\n', '\n\n'),
    pieces: fc.nat(),
  }),
  known: KEPT.map((log) => ({ lines: log.split('\n'), end: '\n', pieces: 1 })),
  async check({ lines, end, pieces }) {
    const log = Buffer.concat([...lines, LAST].flatMap((each) => [Buffer.from(each), Buffer.from(end)]));
    const every = await run(log, pieces, true);
    const fast = await run(log, pieces, false);
    expectCleanPrototypes();
    const isSame = every.repeated > 0 || every.matches === fast.matches;
    expect(isSame, `matches differ: ${every.matches}\nand ${fast.matches}`);
    const isReadWhole = !every.isUnreadable && lines.every((each) => endsItself(String(each)));
    if (isReadWhole) expect(every.matches.includes(LAST_ID), 'a line before the last ended the replay');
    return lines.length + 1;
  },
};

/** A document over several lines, and one that never ends, may take what follows along. */
function endsItself(text: string): boolean {
  if (!/[{[]/.test(text)) return true;
  try {
    JSON.parse(text);
    return !text.includes('\n');
  } catch {
    return false;
  }
}

/** As replay does, but for the rules, which are loaded once. */
async function run(log: Buffer, pieces: number, checkLines: boolean) {
  const out = createSink();
  const output = createOutput(out.stream);
  const summary = createSummary(JUDGE);
  const filter = checkLines ? undefined : createLineFilter(JUDGE.trees);
  const file = { name: '-', read: () => inPieces(log, pieces) };
  const reading = createReading({ judge: JUDGE, filter, summary, output, format: 'ndjson' });
  await reading.read(file);
  const counts = reading.end();
  const found = summary.summary(counts, filter?.off);
  expectPrintable(summaryText(found), true);
  const matches = out
    .text()
    .split('\n')
    .filter((record) => record !== '' && (JSON.parse(record) as { matches: [] }).matches.length > 0);
  return {
    isUnreadable: found.unreadable.length > 0,
    repeated: found.requests.repeatedEvents,
    matches: matches.map(withoutNotJudged).join('\n'),
  };
}

const JUDGE = createJudge(parseAll(RULES.filter(({ name }) => !name.startsWith('item-'))), {
  modes: { default: 'warn', levels: {}, rules: {} },
  subresources: 'resource',
  heals: () => false,
});

/** Where a log ends before a request does, what was not judged of it depends on the lines that were read. */
function withoutNotJudged(record: string): string {
  return JSON.stringify({ ...(JSON.parse(record) as object), notJudged: undefined });
}

async function* inPieces(log: Buffer, seed: number): AsyncGenerator<Buffer> {
  const next = random(seed);
  for (let at = 0; at < log.length;) {
    const length = seed === 0 ? log.length : 1 + next(16_384);
    yield log.subarray(at, at + length);
    at += length;
  }
}

export function createSink() {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  return { stream, text: () => chunks.join('') };
}
