import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { eventually } from '../lib/eventually.ts';
import type { User } from '../control-plane/user.ts';
import { describeWithControlPlane } from './lib/describe-with-control-plane.ts';

const NAMESPACE = 'sigma-admission';
const POLICY = join(
  import.meta.dirname,
  '../../manifests/components/confine/85-validatingadmissionpolicy.yaml',
);
const SECRETS = `/api/v1/namespaces/${NAMESPACE}/secrets?dryRun=All`;
const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations?dryRun=All';
const NO_SECRET = 'sigma-admission may create no Secret but sigma-admission-tls, of type Opaque';
const NO_CONFIGURATION = 'sigma-admission may create no webhook configuration but sigma-admission';

describeWithControlPlane(
  'Our service account, with the component confine, whatever RBAC lets it do,',
  (controlPlane) => {
    let ours: User;
    const binding = { metadata: { name: 'confine-test' } };
    const bindings = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings';

    /** What the API server says to a create: the status, and why not. */
    async function create(path: string, body: object, user?: User): Promise<[number, string]> {
      const answer = await controlPlane.api('POST', path, { body, ...(user === undefined ? {} : { user }) });
      return [answer.status, String(answer.body['message'] ?? '').replace(/^.* denied request: /s, '')];
    }
    const secret = (name: string, type?: string) => ({
      metadata: {
        name,
        ...(type === undefined ? {} : { annotations: { 'kubernetes.io/service-account.name': 'default' } }),
      },
      ...(type === undefined ? {} : { type }),
    });
    const configuration = (name: string) => ({ metadata: { name }, webhooks: [] });

    beforeAll(async () => {
      await controlPlane.api('POST', '/api/v1/namespaces', { body: { metadata: { name: NAMESPACE } } });
      for (const name of ['sigma-admission', 'another'])
        await controlPlane.api('POST', `/api/v1/namespaces/${NAMESPACE}/serviceaccounts`, {
          body: { metadata: { name } },
        });
      await controlPlane.api('POST', bindings, {
        body: {
          ...binding,
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
          subjects: ['sigma-admission', 'another'].map((name) => ({
            kind: 'ServiceAccount',
            name,
            namespace: NAMESPACE,
          })),
        },
      });
      ours = { token: await controlPlane.createToken(NAMESPACE, 'sigma-admission') };
      const { stderr, exitCode } = await controlPlane.kubectl(['create', '-f', POLICY]);
      if (exitCode !== 0) throw new Error(stderr);
      await eventually(
        'the policy is asked',
        async () => (await create(SECRETS, secret('other'), ours))[0] === 403,
      );
    });
    afterAll(async () => {
      await controlPlane.kubectl(['delete', '-f', POLICY]);
      await controlPlane.api('DELETE', `${bindings}/confine-test`);
      await controlPlane.api('DELETE', `/api/v1/namespaces/${NAMESPACE}`);
    });

    it('may create the Secret that replicas share', async () => {
      expect(await create(SECRETS, secret('sigma-admission-tls'), ours)).toEqual([201, '']);
      expect(await create(SECRETS, { ...secret('sigma-admission-tls'), type: 'Opaque' }, ours)).toEqual([
        201,
        '',
      ]);
    });

    it('may create no other, and none that a token is put into', async () => {
      const type = 'kubernetes.io/service-account-token';
      expect(await create(SECRETS, secret('other'), ours)).toEqual([403, NO_SECRET]);
      expect(await create(SECRETS, { metadata: { generateName: 'sigma-admission-tls' } }, ours)).toEqual([
        403,
        NO_SECRET,
      ]);
      expect(await create(SECRETS, secret('sigma-admission-tls', type), ours)).toEqual([403, NO_SECRET]);
      expect(await create(SECRETS.replace(NAMESPACE, 'kube-system'), secret('other'), ours)).toEqual([
        403,
        NO_SECRET,
      ]);
    });

    it('may create no webhook configuration but ours', async () => {
      expect(await create(CONFIGURATIONS, configuration('sigma-admission'), ours)).toEqual([201, '']);
      expect(await create(CONFIGURATIONS, configuration('other'), ours)).toEqual([403, NO_CONFIGURATION]);
    });

    it('is the only one that is confined', async () => {
      const another = { token: await controlPlane.createToken(NAMESPACE, 'another') };
      for (const user of [undefined, another]) {
        expect(await create(SECRETS, secret('other'), user)).toEqual([201, '']);
        expect(await create(CONFIGURATIONS, configuration('other'), user)).toEqual([201, '']);
      }
    });
  },
);
