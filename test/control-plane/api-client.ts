import { Agent, request } from 'node:https';
import type { RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import type { SignClient } from './pki.ts';
import { ADMIN } from './user.ts';
import type { User } from './user.ts';

/** Any object of the API, as loose as JSON is: tests look at fields by name. */
export type Json = Record<string, any>;

/** What an API server answered. */
interface ApiResponse<Body> {
  readonly status: number;
  /** Parsed, if it is JSON; a string otherwise. */
  readonly body: Body;
  /** The texts of the Warning headers, as kubectl prints them. */
  readonly warnings: readonly string[];
  readonly auditId: string | undefined;
}

/** Options of a direct call; the user is `ADMIN` where none is named. */
export interface ApiOptions {
  readonly user?: User;
  /** An object is sent as JSON, a string as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** `application/merge-patch+json` for a PATCH, else `application/json`. */
  readonly contentType?: string;
}

/** One event of a watch. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'ERROR';
  readonly object: Json;
}

/** Calls an API server without kubectl in between. */
export interface ApiClient {
  /** Resolves with any answer; rejects only where there was none. */
  api<Body = Json>(method: string, path: string, options?: ApiOptions): Promise<ApiResponse<Body>>;
  /** Calls back for every event until the server ends the watch, the connection breaks or `signal` aborts. */
  watch(
    path: string,
    onEvent: (event: WatchEvent) => void,
    options: { readonly user?: User; readonly signal: AbortSignal },
  ): Promise<void>;
  /** Closes idle connections. */
  close(): void;
}

/** A client of the API server at `server`. Connections are kept per user, and keep no process alive. */
export function createApiClient(server: string, authorityPem: string, signClient: SignClient): ApiClient {
  const agents = new Map<string, Agent>();

  function agentOf(user: User): Agent {
    const key = JSON.stringify(user);
    const agent = agents.get(key) ?? createAgent(user);
    agents.set(key, agent);
    return agent;
  }

  function createAgent(user: User): Agent {
    const common = { keepAlive: true, ca: authorityPem };
    if ('token' in user) return new Agent(common);
    const { certificatePem, keyPem } = signClient(user.name, user.groups ?? []);
    return new Agent({ ...common, cert: certificatePem, key: keyPem });
  }

  function send(user: User, path: string, options: RequestOptions, body?: string): Promise<IncomingMessage> {
    const authorization = 'token' in user ? { authorization: `Bearer ${user.token}` } : {};
    const headers = { accept: 'application/json', ...authorization, ...options.headers };
    return new Promise((resolve, reject) => {
      request(`${server}${path}`, { ...options, agent: agentOf(user), headers }, resolve)
        .once('error', reject)
        .end(body);
    });
  }

  return {
    async api<Body>(method: string, path: string, options: ApiOptions = {}) {
      const { user = ADMIN, body, headers = {}, contentType = contentTypeOf(method) } = options;
      const sent = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
      const described = sent === undefined ? {} : describedBody(sent, contentType);
      const response = await send(user, path, { method, headers: { ...described, ...headers } }, sent);
      return {
        status: response.statusCode ?? 0,
        body: parsed(await text(response)) as Body,
        warnings: (response.headersDistinct['warning'] ?? []).map(warningText),
        auditId: response.headersDistinct['audit-id']?.[0],
      };
    },

    async watch(path, onEvent, { user = ADMIN, signal }) {
      const url = `${path}${path.includes('?') ? '&' : '?'}watch=true`;
      const response = await send(user, url, { method: 'GET', signal });
      if (response.statusCode !== 200) throw new Error(`watch ${path}: ${await text(response)}`);
      let rest = '';
      for await (const chunk of response.setEncoding('utf8')) {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) onEvent(JSON.parse(line) as WatchEvent);
      }
    },

    close() {
      for (const agent of agents.values()) agent.destroy();
      agents.clear();
    },
  };
}

/** Node sends the body of a DELETE without any framing unless its length is said. */
function describedBody(body: string, contentType: string) {
  return { 'content-type': contentType, 'content-length': Buffer.byteLength(body) };
}

function contentTypeOf(method: string): string {
  return method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

/** `299 - "the text"`, with backslashes before quotes and backslashes (RFC 7234, 5.5). */
function warningText(header: string): string {
  return header.replace(/^\d{3} \S+ "(.*)"$/s, '$1').replaceAll(/\\(.)/g, '$1');
}
