import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import type { Outcome } from './run.ts';
import { TARGETS } from './targets.ts';

/**
 * Puts generated and mutated inputs into every way in: `npm run fuzz -- --minutes 10`. Each target has a process of its own,
 * so that one that is ended by an input is told of, too. Exits with 1 where an input finds a fault.
 */
const { values } = parseArgs({
  options: {
    /** For all targets together. */
    minutes: { type: 'string' },
    /** Inputs for each target, however long it takes. */
    runs: { type: 'string' },
    seed: { type: 'string' },
    target: { type: 'string', multiple: true },
    /** Of a failure, with its seed and target: only that input. */
    path: { type: 'string' },
  },
});
const targets = values.target ?? Object.keys(TARGETS);
const unknown = targets.filter((name) => TARGETS[name] === undefined);
if (unknown.length > 0) {
  process.stderr.write(`no target ${unknown.join(', ')}; there are ${Object.keys(TARGETS).join(', ')}\n`);
  process.exit(2);
}
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed) | 0;
const processes = Math.min(availableParallelism(), targets.length);
const seconds =
  values.minutes === undefined && (values.runs ?? values.path) !== undefined
    ? Infinity
    : (60 * Number(values.minutes ?? 1) * processes) / targets.length;
process.stdout.write(`seed ${seed}\n`);

const waiting = [...targets];
let failed = 0;
await Promise.all(
  Array.from({ length: processes }, async () => {
    for (let target = waiting.shift(); target !== undefined; target = waiting.shift()) {
      const outcome = await outcomeOf(target);
      if (typeof outcome === 'string' || outcome.failure !== undefined) failed++;
      process.stdout.write(report(target, outcome));
    }
  }),
);
process.stdout.write(failed === 0 ? 'no input found a fault\n' : `${failed} targets failed\n`);
process.exitCode = failed === 0 ? 0 : 1;

/** A text where the process did not come to its end. */
async function outcomeOf(target: string): Promise<Outcome | string> {
  const args = ['--target', target, '--seed', `${seed}`, '--seconds', `${seconds}`];
  args.push(
    '--runs',
    values.runs ?? 'Infinity',
    ...(values.path === undefined ? [] : ['--path', values.path]),
  );
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [join(import.meta.dirname, 'run.ts'), ...args],
      {
        maxBuffer: 64 * 1024 * 1024,
      },
    );
    return JSON.parse(stdout) as Outcome;
  } catch (error) {
    const { signal, stderr = '', message } = error as Error & { signal?: string; stderr?: string };
    return `${signal ?? message}\n${stderr.slice(-5000)}`;
  }
}

function report(target: string, outcome: Outcome | string): string {
  if (typeof outcome === 'string') return `FAILED ${target}: its process ended, seed ${seed}: ${outcome}\n`;
  const { inputs, seconds: took, slowestMs, peakMb, failure } = outcome;
  const counts = `${inputs} inputs in ${took.toFixed(0)} s, at most ${slowestMs.toFixed(0)} ms of CPU for one, ${peakMb.toFixed(0)} MB`;
  if (failure === undefined) return `passed ${target}: ${counts}\n`;
  const path = failure.path === undefined ? '' : ` --path ${failure.path}`;
  return `FAILED ${target}: ${counts}
  again: npm run fuzz -- --target ${target} --seed ${failure.seed}${path}
  input: ${failure.input}
  ${failure.error}
`;
}
