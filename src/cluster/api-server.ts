import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, request, type RequestOptions } from 'node:https';
import { delimiter, join } from 'node:path';
import { readKubeconfig, requestOptions } from './kubeconfig.ts';

/**
 * The API server's requests that the program needs: whole objects by path, which may carry a query. Objects stay the JSON
 * they came as, so that unknown fields survive being written back. Each call rejects with an ApiError on any other answer.
 */
export interface ApiServer {
  /** Resolves with the object, or with the text where that is asked for. */
  get(path: string, signal?: AbortSignal, as?: MetadataOnly | 'text'): Promise<unknown>;
  /** `path` is the path of the collection. */
  create(path: string, object: unknown): Promise<unknown>;
  /** Refused (409) when the object's resourceVersion is not the newest. */
  replace(path: string, object: unknown): Promise<unknown>;
  /**
   * Server-side apply, as the owner of each field of `object`, whoever else owns it. An object that does not exist is made, which
   * RBAC can limit to a name, as it cannot a `create`. Refused (409) when a `resourceVersion` is given and is not the newest.
   */
  apply(path: string, object: unknown): Promise<unknown>;
  /**
   * Watches until the API server ends the watch, which is no error, or `signal` does, which is one. A watch that died
   * silently ends only by `signal`.
   */
  watch(
    path: string,
    onEvent: (event: WatchEvent) => void,
    signal: AbortSignal,
    as?: MetadataOnly,
  ): Promise<void>;
}

/**
 * The metadata of objects alone (meta/v1 PartialObjectMetadata): the first for a watch, the second for a list. A whole Node
 * takes some tens of kilobytes, most of them its images.
 */
export type MetadataOnly = 'PartialObjectMetadata' | 'PartialObjectMetadataList';

/** A change (meta/v1 WatchEvent). `ERROR` carries a Status: with code 410, what was asked from is too old. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: unknown;
}

/** The API server answered with another status than the request asked for. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Resolves with undefined on 404. Rejects with any other error. */
export function ifThere<T>(answer: Promise<T>): Promise<T | undefined> {
  return answer.catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  });
}

/** The API server's address and our credentials, read for each request because tokens are short-lived. */
type Connect = () => Promise<{ readonly server: string; readonly options: RequestOptions }>;

export interface ClusterOptions {
  /** A file, or several to be merged; absent, the pod's own service account is used. */
  readonly kubeconfig?: string | readonly string[] | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where a pod finds the token of its service account. */
  readonly serviceAccountDirectory?: string;
}

/** Some hundred kilobytes for each object of a page. More is not kept: it would end the process. */
const MAX_ANSWER = 256 * 1024 * 1024;
/** An object has at most 1.5 MiB in etcd; as JSON some times that. */
const MAX_EVENT = 8 * 1024 * 1024;

/** Longer than any answer to what we ask; a connection that died silently is noticed by it. */
const TIMEOUT_MS = 10_000;

/** The API server of the cluster we are in, or of a kubeconfig's current context. */
export async function connectToCluster({ kubeconfig, ...pod }: ClusterOptions): Promise<ApiServer> {
  const connect =
    kubeconfig === undefined ? fromServiceAccount(pod) : await fromKubeconfig([kubeconfig].flat());
  return {
    get: (path, signal, as) => send(connect, { method: 'GET', path, signal, accept: accepted(as) }),
    create: (path, body) => send(connect, { method: 'POST', path, body }),
    replace: (path, body) => send(connect, { method: 'PUT', path, body }),
    // JSON is YAML too.
    apply: (path, body) =>
      send(connect, {
        method: 'PATCH',
        path: `${path}?force=true`,
        body,
        contentType: 'application/apply-patch+yaml',
      }),
    watch: (path, onEvent, signal, as) =>
      watch(connect, { method: 'GET', path, signal, accept: accepted(as) }, onEvent),
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
async function fromKubeconfig(files: readonly string[]): Promise<Connect> {
  const config = await readKubeconfig(files);
  const cluster = config.getCurrentCluster();
  const names = files.join(delimiter);
  if (cluster === null) throw new Error(`${names}: its current context names no cluster`);
  return async () => ({ server: cluster.server, options: await requestOptions(config, names) });
}

const TEXT = 'text/plain';

function accepted(as: MetadataOnly | 'text' | undefined): string {
  if (as === 'text') return TEXT;
  return as === undefined ? 'application/json' : `application/json;as=${as};g=meta.k8s.io;v=v1`;
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal | undefined;
}

async function send(connect: Connect, { signal, ...asked }: Request): Promise<unknown> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  try {
    const answer = await textOf(await exchange(connect, { ...asked, signal: either }));
    return asked.accept === TEXT ? answer : JSON.parse(answer);
  } catch (error) {
    // Node says only that the operation was aborted.
    if (!timeout.aborted || signal?.aborted === true) throw error;
    throw new Error(`${asked.method} ${asked.path}: no answer within ${TIMEOUT_MS / 1000} s`, {
      cause: error,
    });
  }
}

async function watch(
  connect: Connect,
  asked: Request & { readonly signal: AbortSignal },
  onEvent: (event: WatchEvent) => void,
): Promise<void> {
  const response = await exchange(connect, asked);
  /** The pieces of a line whose end has not come yet, in characters `length`. */
  let pieces: string[] = [];
  let length = 0;
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      const [first = '', ...lines] = String(chunk).split('\n');
      pieces.push(first);
      length += first.length;
      if (length > MAX_EVENT) throw new Error(`${asked.path}: an event longer than ${MAX_EVENT} characters`);
      for (const next of lines) {
        onEvent(JSON.parse(pieces.join('')) as WatchEvent);
        pieces = [next];
        length = next.length;
      }
    }
  } catch (error) {
    // Node reports a connection reset, whichever side ended it.
    asked.signal.throwIfAborted();
    throw error;
  }
}

/** Resolves when a successful answer begins. */
async function exchange(
  connect: Connect,
  { method, path, body, contentType = 'application/json', accept = 'application/json', signal }: Request,
): Promise<IncomingMessage> {
  const { server, options } = await connect();
  const url = new URL(server.replace(/\/$/, '') + path);
  if (body !== undefined) url.searchParams.set('fieldManager', 'sigma-admission');
  const headers = {
    ...(options.headers as Record<string, string>),
    accept,
    'user-agent': 'sigma-admission',
    ...(body === undefined ? {} : { 'content-type': contentType }),
  };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request(url, { ...options, method, headers, signal }, resolve);
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
  const { statusCode = 0 } = response;
  if (statusCode >= 200 && statusCode < 300) return response;
  throw new ApiError(
    statusCode,
    `${method} ${url.pathname}: ${statusCode}: ${messageOf(await textOf(response))}`,
  );
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: string[] = [];
  let length = 0;
  for await (const chunk of response.setEncoding('utf8')) {
    chunks.push(String(chunk));
    length += String(chunk).length;
    if (length > MAX_ANSWER) throw new Error(`an answer longer than ${MAX_ANSWER} characters`);
  }
  return chunks.join('');
}

/** The message of a Status. A proxy in front of the API server may answer any body. */
function messageOf(answer: string): string {
  try {
    const { message } = JSON.parse(answer) as { message?: unknown };
    if (typeof message === 'string') return message;
  } catch {
    // Not JSON: shown as it is.
  }
  return answer.slice(0, 256);
}
