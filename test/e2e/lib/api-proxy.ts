import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ControlPlane } from '../../control-plane/control-plane.ts';
import { kubeconfigOf } from '../../control-plane/kubeconfig.ts';
import { pkiFiles } from '../../control-plane/pki.ts';

/** What stands between a client and the API server: a test cuts it, and makes it refuse. TLS ends here and begins again. */
export interface ApiProxy {
  /** Leads here; its user is the bearer of the token. */
  readonly kubeconfig: string;
  /** How many requests came since the start whose path matches. */
  asked(path: RegExp): number;
  /** Cuts every connection, and takes none. */
  cut(): Promise<void>;
  /** Cuts every connection; takes new ones, and answers 500. */
  fail(): void;
  /** Lets all pass again. */
  mend(): Promise<void>;
  close(): Promise<void>;
}

export async function startApiProxy(controlPlane: ControlPlane, token: string): Promise<ApiProxy> {
  const files = pkiFiles(controlPlane.directory);
  const directory = mkdtempSync(join(tmpdir(), 'sigma-admission-proxy-'));
  const agent = new Agent({ keepAlive: true, ca: controlPlane.authorityPem });
  const open = new Set<Socket>();
  const paths: string[] = [];
  let failing = false;

  function pass(asked: IncomingMessage, answer: ServerResponse): void {
    const { method, headers, url = '' } = asked;
    paths.push(url);
    if (failing) return void answer.writeHead(500).end('{"message":"etcd is away"}');
    const passed = request(`${controlPlane.server}${url}`, { method, headers, agent }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      // A watch that has nothing to say yet has begun all the same.
      answer.flushHeaders();
      response.on('error', () => answer.destroy()).pipe(answer);
    });
    passed.on('error', () => answer.destroy());
    answer.on('close', () => passed.destroy());
    asked.pipe(passed);
  }
  function cutAll(): void {
    for (const socket of open) socket.destroy();
  }

  const server = createServer({ cert: readFileSync(files.server), key: readFileSync(files.key) }, pass);
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  async function listen(port: number): Promise<number> {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }
  async function stopListening(): Promise<void> {
    if (!server.listening) return;
    const closed = once(server.close(), 'close');
    cutAll();
    await closed;
  }
  const port = await listen(0);
  const kubeconfig = join(directory, 'kubeconfig.json');
  const url = `https://127.0.0.1:${port}`;
  writeFileSync(kubeconfig, kubeconfigOf({ token }, url, controlPlane.authorityPem, noCertificate));

  return {
    kubeconfig,
    asked: (path) => paths.filter((each) => path.test(each)).length,
    cut: stopListening,
    fail() {
      failing = true;
      cutAll();
    },
    async mend() {
      failing = false;
      if (!server.listening) await listen(port);
    },
    async close() {
      await stopListening();
      agent.destroy();
      rmSync(directory, { recursive: true });
    },
  };
}

function noCertificate(): never {
  throw new TypeError('a bearer of a token has no certificate');
}
