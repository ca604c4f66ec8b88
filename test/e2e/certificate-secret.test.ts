import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ApiError, connectToCluster, type ApiServer } from '../../src/cluster/api-server.ts';
import {
  createCertificateSecret,
  type CertificateSecret,
  type CertificateSecretOptions,
} from '../../src/cluster/certificate-secret.ts';
import {
  createAuthority,
  issueCertificate,
  type KeyedCertificate,
  servingNames,
} from '../../src/certificates/authority.ts';
import { parseBundle } from '../../src/certificates/authority-bundle.ts';
import { isIssuedBy } from '../../src/certificates/validity.ts';
import { describeWithControlPlane } from './lib/describe-with-control-plane.ts';
import { eventually } from '../lib/eventually.ts';

const NAMESPACE = 'certificates';
const SECRETS = `/api/v1/namespaces/${NAMESPACE}/secrets`;
const SECRET = `${SECRETS}/tls`;
const EVERY_MS = 100;
const names = servingNames('sigma-admission', NAMESPACE);
const base64 = (text: string) => Buffer.from(text).toString('base64');

type Data = Readonly<Record<string, string>>;

describeWithControlPlane('The certificate in a Secret', (controlPlane) => {
  let api: ApiServer;
  const open: CertificateSecret[] = [];
  const made: string[] = [];

  const options = (changes: Partial<CertificateSecretOptions> = {}): CertificateSecretOptions => ({
    api,
    namespace: NAMESPACE,
    name: 'tls',
    names,
    everyMs: EVERY_MS,
    settleMs: 3 * EVERY_MS,
    onMake: (why, kind) => made.push(`${kind}: ${why}`),
    onRefuse: () => {},
    ...changes,
  });
  async function source(changes: Partial<CertificateSecretOptions> = {}): Promise<CertificateSecret> {
    const created = await createCertificateSecret(options(changes));
    open.push(created);
    return created;
  }
  const sources = (count: number, changes: Partial<CertificateSecretOptions> = {}) =>
    Promise.all(Array.from({ length: count }, () => source(changes)));

  const secret = async () => (await controlPlane.api('GET', SECRET)).body;
  async function held(): Promise<Data> {
    const { data } = await secret();
    return Object.fromEntries(
      Object.entries<string>(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]),
    );
  }
  async function hold(texts: Readonly<Record<string, string | null>>): Promise<void> {
    const data = Object.fromEntries(
      Object.entries(texts).map(([key, text]) => [key, text === null ? null : base64(text)]),
    );
    const { status, body } = await controlPlane.api('PATCH', SECRET, { body: { data } });
    if (status !== 200) throw new Error(body['message']);
  }
  const pair = (name: 'ca' | 'tls', { certificatePem, keyPem }: KeyedCertificate) => ({
    [`${name}.crt`]: certificatePem,
    [`${name}.key`]: keyPem,
  });
  const authorityOf = (data: Data): KeyedCertificate => ({
    certificatePem: data['ca.crt'] ?? '',
    keyPem: data['ca.key'] ?? '',
  });
  const issued = (authority: KeyedCertificate) => issueCertificate({ authority, ...names, now: Date.now() });
  async function stranger(): Promise<Data> {
    const authority = await createAuthority({ now: Date.now() });
    return { ...pair('ca', authority), ...pair('tls', await issued(authority)) };
  }
  const deleted = () => controlPlane.api('DELETE', SECRET);

  /** All replicas serve what the Secret has, and nobody writes it for as long as each of them looks five times. */
  async function settled(): Promise<Data> {
    const found = await eventually('every replica serves what the Secret has', async () => {
      const { 'tls.crt': certificate } = await held();
      return open.every((each) => each.current().certificatePem === certificate) && held();
    });
    const { metadata } = await secret();
    const writes = made.length;
    await wait(6 * EVERY_MS);
    expect((await secret()).metadata.resourceVersion).toBe(metadata.resourceVersion);
    expect(made.length).toBe(writes);
    return found;
  }

  beforeAll(async () => {
    api = await connectToCluster({ kubeconfig: controlPlane.kubeconfig(), env: {} });
    await controlPlane.api('POST', '/api/v1/namespaces', { body: { metadata: { name: NAMESPACE } } });
  });
  beforeEach(async () => {
    for (const each of open.splice(0)) each.close();
    // One that was looking has looked.
    await wait(2 * EVERY_MS);
    await controlPlane.api('DELETE', SECRET);
    await controlPlane.api('POST', SECRETS, { body: { metadata: { name: 'tls' } } });
    made.length = 0;
  });
  afterAll(async () => {
    for (const each of open) each.close();
    await controlPlane.api('DELETE', `/api/v1/namespaces/${NAMESPACE}`);
  });

  describe('the first', () => {
    it('is one, of however many that begin at once', async () => {
      const all = await sources(5);
      const data = await settled();
      expect(new Set(all.map((each) => each.reconcile(undefined)))).toEqual(new Set([data['ca.crt']]));
      expect(made).toEqual(['made: it was empty']);
    });

    it('is one, and labelled, where there was no Secret', async () => {
      await deleted();
      await sources(5);
      await settled();
      expect(made).toEqual(['made: there was none']);
      const { metadata, type } = await secret();
      expect([metadata.labels, type]).toEqual([
        { 'app.kubernetes.io/name': 'sigma-admission', 'app.kubernetes.io/part-of': 'sigma-admission' },
        'Opaque',
      ]);
    });

    it('stays while it is good', async () => {
      const first = (await source()).current();
      const second = (await source()).current();
      expect(second.certificatePem).toBe(first.certificatePem);
      expect(made).toEqual(['made: it was empty']);
    });

    it('is valid for the Service, by an authority that API servers are to trust', async () => {
      const { current, reconcile, authorityNotAfter, authorities } = await source();
      const caBundle = reconcile(undefined);
      const leaf = new X509Certificate(current().certificatePem);
      expect(leaf.checkHost(`sigma-admission.${NAMESPACE}.svc`)).toBeDefined();
      expect(isIssuedBy(current().certificatePem, caBundle)).toBe(true);
      expect(authorityNotAfter()).toEqual(new X509Certificate(caBundle).validToDate);
      expect(authorities()).toBe(1);
    });

    it('is what was kept before there was a list of authorities', async () => {
      const texts = await stranger();
      await hold(texts);
      const { current, reconcile } = await source();
      expect([current().certificatePem, reconcile(undefined)]).toEqual([texts['tls.crt'], texts['ca.crt']]);
      expect(made).toEqual([]);
    });

    const forbidden: Pick<ApiServer, 'create'> = {
      create: async () => {
        throw new ApiError(403, 'we may not make one');
      },
    };

    it('is waited for, where there is no Secret and we may not make one', async () => {
      await deleted();
      const problems: string[] = [];
      const onRefuse = ({ message }: Error) => problems.push(message);
      const waiting = source({ api: { ...api, ...forbidden }, onRefuse });
      await eventually('it is missed', () => problems.length > 0);
      await controlPlane.api('POST', SECRETS, { body: { metadata: { name: 'tls' } } });
      await waiting;
      expect(problems).toEqual(['we may not make one']);
    });

    it('is waited for no longer than until we are to stop', async () => {
      await deleted();
      const signal = AbortSignal.timeout(200);
      const waiting = source({ api: { ...api, ...forbidden }, signal });
      await expect(waiting).rejects.toMatchObject({ name: 'TimeoutError' });
    });

    it('keeps what others put beside it', async () => {
      await hold({ note: 'kept' });
      await source();
      expect((await held())['note']).toBe('kept');
    });
  });

  it('is refused, of which an authority would end before what it issues', async () => {
    const lifetimes = { authorityMs: 1000, servingMs: 1001 };
    await expect(source({ lifetimes })).rejects.toThrow(RangeError);
  });

  it('is renewed by the same authority when two thirds of its life are over', async () => {
    await sources(3);
    const before = await held();
    const due = await issueCertificate({
      authority: authorityOf(before),
      ...names,
      now: Date.now(),
      lifetimeMs: 60_000,
    });
    await hold(pair('tls', due));
    await eventually('it is renewed', () => made.length > 1);
    const after = await settled();
    expect(made[1]).toMatch(/^renewed: tls.crt: past two thirds of its life, which ends /);
    expect(made).toHaveLength(2);
    expect([after['ca.crt'], after['ca.key']]).toEqual([before['ca.crt'], before['ca.key']]);
    expect(after['tls.crt']).not.toBe(due.certificatePem);
  });

  it('goes on being served, and followed, where it cannot be written', async () => {
    const problems: string[] = [];
    const replace = async () => {
      throw new ApiError(403, 'we may not write it');
    };
    const texts = await stranger();
    const due = await issueCertificate({
      authority: authorityOf(texts),
      ...names,
      now: Date.now(),
      lifetimeMs: 60_000,
    });
    await hold({ ...texts, ...pair('tls', due) });
    const onRefuse = ({ message }: Error) => problems.push(message);
    const { current, refused } = await source({ api: { ...api, replace }, onRefuse });
    expect(current().certificatePem).toBe(due.certificatePem);
    expect([problems, refused()?.message]).toEqual([['we may not write it'], 'we may not write it']);
    await hold(texts);
    await eventually('it follows', () => current().certificatePem === texts['tls.crt']);
    await eventually('nothing is wrong any more', () => refused() === undefined);
  });

  const ecKey = () =>
    generateKeyPairSync('ec', { namedCurve: 'P-256' })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString();

  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['is deleted', deleted, /^it was deleted$/],
    ['is emptied', () => controlPlane.api('PATCH', SECRET, { body: { data: null } }), /^it was empty$/],
    ['is truncated', () => hold({ 'tls.key': '-----BEGIN' }), /^tls.key: not a private key in PEM/],
    [
      'gets a stranger’s certificate',
      async () => {
        const texts = await stranger();
        await hold({ 'tls.crt': texts['tls.crt'] ?? '', 'tls.key': texts['tls.key'] ?? '' });
      },
      /^tls.crt: not issued by ca.crt$/,
    ],
    [
      'gets a certificate for another Service',
      async () => {
        const other = servingNames('another', NAMESPACE);
        const authority = authorityOf(await held());
        await hold(pair('tls', await issueCertificate({ authority, ...other, now: Date.now() })));
      },
      /^tls.crt: not valid for sigma-admission.certificates.svc/,
    ],
    ['loses its authority', () => hold({ 'ca.crt': '' }), /^ca.crt: not a certificate in PEM/],
    [
      'gets another key for its authority',
      () => hold({ 'ca.key': ecKey() }),
      /^ca.key: not the key of ca.crt/,
    ],
  ])('is put back as it was, once, when the Secret %s', async (_, breakIt, why) => {
    await sources(3);
    const before = await held();
    await breakIt();
    await eventually('it is put back', () => made.length > 1);
    expect(await settled()).toEqual(before);
    expect(made.slice(1)).toEqual([expect.stringMatching(new RegExp(`^restored: ${why.source.slice(1)}`))]);
  });

  it('is issued by an authority that an operator brings, while ours stays trusted', async () => {
    await sources(3);
    const before = await held();
    const brought = await createAuthority({ now: Date.now() });
    await hold(pair('ca', brought));
    await eventually('it is issued', () => made.length > 1);
    const after = await settled();
    expect(made.slice(1)).toEqual([
      'renewed: tls.crt: the API server trusts the authority that follows its own',
    ]);
    expect(after['ca.crt']).toBe(brought.certificatePem);
    expect(isIssuedBy(after['tls.crt'] ?? '', brought.certificatePem)).toBe(true);
    const bundle = parseBundle(after['ca-bundle.crt'] ?? '').authorities;
    expect(bundle).toEqual([
      { certificatePem: brought.certificatePem },
      { certificatePem: before['ca.crt'], until: expect.anything() },
    ]);
  });

  it('is one again where some remember it and others do not', async () => {
    await sources(2);
    const before = await held();
    await deleted();
    await sources(3);
    const after = await settled();
    const bundle = parseBundle(after['ca-bundle.crt'] ?? '').authorities.map((each) => each.certificatePem);
    expect(bundle[0]).toBe(after['ca.crt']);
    // Whoever was first: by whom somebody served is trusted as long as he may.
    expect(bundle).toContain(before['ca.crt']);
  });

  describe('where the API server’s trust is followed', () => {
    /** What stands in for the webhook configuration: all replicas see it, and each publishes there. */
    let registered: string | undefined;
    let publishing: NodeJS.Timeout | undefined;
    const following = { readRegistered: async () => registered };
    const publish = () => {
      publishing = setInterval(() => {
        for (const each of open) {
          registered = each.reconcile(registered);
          each.reconcile(registered);
        }
      }, EVERY_MS / 2);
    };
    beforeEach(() => {
      registered = undefined;
    });
    afterEach(() => clearInterval(publishing));

    it('the first is served, and not trusted before its authority is registered', async () => {
      const { trusted, reconcile } = await source(following);
      expect(trusted()).toBe(false);
      const caBundle = reconcile('');
      expect(trusted()).toBe(false);
      reconcile(caBundle);
      expect(trusted()).toBe(true);
      reconcile(undefined);
      expect(trusted()).toBe(true);
    });

    it('an authority that somebody asks for is registered before a certificate of it is served by anybody', async () => {
      const all = await sources(3, following);
      publish();
      await eventually('it is trusted', () => all.every((each) => each.trusted()));
      const before = await held();
      const violations: string[] = [];
      for (const each of all) {
        each.onChange(({ certificatePem }) => {
          const trusted = parseBundle(registered ?? '').authorities;
          if (!trusted.some((authority) => isIssuedBy(certificatePem, authority.certificatePem))) {
            violations.push(certificatePem);
          }
        });
      }
      await controlPlane.api('PATCH', SECRET, {
        body: { metadata: { annotations: { 'sigma-admission/renew-authority': 'its key got out' } } },
      });
      await eventually('every replica serves by the new authority', () =>
        all.every(({ current }) => current().certificatePem !== before['tls.crt']),
      );
      const after = await settled();
      expect(made.slice(1)).toEqual([
        'renewed: sigma-admission/renew-authority: its key got out',
        'renewed: tls.crt: the API server trusts the authority that follows its own',
      ]);
      expect((await secret()).metadata.annotations ?? {}).toEqual({});
      expect(isIssuedBy(after['tls.crt'] ?? '', after['ca.crt'] ?? '')).toBe(true);
      expect(violations).toEqual([]);
      expect(registered).toBe(`${after['ca.crt']}${before['ca.crt']}`);

      // The old one is thrown out when the list is.
      await hold({ 'ca-bundle.crt': null });
      await eventually('it is not trusted any more', () => registered === after['ca.crt']);
      await settled();
      expect(made).toHaveLength(3);
    });

    it('a stranger’s pair is taken, and served when it is trusted', async () => {
      const all = await sources(3, following);
      publish();
      await eventually('it is trusted', () => all.every((each) => each.trusted()));
      clearInterval(publishing);
      const before = await held();
      const texts = await stranger();
      await hold({ ...texts, 'ca-bundle.crt': null });
      await eventually('ours stays trusted', async () =>
        (await held())['ca-bundle.crt']?.includes(before['ca.crt'] ?? ''),
      );
      await wait(6 * EVERY_MS);
      expect(new Set(all.map(({ current }) => current().certificatePem))).toEqual(
        new Set([before['tls.crt']]),
      );
      publish();
      const after = await settled();
      expect(after['tls.crt']).toBe(texts['tls.crt']);
      expect(made.slice(1)).toEqual([
        'trusted: ca-bundle.crt: it lacked the authority of a certificate in use',
      ]);
      expect(registered).toBe(`${texts['ca.crt']}${before['ca.crt']}`);
    });

    it('what is made anew leaves whom the API server trusts trusted', async () => {
      const { 'ca.crt': other = '' } = await stranger();
      registered = other;
      const [first] = await sources(3, following);
      publish();
      await settled();
      expect(first?.reconcile(registered)).toBe(`${(await held())['ca.crt']}${other}`);
      expect(registered).toBe(first?.reconcile(registered));
    });
  });

  it('is found by a pod’s own service account, too', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sigma-admission-pod-'));
    writeFileSync(join(directory, 'ca.crt'), controlPlane.authorityPem);
    await controlPlane.api('POST', `/api/v1/namespaces/${NAMESPACE}/serviceaccounts`, {
      body: { metadata: { name: 'holder' } },
    });
    writeFileSync(join(directory, 'token'), await controlPlane.createToken(NAMESPACE, 'holder'));
    const { hostname, port } = new URL(controlPlane.server);
    const inPod = await connectToCluster({
      env: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
      serviceAccountDirectory: directory,
    });
    const name = `system:serviceaccount:${NAMESPACE}:holder`;
    await expect(inPod.get(SECRET)).rejects.toMatchObject({
      status: 403,
      message: `GET ${SECRET}: 403: secrets "tls" is forbidden: User "${name}" cannot get resource "secrets" in API group "" in the namespace "${NAMESPACE}"`,
    });
    const { body } = await controlPlane.api(
      'POST',
      '/apis/rbac.authorization.k8s.io/v1/namespaces/certificates/rolebindings',
      {
        body: {
          metadata: { name: 'holder' },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'admin' },
          subjects: [{ kind: 'ServiceAccount', name: 'holder', namespace: NAMESPACE }],
        },
      },
    );
    expect(body['kind']).toBe('RoleBinding');
    await eventually('it may', () => inPod.get(SECRET));
    expect((await source({ api: inPod })).current().certificatePem).toBe((await held())['tls.crt']);
    rmSync(directory, { recursive: true });
  });
});

it('cannot be had outside a cluster without a kubeconfig', async () => {
  await expect(connectToCluster({ env: {} })).rejects.toThrow(
    'not in a cluster (no KUBERNETES_SERVICE_HOST); from outside, say --kubeconfig',
  );
});
