import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Json } from '../control-plane/api-client.ts';
import { startControlPlane, type OwnControlPlane } from '../control-plane/control-plane.ts';
import { startDeployment, type Deployment } from '../control-plane/deployment.ts';
import { createOverlay, type OverlayOptions } from '../control-plane/overlay.ts';
import { eventually } from '../lib/eventually.ts';
import { describeWithPrograms } from './lib/describe-with-control-plane.ts';
import { startKubelets, type Kubelets } from './lib/kubelet.ts';
import { startRelay, type Relay } from './lib/relay.ts';
import { pod } from './lib/webhook.ts';

const CONFIGURATION = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/sigma-admission';
const PODS = '/api/v1/namespaces/default/pods';
const REPLICAS = 50;
const SOON_MS = 30_000;

const PRIVILEGED = { containers: [{ name: 'c', image: 'busybox:1', securityContext: { privileged: true } }] };
const TOKENS = '/api/v1/namespaces/kube-system/serviceaccounts/daemon-set-controller/token';
const DEBUGGER = [{ name: 'debugger', image: 'busybox:1', command: ['sleep', '1d'] }];

/** What an attacker does outside of kube-system, and the rule that ships about it. */
const ACTIONS: readonly (readonly [
  what: string,
  rule: string,
  does: (at: OwnControlPlane) => Promise<{ readonly status: number; readonly body: Json }>,
])[] = [
  [
    'a command run in a pod',
    'e9ef1706-9fe5-4813-bb94-cc024c762db5',
    ({ api }) => api('POST', `${PODS}/target/exec?container=c&command=id&stdout=true`),
  ],
  [
    'an ephemeral container',
    '146da428-203d-4b4b-ad67-15e3ba716b7e',
    ({ api }) =>
      api('PATCH', `${PODS}/target/ephemeralcontainers?dryRun=All`, {
        body: { spec: { ephemeralContainers: DEBUGGER } },
        contentType: 'application/strategic-merge-patch+json',
      }),
  ],
  [
    'a privileged pod',
    'fbed88e4-19af-4ab6-880c-d87a13d7f8f2',
    ({ api }) =>
      api('POST', '/api/v1/namespaces/kube-public/pods?dryRun=All', {
        body: pod('privileged', 'kube-public', { spec: PRIVILEGED }),
      }),
  ],
  [
    'a token of a controller',
    '17734dae-e0ab-4371-84d3-fe178b0de409',
    ({ api }) => api('POST', TOKENS, { body: { spec: { audiences: [], expirationSeconds: 3600 } } }),
  ],
];

describeWithPrograms(
  'The rules that ship, in an installation that was told nothing of them,',
  () => {
    let controlPlane: OwnControlPlane;
    let kubelets: Kubelets;
    let deployment: Deployment;
    let relay: Relay;

    beforeAll(async () => {
      controlPlane = await startControlPlane();
      kubelets = await startKubelets(controlPlane, ['all-of-it']);
      deployment = await startDeployment(controlPlane, 2);
      relay = await startRelay(deployment.port);
      await install({ of: 'overlays/warn' });
      await eventually(
        'a pod can be made to do things to',
        async () => (await controlPlane.api('POST', PODS, { body: pod('target', 'default') })).status === 201,
      );
    }, 120_000);
    afterAll(async () => {
      await relay?.close();
      await deployment?.stop();
      await kubelets?.stop();
      await controlPlane?.stop();
    }, 60_000);

    /** As an operator does; resolves when the replicas are ready and registered for what their rules are about. */
    async function install(options: OverlayOptions): Promise<void> {
      const overlay = createOverlay({ ...options, port: relay.port });
      const { exitCode, stderr } = await controlPlane.kubectl(['apply', '-k', overlay.directory]);
      overlay.remove();
      if (exitCode !== 0) throw new Error(stderr);
      await deployment.replace();
      await eventually(
        'all that the rules are about is sent, by entries that are as they should be',
        async () => {
          const said = await Promise.all(deployment.replicas.map((replica) => replica.readyz()));
          return said.every(
            (text) =>
              text.includes('coverage ok: rules asked: 15, in part: 0, never: 0') &&
              text.includes('sigma-admission: as it should be') &&
              text.includes('a probe came back'),
          );
        },
        SOON_MS,
      );
    }

    const matched = (rule: string) =>
      deployment.replicas
        .flatMap(({ records }) => records)
        .filter(({ matches }) => matches.some(({ id }) => id === rule)).length;

    it('are all asked', async () => {
      const metrics = await Promise.all(deployment.replicas.map((replica) => replica.metrics()));
      for (const text of metrics) {
        const asked = text.match(/^sigma_admission_rule_coverage\{.*asked="\w+"/gm) ?? [];
        expect(asked.map((line) => line.split('asked=')[1])).toEqual(
          Array.from({ length: 15 }, () => '"all"'),
        );
      }
    });

    it.each(ACTIONS)('record %s', async (_, rule, does) => {
      await eventually(
        'it is recorded',
        async () => {
          const before = matched(rule);
          const { body } = await does(controlPlane);
          expect(String(body['message'])).not.toContain('denied the request');
          return eventually('it came', () => matched(rule) > before, 2_000).catch(() => false);
        },
        SOON_MS,
      );
    });

    describe('while they enforce', () => {
      const WORKLOADS = '/apis/apps/v1/namespaces/default';
      const selector = { matchLabels: { app: 'made' } };
      const template = (spec: Json) => ({ metadata: { labels: { app: 'made' } }, spec });
      const made = async (path: string): Promise<Json> => (await controlPlane.api('GET', path)).body;

      beforeAll(() => install({ of: 'overlays/enforce' }), 120_000);

      it('let a privileged DaemonSet come up in another namespace', async () => {
        const path = `${WORKLOADS}/daemonsets`;
        const body = { metadata: { name: 'network' }, spec: { selector, template: template(PRIVILEGED) } };
        expect((await controlPlane.api('POST', path, { body })).status).toBe(201);
        await eventually(
          'its pod is there and ready',
          async () => (await made(`${path}/network`))['status'].numberReady === 1,
          SOON_MS,
        );
        await controlPlane.api('DELETE', `${path}/network?propagationPolicy=Background`);
      });

      it(`cost a Deployment of ${REPLICAS} pods a second a pod at most while none of us answers`, async () => {
        await relay.break('black-holed');
        const from = controlPlane.auditLogSize();
        const path = `${WORKLOADS}/deployments`;
        const spec = { replicas: REPLICAS, selector, template: template(pod('x', 'default')['spec']) };
        expect(
          (await controlPlane.api('POST', path, { body: { metadata: { name: 'many' }, spec } })).status,
        ).toBe(201);
        await eventually(
          'its pods are there',
          async () => (await made(`${path}/many`))['status'].replicas === REPLICAS,
          // A second each, one after another; and the time that it takes without us.
          (REPLICAS + 30) * 1000,
        );
        await relay.mend();
        const failedOpen = controlPlane
          .auditEvents(from)
          .filter(({ objectRef = {}, user = {} }) => {
            const isPod = objectRef.resource === 'pods' && objectRef.subresource === undefined;
            return isPod && user.username?.endsWith(':replicaset-controller');
          })
          .map(({ annotations = {} }) =>
            Object.entries(annotations)
              .filter(([key]) => key.startsWith('failed-open.validating.webhook'))
              .map(([, entry]) => entry),
          );
        expect(new Set(failedOpen.flat())).toEqual(new Set(['other-observe.sigma-admission.svc']));
        const { body } = await controlPlane.api('GET', CONFIGURATION);
        const waits = Object.fromEntries(
          body['webhooks'].map(({ name, timeoutSeconds }: Json) => [name.split('.')[0], timeoutSeconds]),
        );
        expect(waits['other-observe']).toBe(1);
        await controlPlane.api('DELETE', `${path}/many?propagationPolicy=Background`);
      }, 150_000);
    });

    describe('whose ids are set to enforce', () => {
      beforeAll(
        () => install({ of: 'overlays/warn', modes: ACTIONS.map(([, rule]) => `${rule}: enforce`) }),
        120_000,
      );

      it.each(ACTIONS)('refuse %s', async (_, rule, does) => {
        const message = await eventually(
          'it is refused',
          async () => {
            const { status, body } = await does(controlPlane);
            return status === 403 && String(body['message']);
          },
          SOON_MS,
        );
        expect(message).toMatch(/^admission webhook "other\.sigma-admission\.svc" denied the request: /);
        expect(message).toContain(`sets rule ${rule} to warn.`);
      });
    });
  },
  ['kube-controller-manager', 'kube-scheduler'],
);
