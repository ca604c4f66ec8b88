import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsedBytes } from '../src/kubernetes/parsed-bytes.ts';
import { ROUNDS, summary, type Figure } from './figure.ts';
import { stop } from './lib/process.ts';
import { known, startApiServer } from './provenance.ts';
import { build, review, start, type Running } from './server.ts';

/** An expression that repeats much, over the text of an image. */
const EXPRESSION = {
  title: 'Image That Is Hard To Search',
  id: '00000000-0000-4000-8000-000000000001',
  logsource: { product: 'kubernetes', service: 'audit' },
  detection: {
    selection: { 'requestObject.spec.containers.image|re': 'x.{0,1000}y' },
    condition: 'selection',
  },
};

/** The most bytes that a body may have. */
const BODY = 20 * 1024 * 1024;
/** The most bytes of heap that a body may take, as the limiter estimates them. */
const HEAP = 128 * 1024 * 1024;

/**
 * What the most of each kind that is accepted costs the thread that answers, with the rules that ship, a thousand workloads
 * cached and an expression that is hard: for so long no other request is answered.
 */
export async function* worstFigures(): AsyncIterable<Figure> {
  build();
  const directory = mkdtempSync(join(tmpdir(), 'bench-'));
  const hard = join(directory, 'hard.yml');
  writeFileSync(hard, JSON.stringify(EXPRESSION));
  const api = await startApiServer(directory);
  const server = await start(
    (port) => [
      '--max-semi-space-size=4',
      'dist/main.js',
      ...['serve', '--certs', directory, '--host', '127.0.0.1', '--port', port],
      ...['--kubeconfig', join(directory, 'kubeconfig'), '--rules', 'rules', hard],
      ...['--metrics-port', '0', '--drain', '0', '--log-level', 'silent'],
    ],
    '/guard?timeout=30s',
    '/readyz',
  );
  try {
    await known(server);
    for (const [name, body] of Object.entries(bodies())) {
      const rounds: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) rounds.push(await spent(server, body));
      yield summary(`server.worst.${name}`, 'ms CPU', rounds, '< 250');
    }
  } finally {
    await stop(server.process);
    api.closeAllConnections();
    api.close();
    rmSync(directory, { recursive: true });
  }
}

/** One body of each kind. */
function bodies(): Readonly<Record<string, string>> {
  const room = BODY - review('kube-system').length - 1024;
  return {
    bytes: made(({ object }) => (object.metadata.annotations = { long: 'a'.repeat(room) })),
    containers: made(({ object }) => (object.spec.containers = most((n) => ({ name: `c${n}`, image: 'i' })))),
    labels: made(({ object }) => {
      const forged = most((n) => ({ [`forged-${n}`]: 'x' })).flatMap(Object.entries);
      object.metadata.labels = { ...Object.fromEntries(forged), 'k8s-app': 'kube-proxy' };
    }),
    owners: made(({ object }) => {
      const owner = { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'kube-proxy' };
      object.metadata.ownerReferences = most((n) => ({ ...owner, uid: `${n}` }));
    }),
    names: made(({ userInfo }) => (userInfo.username = 'a-'.repeat(room / 2))),
    groups: made(({ userInfo }) => {
      userInfo.groups = Array.from({ length: 4096 }, (_, n) => `${n}-${'g'.repeat(room / 4096 - 16)}`);
    }),
    regex: made(({ object }) => (object.spec.containers[0].image = 'ax'.repeat(750_000))),
  };
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a review as JSON gives it
function made(change: (request: any) => unknown): string {
  const body = JSON.parse(review('kube-system'));
  change(body.request);
  return JSON.stringify(body);
}

/** As many members as a body may have, by its bytes and by those of the heap that they are estimated to take. */
function most<T>(member: (index: number) => T): readonly T[] {
  const of = (count: number) => Array.from({ length: count }, (_, n) => member(n + 100_000));
  const sample = Buffer.from(JSON.stringify(of(1000)));
  return of(Math.floor(990 * Math.min(HEAP / parsedBytes(sample), BODY / sample.length)));
}

/** Milliseconds of the main thread of the server for one review, which must be judged or be stopped by the limit of searching. */
async function spent({ url, process: { pid } }: Running, body: string): Promise<number> {
  const before = mainThreadMs(pid);
  const { status, answer } = await new Promise<{ status: number | undefined; answer: string }>(
    (resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      request(url, { method: 'POST', headers, rejectUnauthorized: false }, (response) => {
        text(response).then((answer) => resolve({ status: response.statusCode, answer }), reject);
      })
        .on('error', reject)
        .end(body);
    },
  );
  if (status !== 200 && status !== 500) throw new Error(`${url}: ${status} ${answer}`);
  return mainThreadMs(pid) - before;
}

/** proc(5), schedstat: nanoseconds on a processor. */
function mainThreadMs(pid: number | undefined): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
}
