import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';

export const ROOT = join(import.meta.dirname, '../..');

/** Node as this process runs it, in the root of the project. Its output is thrown away. */
export function startNode(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, args, { cwd: ROOT, stdio: 'ignore' });
}

/** Resolves when the process is gone. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}

const LOOK_EVERY_MS = 20;

/** Runs Node to its end. Gives what it printed, and the most megabytes that it held. */
export async function runNode(
  args: readonly string[],
  feed: (stdin: Writable) => Promise<void> | void = () => {},
): Promise<{ readonly output: string; readonly peak: number }> {
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'] });
  const output = text(child.stdout);
  const closed = once(child, 'close');
  let peak = 0;
  const looking = setInterval(() => (peak = Math.max(peak, peakOf(child.pid))), LOOK_EVERY_MS);
  await feed(child.stdin);
  child.stdin.end();
  await closed;
  clearInterval(looking);
  return { output: await output, peak };
}

/** proc(5): the most megabytes that a process has held so far; 0 when it is gone. */
function peakOf(pid: number | undefined): number {
  try {
    const [, kilobytes = '0'] = /VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kilobytes) / 1000;
  } catch {
    return 0;
  }
}
