import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { User } from './user.ts';

/** How a kubectl ended. */
export interface KubectlOutcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
}

/** Options of a kubectl; the user is `ADMIN` where none is named. */
export interface KubectlOptions {
  readonly user?: User;
  /** Its standard input, for `-f -`; an object is sent as JSON. */
  readonly input?: string | object;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program to its end; any exit code is an outcome, not an exception. */
export async function runToEnd(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  input: string | object = '',
): Promise<KubectlOutcome> {
  const child = spawn(command, args, { env: { ...process.env, ...env } });
  child.stdin.on('error', () => {}); // It may end without reading.
  child.stdin.end(typeof input === 'string' ? input : JSON.stringify(input));
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { stdout, stderr, exitCode };
}
