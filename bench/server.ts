import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import autocannon from 'autocannon';
import { ROOT, stop } from './lib/process.ts';
import { cpuSeconds } from './cpu-seconds.ts';
import { ROUNDS, summary, type Figure } from './figure.ts';

const SECONDS = 3;
const CONNECTIONS = 8;

/** A server on a core of its own. */
export interface Running {
  readonly process: ChildProcess;
  readonly url: string;
  /** Milliseconds from its start to its first answer. */
  readonly readyMs: number;
}

/** Ours against a bare handler, each alone on one core, asked in turn over kept-alive TLS. */
export async function* serverFigures(): AsyncIterable<Figure> {
  build();
  const certs = mkdtempSync(join(tmpdir(), 'bench-'));
  const ours = await start((port) => ourArguments(certs, port), '/guard', '/readyz');
  const [parsing, collecting] = await Promise.all(
    ['parse', 'collect'].map((mode) =>
      start((port) => ['bench/reference-server.ts', certs, port, mode], '/', '/'),
    ),
  );
  if (parsing === undefined || collecting === undefined) throw new TypeError('two references');
  const bodies = { allowed: review('team-a'), matched: review('kube-system') };
  try {
    const rounds: { parsing: number; collecting: number; allowed: number; matched: number; rss: number }[] =
      [];
    await load(ours, bodies.matched);
    for (let round = 0; round < ROUNDS; round++) {
      rounds.push({
        parsing: await load(parsing, bodies.allowed),
        allowed: await load(ours, bodies.allowed),
        collecting: await load(collecting, bodies.allowed),
        matched: await load(ours, bodies.matched),
        rss: residentMiB(ours.process),
      });
    }
    yield summary(
      'server.reference',
      'reviews/CPU s',
      rounds.map((round) => round.parsing),
    );
    yield summary(
      'server.allowed',
      '× reference',
      rounds.map((round) => round.allowed / round.parsing),
      '≥ 0.90',
    );
    yield summary(
      'server.matched',
      '× reference',
      rounds.map((round) => round.matched / round.parsing),
      '≥ 0.90',
    );
    yield summary(
      'server.unparsed',
      '× reference',
      rounds.map((round) => round.collecting / round.parsing),
    );
    yield summary(
      'server.rss',
      'MiB',
      rounds.map((round) => round.rss),
      '≤ 100',
    );
  } finally {
    for (const { process: each } of [ours, parsing, collecting]) await stop(each);
  }
  const starts: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const again = await start((port) => ourArguments(certs, port), '/guard', '/readyz');
    starts.push(again.readyMs);
    await stop(again.process);
  }
  yield summary('server.ready', 'ms', starts, '≤ 1000');
  rmSync(certs, { recursive: true });
}

/** As the image runs it: built, because stripping types takes memory that has nothing to do with serving. */
export function build(): void {
  const { status } = spawnSync('npm', ['run', 'build'], { cwd: ROOT, stdio: 'ignore' });
  if (status !== 0) throw new Error('npm run build fails');
}

function ourArguments(certs: string, port: string): string[] {
  const quiet = [
    '--rules',
    'rules/creation_of_pod_in_system_namespace.yml',
    '--metrics-port',
    '0',
    '--drain',
    '0',
    '--log-level',
    'silent',
  ];
  return [
    '--max-semi-space-size=4',
    'dist/main.js',
    'serve',
    '--certs',
    certs,
    '--host',
    '127.0.0.1',
    '--port',
    port,
    ...quiet,
  ];
}

export async function start(
  argumentsFor: (port: string) => string[],
  path: string,
  probe: string,
): Promise<Running> {
  const port = await freePort();
  const began = performance.now();
  const child = spawn('taskset', ['-c', '0', process.execPath, ...argumentsFor(String(port))], {
    cwd: ROOT,
    stdio: 'ignore',
  });
  while (!(await answers(port, probe))) {
    if (child.exitCode !== null)
      throw new Error(`${argumentsFor(String(port)).join(' ')}: exited with ${child.exitCode}`);
    await delay(5);
  }
  return { process: child, url: `https://127.0.0.1:${port}${path}`, readyMs: performance.now() - began };

  function answers(at: number, on: string): Promise<boolean> {
    return new Promise((resolve) => {
      const probing = request(
        {
          host: '127.0.0.1',
          port: at,
          path: on,
          method: on === '/' ? 'POST' : 'GET',
          rejectUnauthorized: false,
        },
        (response) => {
          response.resume();
          resolve(response.statusCode === 200);
        },
      );
      probing.on('error', () => resolve(false));
      probing.end(on === '/' ? '{}' : undefined);
    });
  }
}

/**
 * Reviews answered in a second of the server's processor time, which is reviews a second on a core of its own, whatever
 * else this machine does. A response that is not 200 makes the figure worthless, so it is an error.
 */
export async function load({ process: { pid }, url }: Running, body: string): Promise<number> {
  const before = cpuSeconds(pid);
  const result = await autocannon({
    url,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    connections: CONNECTIONS,
    duration: SECONDS,
    tlsOptions: { rejectUnauthorized: false },
  } as autocannon.Options);
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${url}: ${result.non2xx} refused, ${result.errors} failed`);
  return result['2xx'] / (cpuSeconds(pid) - before);
}

/** A pod as real ones are: about 9 KB with what admission adds to it. */
export function review(namespace: string, of = 'pod-by-alice'): string {
  const example = JSON.parse(readFileSync(join(ROOT, `examples/${of}.json`), 'utf8'));
  const container = example.request.object.spec.containers[0];
  const environment = Array.from({ length: 60 }, (_, index) => ({
    name: `VARIABLE_${index}`,
    value: `the value of variable ${index}`,
  }));
  const fields = Object.fromEntries(
    environment.map(({ name }) => [`k:{"name":"${name}"}`, { '.': {}, 'f:name': {}, 'f:value': {} }]),
  );
  example.request.namespace = namespace;
  example.request.object.spec.containers = [{ ...container, env: environment }];
  example.request.object.metadata.managedFields = [
    {
      manager: 'kubectl-create',
      operation: 'Update',
      apiVersion: 'v1',
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:spec': { 'f:containers': { 'f:env': fields } } },
    },
  ];
  return JSON.stringify(example);
}

function residentMiB({ pid }: ChildProcess): number {
  const [, kibibytes = 'NaN'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) / 1024;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
