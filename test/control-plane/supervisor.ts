/**
 * The process that all programs of one control plane are children of. It outlives whoever asked for it just long enough to
 * stop them: the IPC channel closes however that one dies, SIGKILL included.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A program to start, its output appended to `log`. */
export interface Program {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly log: string;
}

/** What a supervisor is told. `end` stops everything in the reverse order of its start. */
export type Order =
  | { readonly start: Program }
  | { readonly stop: string }
  | { readonly end: true; readonly keepDirectory: boolean };

/** What a supervisor tells. */
export interface Exit {
  readonly exited: string;
  readonly how: string;
}

/**
 * An API server is gone after a second, unless somebody watches it over HTTP/1.1: for those it waits a minute, though it
 * has long stopped listening and answered every other request.
 */
const GRACE_MS = 3_000;

const [directory] = process.argv.slice(2);
const running = new Map<string, ChildProcess>();

process.on('message', (order: Order) => {
  if ('start' in order) start(order.start);
  else if ('stop' in order) void stop(order.stop);
  else void end(order.keepDirectory);
});
process.on('disconnect', () => void end(false));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end(false));

function start({ name, command, args, log }: Program): void {
  const output = openSync(log, 'a');
  const child = spawn(command, args, { cwd: directory, env: unproxied(), stdio: ['ignore', output, output] });
  running.set(name, child);
  const gone = (how: string) => {
    running.delete(name);
    if (process.connected) process.send?.({ exited: name, how } satisfies Exit);
  };
  child.once('error', (error) => gone(error.message));
  child.once('exit', (code, signal) => gone(signal ?? `exit code ${code}`));
}

async function stop(name: string): Promise<void> {
  const child = running.get(name);
  if (child === undefined) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const kill = delay(GRACE_MS, undefined, { ref: false }).then(() => child.kill('SIGKILL'));
  await Promise.race([exited, kill.then(() => exited)]);
}

let ending: Promise<void> | undefined;

function end(keepDirectory: boolean): Promise<void> {
  ending ??= stopAll(keepDirectory);
  return ending;
}

async function stopAll(keepDirectory: boolean): Promise<void> {
  for (const name of [...running.keys()].toReversed()) await stop(name);
  if (!keepDirectory && directory !== undefined) rmSync(directory, { recursive: true, force: true });
  process.exit(0);
}

/** An API server asks a proxy for the way to `sigma-admission.sigma-admission.svc`, where the environment names one. */
function unproxied(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/_proxy$/i.test(name)));
}
