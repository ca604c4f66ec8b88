import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { webhookConfiguration } from '../../src/registration/webhook-configuration.ts';
import type { Json } from '../control-plane/api-client.ts';
import { startControlPlane, type OwnControlPlane } from '../control-plane/control-plane.ts';
import { startDeployment, type Deployment } from '../control-plane/deployment.ts';
import { createOverlay, type OverlayOptions } from '../control-plane/overlay.ts';
import { eventually } from '../lib/eventually.ts';
import { describeWithPrograms } from './lib/describe-with-control-plane.ts';
import { pod } from './lib/webhook.ts';

const NAMESPACE = 'sigma-admission';
const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
const CONFIGURATION = `${CONFIGURATIONS}/sigma-admission`;
const DEPLOYMENT = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/sigma-admission`;
const SERVICE = `/api/v1/namespaces/${NAMESPACE}/services/sigma-admission`;
const DENIAL =
  'admission webhook "guard.sigma-admission.svc" denied the request: Creation Of Pod In System Namespace';
const THREE_TIMES_TEN_SECONDS = 30_000;
/** A rollout, twice. */
const SLOW_MS = 180_000;
jest.setTimeout(SLOW_MS);

const CLIENT_SIDE: readonly string[] = [];
const SERVER_SIDE = ['--server-side', '--force-conflicts', '--field-manager=kustomize-controller'];
const HOW = [
  ['client-side', CLIENT_SIDE],
  ['server-side', SERVER_SIDE],
] as const;
/** The label that the webhook configuration has, and nothing else of the release. */
const CONFIGURATION_ALONE = ['-l', 'admissions.enforcer/disabled=true'];
const ALL_BUT_THE_CONFIGURATION = ['-l', 'admissions.enforcer/disabled!=true'];

const FOUR = { guard: 'Fail', observe: 'Ignore', probe: 'Fail', self: 'Ignore' };
const SIX = { ...FOUR, other: 'Ignore', 'other-observe': 'Ignore' };

describeWithPrograms(
  'Whose the webhook configuration is:',
  () => {
    let controlPlane: OwnControlPlane;
    let deployment: Deployment;
    beforeAll(async () => {
      controlPlane = await startControlPlane({ without: ['kube-scheduler'] });
      deployment = await startDeployment(controlPlane, 2);
    }, 60_000);
    afterAll(async () => {
      await deployment?.stop();
      await controlPlane?.stop();
    }, 60_000);
    /** All of the configuration is made by two replicas, and is as they want it. */
    async function takeAll(): Promise<void> {
      await apply(all());
      await deployment.replace();
      await becomes(SIX);
      await inOrder();
    }

    async function remove(): Promise<void> {
      await controlPlane.kubectl(['delete', 'namespace', '--ignore-not-found', NAMESPACE]);
      await deployment.scaleToZero();
      await controlPlane.api('DELETE', CONFIGURATION);
    }

    const all = (): OverlayOptions => ({
      of: 'overlays/enforce',
      port: deployment.port,
    });
    /** The configuration is in Git, as it shipped when the replicas wrote the CA alone by default. */
    const inGit = (): OverlayOptions => {
      const { webhooks } = webhookConfiguration({
        namespace: NAMESPACE,
        service: 'sigma-admission',
        port: deployment.port,
        enforcing: true,
        distribution: 'upstream',
      });
      const entries = JSON.stringify([{ op: 'add', path: '/webhooks', value: webhooks }]);
      return {
        of: 'overlays/enforce',
        components: ['components/manage-ca'],
        port: deployment.port,
        patches: [{ target: { kind: 'ValidatingWebhookConfiguration' }, patch: entries }],
      };
    };

    async function withOverlay(options: OverlayOptions, args: readonly string[]): Promise<string> {
      const overlay = createOverlay(options);
      try {
        const { exitCode, stdout, stderr } = await controlPlane.kubectl([...args, overlay.directory]);
        return exitCode === 0 ? stdout : `exit ${exitCode}: ${stdout}${stderr}`;
      } finally {
        overlay.remove();
      }
    }
    async function apply(options: OverlayOptions, how = CLIENT_SIDE, which: readonly string[] = []) {
      const said = await withOverlay(options, ['apply', ...how, ...which, '-k']);
      expect(said).not.toMatch(/^exit /);
    }
    async function found(): Promise<Json | undefined> {
      const { status, body } = await controlPlane.api('GET', CONFIGURATION);
      return status === 200 ? body : undefined;
    }
    const policies = (configuration: Json | undefined): Record<string, string> =>
      Object.fromEntries(
        (configuration?.['webhooks'] ?? []).map(({ name, failurePolicy }: Json) => [
          name.split('.')[0],
          failurePolicy,
        ]),
      );
    const becomes = (wanted: Record<string, string>) =>
      eventually(
        'the entries are as wanted',
        async () => JSON.stringify(sorted(policies(await found()))) === JSON.stringify(sorted(wanted)),
        THREE_TIMES_TEN_SECONDS,
      );
    const sorted = (of: Record<string, string>) => Object.entries(of).toSorted();
    async function create(): Promise<string> {
      const { status, body } = await controlPlane.api(
        'POST',
        '/api/v1/namespaces/kube-system/pods?dryRun=All',
        { body: pod('kube-proxy-bv61v', 'kube-system') },
      );
      return status === 201 ? 'created' : String(body['message']);
    }
    const refused = () =>
      eventually(
        'a human is refused',
        async () => (await create()).startsWith(DENIAL),
        THREE_TIMES_TEN_SECONDS,
      );
    const each = async (what: string, is: (text: string) => boolean) => {
      await eventually(
        what,
        async () => (await Promise.all(deployment.replicas.map((replica) => replica.readyz()))).every(is),
        THREE_TIMES_TEN_SECONDS,
      );
    };
    const inOrder = () =>
      each('each finds it as it should be', (text) => text.includes(': as it should be;'));
    const noted = (reason: string) =>
      eventually(
        `an Event ${reason}`,
        async () => {
          const path = `/apis/events.k8s.io/v1/namespaces/${NAMESPACE}/events`;
          const { body } = await controlPlane.api('GET', path);
          return body['items'].find((event: Json) => event['reason'] === reason)?.note as string | undefined;
        },
        THREE_TIMES_TEN_SECONDS,
      );
    const counted = async (metric: string) => {
      const texts = await Promise.all(deployment.replicas.map((replica) => replica.metrics()));
      return texts
        .flatMap((text) => text.split('\n'))
        .filter((line) => line.startsWith(metric))
        .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    };
    /** What guard did, from now until the answer is asked for; 'missing' where it was not there. */
    function watchGuard(): () => Promise<readonly string[]> {
      const seen = new Set<string>();
      const ended = new AbortController();
      const watched = controlPlane
        .watch(
          `${CONFIGURATIONS}?fieldSelector=metadata.name=sigma-admission`,
          ({ type, object }) => seen.add((type !== 'DELETED' && policies(object)['guard']) || 'missing'),
          { signal: ended.signal },
        )
        .catch(() => {});
      return async () => {
        ended.abort();
        await watched;
        return [...seen];
      };
    }

    describe.each(HOW)('applied %s,', (_, how) => {
      beforeAll(async () => {
        await apply(inGit(), how);
        await deployment.replace();
        await becomes(FOUR);
        await refused();
      }, SLOW_MS);
      afterAll(remove, SLOW_MS);

      it('into all, the replicas first and the emptied list then, guard is never away', async () => {
        const seen = watchGuard();
        await apply(all(), how, ALL_BUT_THE_CONFIGURATION);
        await deployment.rollOut();
        await becomes(SIX);
        await inOrder();
        await apply(all(), how);
        await inOrder();
        expect(policies(await found())).toEqual(SIX);
        await refused();
        expect(await seen()).toEqual(['Fail']);
      });

      it('twenty times as fast as it goes, no entry is lost, and no difference is left', async () => {
        const before = (await found())?.['webhooks'];
        const seen = watchGuard();
        for (let time = 0; time < 20; time += 1) await apply(all(), how, CONFIGURATION_ALONE);
        await inOrder();
        expect((await found())?.['webhooks']).toEqual(before);
        expect(await seen()).toEqual(['Fail']);
        expect(await withOverlay(all(), ['diff', ...how, '-k'])).toBe('');
        expect(await counted('sigma_admission_webhook_configuration_reversions_total')).toBe(0);
      });

      it('out of all, what only the replicas had added goes, and guard stays', async () => {
        const seen = watchGuard();
        await apply(inGit(), how);
        await deployment.rollOut();
        await becomes(FOUR);
        await refused();
        expect(await seen()).toEqual(['Fail']);
      });
    });

    it.each(HOW)('into all in one apply, %s, it is back with the first new replica', async (_, how) => {
      await apply(inGit(), how);
      await deployment.replace();
      await becomes(FOUR);
      await apply(all(), how);
      expect(policies(await found())).toEqual({});
      await deployment.rollOut();
      await becomes(SIX);
      await refused();
      await remove();
    });

    describe('all of it is ours:', () => {
      beforeAll(takeAll, SLOW_MS);
      afterAll(remove, SLOW_MS);

      it('an annotation that says that a replica wrote it later is believed by nobody', async () => {
        const configuration = (await found()) as Json;
        const [guard, ...others] = configuration['webhooks'];
        const matchConditions = [{ name: 'nobody', expression: 'false' }];
        const later = new Date(Date.now() - 1_000).toISOString();
        const annotations = { 'sigma-admission/content': `ffffffffffffffff ${later}` };
        await controlPlane.api('PUT', `${CONFIGURATION}?fieldManager=mallory`, {
          body: {
            ...configuration,
            metadata: { ...configuration['metadata'], annotations },
            webhooks: [{ ...guard, matchConditions }, ...others],
          },
        });
        await eventually(
          'guard asks again',
          async () => JSON.stringify((await found())?.['webhooks'][0]) === JSON.stringify(guard),
          THREE_TIMES_TEN_SECONDS,
        );
        await refused();
        expect(await counted('sigma_admission_webhook_configuration_deferrals_total')).toBe(0);
        expect(await noted('WebhookConfigurationRestored')).toContain(
          'it was edited (field manager mallory, as it calls itself): guard.sigma-admission.svc: matchConditions',
        );
      });

      it('without our Service guard stays closed, and what is deleted then is made when the Service is back', async () => {
        const { body: service } = await controlPlane.api('GET', SERVICE);
        await controlPlane.api('DELETE', SERVICE);
        expect(await noted('ServiceMissing')).toContain('our Service is missing');
        await inOrder();
        expect(policies(await found())).toEqual(SIX);
        expect(await create()).toContain('failed calling webhook "guard.sigma-admission.svc"');
        const annotate = (value: string) =>
          controlPlane.kubectl(['-n', NAMESPACE, 'annotate', 'deployment/sigma-admission', value]);
        await annotate('sigma-admission/break-glass=the Service is gone');
        await becomes({ ...SIX, guard: 'Ignore', probe: 'Ignore' });
        expect(await create()).toBe('created');
        await annotate('sigma-admission/break-glass-');
        await becomes(SIX);
        await inOrder();
        await controlPlane.api('DELETE', CONFIGURATION);
        await each('each sees that it is missing', (text) => text.includes('sigma-admission does not exist'));
        expect(await found()).toBeUndefined();
        const { name, namespace } = service['metadata'];
        await controlPlane.api('POST', SERVICE.slice(0, SERVICE.lastIndexOf('/')), {
          body: { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec: service['spec'] },
        });
        await becomes(SIX);
        await refused();
      });

      it('a Deployment that its finalizers hold opens guard, and an Event names them', async () => {
        const finalizers = (value: readonly string[]) =>
          controlPlane.api('PATCH', DEPLOYMENT, { body: { metadata: { finalizers: value } } });
        await finalizers(['example.com/hold']);
        await controlPlane.api('DELETE', DEPLOYMENT);
        expect(await noted('NothingFailsClosed')).toBe(
          'our Deployment is being deleted, and is held by its finalizers example.com/hold: nothing fails closed, nothing is restored',
        );
        await becomes({ ...SIX, guard: 'Ignore', probe: 'Ignore' });
        await each('each says so', (text) =>
          text.includes(
            '[!]configuration wrong: sigma-admission: every entry fails open: our Deployment is being deleted',
          ),
        );
        await finalizers([]);
      });
    });

    describe('all of it is ours, and another client replaces it:', () => {
      beforeAll(takeAll, SLOW_MS);
      afterAll(remove, SLOW_MS);

      it('it is back five times in ten minutes in all, and no client is blamed that owns something else', async () => {
        const labels = {
          apiVersion: 'admissionregistration.k8s.io/v1',
          kind: 'ValidatingWebhookConfiguration',
          metadata: { name: 'sigma-admission', labels: { a: '1', b: '2', c: '3' } },
        };
        const { status } = await controlPlane.api(
          'PATCH',
          `${CONFIGURATION}?fieldManager=kustomize-controller`,
          {
            body: labels,
            contentType: 'application/apply-patch+yaml',
          },
        );
        expect(status).toBe(200);
        const replace = async () => {
          const { exitCode, stderr } = await controlPlane.kubectl(['replace', '-f', '-'], {
            input: { ...labels, webhooks: [] },
          });
          expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
        };
        for (let time = 0; time < 5; time += 1) {
          await replace();
          await becomes(SIX);
          await inOrder();
        }
        await replace();
        await eventually(
          'each lets it be',
          async () => (await counted('sigma_admission_webhook_configuration_contested')) === 2,
          THREE_TIMES_TEN_SECONDS,
        );
        expect(policies(await found())).toEqual({});
        const reversions = 'sigma_admission_webhook_configuration_reversions_total';
        expect(await counted(reversions)).toBe(5);
        expect(await counted(`${reversions}{what="edited",manager=""}`)).toBe(5);
        const lease = await controlPlane.api(
          'GET',
          `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases/sigma-admission`,
        );
        expect(lease.body['spec']).toMatchObject({ leaseTransitions: 5, leaseDurationSeconds: 600 });
      });
    });
  },
  ['kube-controller-manager'],
);
