import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadAll } from 'js-yaml';
import type { DecisionRecord } from '../../src/records/decision-record.ts';
import type { Json } from '../control-plane/api-client.ts';
import { startApiProxy, type ApiProxy } from './lib/api-proxy.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { describeWithControlPlane } from './lib/describe-with-control-plane.ts';
import { eventually } from '../lib/eventually.ts';
import type { User } from '../control-plane/user.ts';
import { pod, register, startWebhook, unregister, type Webhook } from './lib/webhook.ts';

const ROOT = join(import.meta.dirname, '../..');
const SEED = idIn('rules/creation_of_pod_in_system_namespace.yml');
const OWNER = idIn('rules/pod_owner_not_verified.yml');
const IMITATION = idIn('rules/pod_imitates_system_workload.yml');
const KUBE_SYSTEM = '/api/v1/namespaces/kube-system';
const APPS = '/apis/apps/v1/namespaces/kube-system';
const BATCH = '/apis/batch/v1/namespaces/kube-system';
const WAIT_MS = 60_000;

function idIn(file: string): string {
  return (loadAll(readFileSync(join(ROOT, file), 'utf8'))[0] as { id: string }).id;
}

/** The cluster's, and those in kube-system. */
const GIVEN = [
  ['ClusterRole', ''],
  ['Role', '/namespaces/kube-system'],
] as const;

function isAbout({ metadata }: Json, at: string): boolean {
  return at === '' || at.endsWith(`/${metadata.namespace}`);
}

/** The rights that the manifests give, to a service account of its own; and a token of it. */
async function shippedRights({ api, createToken }: ControlPlane): Promise<string> {
  const documents = loadAll(readFileSync(join(ROOT, 'manifests/base/30-rbac.yaml'), 'utf8')) as Json[];
  const RBAC = '/apis/rbac.authorization.k8s.io/v1';
  const metadata = { name: 'e2e-provenance' };
  await api('POST', `/api/v1/namespaces/default/serviceaccounts`, { body: { metadata } });
  const subjects = [{ kind: 'ServiceAccount', namespace: 'default', ...metadata }];
  for (const [kind, at] of GIVEN) {
    const { rules } = documents.find((each) => each['kind'] === kind && isAbout(each, at)) as Json;
    await api('POST', `${RBAC}${at}/${kind.toLowerCase()}s`, { body: { metadata, rules } });
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind, ...metadata };
    await api('POST', `${RBAC}${at}/${kind.toLowerCase()}bindings`, {
      body: { metadata, roleRef, subjects },
    });
  }
  return createToken('default', 'e2e-provenance');
}

async function removeRights({ api }: ControlPlane): Promise<void> {
  for (const path of [
    '/api/v1/namespaces/default/serviceaccounts',
    ...GIVEN.flatMap(([kind, at]) =>
      [`${kind}s`, `${kind}bindings`].map(
        (each) => `/apis/rbac.authorization.k8s.io/v1${at}/${each.toLowerCase()}`,
      ),
    ),
  ])
    await api('DELETE', `${path}/e2e-provenance`);
}

const template = (name: string, image: string, spec: Json = {}) => ({
  metadata: { labels: { app: name } },
  spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image }], ...spec },
});
const selectorOf = (name: string) => ({ matchLabels: { app: name } });
const once = { restartPolicy: 'Never' };

const DAEMON_SET = {
  metadata: { name: 'p-ds' },
  spec: { selector: selectorOf('p-ds'), template: template('p-ds', 'a:1') },
};
const DEPLOYMENT = {
  metadata: { name: 'p-deploy' },
  spec: { replicas: 1, selector: selectorOf('p-deploy'), template: template('p-deploy', 'a:1') },
};
const STATEFUL_SET = {
  metadata: { name: 'p-sts' },
  spec: {
    serviceName: 'p-sts',
    replicas: 2,
    podManagementPolicy: 'Parallel',
    selector: selectorOf('p-sts'),
    template: template('p-sts', 'a:1'),
  },
};
const CONTROLLER = {
  metadata: { name: 'p-rc' },
  spec: { replicas: 2, selector: { app: 'p-rc' }, template: template('p-rc', 'a:1') },
};
const job = (name: string, spec: Json = {}) => ({
  metadata: { name },
  spec: { ...spec, template: template(name, 'a:1', once) },
});
const CRON_JOB = {
  metadata: { name: 'p-cron' },
  spec: { schedule: '* * * * *', jobTemplate: { spec: { template: template('p-cron', 'a:1', once) } } },
};

describeWithControlPlane(
  'Who made a pod',
  (controlPlane) => {
    const { api } = controlPlane;
    let proxy: ApiProxy;
    let webhook: Webhook;
    let directory: string;

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'sigma-admission-provenance-'));
      const config = join(directory, 'config.yaml');
      writeFileSync(config, JSON.stringify({ rules: { [SEED]: 'audit', [OWNER]: 'enforce' } }));
      proxy = await startApiProxy(controlPlane, await shippedRights(controlPlane));
      // So that it begins without knowing anything.
      await proxy.cut();
      webhook = await startWebhook(
        'enforce',
        ['--config', config, '--kubeconfig', proxy.kubeconfig],
        [
          ...[
            'creation_of_pod_in_system_namespace',
            'pod_owner_not_verified',
            'pod_imitates_system_workload',
          ],
        ].map((name) => `rules/${name}.yml`),
      );
      await register(controlPlane, webhook, { mode: 'enforce', matchConditions: true, onlyCreations: true });
    });
    afterAll(async () => {
      await unregister(controlPlane);
      await webhook.stop();
      await proxy.close();
      for (const path of [
        `${APPS}/daemonsets/p-ds`,
        `${APPS}/deployments/p-deploy`,
        `${APPS}/statefulsets/p-sts`,
        `${KUBE_SYSTEM}/replicationcontrollers/p-rc`,
        `${BATCH}/jobs/p-job`,
        `${BATCH}/jobs/p-indexed`,
        `${BATCH}/cronjobs/p-cron`,
        '/apis/apps/v1/namespaces/default/daemonsets/p-ds',
      ])
        await api('DELETE', `${path}?propagationPolicy=Background`);
      await api('DELETE', `${KUBE_SYSTEM}/pods?labelSelector=app`, { body: { gracePeriodSeconds: 0 } });
      await removeRights(controlPlane);
      rmSync(directory, { recursive: true });
      await eventually('all pods are gone', async () => (await pods('')).length === 0, WAIT_MS);
    });

    /** Pods of ours in kube-system whose names begin so. */
    async function pods(prefix: string): Promise<Json[]> {
      const { body } = await api('GET', `${KUBE_SYSTEM}/pods?labelSelector=app`);
      return (body['items'] as Json[]).filter(({ metadata }) => metadata.name.startsWith(`p-${prefix}`));
    }
    /** Waits until so many are up, all with this image, and no other is left. */
    const up = (prefix: string, count: number, image = 'a:1') =>
      eventually(
        `${count} pods p-${prefix}* of ${image} are up`,
        async () => {
          const found = (await pods(prefix)).map(
            ({ status, spec }) => `${status.phase} ${spec.containers[0].image}`,
          );
          expect(found).toEqual(
            Array.from({ length: count }, () => expect.stringMatching(`^(Running|Succeeded) ${image}$`)),
          );
          return found;
        },
        WAIT_MS,
      );
    async function create(path: string, body: Json): Promise<void> {
      const { status, body: answer } = await api('POST', path, { body });
      if (status !== 201) throw new Error(`${path}: ${answer['message']}`);
    }
    async function change(path: string, spec: Json): Promise<void> {
      const contentType = 'application/strategic-merge-patch+json';
      const { status, body } = await api('PATCH', path, { body: { spec }, contentType });
      if (status !== 200) throw new Error(`${path}: ${body['message']}`);
    }
    const image = (named: string) => ({ template: { spec: { containers: [{ name: 'c', image: named }] } } });
    const readyz = () =>
      new Promise<string>((resolve, reject) => {
        get(
          { port: webhook.port, host: '127.0.0.1', path: '/readyz?verbose', ca: webhook.authorityPem },
          (response) => resolve(text(response)),
        ).on('error', reject);
      });
    const synced = () =>
      eventually('all is known', async () =>
        /provenance ok: \d+ objects known of kube-system \(seen/m.test(await readyz()),
      );

    /** What controllers did since: nobody may have been refused or suspected. */
    function expectNoSuspicion(from: number): readonly DecisionRecord[] {
      const theirs = webhook.records
        .slice(from)
        .filter(({ user }) => user?.username?.startsWith('system:serviceaccount:kube-system:'));
      const suspected = theirs.filter(
        ({ verdict, matches }) =>
          verdict !== 'allow' || matches.some(({ id }) => id === OWNER || id === IMITATION),
      );
      expect(suspected).toEqual([]);
      return theirs;
    }
    const madeBy = (records: readonly DecisionRecord[]) =>
      Object.fromEntries(
        Object.entries(Object.groupBy(records, ({ owner }) => owner?.kind ?? 'none')).map(
          ([kind, of = []]) => [kind, of.length],
        ),
      );

    describe('is not doubted of a controller', () => {
      it('that makes pods just when we come up, and know nothing yet', async () => {
        expect(await readyz()).toContain('not all yet, or not any more, of kube-system');
        const from = webhook.records.length;
        const made = Promise.all([
          create(`${APPS}/daemonsets`, DAEMON_SET),
          create(`${APPS}/deployments`, DEPLOYMENT),
          create(`${APPS}/statefulsets`, STATEFUL_SET),
          create(`${KUBE_SYSTEM}/replicationcontrollers`, CONTROLLER),
        ]);
        await Promise.all([made, proxy.mend()]);
        await Promise.all([up('ds', 1), up('deploy', 1), up('sts', 2), up('rc', 2)]);
        await synced();
        expect(Object.keys(madeBy(expectNoSuspicion(from))).toSorted()).toEqual([
          'DaemonSet',
          'ReplicaSet',
          'ReplicationController',
          'StatefulSet',
        ]);
      });

      it('that scales, rolls, retries, and runs Jobs', async () => {
        const from = webhook.records.length;
        await change(`${APPS}/deployments/p-deploy`, { replicas: 50 });
        await up('deploy', 50);
        await change(`${APPS}/deployments/p-deploy`, { replicas: 1 });
        await Promise.all([
          change(`${APPS}/daemonsets/p-ds`, image('a:2')),
          change(`${APPS}/statefulsets/p-sts`, {
            updateStrategy: { rollingUpdate: { partition: 1 } },
            ...image('a:2'),
          }),
          create(`${BATCH}/jobs`, job('p-job', { parallelism: 20, completions: 20 })),
          create(
            `${BATCH}/jobs`,
            job('p-indexed', { parallelism: 3, completions: 3, completionMode: 'Indexed' }),
          ),
        ]);
        await Promise.all([up('deploy', 1), up('ds', 1, 'a:2'), up('job', 20), up('indexed', 3)]);
        await eventually(
          'the second of the set is new',
          async () => (await pods('sts-1'))[0]?.['spec'].containers[0].image === 'a:2',
        );
        // Of the first, its controller makes another of the revision before.
        await api('DELETE', `${KUBE_SYSTEM}/pods/p-sts-0?gracePeriodSeconds=0`);
        await eventually('the first is there again', async () => (await pods('sts-0')).length === 1);
        await change(`${APPS}/deployments/p-deploy`, image('a:2'));
        await up('deploy', 1, 'a:2');
        const theirs = expectNoSuspicion(from);
        const { ReplicaSet = 0, Job = 0 } = madeBy(theirs);
        expect([ReplicaSet >= 50, Job >= 23]).toEqual([true, true]);
        const old = theirs.findLast(({ name }) => name === 'p-sts-0');
        expect(old?.provenance?.owner).toEqual({ verified: true, imagesMatch: true });
      });

      it('that tries again what a quota refused', async () => {
        const from = webhook.records.length;
        await create(`${KUBE_SYSTEM}/resourcequotas`, {
          metadata: { name: 'none' },
          spec: { hard: { pods: '0' } },
        });
        const quota = `${KUBE_SYSTEM}/resourcequotas/none`;
        await eventually(
          'it is in force',
          async () => (await api('GET', quota)).body['status']?.hard?.pods === '0',
        );
        await change(`${APPS}/deployments/p-deploy`, { replicas: 3 });
        await eventually('it was tried', () => webhook.records.length > from);
        await api('DELETE', quota);
        await up('deploy', 3, 'a:2');
        expect((madeBy(expectNoSuspicion(from))['ReplicaSet'] ?? 0) > 2).toBe(true);
      });

      it('while what we watch is cut off, and when it is back', async () => {
        const from = webhook.records.length;
        await proxy.cut();
        await change(`${APPS}/deployments/p-deploy`, { replicas: 6, ...image('a:3') });
        await change(`${APPS}/daemonsets/p-ds`, image('a:3'));
        await Promise.all([up('deploy', 6, 'a:3'), up('ds', 1, 'a:3')]);
        await eventually('it is noticed', async () => (await readyz()).includes('not any more'));
        const blind = webhook.records.length;
        await change(`${APPS}/deployments/p-deploy`, { replicas: 8 });
        await up('deploy', 8, 'a:3');
        const unseen = expectNoSuspicion(blind).map(({ provenance }) => provenance?.owner?.verified);
        expect([...new Set(unseen)]).toEqual(['unknown']);
        await proxy.mend();
        await change(`${APPS}/deployments/p-deploy`, { replicas: 2, ...image('a:4') });
        await up('deploy', 2, 'a:4');
        await synced();
        expectNoSuspicion(from);
      });

      it('while whatever we ask is answered with 500', async () => {
        const from = webhook.records.length;
        proxy.fail();
        await change(`${APPS}/deployments/p-deploy`, { replicas: 5, ...image('a:5') });
        await create(`${BATCH}/jobs`, job('p-failing'));
        await Promise.all([up('deploy', 5, 'a:5'), up('failing', 1)]);
        const unjudged = expectNoSuspicion(from).filter(({ notJudged }) =>
          notJudged.some(({ id }) => id === OWNER),
        );
        expect(unjudged.map(({ provenance }) => provenance?.owner?.verified)).toContain('unknown');
        await api('DELETE', `${BATCH}/jobs/p-failing?propagationPolicy=Background`);
        await proxy.mend();
        await synced();
      });

      it('that runs what a CronJob made', async () => {
        await create(`${BATCH}/cronjobs`, CRON_JOB);
        // As if its controller had been away for a minute: it makes up for that at once.
        const lastScheduleTime = new Date(Date.now() - 90_000).toISOString().replace(/\.\d+/, '');
        await api('PATCH', `${BATCH}/cronjobs/p-cron/status`, { body: { status: { lastScheduleTime } } });
        await eventually('its minute has come', async () => (await pods('cron')).length > 0, 70_000);
        await api('DELETE', `${BATCH}/cronjobs/p-cron?propagationPolicy=Background`);
        const made = expectNoSuspicion(0).filter(({ name = '' }) => name.startsWith('p-cron-'));
        expect(made[0]?.provenance).toEqual({
          creator: 'controller',
          owner: { verified: true, imagesMatch: true },
        });
      }, 90_000);
    });

    describe('is seen through', () => {
      const controller = async (name: string): Promise<User> => ({
        token: await controlPlane.createToken('kube-system', `${name}-controller`),
      });
      /** As the controller of p-ds makes its pods, but for the changes. */
      async function ofDaemonSet(
        changes: { metadata?: Json; spec?: Json; owner?: Json } = {},
      ): Promise<Json> {
        const { body } = await api('GET', `${APPS}/daemonsets/p-ds`);
        const owner = {
          apiVersion: 'apps/v1',
          kind: 'DaemonSet',
          name: 'p-ds',
          uid: body['metadata'].uid,
          controller: true,
          blockOwnerDeletion: true,
          ...changes.owner,
        };
        const metadata = {
          name: undefined, // Generated.
          generateName: 'p-ds-',
          labels: { app: 'p-ds' },
          ownerReferences: [owner],
          ...changes.metadata,
        };
        // No kubelet is there, so that nothing happens to it.
        return pod('', 'kube-system', {
          metadata,
          spec: { nodeName: 'nowhere', containers: [{ name: 'c', image: 'a:3' }], ...changes.spec },
        });
      }
      /** Makes it, and finds what is on record of it. */
      async function attempt(object: Json, user: User | undefined, args: readonly string[] = []) {
        const from = webhook.records.length;
        const outcome = await controlPlane.kubectl([...args, 'create', '-f', '-'], {
          input: object,
          ...(user && { user }),
        });
        const record = await eventually('it is on record', () =>
          webhook.records
            .slice(from)
            .find(({ name = '' }) =>
              name.startsWith(object['metadata'].name ?? object['metadata'].generateName),
            ),
        );
        if (outcome.exitCode === 0)
          await api('DELETE', `${KUBE_SYSTEM}/pods/${record.name}?gracePeriodSeconds=0`);
        return { ...outcome, record };
      }
      const refusal = (entry: 'guard' | 'observe', name: string, problem: string) =>
        new RegExp(
          `^Error from server \\(Forbidden\\): error when creating "STDIN": admission webhook "${entry}\\.sigma-admission\\.svc" denied the request: Pod Owner Not Verified: pods kube-system/${name} by .*Its owner is not verified: ${problem}\\. `,
          'm',
        );

      const REFUSED: readonly [
        string,
        'guard' | 'observe',
        string,
        () => Promise<readonly [Json, User | undefined, (readonly string[])?]>,
      ][] = [
        [
          'a stolen controller’s token, with no owner',
          'observe',
          'it names no owner, and daemon-set-controller makes no pod without one',
          async () => [
            await ofDaemonSet({ metadata: { ownerReferences: [] } }),
            await controller('daemon-set'),
          ],
        ],
        [
          'with an owner of another uid',
          'observe',
          'no DaemonSet p-ds with uid 00000000-0000-4000-8000-000000000000 in kube-system',
          async () => [
            await ofDaemonSet({ owner: { uid: '00000000-0000-4000-8000-000000000000' } }),
            await controller('daemon-set'),
          ],
        ],
        [
          'with an owner in another namespace',
          'observe',
          'no DaemonSet p-other with uid UID in kube-system',
          async () => {
            const body = {
              metadata: { name: 'p-other' },
              spec: {
                ...DAEMON_SET.spec,
                template: template('p-ds', 'a:1', { nodeSelector: { none: 'such' } }),
              },
            };
            const path = '/apis/apps/v1/namespaces/default/daemonsets';
            const { body: other } = await api('POST', path, { body });
            await api('DELETE', `${path}/p-other?propagationPolicy=Orphan`);
            const owner = { name: 'p-other', uid: other['metadata'].uid };
            return [
              await ofDaemonSet({ owner, metadata: { generateName: 'p-other-' } }),
              await controller('daemon-set'),
            ];
          },
        ],
        [
          'with the right owner, and a label that it does not select',
          'observe',
          'its labels do not match the selector of DaemonSet p-ds',
          async () => [
            await ofDaemonSet({ metadata: { labels: { app: 'other' } } }),
            await controller('daemon-set'),
          ],
        ],
        [
          'with the right owner, by another controller’s token',
          'observe',
          'it is made by job-controller, and only daemon-set-controller makes the pods of a DaemonSet',
          async () => [await ofDaemonSet(), await controller('job')],
        ],
        [
          'by impersonation of a controller',
          'guard',
          'its creator has the name of daemon-set-controller without its uid',
          async () => [
            await ofDaemonSet(),
            undefined,
            [`--as=system:serviceaccount:kube-system:daemon-set-controller`],
          ],
        ],
        [
          'by impersonation of a controller with its uid',
          'observe',
          'its creator has the name of daemon-set-controller without its credential-id',
          async () => {
            const { body } = await api('GET', `${KUBE_SYSTEM}/serviceaccounts/daemon-set-controller`);
            const as = [
              `--as=system:serviceaccount:kube-system:daemon-set-controller`,
              `--as-uid=${body['metadata'].uid}`,
            ];
            return [await ofDaemonSet(), undefined, as];
          },
        ],
        [
          'by a controller’s token that is bound to a pod',
          'guard',
          'its creator uses a token of daemon-set-controller that is bound to a pod',
          async () => {
            const thief = pod('thief', 'kube-system', {
              spec: { serviceAccountName: 'daemon-set-controller' },
            });
            const { body } = await api('POST', `${KUBE_SYSTEM}/pods`, { body: thief });
            const to = { kind: 'Pod', apiVersion: 'v1', name: 'thief', uid: body['metadata'].uid };
            return [
              await ofDaemonSet(),
              { token: await controlPlane.createToken('kube-system', 'daemon-set-controller', to) },
            ];
          },
        ],
      ];

      it.each(REFUSED)('%s', async (_, entry, problem, prepare) => {
        const [object, user, args] = await prepare();
        const { stderr, record } = await attempt(object, user, args);
        await api('DELETE', `${KUBE_SYSTEM}/pods/thief?gracePeriodSeconds=0`);
        const said = problem.replace('UID', record.owner?.uid ?? '');
        expect(stderr).toMatch(refusal(entry, record.name ?? '', said));
        expect(record).toMatchObject({
          verdict: 'deny',
          provenance: { owner: { verified: false, problem: said } },
        });
        const match = record.matches.find(({ id }) => id === OWNER);
        expect([match?.mode, match?.filter]).toEqual(['enforce', undefined]);
        expect(match?.evidence).toContainEqual(
          expect.objectContaining({ field: 'provenance.owner.verified', value: 'false' }),
        );
      });

      it('another image under the right owner, which is recorded, not refused', async () => {
        // Of one whose template did not change within half a minute.
        const { body } = await api('GET', `${KUBE_SYSTEM}/replicationcontrollers/p-rc`);
        const { uid } = body['metadata'];
        const owner = { apiVersion: 'v1', kind: 'ReplicationController', name: 'p-rc', uid };
        const metadata = { generateName: 'p-rc-', labels: { app: 'p-rc' } };
        const spec = { containers: [{ name: 'c', image: 'evil:1' }] };
        const { record, stderr } = await attempt(
          await ofDaemonSet({ owner, metadata, spec }),
          await controller('replication'),
        );
        expect([stderr, record.verdict, record.provenance]).toEqual([
          '',
          'allow',
          { creator: 'controller', owner: { verified: true, imagesMatch: false } },
        ]);
      });

      it('a taken name of a StatefulSet, which the API server itself refuses', async () => {
        const [taken] = (await pods('sts-0')) as [Json];
        const { name, generateName, labels, ownerReferences } = taken['metadata'];
        const object = pod(name, 'kube-system', {
          metadata: { generateName, labels, ownerReferences },
          spec: { containers: [{ name: 'c', image: 'a:1' }] },
        });
        const { stderr, record } = await attempt(object, await controller('statefulset'));
        expect(stderr).toBe(
          'Error from server (AlreadyExists): error when creating "STDIN": pods "p-sts-0" already exists, the server was not able to generate a unique name for the object\n',
        );
        expect(record.provenance).toEqual({
          creator: 'controller',
          owner: { verified: true, imagesMatch: true },
        });
      });

      it('an orphan that is made to be adopted, which is warned of', async () => {
        const [one] = (await pods('deploy')) as [Json];
        const from = webhook.records.length;
        const orphan = pod('p-deploy-orphan', 'kube-system', {
          metadata: { labels: one['metadata'].labels },
        });
        const { stderr } = await controlPlane.kubectl(['create', '-f', '-'], { input: orphan });
        const record = await eventually('it is on record', () =>
          webhook.records.slice(from).find(({ name }) => name === 'p-deploy-orphan'),
        );
        const adopted = await eventually('it is adopted, or thrown away as one too many', async () => {
          const { status, body } = await api('GET', `${KUBE_SYSTEM}/pods/p-deploy-orphan`);
          return status === 404 || (body['metadata'].ownerReferences ?? []).length > 0;
        });
        expect(adopted).toBe(true);
        await api('DELETE', `${KUBE_SYSTEM}/pods/p-deploy-orphan?gracePeriodSeconds=0`);
        expect(stderr).toMatch(/^Warning: Pod Imitates System Workload: .*p-deploy-orphan/);
        expect(record).toMatchObject({
          verdict: 'warn',
          provenance: { creator: 'user', imitates: 'Deployment p-deploy' },
        });
        expect(record.provenance?.evidence?.join('\n')).toMatch(/label/);
      });

      it('is looked up at the API server only where the cache does not say it all', () => {
        expect(proxy.asked(/\/daemonsets\/p-ds$/)).toBeGreaterThan(0);
        expect(proxy.asked(/\/pods/)).toBe(0);
      });
    });
  },
  ['kube-controller-manager', 'kube-scheduler'],
);
