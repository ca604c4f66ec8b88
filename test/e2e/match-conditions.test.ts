import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { CONTROL_PLANES, type Distribution } from '../../src/registration/identities.ts';
import { subscriptionOf } from '../../src/registration/subscription.ts';
import { webhookConfiguration } from '../../src/registration/webhook-configuration.ts';
import type { ApiOptions, Json } from '../control-plane/api-client.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { describeWithControlPlane } from './lib/describe-with-control-plane.ts';
import { load, rule } from '../policy/rulesets.ts';
import { eventually } from '../lib/eventually.ts';
import { mirrorPod } from './lib/mirror-pod.ts';
import { startNotary, type Notary } from './lib/notary.ts';
import { nodeUser, type User } from '../control-plane/user.ts';
import { pod } from './lib/webhook.ts';

const podsIn = (namespace: string) => `/api/v1/namespaces/${namespace}/pods?dryRun=All`;
const PODS = podsIn('kube-system');
const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
const roleBindings = (namespace: string) =>
  `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`;
const DISTRIBUTIONS = Object.keys(CONTROL_PLANES) as Distribution[];

/** Who asks, and the distributions on which this heals the cluster. */
type Asking = readonly [
  who: string,
  on: readonly Distribution[],
  how: (at: ControlPlane) => Promise<ApiOptions>,
];

const as = (user: User) => async () => ({ user });
const token = (name: string) => async (at: ControlPlane) => ({
  user: { token: await at.createToken('kube-system', name) },
});
const impersonating = (name: string, ...groups: readonly string[]) => {
  const headers = { 'impersonate-user': name, 'impersonate-group': groups as unknown as string };
  return async () => ({ headers });
};

const ASKING: readonly Asking[] = [
  ['an administrator', [], as({ name: 'admin', groups: ['system:masters'] })],
  ['nobody in particular', [], as({ name: 'alice' })],
  ...['daemon-set', 'replicaset', 'replication', 'job', 'statefulset'].map((name): Asking => [
    `the ${name} controller`,
    DISTRIBUTIONS,
    token(`${name}-controller`),
  ]),
  ['the deployment controller, which makes no pods', [], token('deployment-controller')],
  [
    'a token of a controller’s that is bound to a pod',
    [],
    async (at) => {
      const body = pod('holder', 'kube-system');
      const { body: holder } = await at.api('POST', PODS.replace('?dryRun=All', ''), {
        body: { ...body, spec: { ...body['spec'], serviceAccountName: 'daemon-set-controller' } },
      });
      const { name, uid } = holder['metadata'];
      const bound = { kind: 'Pod', apiVersion: 'v1', name, uid };
      return { user: { token: await at.createToken('kube-system', 'daemon-set-controller', bound) } };
    },
  ],
  [
    'a controller impersonated, its groups too',
    [],
    impersonating(
      'system:serviceaccount:kube-system:daemon-set-controller',
      'system:serviceaccounts',
      'system:serviceaccounts:kube-system',
      'system:authenticated',
    ),
  ],
  [
    'a node, for its mirror pod',
    DISTRIBUTIONS,
    async (at) => ({ user: nodeUser('node1'), body: await mirrorPod(at, 'node1', 'static') }),
  ],
  ['a node’s name without its group', [], as({ name: 'system:node:node1' })],
  ['a node’s group without its name', [], impersonating('alice', 'system:nodes', 'system:authenticated')],
  ...['system:kube-controller-manager', 'system:kube-scheduler', 'system:apiserver'].map((name): Asking => [
    name,
    DISTRIBUTIONS,
    as({ name }),
  ]),
  ['aksService', ['aks'], as({ name: 'aksService' })],
  ['eks:addon-manager', ['eks'], as({ name: 'eks:addon-manager' })],
  ['system:addon-manager', ['gke'], as({ name: 'system:addon-manager', groups: ['system:masters'] })],
  ['system:addon-manager without its group', [], as({ name: 'system:addon-manager' })],
  ['system:k3s-supervisor', ['k3s'], as({ name: 'system:k3s-supervisor', groups: ['system:masters'] })],
  ['system:rke2-supervisor', ['rke2'], as({ name: 'system:rke2-supervisor', groups: ['system:masters'] })],
  ['kops', ['kops'], as({ name: 'kops', groups: ['system:masters'] })],
  ['talos:admin', ['talos'], as({ name: 'talos:admin', groups: ['system:masters'] })],
];

describeWithControlPlane(
  'The match conditions of every distribution',
  (controlPlane) => {
    const { api } = controlPlane;
    const asked: string[] = [];
    /** It notes where it was asked: `/k3s/guard`. */
    let notary: Notary;

    beforeAll(async () => {
      notary = await startNotary((path) => asked.push(path));
      for (const namespace of ['kube-system', 'default']) {
        await api('POST', roleBindings(namespace), {
          body: {
            metadata: { name: 'everybody' },
            roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'admin' },
            subjects: [
              { apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:authenticated' },
            ],
          },
        });
      }
      for (const distribution of DISTRIBUTIONS) await register(distribution);
      await eventually('all of them are asked', async () => {
        asked.length = 0;
        await api('POST', PODS, { body: pod('asked', 'kube-system') });
        return asked.length === DISTRIBUTIONS.length;
      });
    });
    afterAll(async () => {
      for (const distribution of DISTRIBUTIONS) await api('DELETE', `${CONFIGURATIONS}/${distribution}`);
      for (const namespace of ['kube-system', 'default'])
        await api('DELETE', `${roleBindings(namespace)}/everybody`);
      await api('DELETE', `${PODS.replace('?dryRun=All', '')}/holder`);
      await notary.stop();
    });

    async function register(distribution: Distribution): Promise<void> {
      const configuration = webhookConfiguration({
        namespace: 'sigma-admission',
        service: 'sigma-admission',
        port: 443,
        enforcing: true,
        distribution,
        other: subscriptionOf(
          load([rule(0, { verb: 'create', 'objectRef.resource': 'pods' })]).rules,
          'sigma-admission',
        ),
      });
      const webhooks = configuration.webhooks.map((entry) => {
        const url = `${notary.url}/${distribution}${entry.clientConfig.service.path}`;
        return { ...entry, clientConfig: { url, caBundle: notary.caBundle } };
      });
      const { status, body } = await api('POST', CONFIGURATIONS, {
        body: { ...configuration, metadata: { name: distribution }, webhooks },
      });
      if (status !== 201) throw new Error(body['message']);
    }

    it.each(ASKING)('lead %s to one entry, observe or other-observe on %j', async (_, on, how) => {
      const { body, ...options } = await how(controlPlane);
      const made = (body ?? pod('asked', 'kube-system')) as Json;
      for (const [namespace, heals, doesNotHeal] of [
        ['kube-system', 'observe', 'guard'],
        ['default', 'other-observe', 'other'],
      ] as const) {
        asked.length = 0;
        const { status, body } = await api('POST', podsIn(namespace), {
          body: { ...made, metadata: { ...made['metadata'], namespace } },
          ...options,
        });
        expect([status, body['message']]).toEqual([201, undefined]);
        expect(asked.toSorted()).toEqual(
          DISTRIBUTIONS.map((each) => `/${each}/${on.includes(each) ? heals : doesNotHeal}`).toSorted(),
        );
      }
    });
  },
  ['kube-controller-manager'],
);
