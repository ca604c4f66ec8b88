import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Json } from '../control-plane/api-client.ts';
import { startDeployment, type Deployment } from '../control-plane/deployment.ts';
import {
  startControlPlane,
  type ControlPlane,
  type OwnControlPlane,
} from '../control-plane/control-plane.ts';
import { describeWithPrograms } from './lib/describe-with-control-plane.ts';
import { eventually } from '../lib/eventually.ts';
import { otherClock } from './lib/other-clock.ts';
import { createOverlay, type OverlayOptions } from '../control-plane/overlay.ts';
import { pod } from './lib/webhook.ts';

const NAMESPACE = 'sigma-admission';
const CONFIGURATION = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/sigma-admission';
const DEPLOYMENT = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/sigma-admission`;
const SECRET = `/api/v1/namespaces/${NAMESPACE}/secrets/sigma-admission-tls`;
const LEASE = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases/sigma-admission`;
const PODS = '/api/v1/namespaces/kube-system/pods?dryRun=All';
const GUARD = 'guard.sigma-admission.svc';
/** A loss is made good within ten seconds. */
const THREE_TIMES_TEN_SECONDS = 30_000;

async function withOverlay(
  controlPlane: ControlPlane,
  options: OverlayOptions,
  args: (directory: string) => readonly string[],
) {
  const overlay = createOverlay(options);
  try {
    const { exitCode, stderr } = await controlPlane.kubectl(args(overlay.directory));
    if (exitCode !== 0) throw new Error(stderr);
  } finally {
    overlay.remove();
  }
}

function apply(controlPlane: ControlPlane, options: OverlayOptions): Promise<void> {
  return withOverlay(controlPlane, options, (directory) => ['apply', '-k', directory]);
}

async function configuration({ api }: ControlPlane): Promise<Json | undefined> {
  const { status, body } = await api('GET', CONFIGURATION);
  return status === 200 ? body : undefined;
}

function policies(found: Json | undefined): Record<string, string> {
  const entries: readonly Json[] = found?.['webhooks'] ?? [];
  return Object.fromEntries(entries.map(({ name, failurePolicy }) => [name.split('.')[0], failurePolicy]));
}

async function edit({ api }: ControlPlane, path: string, operations: readonly Json[], manager = 'somebody') {
  const { status, body } = await api('PATCH', `${path}?fieldManager=${manager}`, {
    body: operations as unknown as Json,
    contentType: 'application/json-patch+json',
  });
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
}

/** A human's pod in kube-system, and what the client is told. */
async function create({ api }: ControlPlane): Promise<string> {
  const { status, body } = await api('POST', PODS, { body: pod('kube-proxy-bv61v', 'kube-system') });
  return status === 201 ? 'created' : String(body['message']);
}

const DENIAL = `admission webhook "${GUARD}" denied the request: Creation Of Pod In System Namespace`;

function refused(controlPlane: ControlPlane): Promise<unknown> {
  return eventually(
    'a human is refused by the rule',
    async () => (await create(controlPlane)).startsWith(DENIAL),
    THREE_TIMES_TEN_SECONDS,
  );
}

describeWithPrograms(
  'A release',
  () => {
    let controlPlane: OwnControlPlane;
    beforeAll(async () => {
      controlPlane = await startControlPlane({ without: ['kube-scheduler'] });
    }, 60_000);
    afterAll(() => controlPlane?.stop(), 60_000);

    describe('whose whole configuration is its own', () => {
      let deployment: Deployment;
      const overlay = () => ({
        of: 'overlays/enforce',
        port: deployment.port,
      });
      const said = (text: string) =>
        deployment.replicas.flatMap(({ log }) => log).filter(({ msg }) => String(msg).includes(text));
      const counted = async (metric: string) => {
        const all = await Promise.all(deployment.replicas.map((replica) => replica.metrics()));
        return all
          .flatMap((text) => text.split('\n'))
          .filter((line) => line.startsWith(metric))
          .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
      };
      /** Each has seen that it is, and would notice if it were no longer. */
      const inOrder = () =>
        eventually(
          'each replica finds the configuration as it should be',
          async () => {
            const all = await Promise.all(deployment.replicas.map((replica) => replica.readyz()));
            return all.every(
              (text) =>
                text.includes('sigma-admission: as it should be; every entry trusts') &&
                text.includes('a probe came back'),
            );
          },
          THREE_TIMES_TEN_SECONDS,
        );
      const events = async (reason: string): Promise<readonly string[]> => {
        const { body } = await controlPlane.api(
          'GET',
          `/apis/events.k8s.io/v1/namespaces/${NAMESPACE}/events`,
        );
        return body['items']
          .filter((event: Json) => event['reason'] === reason)
          .map(({ note }: Json) => note);
      };

      beforeAll(async () => {
        deployment = await startDeployment(controlPlane, 3);
      });
      afterAll(async () => {
        await controlPlane.kubectl(['delete', 'namespace', NAMESPACE]);
        await deployment.stop();
      });

      it('fails closed only after a probe came back through the API server', async () => {
        await apply(controlPlane, overlay());
        expect(policies(await configuration(controlPlane))).toEqual({});
        const seen: string[] = [];
        const watching = new AbortController();
        const watched = controlPlane
          .watch(
            '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations?fieldSelector=metadata.name=sigma-admission',
            ({ object }) => {
              const guard = policies(object)['guard'];
              if (guard !== undefined && guard !== seen.at(-1)) seen.push(guard);
            },
            { signal: watching.signal },
          )
          .catch(() => {});
        await deployment.replace();
        await eventually(
          'guard fails closed',
          async () => policies(await configuration(controlPlane))['guard'] === 'Fail',
          THREE_TIMES_TEN_SECONDS,
        );
        await refused(controlPlane);
        watching.abort();
        await watched;
        expect(seen).toEqual(['Ignore', 'Fail']);
        expect(policies(await configuration(controlPlane))).toEqual({
          guard: 'Fail',
          observe: 'Ignore',
          other: 'Ignore',
          'other-observe': 'Ignore',
          probe: 'Fail',
          self: 'Ignore',
        });
        expect(said('a probe came back through the API server').length).toBeGreaterThan(0);
      });

      it('belongs to its Namespace, whose deletion it does not hold up', async () => {
        const { body: namespace } = await controlPlane.api('GET', `/api/v1/namespaces/${NAMESPACE}`);
        const found = await configuration(controlPlane);
        expect(found?.['metadata'].ownerReferences).toEqual([
          { apiVersion: 'v1', kind: 'Namespace', name: NAMESPACE, uid: namespace['metadata'].uid },
        ]);
      });

      it('is sent all that the loaded rules are about', async () => {
        const ready = await deployment.replicas[0]?.readyz();
        expect(ready).toContain('[+]coverage ok: rules asked: 15, in part: 0, never: 0');
        await controlPlane.api('POST', '/api/v1/namespaces/default/pods?dryRun=All', {
          body: pod('elsewhere', 'default'),
        });
        await eventually('a pod elsewhere is judged', () =>
          deployment.replicas.some(({ records }) => records.some(({ name }) => name === 'elsewhere')),
        );
      });

      // Who only takes something away owns nothing in what remains: the API server names nobody then.
      const NOBODY = 'the API server does not say by whom';
      const SOMEBODY = 'field manager somebody, as it calls itself';
      const change = (field: string, value: unknown, manager?: string) =>
        edit(controlPlane, CONFIGURATION, [{ op: 'replace', path: `/webhooks/0/${field}`, value }], manager);
      const NEWER = 'ffffffffffffffff 9999-01-01T00:00:00Z';
      const fiveStamps = () =>
        [1, 2, 3, 4, 5].map((minutes) => new Date(Date.now() - minutes * 60_000).toISOString()).join(' ');
      const empty = (annotation: string, value: string) =>
        edit(controlPlane, CONFIGURATION, [
          { op: 'replace', path: '/webhooks', value: [] },
          { op: 'add', path: `/metadata/annotations/sigma-admission~1${annotation}`, value },
        ]);
      /** Five changes that were undone count for ten minutes. */
      const beginAnew = () => controlPlane.api('DELETE', LEASE);
      const LOSSES: readonly (readonly [string, string, () => Promise<unknown>])[] = [
        ['deleted', `deleted (${NOBODY})`, () => controlPlane.api('DELETE', CONFIGURATION)],
        ['robbed of its CA', `edited (${NOBODY})`, () => change('clientConfig/caBundle', '')],
        ['emptied of its rules', `edited (${NOBODY})`, () => change('rules', [])],
        ['lowered to Ignore', `edited (${SOMEBODY})`, () => change('failurePolicy', 'Ignore')],
        ['emptied, and says that it is newer', `edited (${NOBODY})`, () => empty('content', NEWER)],
        ['emptied, and says that it was let be', `edited (${NOBODY})`, () => empty('reverted', fiveStamps())],
      ];
      it.each(LOSSES)('is restored when it is %s', async (_, what, lose) => {
        await inOrder();
        await beginAnew();
        const before = (await configuration(controlPlane))?.['webhooks'];
        const reversions = await counted('sigma_admission_webhook_configuration_reversions_total');
        const [, answer] = await Promise.all([lose(), create(controlPlane)]);
        expect(answer).not.toBe('');
        await eventually(
          'it is as it was',
          async () =>
            JSON.stringify((await configuration(controlPlane))?.['webhooks']) === JSON.stringify(before),
          THREE_TIMES_TEN_SECONDS,
        );
        await refused(controlPlane);
        await eventually(
          'it is counted',
          async () => (await counted('sigma_admission_webhook_configuration_reversions_total')) > reversions,
        );
        const restored = await eventually('an Event says so', async () =>
          (await events('WebhookConfigurationRestored')).find((note) => note.startsWith(`it was ${what}: `)),
        );
        expect(restored).toContain(what);
      });

      it('goes on being trusted when its Secret is deleted, or filled with what nobody can use', async () => {
        const before = (await controlPlane.api('GET', SECRET)).body['data'];
        for (const spoil of [
          () => controlPlane.api('DELETE', SECRET),
          () => edit(controlPlane, SECRET, [{ op: 'replace', path: '/data/tls.key', value: 'bm8=' }]),
        ]) {
          const [, answer] = await Promise.all([spoil(), create(controlPlane)]);
          expect(answer).toContain(DENIAL);
          await eventually(
            'the Secret is as it was',
            async () =>
              JSON.stringify((await controlPlane.api('GET', SECRET)).body['data']) === JSON.stringify(before),
            THREE_TIMES_TEN_SECONDS,
          );
          expect(await create(controlPlane)).toContain(DENIAL);
        }
      });

      it('is let be by each replica after five changes, and looked after again when it is right', async () => {
        await inOrder();
        await beginAnew();
        const right = await configuration(controlPlane);
        const lower = () => change('timeoutSeconds', 7, 'argo');
        const timeout = async () => (await configuration(controlPlane))?.['webhooks']?.[0]?.timeoutSeconds;
        for (;;) {
          await lower();
          const outcome = await eventually(
            'it is restored, or let be',
            async () => {
              const letBe = await counted('sigma_admission_webhook_configuration_contested');
              if (letBe === deployment.replicas.length) return 'let be';
              return (await timeout()) === 3 && 'restored';
            },
            THREE_TIMES_TEN_SECONDS,
          );
          if (outcome === 'let be') break;
        }
        expect(await timeout()).toBe(7);
        const noted = await eventually('an Event says so', async () =>
          (await events('WebhookConfigurationContested')).find((note) =>
            note.startsWith('changed five times in ten minutes: '),
          ),
        );
        expect(noted).toBe('changed five times in ten minutes: guard.sigma-admission.svc: timeoutSeconds');
        const found = await configuration(controlPlane);
        const { status } = await controlPlane.api('PUT', CONFIGURATION, {
          body: { ...found, webhooks: right?.['webhooks'] } as Json,
        });
        expect(status).toBe(200);
        await eventually(
          'nobody is fought any more',
          async () => (await counted('sigma_admission_webhook_configuration_contested')) === 0,
          THREE_TIMES_TEN_SECONDS,
        );
      });

      it('fails open while the glass is broken, says so, and closes again', async () => {
        const annotate = (value: string) =>
          controlPlane.kubectl(['-n', NAMESPACE, 'annotate', 'deployment/sigma-admission', value]);
        await annotate('sigma-admission/break-glass=node pool is gone');
        await eventually(
          'nothing fails closed',
          async () =>
            Object.values(policies(await configuration(controlPlane))).every((policy) => policy === 'Ignore'),
          THREE_TIMES_TEN_SECONDS,
        );
        const noted = await eventually('an Event says so', async () => (await events('BreakGlass'))[0]);
        expect(noted).toBe('failurePolicy is Ignore everywhere: node pool is gone');
        expect(said('BREAK GLASS')[0]).toMatchObject({ level: 50, reason: 'node pool is gone' });
        await annotate('sigma-admission/break-glass-');
        await eventually(
          'guard fails closed',
          async () => policies(await configuration(controlPlane))['guard'] === 'Fail',
          THREE_TIMES_TEN_SECONDS,
        );
      });

      it('says by an Event that its settings file asks for less, once that is so', async () => {
        const { body } = await controlPlane.api('GET', DEPLOYMENT);
        const volumes: readonly Json[] = body['spec'].template.spec.volumes;
        const name: string = volumes.find((volume) => volume['name'] === 'config')?.['configMap'].name;
        const path = `/api/v1/namespaces/${NAMESPACE}/configmaps/${name}`;
        const lower = [{ op: 'replace', path: '/data/config.yaml', value: 'mode: warn\n' }];
        await edit(controlPlane, path, lower);
        const noted = await eventually(
          'an Event says so',
          async () => (await events('Lowered'))[0],
          THREE_TIMES_TEN_SECONDS,
        );
        expect(noted).toBe(
          'mode from enforce to warn, as our Deployment and its ConfigMap are now; a review named admin',
        );
      });
    });

    describe('that is removed leaves nothing behind, and pods can be made:', () => {
      let deployment: Deployment;
      beforeAll(async () => {
        deployment = await startDeployment(controlPlane, 2);
      });
      afterAll(() => deployment.stop());

      afterEach(() => deployment.scaleToZero());

      const CA = { manage: 'ca' } as const;
      const overlayWith = (options: Partial<OverlayOptions>) => ({
        of: 'overlays/enforce',
        port: deployment.port,
        ...options,
      });
      const deleteNamespace = () => controlPlane.kubectl(['delete', 'namespace', NAMESPACE]);
      const deleteAll = () =>
        withOverlay(controlPlane, overlayWith({}), (directory) => [
          'delete',
          '--ignore-not-found',
          '-k',
          directory,
        ]);
      const deleteConfiguration = () => controlPlane.api('DELETE', CONFIGURATION);
      const deleteDeployment = () => controlPlane.api('DELETE', DEPLOYMENT);
      const end = () => deployment.scaleToZero();

      it.each<[string, Partial<OverlayOptions>, readonly (() => Promise<unknown>)[]]>([
        ['all of it its own: by its Namespace', {}, [deleteNamespace]],
        ['all of it its own: by kustomize', {}, [deleteAll]],
        ['all of it its own: configuration first', {}, [deleteConfiguration, deleteNamespace]],
        ['all of it its own: Deployment first', {}, [deleteDeployment, deleteConfiguration, deleteNamespace]],
        ['the CA alone its own: by its Namespace', CA, [deleteNamespace]],
        ['by its Namespace, when nobody is alive', CA, [end, deleteNamespace]],
        ['by kustomize, when nobody is alive', CA, [end, deleteAll]],
      ])('%s', async (_how, options, steps) => {
        await apply(controlPlane, overlayWith(options));
        await deployment.replace({ nodeFlags: [otherClock({ speed: 4 })] });
        await refused(controlPlane);
        await eventually(
          'it belongs to its Namespace',
          async () => (await configuration(controlPlane))?.['metadata'].ownerReferences?.length === 1,
        );
        for (const step of steps) await step();
        await eventually(
          'no configuration is there',
          async () => (await configuration(controlPlane)) === undefined,
          THREE_TIMES_TEN_SECONDS,
        );
        expect(await create(controlPlane)).toBe('created');
        await end();
        expect(await configuration(controlPlane)).toBeUndefined();
        await deleteAll();
      });
    });
  },
  ['kube-controller-manager'],
);
