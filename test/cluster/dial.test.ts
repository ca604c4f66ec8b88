import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  createAuthority,
  issueCertificate,
  type KeyedCertificate,
} from '../../src/certificates/authority.ts';
import { dial, type DialError } from '../../src/cluster/dial.ts';

const NAME = 'sigma-admission.sigma-admission.svc';
const HOUR_MS = 60 * 60 * 1000;

let authority: KeyedCertificate;
let another: KeyedCertificate;
const open = new Set<Socket>();
let server: Server | undefined;

const issue = (lifetimeMs: number, name = NAME) =>
  issueCertificate({ authority, dnsNames: [name], ipAddresses: [], now: Date.now(), lifetimeMs });

beforeAll(async () => {
  [authority, another] = await Promise.all([
    createAuthority({ now: Date.now() }),
    createAuthority({ now: Date.now() }),
  ]);
});
afterEach(async () => {
  for (const socket of open) socket.destroy();
  if (server?.listening) await once(server.close(), 'close');
});

async function listen(created: Server): Promise<number> {
  server = created.on('connection', (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function serving({ certificatePem, keyPem }: KeyedCertificate): Promise<number> {
  const tls = createTlsServer({ cert: certificatePem, key: keyPem });
  return listen(tls.on('tlsClientError', () => {}));
}

const dialled = (port: number, ca = authority.certificatePem, timeoutMs = 20_000) =>
  dial({ host: '127.0.0.1', port, servername: NAME, ca, timeoutMs });

async function problem(dialling: Promise<unknown>, port: number): Promise<[kind: string, message: string]> {
  const error = await dialling.then(
    () => {
      throw new Error('it was not refused');
    },
    (thrown: DialError) => thrown,
  );
  return [error.kind, error.message.replaceAll(String(port), 'PORT')];
}

describe('a dial', () => {
  it('says until when the certificate is valid, and hangs up', async () => {
    const port = await serving(await issue(HOUR_MS));
    const connected = once(server!, 'connection');
    const { notAfter } = await dialled(port);
    const [socket] = (await connected) as [Socket];
    if (!socket.destroyed) await once(socket, 'close');
    expect(Math.round((notAfter.getTime() - Date.now()) / HOUR_MS)).toBe(1);
  });

  it('trusts each authority of a bundle, past what else stands in it', async () => {
    const port = await serving(await issue(HOUR_MS));
    const ca = `# the next one\n${another.certificatePem}# and ours\n${authority.certificatePem}`;
    expect((await dialled(port, ca)).notAfter.getTime()).toBeGreaterThan(Date.now());
  });

  it.each<[string, () => Promise<number>, () => string, string]>([
    [
      'of another authority',
      async () => serving(await issue(HOUR_MS)),
      () => another.certificatePem,
      'unable to verify the first certificate',
    ],
    [
      'that has ended',
      async () => serving(await issue(-HOUR_MS)),
      () => authority.certificatePem,
      'certificate has expired',
    ],
    [
      'for another name',
      async () => serving(await issue(HOUR_MS, 'other.svc')),
      () => authority.certificatePem,
      `Hostname/IP does not match certificate's altnames: Host: ${NAME}. is not in the cert's altnames: DNS:other.svc`,
    ],
  ])('says of a certificate %s what OpenSSL says', async (_, start, ca, said) => {
    const port = await start();
    expect(await problem(dialled(port, ca()), port)).toEqual([
      'certificate',
      `the certificate at 127.0.0.1:PORT is not accepted: ${said}`,
    ]);
  });

  it.each(['', '\n', 'hello', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'])(
    'trusts nobody by a bundle without a certificate (%j), whatever authorities this machine knows',
    async (ca) => {
      const port = await serving(await issue(HOUR_MS));
      expect(await problem(dialled(port, ca), port)).toEqual([
        'certificate',
        'the certificate at 127.0.0.1:PORT is not trusted: the CA bundle has no certificate in it',
      ]);
    },
  );

  it('is refused where nobody listens', async () => {
    const port = await listen(createServer());
    await once(server!.close(), 'close');
    expect(await problem(dialled(port), port)).toEqual([
      'refused',
      '127.0.0.1:PORT refuses connections: nothing listens there',
    ]);
  });

  it('waits no longer than it is told for one who accepts and never answers, and names the port', async () => {
    const port = await listen(createServer());
    expect(await problem(dialled(port, authority.certificatePem, 50), port)).toEqual([
      'timed-out',
      'no answer from 127.0.0.1:PORT within 50 ms: does a firewall keep port PORT from being reached?',
    ]);
  });

  it.each<[string, (socket: Socket) => unknown]>([
    ['ends', (socket) => socket.end()],
    ['resets', (socket) => socket.resetAndDestroy()],
  ])('says that the other end hung up, which %s the connection', async (_, hangUp) => {
    const port = await listen(createServer((socket) => socket.once('data', () => hangUp(socket))));
    expect(await problem(dialled(port), port)).toEqual([
      'closed',
      '127.0.0.1:PORT hung up before the handshake was over',
    ]);
  });

  it('says what is wrong with one who does not speak TLS', async () => {
    const port = await listen(createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    expect(await problem(dialled(port), port)).toEqual([
      'other',
      expect.stringMatching(/^127\.0\.0\.1:PORT could not be dialled: .*wrong version number/),
    ]);
  });
});
