import { readFile } from 'node:fs/promises';
import { Agent, request, type RequestOptions } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/**
 * The API server, as far as we ask it: whole objects by path. They stay the JSON they came as, so that a field we do not
 * know survives being written back.
 */
export interface ApiServer {
  get(path: string): Promise<unknown>;
  /** Refused (409) when the object's resourceVersion is not the newest. */
  replace(path: string, object: unknown): Promise<unknown>;
  /** A strategic merge patch: members of a list are met by name. */
  patch(path: string, patch: unknown): Promise<unknown>;
}

/** The API server answered, and it was not what we asked for. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Where the API server is and who we are there, asked anew for each request: tokens are short-lived. */
type Connect = () => Promise<{ readonly server: string; readonly options: RequestOptions }>;

export interface ClusterOptions {
  /** A file; absent, the pod's own service account is used. */
  readonly kubeconfig?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where a pod finds the token of its service account. */
  readonly serviceAccountDirectory?: string;
}

/** Longer than any answer to what we ask; a connection that died silently is noticed by it. */
const TIMEOUT_MS = 10_000;

/** The API server of the cluster we are in, or of a kubeconfig's current context. */
export async function connectToCluster({ kubeconfig, ...pod }: ClusterOptions): Promise<ApiServer> {
  const connect = kubeconfig === undefined ? fromServiceAccount(pod) : await fromKubeconfig(kubeconfig);
  return {
    get: (path) => send(connect, 'GET', path),
    replace: (path, object) => send(connect, 'PUT', path, object, 'application/json'),
    patch: (path, patch) => send(connect, 'PATCH', path, patch, 'application/strategic-merge-patch+json'),
  };
}

/**
 * Without @kubernetes/client-node, which no pod can spare: importing it costs 83 MiB of resident memory, as much as all the
 * rest. What it would do here is this.
 */
function fromServiceAccount({
  env,
  serviceAccountDirectory: directory = '/var/run/secrets/kubernetes.io/serviceaccount',
}: Omit<ClusterOptions, 'kubeconfig'>): Connect {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env;
  if (host === undefined) {
    throw new Error('not in a cluster (no KUBERNETES_SERVICE_HOST); from outside, say --kubeconfig');
  }
  const agent = new Agent({ keepAlive: true });
  return async () => {
    const [ca, token] = await Promise.all(
      ['ca.crt', 'token'].map((name) => readFile(join(directory, name), 'utf8')),
    );
    return {
      server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
      options: { agent, ca, headers: { authorization: `Bearer ${token}` } },
    };
  };
}

/** Whatever a kubeconfig may say: client certificates, tokens, commands that fetch them, proxies. */
async function fromKubeconfig(file: string): Promise<Connect> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromFile(file);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error(`${file}: its current context names no cluster`);
  return async () => {
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    return { server: cluster.server, options };
  };
}

async function send(
  connect: Connect,
  method: string,
  path: string,
  body?: unknown,
  contentType?: string,
): Promise<unknown> {
  const { server, options } = await connect();
  const writes = body !== undefined;
  const url = new URL(server.replace(/\/$/, '') + path + (writes ? '?fieldManager=sigma-admission' : ''));
  const headers = {
    ...(options.headers as Record<string, string>),
    accept: 'application/json',
    'user-agent': 'sigma-admission',
    ...(contentType === undefined ? {} : { 'content-type': contentType }),
  };
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const { status, answer } = await exchange(url, { ...options, method, headers, signal }, body);
  if (status >= 200 && status < 300) return JSON.parse(answer);
  throw new ApiError(status, `${method} ${url.pathname}: ${status}: ${messageOf(answer)}`);
}

function exchange(url: URL, options: RequestOptions, body: unknown) {
  return new Promise<{ status: number; answer: string }>((resolve, reject) => {
    const sent = request(url, options, (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, answer }), reject);
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** A Status says it in `message`; what stands before the API server may answer anything. */
function messageOf(answer: string): string {
  try {
    const { message } = JSON.parse(answer) as { message?: unknown };
    if (typeof message === 'string') return message;
  } catch {
    // Not JSON: shown as it is.
  }
  return answer.slice(0, 256);
}
