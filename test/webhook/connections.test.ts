import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { followConnections, type Connections } from '../../src/webhook/connections.ts';

let server: Server;
let connections: Connections;
let closed: number;
/** The server's ends, in the order in which they were opened. */
let ends: Socket[];
let clients: Socket[];

beforeEach(async () => {
  [closed, ends, clients] = [0, [], []];
  server = createServer().listen(0, '127.0.0.1');
  server.on('connection', (socket) => ends.push(socket));
  connections = followConnections(
    server,
    { newcomers: 3, newcomersPerAddress: 2, kept: 1 },
    () => (closed += 1),
  );
  await once(server, 'listening');
});
afterEach(() => {
  for (const client of clients) client.destroy();
  connections.closeAll();
  server.close();
});

async function open(localAddress = '127.0.0.1'): Promise<Socket> {
  const opened = once(server, 'connection');
  const { port } = server.address() as AddressInfo;
  clients.push(connect({ port, host: '127.0.0.1', localAddress }).on('error', () => {}));
  await opened;
  return ends.at(-1)!;
}

const isOpen = () => ends.map(({ destroyed }) => !destroyed);

it('closes the oldest of an address that opens too many', async () => {
  for (const address of ['127.0.0.2', '127.0.0.1', '127.0.0.1', '127.0.0.1']) await open(address);
  expect([isOpen(), closed]).toEqual([[true, false, true, true], 1]);
});

it('closes the oldest of all where all are too many', async () => {
  for (const address of ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5']) await open(address);
  expect([isOpen(), closed]).toEqual([[false, true, true, true], 1]);
});

it('closes none that is being answered, nor that is kept', async () => {
  connections.delivered(await open());
  const kept = await open();
  connections.delivered(kept);
  connections.answered(kept, true);
  for (let time = 0; time < 3; time += 1) await open();
  expect([isOpen(), closed]).toEqual([[true, true, false, true, true], 1]);
});

it('takes one that was not worth an answer for the newest of those that bring nothing', async () => {
  const first = await open();
  await open();
  connections.delivered(first);
  connections.answered(first, false);
  await open();
  expect([isOpen(), closed]).toEqual([[true, false, true], 1]);
});

it('lets so many stay as may be kept, until one of them ends', async () => {
  const [first, second] = [await open(), await open()];
  expect(connections.mayStay(first)).toBe(true);
  connections.answered(first, true);
  expect([connections.mayStay(first), connections.mayStay(second)]).toEqual([true, false]);
  const ended = once(first, 'close');
  first.destroy();
  await ended;
  expect(connections.mayStay(second)).toBe(true);
});

it('closes all', async () => {
  connections.answered(await open(), true);
  await open();
  connections.closeAll();
  expect(isOpen()).toEqual([false, false]);
});
