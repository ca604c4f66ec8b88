import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '..');
const ENV = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('SIGMA_ADMISSION_')),
);

/** Starts the program; gives its standard error by line, and how it ended. */
function start(...flags: readonly string[]) {
  const child = spawn(process.execPath, ['src/main.ts', 'serve', '--host=127.0.0.1', '--drain=0', ...flags], {
    cwd: ROOT,
    env: ENV,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  return { child, lines: createInterface(child.stderr), ended };
}

describe('a command whose standard output', () => {
  const COMMANDS: readonly { readonly args: readonly string[]; readonly code?: number }[] = [
    { args: ['--help'], code: 0 },
    { args: ['--version'], code: 0 },
    { args: ['rules', 'check', '--rules=rules', '--filters=filters'], code: 0 },
    { args: ['rules', 'list', '--rules=rules', '--filters=filters', '--format=json'], code: 0 },
    { args: ['rules', 'explain', 'Exec Into Pod', '--rules=rules', '--filters=filters'], code: 0 },
    { args: ['rules', 'test', '--rules=rules', '--filters=filters', 'test/rules'] },
    { args: ['replay', '/dev/null', '--rules=rules', '--filters=filters'] },
    { args: ['scan', '/dev/null', '--rules=rules', '--filters=filters'] },
    { args: ['allowlist', 'suggest', 'package.json'], code: 0 },
  ];

  async function run(args: readonly string[], stdout: number | 'pipe') {
    const child = spawn(process.execPath, ['src/main.ts', ...args], {
      cwd: ROOT,
      env: ENV,
      stdio: ['ignore', stdout, 'pipe'],
    });
    child.stdout?.destroy();
    if (child.stderr === null) throw new TypeError('no standard error');
    const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    return { code: code as number | null, err };
  }

  it.each(COMMANDS)('has no reader ends as it would with one, and says so: $args', async ({ args, code }) => {
    const told = await run(args, 'pipe');
    expect(told.err).toMatch(/(^|\n)stopped: the reader of the output has gone\n$/);
    expect(told.err).not.toContain('    at ');
    if (code !== undefined) expect(told.code).toBe(code);
  });

  it.each(COMMANDS)('cannot be written fails, and says so: $args', async ({ args }) => {
    const full = openSync('/dev/full', 'w');
    const { code, err } = await run(args, full);
    closeSync(full);
    expect([code, err]).toEqual([
      2,
      expect.stringMatching(/(^|\n)stopped: cannot write: ENOSPC: no space left on device, write\n$/),
    ]);
  });
});

describe('a program that cannot serve', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sigma-admission-main-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  it('ends, and says why, though it watches rules by then', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const { lines, ended } = start(
      `--port=${port}`,
      '--metrics-port=0',
      `--certs=${join(directory, 'certs')}`,
    );
    const said: string[] = [];
    for await (const line of lines) said.push(line);
    expect(await ended).toEqual([1, null]);
    expect(said.at(-1)).toBe(`sigma-admission: listen EADDRINUSE: address already in use 127.0.0.1:${port}`);
    taken.close();
  });

  it('ends when it is asked to while it still waits for a certificate', async () => {
    const unused = createServer().listen(0, '127.0.0.1');
    await once(unused, 'listening');
    const { port } = unused.address() as AddressInfo;
    unused.close();
    const kubeconfig = join(directory, 'kubeconfig');
    const cluster = { server: `https://127.0.0.1:${port}` };
    writeFileSync(
      kubeconfig,
      JSON.stringify({
        clusters: [{ name: 'c', cluster }],
        users: [{ name: 'u', user: { token: 't' } }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      }),
    );
    const { child, lines, ended } = start(
      '--port=0',
      '--metrics-port=0',
      '--secret=s',
      `--kubeconfig=${kubeconfig}`,
    );
    const said: string[] = [];
    for await (const line of lines) {
      said.push(line);
      if (!child.killed && line.startsWith('{') && line.includes('ECONNREFUSED')) child.kill('SIGTERM');
    }
    expect(await ended).toEqual([0, null]);
    const messages = said.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line).msg);
    expect(messages).toContain('stopped before the first certificate');
  });
});
