import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { connect } from 'node:tls';
import type { DecisionRecord } from '../../src/records/decision-record.ts';
import type { Json } from './api-client.ts';
import type { ControlPlane } from './control-plane.ts';
import { noted, stopProcess } from './stop-process.ts';
import { eventually } from '../lib/eventually.ts';

/** It takes a second of CPU, of which a busy machine gives it little. */
const SERVES_WITHIN_MS = 60_000;

const ROOT = join(import.meta.dirname, '../..');

/** One replica of the Deployment, as a process of this machine. */
export interface Replica {
  readonly port: number;
  readonly log: readonly Json[];
  readonly records: readonly DecisionRecord[];
  /** The certificate a new connection is shown, by its fingerprint. */
  fingerprint(): Promise<string>;
  metrics(): Promise<string>;
  readyz(): Promise<string>;
  /** What a kubelet does some time after a ConfigMap changed: its files are written again. */
  refresh(): Promise<void>;
  /** SIGKILL and SIGSTOP are what a node does to it that dies or stands still; resolves when it is so. */
  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  stop(): Promise<void>;
}

/** What a test may ask of a replica. */
export interface ReplicaOptions {
  /** Of Node itself: `--import=…`. */
  readonly nodeFlags?: readonly string[];
  /** How long it serves on after SIGTERM; not at all where nothing is said. */
  readonly drain?: string;
  /** Where the Deployment is; `sigma-admission` where nothing is said. */
  readonly namespace?: string;
}

/**
 * What a kubelet would do with the Deployment's pod, as far as it concerns the program: its arguments and environment, its
 * ConfigMaps as files, its service account's rights. Where a pod is in a cluster, this is told of one by `--kubeconfig`.
 */
export async function startReplica(
  controlPlane: ControlPlane,
  { nodeFlags = [], drain = '0', namespace = 'sigma-admission' }: ReplicaOptions = {},
): Promise<Replica> {
  const { api } = controlPlane;
  const { body: deployment } = await api(
    'GET',
    `/apis/apps/v1/namespaces/${namespace}/deployments/sigma-admission`,
  );
  const pod: Json = deployment['spec'].template.spec;
  const [container] = pod['containers'] as [Json];
  const root = mkdtempSync(join(tmpdir(), 'sigma-admission-replica-'));
  const moved = (text: string) => text.replaceAll('/etc/sigma-admission', root);
  /** Of a Secret, a ConfigMap, or several that are projected into one volume. */
  async function filesOf({ configMap, secret, projected }: Json): Promise<Record<string, string | Buffer>> {
    const at = (path: string) => api('GET', `/api/v1/namespaces/${namespace}/${path}`);
    if (secret !== undefined) {
      const { body } = await at(`secrets/${secret.secretName}`);
      const data = Object.entries<string>(body['data']);
      return Object.fromEntries(data.map(([key, text]) => [key, Buffer.from(text, 'base64')]));
    }
    const sources: readonly Json[] = projected?.sources ?? [{ configMap }];
    const files = sources.map(async ({ configMap: { name, optional, items } }) => {
      const { status, body } = await at(`configmaps/${name}`);
      if (status === 404 && optional === true) return [];
      const keys = items ?? Object.keys(body['data']).map((key) => ({ key, path: key }));
      return keys.map(({ key, path }: Json) => [path, moved(body['data'][key])]);
    });
    return Object.fromEntries((await Promise.all(files)).flat());
  }
  async function mount(): Promise<void> {
    for (const { name, mountPath } of container['volumeMounts']) {
      const files = await filesOf(pod['volumes'].find((volume: Json) => volume['name'] === name));
      mkdirSync(moved(mountPath), { recursive: true });
      for (const file of readdirSync(moved(mountPath))) {
        if (!Object.hasOwn(files, file)) rmSync(join(moved(mountPath), file));
      }
      for (const [file, content] of Object.entries(files))
        writeFileSync(join(moved(mountPath), file), content);
    }
  }
  await mount();
  const token = await controlPlane.createToken(namespace, pod['serviceAccountName']);
  const env = Object.fromEntries(
    container['env'].map(({ name, value }: Json) => [name, value ?? namespace]),
  ) as Record<string, string>;
  const local = ['--host=127.0.0.1', '--port=0', '--metrics-port=0', `--drain=${drain}`];
  // The settings file keeps the path that the pod has it at: a change of the Deployment is held against it.
  const args = [
    ...(container['args'] as string[]).map((arg) => (arg.startsWith('--config=') ? arg : moved(arg))),
    `--kubeconfig=${controlPlane.kubeconfig({ token })}`,
  ];
  const child = noted(
    spawn(process.execPath, [readsFrom(root), ...nodeFlags, 'src/main.ts', ...args, ...local], {
      cwd: ROOT,
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  const records: DecisionRecord[] = [];
  createInterface(child.stdout).on('line', (line) => records.push(JSON.parse(line) as DecisionRecord));
  const log: Json[] = [];
  createInterface(child.stderr).on('line', (line) => log.push(logLine(line)));
  const { port, metricsPort } = (await eventually(
    'the replica serves',
    () => {
      const exit = child.exitCode ?? child.signalCode;
      if (exit !== null) throw new Error(`it exited with ${exit}: ${JSON.stringify(log)}`);
      return log.find((line) => line['msg'] === 'serving');
    },
    SERVES_WITHIN_MS,
  )) as unknown as { port: number; metricsPort: number };

  return {
    port,
    log,
    records,
    fingerprint: () => fingerprintAt(port),
    metrics: async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text(),
    readyz: () => readyzAt(port),
    refresh: mount,
    async signal(name) {
      const gone = name === 'SIGKILL' ? once(child, 'close') : undefined;
      child.kill(name);
      await gone;
    },
    async stop() {
      await stopProcess(child, 'a replica', () => log.map((line) => JSON.stringify(line)));
      rmSync(root, { recursive: true });
    },
  };
}

/** A flag of Node by which a process that reads a file of the pod at once, as it does its settings, reads it below `root`. */
function readsFrom(root: string): string {
  const preload = `
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const read = fs.readFileSync;
    const moved = (path) => typeof path === 'string' ? path.replace('/etc/sigma-admission', ${JSON.stringify(root)}) : path;
    fs.readFileSync = (path, ...rest) => read(moved(path), ...rest);
    syncBuiltinESMExports();`;
  return `--import=data:text/javascript,${encodeURIComponent(preload)}`;
}

function logLine(line: string): Json {
  try {
    return JSON.parse(line) as Json;
  } catch {
    return { msg: line };
  }
}

/** Dials anew, without judging what it is shown. */
async function fingerprintAt(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

async function readyzAt(port: number): Promise<string> {
  const asked = get({
    port,
    host: '127.0.0.1',
    path: '/readyz?verbose',
    rejectUnauthorized: false,
    agent: false,
  });
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return text(response);
}
