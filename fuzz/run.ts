import { isUtf8 } from 'node:buffer';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { TARGETS } from './targets.ts';
import type { Target } from './target.ts';

/** What one target's process tells `main.ts`: one line of JSON. */
export interface Outcome {
  readonly inputs: number;
  readonly seconds: number;
  /** The most CPU that one input took. */
  readonly slowestMs: number;
  readonly peakMb: number;
  readonly failure?: {
    readonly seed: number;
    /** Absent for an input of the corpus. */
    readonly path?: string;
    readonly input: string;
    readonly error: string;
  };
}

/** Inputs between two looks at the clock. */
const BATCH = 200;
/** An input that takes so long is a fault of its own, on any machine. */
const MAX_CPU_MS = 10_000;

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    seed: { type: 'string' },
    seconds: { type: 'string' },
    runs: { type: 'string' },
    path: { type: 'string' },
  },
});
const load = TARGETS[values.target ?? ''];
if (load === undefined) throw new Error(`no target ${values.target}`);
const outcome = await fuzz(await load(), {
  seed: Number(values.seed),
  seconds: Number(values.seconds),
  runs: Number(values.runs),
  path: values.path,
});
process.stdout.write(JSON.stringify(outcome));
// What an input left behind must not keep the process.
process.exit(0);

interface Budget {
  readonly seed: number;
  readonly seconds: number;
  readonly runs: number;
  readonly path: string | undefined;
}

async function fuzz<Input>(target: Target<Input>, { seed, seconds, runs, path }: Budget): Promise<Outcome> {
  const begun = performance.now();
  let [inputs, slowestMs] = [0, 0];

  async function check(input: Input): Promise<void> {
    const before = process.cpuUsage();
    const count = await target.check(input);
    const { user, system } = process.cpuUsage(before);
    const ms = (user + system) / 1000;
    if (ms > MAX_CPU_MS) throw new Error(`took ${Math.round(ms)} ms of CPU`);
    slowestMs = Math.max(slowestMs, ms);
    inputs += count ?? 1;
  }
  function outcomeWith(failure?: Outcome['failure']): Outcome {
    return {
      inputs,
      seconds: (performance.now() - begun) / 1000,
      slowestMs,
      peakMb: process.resourceUsage().maxRSS / 1024,
      ...(failure === undefined ? {} : { failure }),
    };
  }

  for (const input of target.known) {
    try {
      await check(input);
    } catch (error) {
      return outcomeWith({ seed, input: shown(input), error: explain(error) });
    }
  }
  const property = fc.asyncProperty(target.arbitrary, check);
  const hasMore = () => inputs < runs && (performance.now() - begun) / 1000 < seconds;
  for (let batch = 0; hasMore(); batch++) {
    const details = await fc.check(property, {
      // The first is the seed as it was told, so that a failure's seed and path find it again.
      seed: (seed + Math.imul(batch, 0x9e3779b1)) | 0,
      numRuns: Math.min(BATCH, Math.ceil(runs - inputs)),
      ...(path === undefined ? {} : { path, endOnFailure: true }),
    });
    if (details.failed) {
      const [input] = details.counterexample ?? [];
      return outcomeWith({
        seed: details.seed,
        path: details.counterexamplePath ?? '',
        input: shown(input),
        error: explain(details.errorInstance),
      });
    }
    if (path !== undefined) break;
  }
  return outcomeWith();
}

/** As JSON, with bytes as the text that they are, or in base64. */
function shown(input: unknown): string {
  return JSON.stringify(input, (_key, value: unknown) => {
    const { type, data } = (value ?? {}) as { type?: unknown; data?: number[] };
    if (type !== 'Buffer' || data === undefined) return value;
    const bytes = Buffer.from(data);
    return isUtf8(bytes) ? bytes.toString('utf8') : `base64:${bytes.toString('base64')}`;
  });
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${explain(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
