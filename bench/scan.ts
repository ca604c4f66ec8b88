import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { summary, type Figure } from './figure.ts';
import { runNode } from './lib/process.ts';

const ROUNDS = 3;
const PODS = 10_000;
/** A ReplicaSet has as many. */
const REPLICAS = 10;
/** Of a real pod about half is managedFields, and the rest of its 6 kB mostly environment and volumes. */
const FILLING = Array.from({ length: 40 }, (_, index) => ({
  name: `VARIABLE_${index}`,
  value: 'x'.repeat(32),
}));
const MANAGED = {
  'f:metadata': Object.fromEntries(FILLING.map(({ name }) => [`f:${name}`, { 'f:value': {} }])),
};

/**
 * What a scan of a file of 10,000 pods takes, and of their ReplicaSets and Deployments, with the rules and filters that
 * ship, as the program in the image: start to end, and the most memory it held.
 */
export async function* scanFigures(): AsyncIterable<Figure> {
  const directory = mkdtempSync(join(tmpdir(), 'scan-bench-'));
  try {
    const file = join(directory, 'objects.json');
    writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [...objects()] }));
    const [seconds, megabytes]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      const began = performance.now();
      megabytes.push(await peakMegabytes(file));
      seconds.push((performance.now() - began) / 1000);
    }
    yield summary('provenance.scan.seconds', 's/10,000 pods', seconds);
    yield summary('provenance.scan.rss', 'MB', megabytes);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const SUFFIXES = 'bcdfghjklm';

function* objects(): Iterable<object> {
  for (let index = 0; index < PODS / REPLICAS; index++) {
    const name = `app-${index}`;
    const labels = { app: name };
    const spec = { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: POD } };
    yield made('apps/v1', 'Deployment', name, { spec });
    const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name, uid: name };
    const set = `${name}-c8f67b`;
    yield made('apps/v1', 'ReplicaSet', set, { spec }, { ownerReferences: [controller(owner)] });
    for (let replica = 0; replica < REPLICAS; replica++) {
      const of = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: set, uid: set };
      const more = { generateName: `${set}-`, labels, ownerReferences: [controller(of)] };
      yield made(
        'v1',
        'Pod',
        `${set}-bcdf${SUFFIXES[replica]}`,
        { spec: POD, status: { phase: 'Running' } },
        more,
      );
    }
  }
}

const POD = { containers: [{ name: 'c', image: 'busybox:1', env: FILLING }], nodeName: 'node1' };

function made(apiVersion: string, kind: string, name: string, body: object, metadata: object = {}): object {
  const managedFields = [{ manager: 'kube-controller-manager', operation: 'Update', fieldsV1: MANAGED }];
  const creationTimestamp = '2026-11-24T08:00:00Z';
  return {
    apiVersion,
    kind,
    metadata: { name, namespace: 'kube-system', uid: name, creationTimestamp, managedFields, ...metadata },
    ...body,
  };
}

function controller(owner: object): object {
  return { ...owner, controller: true, blockOwnerDeletion: true };
}

/** Throws if not every pod was verified: the figure would be of something else. */
async function peakMegabytes(file: string): Promise<number> {
  const args = ['--max-semi-space-size=4', 'src/main.ts', 'scan', file];
  const { output, peak } = await runNode(args);
  if (!output.includes(`${PODS.toLocaleString('en-US')} pods verified`))
    throw new TypeError(output.slice(-200));
  return peak;
}
