import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { logFiles } from '../src/io/input-files.ts';
import { directorySource } from '../src/policy/rule-source.ts';
import { createJudge, type Judge } from '../src/commands/replay/judge.ts';
import { createLineFilter } from '../src/commands/replay/line-filter.ts';
import { createOutput } from '../src/io/output.ts';
import { createReading } from '../src/commands/replay/reading.ts';
import { readRules } from '../src/policy/load-rules.ts';
import { createSummary } from '../src/commands/replay/summary.ts';
import { summary, type Figure } from './figure.ts';
import { runNode } from './lib/process.ts';

const ROOT = join(import.meta.dirname, '..');
const CORPUS = join(ROOT, '../shared/corpus');
const LOG = join(CORPUS, 'audit/immudb-log-audit/k8s.log');
const RULES = join(CORPUS, 'sigma-rules');

/** More than the figures' noise asks for, less than a person waits. */
const ROUNDS = 5;
const MEASURED_BYTES = 200e6;
const [FEW_BYTES, MANY_BYTES] = [20e6, 2e9];

/**
 * What a log costs to replay, in MB of it per second of processor time, against the same reader that splits lines and parses
 * them, and does nothing else. Rules are loaded beforehand. Needs the corpus, which is beside the checkout.
 */
export async function* replayFigures(): AsyncIterable<Figure> {
  if (!existsSync(LOG)) {
    process.stderr.write('replay.: skipped, no corpus at ../shared/corpus\n');
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), 'replay-bench-'));
  try {
    yield* speedFigures(directory);
    yield* memoryFigures();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function* speedFigures(directory: string): AsyncIterable<Figure> {
  const log = join(directory, 'audit.log');
  for (const copy of copies(MEASURED_BYTES)) await appendFile(log, copy);
  const [sixteen, thousand, threeThousand] = [
    await judgeBy([RULES]),
    await judgeBy(rulesElsewhere(directory, 1000)),
    await judgeBy(rulesElsewhere(directory, 3000)),
  ];
  const rounds = await interleaved({
    reference: () => parseOnly(log),
    'rules.16': () => replayAll(log, sixteen, false),
    'rules.1000': () => replayAll(log, thousand, false),
    'rules.3000': () => replayAll(log, threeThousand, false),
    'filter.16': () => replayAll(log, sixteen, true),
    'filter.3000': () => replayAll(log, threeThousand, true),
  });
  const { reference = [], ...others } = rounds;
  const megabytes = statSync(log).size / 1e6;
  yield summary(
    'replay.reference',
    'MB/CPU s',
    reference.map((seconds) => megabytes / seconds),
  );
  for (const [name, seconds] of Object.entries(others)) {
    const ratios = seconds.map((each, round) => (reference[round] ?? NaN) / each);
    yield summary(`replay.${name}`, '× reference', ratios, TARGETS[name]);
  }
}

const TARGETS: Readonly<Record<string, string>> = {
  'rules.16': '≥ 0.80',
  'rules.3000': '≥ 0.70',
  'filter.16': '≥ 1.2',
};

/** The log again and again, each request with an audit ID of its own. */
function* copies(bytes: number): Iterable<Buffer> {
  const [start = '', ...parts] = readFileSync(LOG, 'latin1').split('"auditID":"');
  for (let copy = 0, written = 0; written < bytes; copy++) {
    const prefix = copy.toString(16).padStart(8, '0');
    const buffer = Buffer.from(
      [start, ...parts.map((part) => prefix + part.slice(8))].join('"auditID":"'),
      'latin1',
    );
    written += buffer.length;
    yield buffer;
  }
}

/** The public rules, and `count` more of their kind about resources that nobody has. */
function rulesElsewhere(directory: string, count: number): readonly string[] {
  const file = join(directory, `${count}.yml`);
  const documents = Array.from({ length: count }, (_, index) =>
    JSON.stringify({
      title: `Rule ${index}`,
      id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
      logsource: { product: 'kubernetes', service: 'audit' },
      detection: {
        selection: { verb: ['create', 'update', 'patch'], 'objectRef.resource': `things${index}` },
        condition: 'selection',
      },
    }),
  );
  writeFileSync(file, documents.join('\n---\n'));
  return [RULES, file];
}

async function judgeBy(rules: readonly string[]): Promise<Judge> {
  return createJudge(await readRules(directorySource(rules)), {
    modes: { default: 'warn', levels: {}, rules: {} },
    subresources: 'resource',
    heals: () => false,
  });
}

/** CPU seconds of each, round by round: in turn, so that whatever the machine does hits each of them. */
async function interleaved(
  measured: Readonly<Record<string, () => Promise<void>>>,
): Promise<Readonly<Record<string, readonly number[]>>> {
  const rounds: Record<string, number[]> = {};
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, run] of Object.entries(measured)) {
      const before = process.cpuUsage();
      await run();
      const { user, system } = process.cpuUsage(before);
      // The first round is for the compiler.
      if (round > 0) (rounds[name] ??= []).push((user + system) / 1e6);
    }
  }
  return rounds;
}

async function parseOnly(log: string): Promise<void> {
  const [file] = await logFiles([log], nothing(), () => {});
  let carry = '';
  let requests = 0;
  for await (const chunk of file?.read(() => {}) ?? []) {
    const lines = (carry + chunk.toString()).split('\n');
    carry = lines.pop() ?? '';
    for (const line of lines) if ((JSON.parse(line) as { auditID: string }).auditID !== '') requests++;
  }
  if (requests === 0) throw new TypeError('nothing was read');
}

async function replayAll(log: string, judge: Judge, filtered: boolean): Promise<void> {
  const files = await logFiles([log], nothing(), () => {});
  const found = createSummary(judge);
  const reading = createReading({
    judge,
    filter: filtered ? createLineFilter(judge.trees) : undefined,
    summary: found,
    output: createOutput(new Writable()),
    format: 'json',
  });
  for (const file of files) await reading.read(file);
  reading.end();
  if (found.matched() === 0) throw new TypeError('nothing matched');
}

async function* nothing(): AsyncIterable<Buffer> {}

/** The program as it is started in the image, fed by a pipe; the most memory it held. */
async function* memoryFigures(): AsyncIterable<Figure> {
  const few = await peakMegabytes(FEW_BYTES);
  const many = await peakMegabytes(MANY_BYTES);
  yield summary('replay.rss.20MB', 'MB', [few]);
  yield summary('replay.rss.2GB', 'MB', [many]);
  yield summary('replay.rss', '2 GB / 20 MB', [many / few], '≤ 1.5');
}

async function peakMegabytes(bytes: number): Promise<number> {
  const args = [
    '--max-semi-space-size=4',
    'src/main.ts',
    'replay',
    '-',
    '--check-lines',
    '--format',
    'json',
    '--rules',
    RULES,
  ];
  const { peak } = await runNode(args, async (stdin) => {
    for (const copy of copies(bytes)) if (!stdin.write(copy)) await once(stdin, 'drain');
  });
  return peak;
}
