import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parseAdmissionReview } from '../src/kubernetes/admission-review.ts';
import { createCache } from '../src/provenance/cache.ts';
import { COLLECTIONS } from '../src/provenance/collections.ts';
import { objectsFromList } from '../src/provenance/objects-from-list.ts';
import { provenanceOf, subjectOf } from '../src/provenance/provenance.ts';
import { createAuthority, issueCertificate } from '../src/certificates/authority.ts';
import { ROUNDS, summary, type Figure } from './figure.ts';
import { stop } from './lib/process.ts';
import { build, load, review, start, type Running } from './server.ts';

const WORKLOADS = 1000;
const SEED = 'rules/creation_of_pod_in_system_namespace.yml';
const ASKING = [SEED, 'rules/pod_owner_not_verified.yml', 'rules/pod_imitates_system_workload.yml'];

/** Bytes of heap that one cached object takes, of objects as an API server lists them. */
export function* provenanceMemoryFigures(): Iterable<Figure> {
  for (const kind of ['DaemonSet', 'ReplicaSet'] as const) {
    const rounds = Array.from({ length: ROUNDS }, () => {
      const before = usedHeap();
      const cache = createCache();
      const collection = cache.open(kind, 'kube-system');
      for (let index = 0; index < 10 * WORKLOADS; index += 1) {
        const listed = JSON.parse(JSON.stringify(workload(index))) as Record<string, unknown>;
        const kept = COLLECTIONS[kind].keep(listed);
        if (kept !== undefined) collection.put(kept);
      }
      const bytes = (usedHeap() - before) / (10 * WORKLOADS);
      if (cache.counts()[kind] !== 10 * WORKLOADS) throw new TypeError('all are cached');
      return bytes;
    });
    yield summary(`provenance.bytes.${kind}`, 'bytes/workload', rounds);
  }
}

/** As many as fit into what etcd stores, and two labels of a workload among them. */
const LABELS = 45_000;

/** The CPU time that one forged pod with very many labels costs, beside a thousand workloads. */
export function* provenanceWorstFigures(): Iterable<Figure> {
  const items = Array.from({ length: WORKLOADS }, (_, index) => ({
    ...workload(index),
    ...{ apiVersion: 'apps/v1', kind: 'DaemonSet' },
  }));
  const objects = objectsFromList(items, () => true);
  const request = parseAdmissionReview(Buffer.from(pod('kube-proxy-bv61v', false)));
  const labels = Object.fromEntries(Array.from({ length: LABELS }, (_, index) => [`forged-${index}`, 'x']));
  Object.assign(request.object?.['metadata'] as object, { labels: { ...labels, 'k8s-app': 'kube-proxy' } });
  const rounds = Array.from({ length: ROUNDS }, () => {
    const { user, system } = process.cpuUsage();
    const { imitates } = provenanceOf(subjectOf(request, Date.now()), objects).fields;
    const spent = process.cpuUsage({ user, system });
    if (imitates !== 'DaemonSet kube-proxy') throw new TypeError('it imitates DaemonSet kube-proxy');
    return (spent.user + spent.system) / 1000;
  });
  yield summary('provenance.worst.labels', 'ms', rounds, '≤ 250');
}

let collect: (() => void) | undefined;

function usedHeap(): number {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
  return process.memoryUsage().heapUsed;
}

/** One that asks nothing of provenance beside one that asks it of everything, with a thousand workloads cached. */
export async function* provenanceServerFigures(): AsyncIterable<Figure> {
  build();
  const directory = mkdtempSync(join(tmpdir(), 'bench-'));
  const api = await startApiServer(directory);
  // Both know where the API server is: reading a kubeconfig takes more memory than all that is watched.
  const [without, knowing] = await Promise.all([
    start((port) => ours(directory, port, [SEED]), '/guard', '/readyz'),
    start((port) => ours(directory, port, ASKING), '/guard', '/readyz'),
  ]);
  try {
    await known(knowing);
    // As its controller makes them, which is what comes all day, and as somebody else makes one.
    const bodies = {
      verified: pod('kube-proxy-n99q2', true),
      bare: pod('debug', false),
      forged: pod('kube-proxy-bv61v', false),
    };
    await expectSuspicion(knowing, bodies.verified, false);
    await expectSuspicion(knowing, bodies.bare, false);
    await expectSuspicion(knowing, bodies.forged, true);
    for (const [name, body] of Object.entries(bodies)) {
      const ratios: number[] = [];
      await load(without, body);
      await load(knowing, body);
      for (let round = 0; round < ROUNDS; round += 1) {
        const plain = await load(without, body);
        ratios.push(plain / (await load(knowing, body)));
      }
      yield summary(
        `provenance.server.${name}`,
        '× time without',
        ratios,
        name === 'forged' ? undefined : '≤ 1.15',
      );
    }
  } finally {
    for (const { process: each } of [without, knowing]) await stop(each);
    api.closeAllConnections();
    api.close();
    rmSync(directory, { recursive: true });
  }
}

function ours(directory: string, port: string, rules: readonly string[]): string[] {
  const quiet = ['--metrics-port', '0', '--drain', '0', '--log-level', 'silent', '--host', '127.0.0.1'];
  const cluster = ['--kubeconfig', join(directory, 'kubeconfig')];
  const args = ['--certs', directory, '--port', port, ...cluster, '--rules', ...rules, ...quiet];
  return ['--max-semi-space-size=4', 'dist/main.js', 'serve', ...args];
}

/** Until it says that it knows them all. */
export async function known({ url }: Running): Promise<void> {
  const { origin } = new URL(url);
  for (;;) {
    const readyz = await new Promise<string>((resolve, reject) => {
      request(`${origin}/readyz?verbose`, { rejectUnauthorized: false }, (response) =>
        resolve(text(response)),
      )
        .on('error', reject)
        .end();
    });
    if (new RegExp(`provenance ok: ${WORKLOADS} objects known of kube-system \\(seen`, 'm').test(readyz))
      return;
    await delay(50);
  }
}

function pod(name: string, owned: boolean): string {
  const example = JSON.parse(review('kube-system', owned ? 'pod-by-daemon-set-controller' : 'pod-by-alice'));
  const app = name === 'debug' ? name : 'kube-proxy';
  const labels = { 'k8s-app': app, 'controller-revision-hash': '5d8b9f7c4' };
  example.request.name = name;
  Object.assign(example.request.object.metadata, { name, labels });
  return JSON.stringify(example);
}

/** A figure of reviews that were judged otherwise than we think would be worthless. */
async function expectSuspicion({ url }: Running, body: string, expected: boolean): Promise<void> {
  const answer = await new Promise<string>((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    request(url, { method: 'POST', headers, rejectUnauthorized: false }, (response) =>
      resolve(text(response)),
    )
      .on('error', reject)
      .end(body);
  });
  if (/Imitates/.test(answer) !== expected || /Not Verified/.test(answer)) throw new TypeError(answer);
}

/** An API server as far as it is listed and watched: DaemonSets, and nothing ever changes. */
export async function startApiServer(directory: string): Promise<Server> {
  const authority = await createAuthority({ now: Date.now() });
  const names = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] };
  const { certificatePem, keyPem } = await issueCertificate({ authority, ...names, now: Date.now() });
  const items = Array.from({ length: WORKLOADS }, (_, index) => workload(index));
  const server = createServer({ cert: certificatePem, key: keyPem }, ({ url = '' }, response) => {
    const { pathname, searchParams } = new URL(url, 'https://api');
    if (searchParams.has('watch')) return void response.writeHead(200).flushHeaders();
    const metadata = { resourceVersion: '1' };
    response.end(
      JSON.stringify(
        pathname === '/version'
          ? { major: '1', minor: '36' }
          : { metadata, items: pathname.endsWith('/daemonsets') ? items : [] },
      ),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const data = Buffer.from(authority.certificatePem).toString('base64');
  const cluster = { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': data };
  const kubeconfig = {
    clusters: [{ name: 'bench', cluster }],
    users: [{ name: 'bench', user: { token: 'bench' } }],
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
    'current-context': 'bench',
  };
  writeFileSync(join(directory, 'kubeconfig'), JSON.stringify(kubeconfig));
  return server;
}

/** A workload as an API server gives it: some 5 KB with its template's environment and managed fields. */
function workload(index: number): object {
  const example = JSON.parse(review('kube-system', 'pod-by-daemon-set-controller')) as {
    request: { object: { metadata: Record<string, any>; spec: object } };
  };
  const { metadata, spec } = example.request.object;
  const isOwner = index === 7;
  const name = isOwner ? 'kube-proxy' : `workload-${index}`;
  const labels = { 'k8s-app': name, 'app.kubernetes.io/part-of': 'bench' };
  const uid =
    index === 7
      ? metadata['ownerReferences'][0].uid
      : `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
  return {
    metadata: { name, namespace: 'kube-system', uid, labels, managedFields: metadata['managedFields'] },
    spec: { selector: { matchLabels: { 'k8s-app': name } }, template: { metadata: { labels }, spec } },
  };
}
