import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiError, type ApiServer } from '../../src/cluster/api-server.ts';
import { probeLoop, type ConnectivityState } from '../../src/cluster/connectivity.ts';
import { createAuthority, issueCertificate } from '../../src/certificates/authority.ts';
import { eventually } from '../lib/eventually.ts';

const SERVICE = { namespace: 'ns', name: 'name' };

describe('how the API server reaches us', () => {
  let stop = () => {};
  let authorityPem = '';
  let port = 0;
  let close = () => {};
  afterEach(() => stop());
  beforeAll(async () => {
    const authority = await createAuthority({ now: Date.now() });
    const dnsNames = ['name.ns.svc'];
    const issued = await issueCertificate({ authority, dnsNames, ipAddresses: [], now: Date.now() });
    authorityPem = authority.certificatePem;
    const server = createServer({ cert: issued.certificatePem, key: issued.keyPem }, (socket) => {
      socket.on('error', () => {}).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
    close = () => server.close();
  });
  afterAll(() => close());

  /** An API server that answers a probe as `answer` says; undefined is our own denial. */
  function followed(registered: string | undefined, options: { readonly confirmedEveryMs?: number } = {}) {
    const cluster = { answer: undefined as string | undefined, registered, probes: 0 };
    const changes: ConnectivityState[] = [];
    const failures: string[] = [];
    const api: Partial<ApiServer> = {
      get: () => Promise.resolve({ spec: { clusterIP: '127.0.0.1', ports: [{ name: 'https', port }] } }),
      create(path, object) {
        cluster.probes += 1;
        const { nonce } = (object as { data: { nonce: string } }).data;
        const denial = `admission webhook "probe.sigma-admission.svc" denied the request: sigma-admission was reached: ${nonce}`;
        return Promise.reject(
          new ApiError(403, `POST ${path.split('?')[0]}: 403: ${cluster.answer ?? denial}`),
        );
      },
    };
    const reach = probeLoop({
      api: api as ApiServer,
      service: SERVICE,
      registered: () => cluster.registered,
      everyMs: 1,
      onChange: (state) => changes.push(state),
      onFailure: ({ message }) => failures.push(message),
      ...options,
    });
    stop = reach.stop;
    return { reach, cluster, changes, failures };
  }
  const CALL =
    'Internal error occurred: failed calling webhook "probe.sigma-admission.svc": failed to call webhook: Post "https://name.ns.svc:443/probe?timeout=3s"';

  it('is right, and looked at seldom, once a probe came back and our Service is dialled by what is registered', async () => {
    const { reach, cluster, changes } = followed(authorityPem);
    expect(reach.confirmed()).toBe(false);
    await eventually('it is confirmed', () => reach.confirmed());
    expect(changes).toEqual([
      { probe: { kind: 'answered', detail: expect.stringContaining('reached') }, port },
    ]);
    expect(changes).toEqual([reach.current()]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(cluster.probes).toBe(1);
  });

  it('is told when it changes, and not while it stays; what was confirmed stays confirmed', async () => {
    const { reach, cluster, changes, failures } = followed(authorityPem, { confirmedEveryMs: 0 });
    await eventually('it is confirmed', () => reach.confirmed());
    cluster.answer = `${CALL}: dial tcp 10.0.0.1:443: connect: connection refused`;
    await eventually('it is told', () => changes.length === 2);
    const { probes } = cluster;
    await eventually('it is looked at again', () => cluster.probes > probes + 2);
    expect(changes.map(({ probe }) => probe.kind)).toEqual(['answered', 'refused']);
    expect([reach.confirmed(), failures]).toEqual([true, []]);
  });

  it.each([
    ['nothing is registered', undefined, 'the webhook configuration carries no CA'],
    ['what is registered is no certificate', 'no PEM', expect.stringContaining('has no certificate in it')],
  ])('is looked at often where %s, and said as what our own dial found', async (_, registered, dial) => {
    const { reach, cluster, changes } = followed(registered);
    await eventually('it is looked at again and again', () => cluster.probes > 3);
    expect(changes).toEqual([expect.objectContaining({ dial, port })]);
    cluster.registered = authorityPem;
    await eventually('it is right', () => changes.length === 2);
    expect(reach.current()).toMatchObject({ probe: { kind: 'answered' }, port });
    expect(reach.current()?.dial).toBeUndefined();
  });
});
