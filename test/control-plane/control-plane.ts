import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEvent } from '../../src/kubernetes/audit-event.ts';
import { createApiClient } from './api-client.ts';
import type { ApiClient, Json } from './api-client.ts';
import { freePorts } from './free-port.ts';
import { kubeconfigOf } from './kubeconfig.ts';
import { runToEnd } from './kubectl.ts';
import type { KubectlOptions, KubectlOutcome } from './kubectl.ts';
import { clientSigner, createPki, pkiFiles } from './pki.ts';
import { auditPolicy, FLAGS, PROGRAMS } from './program-flags.ts';
import type { ProgramName } from './program-flags.ts';
import { supervise } from './programs.ts';
import { createDefaultServiceAccounts, readiness } from './readiness.ts';
import { ADMIN } from './user.ts';
import type { User } from './user.ts';

/** A real control plane, as a test uses it. */
export interface ControlPlane extends ApiClient {
  /** The API server's URL. */
  readonly server: string;
  /** Holds logs (`<program>.log`), kubeconfigs, keys; gone when the control plane is stopped. */
  readonly directory: string;
  /** Who signed the API server's certificate and the clients'. */
  readonly authorityPem: string;
  /** The audit log's path. */
  readonly auditLog: string;
  /** Whether all of these programs are here: setup-envtest brings neither controller manager nor scheduler. */
  has(...programs: readonly ProgramName[]): boolean;
  /** The path of a kubeconfig for this user, made on demand. */
  kubeconfig(user?: User): string;
  /** Runs kubectl; an exit code other than 0 is an outcome, not an exception. */
  kubectl(args: readonly string[], options?: KubectlOptions): Promise<KubectlOutcome>;
  /** A token of a service account, bound to a pod if one is given (`{kind: 'Pod', apiVersion: 'v1', name, uid}`). */
  createToken(namespace: string, serviceAccount: string, boundTo?: Json): Promise<string>;
  /** How far the audit log has got: `auditEvents(from)` reads what came after. */
  auditLogSize(): number;
  /** The audit events from a byte of the log on. One may be a moment late: look for it with `eventually`. */
  auditEvents(from?: number): AuditEvent[];
}

/** A control plane that its starter may break, and has to stop. */
export interface OwnControlPlane extends ControlPlane {
  /** Stops one program with SIGTERM, and waits until it is gone. */
  stopProgram(program: ProgramName): Promise<void>;
  /** Starts it again, as it was, and waits until it is ready. */
  startProgram(program: ProgramName): Promise<void>;
  /** Stops all and removes the directory. */
  stop(): Promise<void>;
}

/** What can be different about a control plane. */
export interface ControlPlaneOptions {
  /** `Request` where nothing is said. */
  readonly auditLevel?: 'Metadata' | 'Request' | 'RequestResponse';
  /** More flags of a program; of two that contradict each other the later counts, and these are later. */
  readonly flags?: Partial<Readonly<Record<ProgramName, readonly string[]>>>;
  /** Programs not to start, though they are here. */
  readonly without?: readonly ProgramName[];
}

/** How to get the programs; a skipped test's title says it. */
export const HOW_TO_GET_THE_PROGRAMS =
  'set KUBEBUILDER_ASSETS, e.g. export KUBEBUILDER_ASSETS="$(setup-envtest use -p path)"';

/** Whether the directory named by KUBEBUILDER_ASSETS has all of these. */
export function hasPrograms(...programs: readonly string[]): boolean {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  return !!assets && programs.every((program) => existsSync(join(assets, program)));
}

const STARTS = 3;

/** Starts etcd, API server, controller manager and scheduler, and resolves when they are ready for pods. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<OwnControlPlane> {
  if (!hasPrograms('etcd', 'kube-apiserver', 'kubectl')) throw new Error(HOW_TO_GET_THE_PROGRAMS);
  for (let start = 1; ; start += 1) {
    try {
      return await startOnce(options);
    } catch (error) {
      // A port that was free a moment ago may be somebody's by now.
      if (start === STARTS || !String(error).includes('address already in use')) throw error;
    }
  }
}

async function startOnce(options: ControlPlaneOptions): Promise<OwnControlPlane> {
  const { auditLevel = 'Request', flags = {}, without = [] } = options;
  const directory = mkdtempSync(join(tmpdir(), 'sigma-admission-e2e-'));
  const supervised = supervise(directory);
  try {
    const [etcdPort, apiServerPort] = (await freePorts(2)) as [number, number];
    const server = `https://127.0.0.1:${apiServerPort}`;
    const programs = PROGRAMS.filter((program) => hasPrograms(program) && !without.includes(program));
    await createPki(directory);
    writeFileSync(join(directory, 'audit-policy.json'), JSON.stringify(auditPolicy(auditLevel)));
    writeFileSync(coordinatesFile(directory), JSON.stringify({ server, programs } satisfies Coordinates));
    const controlPlane = attachControlPlane(directory);
    const kubeconfig = (name: string) => controlPlane.kubeconfig({ name });
    const input = { directory, etcdPort, apiServerPort, kubeconfig };
    const startProgram = (name: ProgramName) =>
      supervised.start(
        {
          name,
          command: join(process.env['KUBEBUILDER_ASSETS'] ?? '', name),
          args: [...FLAGS[name](input), ...(flags[name] ?? [])],
          log: join(directory, `${name}.log`),
        },
        readiness(name, controlPlane, etcdPort),
      );
    for (const program of programs) await startProgram(program);
    if (!programs.includes('kube-controller-manager')) await createDefaultServiceAccounts(controlPlane);
    return {
      ...controlPlane,
      startProgram,
      stopProgram: (name: ProgramName) => supervised.stop(name),
      async stop() {
        controlPlane.close();
        await supervised.end();
      },
    };
  } catch (error) {
    await supervised.end({ keepDirectory: true });
    throw new Error(`no control plane; its files are in ${directory}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** What another process, or another of jest's module registries, has to know. */
interface Coordinates {
  readonly server: string;
  readonly programs: readonly ProgramName[];
}

function coordinatesFile(directory: string): string {
  return join(directory, 'control-plane.json');
}

/** A control plane that somebody else started, by its directory. */
export function attachControlPlane(directory: string): ControlPlane {
  const { server, programs } = JSON.parse(readFileSync(coordinatesFile(directory), 'utf8')) as Coordinates;
  const authorityPem = readFileSync(pkiFiles(directory).authority, 'utf8');
  const signClient = clientSigner(directory);
  const client = createApiClient(server, authorityPem, signClient);
  const auditLog = join(directory, 'audit.log');

  function kubeconfig(user: User = ADMIN): string {
    const file = join(directory, 'kubeconfigs', `${digest(user)}.json`);
    if (!existsSync(file)) {
      mkdirSync(join(directory, 'kubeconfigs'), { recursive: true });
      writeFileSync(file, kubeconfigOf(user, server, authorityPem, signClient), { mode: 0o600 });
    }
    return file;
  }

  return {
    ...client,
    server,
    directory,
    authorityPem,
    auditLog,
    kubeconfig,
    has: (...wanted) => wanted.every((program) => programs.includes(program)),

    kubectl(args, { user, input, env = {} } = {}) {
      const command = join(process.env['KUBEBUILDER_ASSETS'] ?? '', 'kubectl');
      // HOME is where kubectl caches what an API server serves; the next one may have the same port.
      return runToEnd(command, args, { HOME: directory, KUBECONFIG: kubeconfig(user), ...env }, input);
    },

    async createToken(namespace, serviceAccount, boundTo) {
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`;
      const spec = { audiences: [], expirationSeconds: 3600, ...(boundTo && { boundObjectRef: boundTo }) };
      const { status, body } = await client.api('POST', path, { body: { spec } });
      if (status !== 201) throw new Error(`no token for ${namespace}/${serviceAccount}: ${body['message']}`);
      return body['status'].token as string;
    },

    auditLogSize: () => statSync(auditLog).size,
    auditEvents: (from = 0) => eventsIn(readFileSync(auditLog).subarray(from).toString()),
  };
}

function digest(user: User): string {
  return createHash('sha256').update(JSON.stringify(user)).digest('hex').slice(0, 16);
}

/** The last line may be half written. */
function eventsIn(log: string): AuditEvent[] {
  return log
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as AuditEvent);
}
