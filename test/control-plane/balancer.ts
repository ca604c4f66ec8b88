import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** What a Service is to its pods: connections to one port go to one of several, in turn. */
export interface Balancer {
  readonly port: number;
  /** Where new connections go; those there are stay. */
  route(ports: readonly number[]): void;
  close(): Promise<void>;
}

/** Listens on this machine; a connection while there is nowhere to go is closed at once. */
export async function startBalancer(): Promise<Balancer> {
  let ports: readonly number[] = [];
  let turn = 0;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const port = ports[turn++ % ports.length];
    if (port === undefined) return void client.destroy();
    const backend = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [client, backend],
      [backend, client],
    ] as const) {
      open.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
  }).listen(0, 'localhost');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    route(to) {
      ports = to;
    },
    async close() {
      const closed = once(server.close(), 'close');
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
