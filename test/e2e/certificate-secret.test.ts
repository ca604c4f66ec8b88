import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { connectToCluster, type ApiServer } from '../../src/cluster/api-server.ts';
import { createCertificateSecret, type CertificateSecret } from '../../src/cluster/certificate-secret.ts';
import { createAuthority, issueCertificate } from '../../src/tls/authority.ts';
import { servingNames } from '../../src/tls/serving-names.ts';
import { describeWithControlPlane } from './describe-with-control-plane.ts';
import { eventually } from './eventually.ts';

const NAMESPACE = 'certificates';
const SECRETS = `/api/v1/namespaces/${NAMESPACE}/secrets`;
const SECRET = `${SECRETS}/tls`;
const names = servingNames('sigma-admission', NAMESPACE);
const base64 = (text: string) => Buffer.from(text).toString('base64');

describeWithControlPlane('The certificate in a Secret', (controlPlane) => {
  let api: ApiServer;
  const open: CertificateSecret[] = [];
  const made: string[] = [];

  async function source(connection = api): Promise<CertificateSecret> {
    const created = await createCertificateSecret({
      api: connection,
      namespace: NAMESPACE,
      name: 'tls',
      names,
      everyMs: 100,
      onMake: (why) => made.push(why),
      onRefuse: () => {},
    });
    open.push(created);
    return created;
  }
  const secret = async () => (await controlPlane.api('GET', SECRET)).body;
  const hold = (data: Readonly<Record<string, string>> | null) =>
    controlPlane.api('PATCH', SECRET, { body: { data } });

  beforeAll(async () => {
    api = await connectToCluster({ kubeconfig: controlPlane.kubeconfig(), env: {} });
    await controlPlane.api('POST', '/api/v1/namespaces', { body: { metadata: { name: NAMESPACE } } });
  });
  beforeEach(async () => {
    for (const each of open.splice(0)) each.close();
    made.length = 0;
    await controlPlane.api('DELETE', SECRET);
    await controlPlane.api('POST', SECRETS, { body: { metadata: { name: 'tls' } } });
  });
  afterAll(async () => {
    for (const each of open) each.close();
    await controlPlane.api('DELETE', `/api/v1/namespaces/${NAMESPACE}`);
  });

  it('is one, of however many that begin at once', async () => {
    const sources = await Promise.all(Array.from({ length: 5 }, () => source()));
    const { data } = await secret();
    expect(new Set(sources.map((each) => base64(each.current().certificatePem)))).toEqual(
      new Set([data['tls.crt']]),
    );
    expect(new Set(sources.map((each) => base64(each.caBundle())))).toEqual(new Set([data['ca.crt']]));
    expect(made).toEqual(['it was empty']);
  });

  it('stays while it is good', async () => {
    const first = (await source()).current();
    const second = (await source()).current();
    expect(second.certificatePem).toBe(first.certificatePem);
    expect(made).toEqual(['it was empty']);
  });

  it('is valid for the Service, by an authority that API servers are to trust', async () => {
    const { current, caBundle } = await source();
    const leaf = new X509Certificate(current().certificatePem);
    expect(leaf.checkHost(`sigma-admission.${NAMESPACE}.svc`)).toBeDefined();
    expect(leaf.verify(new X509Certificate(caBundle()).publicKey)).toBe(true);
  });

  it('is waited for, where there is no Secret yet', async () => {
    await controlPlane.api('DELETE', SECRET);
    const problems: string[] = [];
    const waiting = createCertificateSecret({
      api,
      namespace: NAMESPACE,
      name: 'tls',
      names,
      everyMs: 100,
      onMake: () => {},
      onRefuse: ({ message }) => problems.push(message),
    });
    await eventually('it is missed', () => problems.length > 0);
    await controlPlane.api('POST', SECRETS, { body: { metadata: { name: 'tls' } } });
    open.push(await waiting);
    expect(problems).toEqual([`GET ${SECRET}: 404: secrets "tls" not found`]);
  });

  it('is waited for no longer than until we are to stop', async () => {
    await controlPlane.api('DELETE', SECRET);
    const signal = AbortSignal.timeout(200);
    const options = { api, namespace: NAMESPACE, name: 'tls', names, onMake: () => {}, onRefuse: () => {} };
    await expect(createCertificateSecret({ ...options, signal })).rejects.toThrow('secrets "tls" not found');
  });

  it('is renewed by the same authority when two thirds of its life are over', async () => {
    const follower = await source();
    const { data } = await secret();
    const authority = {
      certificatePem: follower.caBundle(),
      keyPem: Buffer.from(data['ca.key'], 'base64').toString(),
    };
    const due = await issueCertificate({ authority, ...names, now: Date.now(), lifetimeMs: 60_000 });
    await hold({ 'tls.crt': base64(due.certificatePem), 'tls.key': base64(due.keyPem) });
    await eventually('it is renewed', () => made.length > 1);
    expect(made[1]).toMatch(/^tls.crt: past two thirds of its life, which ends /);
    const after = await secret();
    expect(after.data['ca.crt']).toBe(data['ca.crt']);
    expect(base64((await eventuallyOf(follower, after.data['tls.crt'])).certificatePem)).toBe(
      after.data['tls.crt'],
    );
  });

  const eventuallyOf = (follower: CertificateSecret, certificate: string) =>
    eventually('it is served', () => {
      const current = follower.current();
      return base64(current.certificatePem) === certificate && current;
    });

  it.each<[string, () => Promise<Readonly<Record<string, string>>>, RegExp]>([
    [
      'was truncated',
      async () => ({ 'tls.key': base64('-----BEGIN') }),
      /^tls.key: not a private key in PEM/,
    ],
    [
      'is a stranger’s',
      async () => {
        const authority = await createAuthority({ now: Date.now() });
        const stranger = await issueCertificate({ authority, ...names, now: Date.now() });
        return { 'tls.crt': base64(stranger.certificatePem), 'tls.key': base64(stranger.keyPem) };
      },
      /^tls.crt: not issued by ca.crt$/,
    ],
    [
      'is for another Service',
      async () => {
        const { data } = await secret();
        const text = (key: string) => Buffer.from(data[key], 'base64').toString();
        const authority = { certificatePem: text('ca.crt'), keyPem: text('ca.key') };
        const other = servingNames('another', NAMESPACE);
        const leaf = await issueCertificate({ authority, ...other, now: Date.now() });
        return { 'tls.crt': base64(leaf.certificatePem), 'tls.key': base64(leaf.keyPem) };
      },
      /^tls.crt: not valid for sigma-admission.certificates.svc/,
    ],
    ['has no authority', async () => ({ 'ca.crt': '' }), /^ca.crt: not a certificate in PEM/],
  ])('is made anew when it %s', async (_, data, why) => {
    const follower = await source();
    await hold(await data());
    await eventually('it is made anew', () => made.length > 1);
    expect(made[1]).toMatch(why);
    await eventuallyOf(follower, (await secret()).data['tls.crt']);
  });

  it('keeps what others put beside it', async () => {
    await hold({ note: base64('kept') });
    await source();
    expect((await secret()).data['note']).toBe(base64('kept'));
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
    expect(base64((await source(inPod)).current().certificatePem)).toBe((await secret()).data['tls.crt']);
    rmSync(directory, { recursive: true });
  });
});

it('cannot be had outside a cluster without a kubeconfig', async () => {
  await expect(connectToCluster({ env: {} })).rejects.toThrow(
    'not in a cluster (no KUBERNETES_SERVICE_HOST); from outside, say --kubeconfig',
  );
});
