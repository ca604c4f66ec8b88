import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectToCluster, type ApiServer, type WatchEvent } from '../../src/cluster/api-server.ts';
import { createAuthority, issueCertificate } from '../../src/certificates/authority.ts';

describe('the API server, as a pod asks it,', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sigma-admission-'));
  let answer: (response: ServerResponse) => void;
  let close: () => void;
  let api: ApiServer;

  beforeAll(async () => {
    const authority = await createAuthority({ now: Date.now() });
    const { certificatePem, keyPem } = await issueCertificate({
      authority,
      dnsNames: ['localhost'],
      ipAddresses: ['127.0.0.1'],
      now: Date.now(),
    });
    writeFileSync(join(directory, 'ca.crt'), authority.certificatePem);
    writeFileSync(join(directory, 'token'), 'token');
    const server = createServer({ cert: certificatePem, key: keyPem }, (_, response) => answer(response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    close = () => {
      server.close();
      server.closeAllConnections();
    };
    api = await connectToCluster({
      env: {
        KUBERNETES_SERVICE_HOST: '127.0.0.1',
        KUBERNETES_SERVICE_PORT: String((server.address() as AddressInfo).port),
      },
      serviceAccountDirectory: directory,
    });
  });
  afterAll(() => {
    close();
    rmSync(directory, { recursive: true });
  });

  const watch = (onEvent: (event: WatchEvent) => void) =>
    api.watch('/things?watch=true', onEvent, new AbortController().signal);

  it('tells events as they come, in whatever pieces, also a large one', async () => {
    const events: WatchEvent[] = [];
    const large = { type: 'ADDED', object: { data: 'ä'.repeat(2_000_000) } } as const;
    answer = (response) => {
      response.write('{"type":"BOOKMARK","object":{}}\n{"type":"MODI');
      response.write('FIED","object":{}}\n');
      response.end(`${JSON.stringify(large)}\n`);
    };
    await watch((event) => events.push(event));
    expect(events).toEqual([{ type: 'BOOKMARK', object: {} }, { type: 'MODIFIED', object: {} }, large]);
  });

  it('whose event has no end is given up', async () => {
    const events: WatchEvent[] = [];
    answer = (response) => {
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        if (!response.destroyed) response.once('drain', more);
      };
      response.write('{"type":"BOOKMARK","object":{}}\n');
      more();
    };
    await expect(watch((event) => events.push(event))).rejects.toThrow(
      '/things?watch=true: an event longer than 8388608 characters',
    );
    expect(events).toEqual([{ type: 'BOOKMARK', object: {} }]);
  });
});
