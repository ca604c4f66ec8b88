import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** What can be wrong between an API server and a Service. */
export type LineFault =
  /** Connections are accepted, and nothing ever comes back; those that were open fall silent, too. */
  | 'black-holed'
  /** Nobody listens, and those that were open are cut. */
  | 'refused'
  /** What answers does not speak TLS. */
  | 'garbage'
  /** Those that were open stay so, and fall silent on both sides. New ones pass. */
  | 'half-open';

/** The way from an API server to a Service, as TCP: a test breaks and mends it. */
export interface Relay {
  readonly port: number;
  break(fault: LineFault): Promise<void>;
  /** New connections pass again. What fell silent stays silent, as it does in a network. */
  mend(): Promise<void>;
  /** Leads new connections to another port of this machine, and cuts those that are open. */
  lead(port: number): void;
  close(): Promise<void>;
}

/** Listens on this machine, and leads to `port` of it. */
export async function startRelay(to: number): Promise<Relay> {
  let target = to;
  let fault: LineFault | undefined;
  const open = new Set<Socket>();

  function accept(client: Socket): void {
    keep(client);
    client.on('error', () => client.destroy());
    if (fault === 'black-holed') client.pause();
    else if (fault === 'garbage') client.end('220 mail.example ESMTP\r\n');
    else pass(client);
  }

  function pass(client: Socket): void {
    const backend = connect(target, 'localhost');
    keep(backend);
    backend.on('error', () => client.destroy());
    for (const [one, other] of [
      [client, backend],
      [backend, client],
    ] as const) {
      one.pipe(other);
      one.on('close', () => other.destroy());
    }
  }

  function keep(socket: Socket): void {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  }

  function silence(): void {
    for (const socket of open) socket.unpipe().pause();
  }

  function cut(): void {
    for (const socket of open) socket.destroy();
  }

  const server = createServer(accept);
  async function listen(at: number): Promise<number> {
    server.listen(at, 'localhost');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }
  const port = await listen(0);

  async function stopListening(): Promise<void> {
    const closed = once(server.close(), 'close');
    cut();
    await closed;
  }

  return {
    port,
    async break(next) {
      fault = next;
      if (next === 'refused') await stopListening();
      else if (next === 'garbage') cut();
      else silence();
    },
    async mend() {
      if (fault === 'refused') await listen(port);
      fault = undefined;
    },
    lead(next) {
      target = next;
      cut();
    },
    async close() {
      if (server.listening) await stopListening();
    },
  };
}
