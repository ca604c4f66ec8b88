import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiError, type ApiServer } from '../../src/cluster/api-server.ts';
import {
  isRight,
  probeLoop,
  type ConnectivityState,
  type RegisteredAuthority,
} from '../../src/cluster/connectivity.ts';
import { createAuthority, issueCertificate } from '../../src/certificates/authority.ts';
import { eventually } from '../lib/eventually.ts';

const SERVICE = { namespace: 'ns', name: 'name' };

describe('how the API server reaches us', () => {
  let stop = () => {};
  let authorityPem = '';
  let strangerPem = '';
  let port = 0;
  let close = () => {};
  afterEach(() => stop());
  beforeAll(async () => {
    const authority = await createAuthority({ now: Date.now() });
    const dnsNames = ['name.ns.svc'];
    const issued = await issueCertificate({ authority, dnsNames, ipAddresses: [], now: Date.now() });
    authorityPem = authority.certificatePem;
    strangerPem = (await createAuthority({ now: Date.now() })).certificatePem;
    const server = createServer({ cert: issued.certificatePem, key: issued.keyPem }, (socket) => {
      socket.on('error', () => {}).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
    close = () => server.close();
  });
  afterAll(() => close());

  const entries = (guard: string, others = guard): readonly RegisteredAuthority[] => [
    { entry: 'observe', caBundle: others },
    { entry: 'guard', caBundle: guard },
    { entry: 'probe', caBundle: others },
  ];

  /** An API server that answers a probe as `answer` says; undefined is our own denial. */
  function followed(
    registered: readonly RegisteredAuthority[] | undefined,
    options: { readonly confirmedEveryMs?: number } = {},
  ) {
    const cluster = {
      answer: undefined as string | undefined,
      registered,
      service: () =>
        Promise.resolve<unknown>({ spec: { clusterIP: '127.0.0.1', ports: [{ name: 'https', port }] } }),
      probes: 0,
    };
    const changes: ConnectivityState[] = [];
    const failures: string[] = [];
    const api: Partial<ApiServer> = {
      get: () => cluster.service(),
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
    const { reach, cluster, changes } = followed(entries(authorityPem));
    expect([reach.confirmed(), reach.current()]).toEqual([false, undefined]);
    await eventually('it is confirmed', () => reach.confirmed());
    expect(changes).toEqual([
      {
        probe: { kind: 'answered', detail: expect.stringContaining('reached') },
        dials: [{ entry: 'guard' }, { entry: 'observe' }, { entry: 'probe' }],
        port,
        atMs: expect.any(Number),
      },
    ]);
    expect(changes).toEqual([reach.current()]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(cluster.probes).toBe(1);
  });

  it('is told when it changes, and not while it stays; what was confirmed stays confirmed', async () => {
    const { reach, cluster, changes, failures } = followed(entries(authorityPem), { confirmedEveryMs: 0 });
    await eventually('it is confirmed', () => reach.confirmed());
    cluster.answer = `${CALL}: dial tcp 10.0.0.1:443: connect: connection refused`;
    await eventually('it is told', () => changes.length === 2);
    const { probes } = cluster;
    await eventually('it is looked at again', () => cluster.probes > probes + 2);
    expect(changes.map(({ probe }) => probe.kind)).toEqual(['answered', 'refused']);
    expect([reach.confirmed(), failures]).toEqual([true, []]);
  });

  it.each([
    ['it trusts nothing', '', 'it carries no CA'],
    ['what it trusts is no certificate', 'no PEM', expect.stringContaining('has no certificate in it')],
  ])(
    'is looked at often where an entry is such that %s, which is said of that entry',
    async (_, caBundle, problem) => {
      const { reach, cluster, changes } = followed(entries(caBundle, authorityPem));
      await eventually('it is looked at again and again', () => cluster.probes > 3);
      expect(changes.map(({ dials }) => dials)).toEqual([
        [{ entry: 'guard', problem }, { entry: 'observe' }, { entry: 'probe' }],
      ]);
      cluster.registered = entries(authorityPem);
      await eventually('it is right', () => changes.length === 2);
      expect(isRight(reach.current())).toBe(true);
    },
  );

  it('is not right where guard alone trusts a stranger, which is seen at once where all was right before', async () => {
    const { reach, cluster, changes } = followed(entries(authorityPem));
    await eventually('it is confirmed', () => reach.confirmed());
    cluster.registered = entries(strangerPem, authorityPem);
    await eventually('it is told', () => changes.length === 2);
    expect([isRight(reach.current()), changes[1]?.probe.kind, changes[1]?.dials]).toEqual([
      false,
      'answered',
      [
        {
          entry: 'guard',
          problem: expect.stringMatching(/^the certificate at 127\.0\.0\.1:\d+ is not accepted: /),
        },
        { entry: 'observe' },
        { entry: 'probe' },
      ],
    ]);
  });

  it('is not said of entries that were not read, nor right before they were', async () => {
    const { reach, cluster, changes } = followed(undefined);
    await eventually('it is looked at again and again', () => cluster.probes > 3);
    expect([isRight(reach.current()), changes.map(({ dials }) => dials)]).toEqual([false, [undefined]]);
    cluster.registered = entries(authorityPem);
    await eventually('they are', () => isRight(reach.current()));
  });

  it('is looked at where our Service cannot be read, which is said of each entry', async () => {
    const { cluster, changes } = followed(entries(authorityPem), { confirmedEveryMs: 0 });
    cluster.service = () => Promise.reject(new ApiError(404, 'GET /service: 404: not found'));
    await eventually('it is told', () =>
      changes.some(({ dials = [] }) =>
        dials.every(({ problem }) => problem === 'our Service cannot be read: GET /service: 404: not found'),
      ),
    );
    expect(changes.at(-1)?.probe.kind).toBe('answered');
  });
});
