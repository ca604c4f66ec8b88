import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { IncomingMessage } from 'node:http';

const ROOT = join(import.meta.dirname, '..');
const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');

interface Instruction {
  readonly name: string;
  readonly argument: string;
}

/** One FROM and what follows it. */
interface Stage {
  readonly name: string;
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

/** As much of the language as our Dockerfile uses: an instruction a line, no continuations, no variables but in FROM. */
function stagesOf(dockerfile: string): readonly Stage[] {
  const lines = dockerfile.split('\n').filter((line) => /^[A-Z]/.test(line));
  const instructions = lines.map((line) => {
    const [name = '', ...rest] = line.split(' ');
    return { name, argument: rest.join(' ') };
  });
  const starts = instructions.flatMap(({ name }, index) => (name === 'FROM' ? [index] : []));
  return starts.map((start, stage) => {
    const [from = '', , name = 'image'] = (instructions[start]?.argument ?? '').split(' ');
    return { name, from, instructions: instructions.slice(start + 1, starts[stage + 1]) };
  });
}

const DOCKERFILE = read('Dockerfile');
const STAGES = stagesOf(DOCKERFILE);

function copiesOf({ instructions }: Stage) {
  return instructions
    .filter(({ name }) => name === 'COPY')
    .map(({ argument }) => {
      const words = argument.split(' ');
      const [, stage] = /^--from=(.*)$/.exec(words[0] ?? '') ?? [];
      const paths = stage === undefined ? words : words.slice(1);
      return { stage, sources: paths.slice(0, -1), destination: paths.at(-1) ?? '' };
    });
}

describe('the Dockerfile', () => {
  it('copies only what is here and what the ignore file lets through', () => {
    const [all, ...exceptions] = read('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    const sources = STAGES.flatMap(copiesOf).flatMap((copy) =>
      copy.stage === undefined ? copy.sources : [],
    );
    expect(all).toBe('*');
    expect(new Set(exceptions)).toEqual(new Set(sources.map((source) => `!${source}`)));
    expect(sources.filter((source) => !existsSync(join(ROOT, source)))).toEqual([]);
  });

  it('takes the Node that the tests run on, whole and pinned', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { version: string }>;
    };
    expect(DOCKERFILE).toContain(`ARG NODE_VERSION=${packages['node_modules/node']?.version}\n`);
    expect(new Set(STAGES.map(({ from }) => from))).toEqual(new Set(['node:${NODE_VERSION}-bookworm-slim']));
  });

  it('starts without a shell, and not as root', () => {
    const last = STAGES.at(-1)?.instructions ?? [];
    const argumentOf = (wanted: string) => last.find(({ name }) => name === wanted)?.argument;
    expect(argumentOf('USER')).toBe('65532:65532');
    expect(JSON.parse(argumentOf('ENTRYPOINT') ?? '')).toEqual([
      'node',
      '--max-semi-space-size=4',
      'dist/main.js',
    ]);
    expect(JSON.parse(argumentOf('CMD') ?? '')).toEqual(['serve']);
  });
});

/** npm tells its scripts about the package they are of, and would take that for ours. */
const ENV = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) =>
      !/^(npm_(package|lifecycle|command|execpath|config_local_prefix)|INIT_CWD|SIGMA_ADMISSION_)/.test(name),
  ),
);

/** Carries the stages out, each in a folder that stands for its root, and returns the last one's working directory. */
function carryOut(scratch: string): string {
  let workdir = '';
  for (const stage of STAGES) {
    const root = join(scratch, stage.name);
    const copies = copiesOf(stage).values();
    for (const { name, argument } of stage.instructions) {
      if (name === 'WORKDIR') workdir = join(root, argument);
      mkdirSync(workdir, { recursive: true });
      if (name === 'COPY') copy(copies.next().value, scratch, workdir);
      if (name === 'RUN') run(argument, workdir);
    }
  }
  return workdir;
}

/** A directory's contents go to the destination; a file goes into it where that ends in a slash. */
function copy(
  copied: ReturnType<typeof copiesOf>[number] | undefined,
  scratch: string,
  workdir: string,
): void {
  const { stage, sources, destination } = copied ?? { sources: [], destination: '' };
  for (const source of sources) {
    const from = stage === undefined ? join(ROOT, source) : join(scratch, stage, source);
    const to = join(workdir, destination, destination.endsWith('/') ? basename(source) : '');
    cpSync(from, to, { recursive: true, verbatimSymlinks: true });
  }
}

/** From npm's cache where it can; `npm ci` has just filled that. */
function run(command: string, cwd: string): void {
  const env = { ...ENV, npm_config_prefer_offline: 'true', npm_config_audit: 'false' };
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command], { cwd, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: exit code ${status}\n${stdout}\n${stderr}`);
}

describe('what the Dockerfile builds', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'sigma-admission-image-'));
  let workdir: string;
  beforeAll(() => {
    workdir = carryOut(scratch);
  }, 300_000);
  afterAll(() => rmSync(scratch, { recursive: true }));

  it('has nothing that only development needs', () => {
    const present = (name: string) => existsSync(join(workdir, 'node_modules', name));
    expect([present('express'), present('typescript'), present('jest')]).toEqual([true, false, false]);
    expect(existsSync(join(workdir, 'src'))).toBe(false);
  });

  it('starts and answers', async () => {
    const last = STAGES.at(-1)?.instructions ?? [];
    const [, ...command] = last
      .filter(({ name }) => name === 'ENTRYPOINT' || name === 'CMD')
      .flatMap(({ argument }) => JSON.parse(argument) as string[]);
    const local = ['--host=127.0.0.1', '--port=0', '--metrics-port=0', '--drain=0'];
    const child = spawn(process.execPath, [...command, ...local], {
      cwd: workdir,
      env: ENV,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    try {
      let port: number | undefined;
      for await (const line of createInterface(child.stderr)) {
        if (!line.includes('"msg":"serving"')) continue;
        ({ port } = JSON.parse(line) as { port: number });
        break;
      }
      const asked = get({ host: '127.0.0.1', port, path: '/healthz', rejectUnauthorized: false });
      const [response] = (await once(asked, 'response')) as [IncomingMessage];
      expect([response.statusCode, await text(response)]).toEqual([200, 'ok']);
    } finally {
      const gone = once(child, 'close');
      child.kill('SIGTERM');
      await gone;
    }
  });
});
