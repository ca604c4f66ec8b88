import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Mode } from '../../src/policy/mode.ts';
import type { DecisionRecord } from '../../src/records/decision-record.ts';
import type { Json } from '../control-plane/api-client.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { describeWithControlPlane } from './lib/describe-with-control-plane.ts';
import { eventually } from '../lib/eventually.ts';
import type { KubectlOptions, KubectlOutcome } from '../control-plane/kubectl.ts';
import { mirrorPod } from './lib/mirror-pod.ts';
import { nodeUser, type User } from '../control-plane/user.ts';
import { bringUpWorkloads } from './lib/workloads.ts';
import { pod, register, startWebhook, unregister, type Webhook } from './lib/webhook.ts';

const SEED = 'a80d927d-ac6e-443f-a867-e8d6e3897318';
const CONTROLLERS = 'Controllers that make pods';
const MIRROR_PODS = 'Mirror pods made by kubelets';
const DAEMON_SET_CONTROLLER = 'system:serviceaccount:kube-system:daemon-set-controller';
const ALLOW = `To allow it, an administrator adds a Sigma filter for this user, or sets rule ${SEED} to warn.`;

function line(name: string, by: string): string {
  return `Creation Of Pod In System Namespace: pods kube-system/${name} by ${by} (Sigma a80d927d, medium, T1036.005)`;
}

/** One request, and what it must come to. */
interface Scenario {
  readonly name: string;
  readonly run: (controlPlane: ControlPlane) => Promise<KubectlOutcome & { readonly pod: string }>;
  /** What the client reads; `named` is the pod's name. */
  readonly done: (named: string) => string;
  /** The warning, and what it is when the same is refused; absent where nobody minds. */
  readonly caught?: { readonly by: string; readonly refused: string };
  readonly record: Partial<DecisionRecord> | undefined;
  /** The filter that must be on record. */
  readonly filter?: string;
  readonly namespace?: string;
  readonly isDryRun?: boolean;
}

async function kubectlCreate(
  controlPlane: ControlPlane,
  object: Json,
  options: KubectlOptions & { args?: string[] } = {},
) {
  const { args = ['create', '-f', '-'], ...rest } = options;
  const outcome = await controlPlane.kubectl(args, { input: object, ...rest });
  const [, named = object['metadata'].name ?? ''] = /pod\/(\S+)/.exec(outcome.stdout) ?? [];
  return { ...outcome, pod: named as string };
}

const created = (named: string) => `pod/${named} created\n`;
const creating = 'Error from server (Forbidden): error when creating "STDIN": ';

/** As the legitimate maker of a mirror pod does, but somebody else. */
async function forgedMirrorPod(controlPlane: ControlPlane): Promise<Json> {
  const forged = await mirrorPod(controlPlane, 'node1', 'forged');
  return { ...forged, spec: { ...forged['spec'], tolerations: undefined } };
}

const CAUGHT: readonly Scenario[] = [
  {
    name: 'by an administrator, named kube-proxy-bv61v',
    run: (at) => kubectlCreate(at, pod('kube-proxy-bv61v', 'kube-system')),
    done: created,
    caught: { by: 'admin', refused: creating },
    record: { name: 'kube-proxy-bv61v', namespace: 'kube-system', dryRun: false },
  },
  {
    name: 'with a generated name',
    run: (at) =>
      kubectlCreate(
        at,
        pod('', 'kube-system', { metadata: { name: undefined, generateName: 'kube-proxy-' } }),
      ),
    done: created,
    caught: { by: 'admin', refused: creating },
    record: { name: expect.stringMatching(/^kube-proxy-[a-z0-9]{5}$/) as unknown as string },
  },
  {
    name: 'by server-side apply, whose audit verb is patch',
    run: (at) =>
      kubectlCreate(at, pod('applied', 'kube-system'), { args: ['apply', '--server-side', '-f', '-'] }),
    done: (named) => `pod/${named} serverside-applied\n`,
    caught: { by: 'admin', refused: 'Error from server (Forbidden): ' },
    record: { name: 'applied' },
  },
  {
    name: 'as a dry run',
    run: (at) =>
      kubectlCreate(at, pod('rehearsed', 'kube-system'), { args: ['create', '--dry-run=server', '-f', '-'] }),
    done: (named) => `pod/${named} created (server dry run)\n`,
    caught: { by: 'admin', refused: creating },
    record: { name: 'rehearsed', dryRun: true },
    isDryRun: true,
  },
  {
    name: 'with the annotation of a mirror pod',
    run: async (at) => kubectlCreate(at, await forgedMirrorPod(at)),
    done: created,
    caught: { by: 'admin', refused: creating },
    record: { name: 'forged-node1' },
  },
  {
    name: 'as a controller, by impersonation',
    run: (at) =>
      kubectlCreate(at, pod('imitated', 'kube-system'), {
        args: [`--as=${DAEMON_SET_CONTROLLER}`, 'create', '-f', '-'],
      }),
    done: created,
    caught: { by: 'system:se…ntroller', refused: creating },
    record: {
      name: 'imitated',
      user: expect.objectContaining({ username: DAEMON_SET_CONTROLLER }) as DecisionRecord['user'] & {},
    },
  },
  {
    name: 'as a controller and a node at once, by impersonation',
    run: (at) =>
      kubectlCreate(at, pod('imitated-too', 'kube-system'), {
        args: [`--as=${DAEMON_SET_CONTROLLER}`, '--as-group=system:nodes', 'create', '-f', '-'],
      }),
    done: created,
    caught: { by: 'system:…roller', refused: creating },
    record: { name: 'imitated-too' },
  },
  {
    name: 'with a controller’s token that is bound to a pod',
    run: async (at) => {
      const { body } = await at.api('POST', '/api/v1/namespaces/default/pods', {
        body: pod('thief', 'default'),
      });
      const thief = await at.api('POST', '/api/v1/namespaces/kube-system/pods', {
        body: pod('thief', 'kube-system', { spec: { serviceAccountName: 'daemon-set-controller' } }),
        user: await controllerToken(at),
      });
      await remove(at, 'default', body['metadata'].name);
      const { uid } = thief.body['metadata'];
      const token = await at.createToken('kube-system', 'daemon-set-controller', {
        kind: 'Pod',
        apiVersion: 'v1',
        name: 'thief',
        uid,
      });
      const outcome = await kubectlCreate(at, pod('bound', 'kube-system'), { user: { token } });
      await remove(at, 'kube-system', 'thief');
      return outcome;
    },
    done: created,
    caught: { by: 'system:ser…controller', refused: creating },
    record: { name: 'bound' },
  },
];

async function controllerToken({ createToken }: ControlPlane): Promise<User> {
  return { token: await createToken('kube-system', 'daemon-set-controller') };
}

const ACCEPTED: readonly Scenario[] = [
  {
    name: 'a mirror pod by its node',
    run: async (at) =>
      kubectlCreate(at, await mirrorPod(at, 'node1', 'kube-scheduler'), { user: nodeUser('node1') }),
    done: created,
    record: {
      name: 'kube-scheduler-node1',
      user: { username: 'system:node:node1', groups: ['system:nodes', 'system:authenticated'] },
    },
    filter: MIRROR_PODS,
  },
  {
    name: 'a stolen controller token, let through by identity, on record with the filter',
    run: async (at) =>
      kubectlCreate(at, pod('kube-proxy-stole', 'kube-system'), { user: await controllerToken(at) }),
    done: created,
    record: { name: 'kube-proxy-stole' },
    filter: CONTROLLERS,
  },
];

const UNNOTICED: readonly Scenario[] = [
  {
    name: 'the same pod in default',
    run: (at) => kubectlCreate(at, pod('kube-proxy-bv61v', 'default')),
    done: created,
    record: undefined,
    namespace: 'default',
  },
];

async function remove({ api }: ControlPlane, namespace: string, name: string): Promise<void> {
  await api('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}?gracePeriodSeconds=0`);
  await eventually(
    `${namespace}/${name} is gone`,
    async () => (await api('GET', `/api/v1/namespaces/${namespace}/pods/${name}`)).status === 404,
  );
}

/** The text of a client, in each mode. */
function expectedText(
  mode: Mode,
  { caught, done }: Scenario,
  named: string,
): Pick<KubectlOutcome, 'stdout' | 'stderr'> {
  if (caught === undefined || mode === 'audit') return { stdout: done(named), stderr: '' };
  if (mode === 'warn') return { stdout: done(named), stderr: `Warning: ${line(named, caught.by)}\n` };
  const by = /…/.test(caught.by) ? DAEMON_SET_CONTROLLER : caught.by;
  return {
    stdout: '',
    stderr: `${caught.refused}admission webhook "guard.sigma-admission.svc" denied the request: ${line(named, by)}. ${ALLOW}\n`,
  };
}

/** Runs a scenario, holds its outcome against what is expected, and clears up. */
async function check(
  controlPlane: ControlPlane,
  webhook: Webhook,
  mode: Mode,
  scenario: Scenario,
): Promise<void> {
  const { caught, filter, record, isDryRun = false, namespace = 'kube-system' } = scenario;
  const isRefused = caught !== undefined && mode === 'enforce';
  const before = webhook.records.length;
  const outcome = await scenario.run(controlPlane);
  const since = () => webhook.records.slice(before);
  try {
    const named =
      outcome.pod ||
      (await eventually(
        'the refusal is on record',
        () => since().findLast(({ verdict }) => verdict === 'deny')?.name,
      ));
    expect({ stdout: outcome.stdout, stderr: outcome.stderr }).toEqual(expectedText(mode, scenario, named));
    const { status } = await controlPlane.api('GET', `/api/v1/namespaces/${namespace}/pods/${named}`);
    expect(status).toBe(isDryRun || isRefused ? 404 : 200);
    if (record === undefined) {
      expect(since().map(({ name }) => name)).not.toContain(named);
      return;
    }
    const verdict = caught === undefined || mode === 'audit' ? 'allow' : isRefused ? 'deny' : 'warn';
    const recorded = await eventually('it is on record', () => since().find(({ name }) => name === named));
    expect(recorded).toMatchObject({ ...record, verdict, resource: 'pods', namespace });
    // Among those who heal a cluster, nothing but a rule's own id denies.
    const asked = caught === undefined && mode === 'enforce' ? 'warn' : mode;
    expect(recorded.matches.map((match) => [match.id, match.mode, match.filter?.title])).toEqual([
      [SEED, asked, filter],
    ]);
  } finally {
    if (outcome.pod !== '') await remove(controlPlane, namespace, outcome.pod);
  }
}

const MODES: readonly Mode[] = ['audit', 'warn', 'enforce'];

/** Who may ask, and which entry is to be asked about them. */
const ASKING: readonly [
  string,
  'guard' | 'observe',
  (controlPlane: ControlPlane) => Promise<{ user?: User; args?: string[]; object?: Json }>,
][] = [
  ['an administrator', 'guard', async () => ({})],
  [
    'the controller manager',
    'observe',
    async () => ({ user: { name: 'system:kube-controller-manager', groups: ['system:masters'] } }),
  ],
  ['a controller’s token', 'observe', async (at) => ({ user: await controllerToken(at) })],
  [
    'a node',
    'observe',
    async (at) => ({ user: nodeUser('node1'), object: await mirrorPod(at, 'node1', 'asking') }),
  ],
  ['an impersonated controller', 'guard', async () => ({ args: [`--as=${DAEMON_SET_CONTROLLER}`] })],
  [
    'an impersonated controller in the group of nodes',
    'guard',
    async () => ({ args: [`--as=${DAEMON_SET_CONTROLLER}`, '--as-group=system:nodes'] }),
  ],
  [
    'somebody in the group of nodes',
    'guard',
    async () => ({ args: ['--as=mallory', '--as-group=system:nodes', '--as-group=system:masters'] }),
  ],
  [
    'a node’s name without its group',
    'guard',
    async () => ({ args: ['--as=system:node:node1', '--as-group=system:masters'] }),
  ],
];

describeWithControlPlane('The webhook', (controlPlane) => {
  const itWithControllers = controlPlane.has('kube-controller-manager', 'kube-scheduler') ? it : it.skip;

  describe.each(MODES)('in %s', (mode) => {
    let webhook: Webhook;
    beforeAll(async () => {
      webhook = await startWebhook(mode);
      await register(controlPlane, webhook, { mode, matchConditions: true });
    });
    afterAll(async () => {
      await unregister(controlPlane);
      await webhook.stop();
    });

    it.each(CAUGHT)('catches a pod made $name', (scenario) => check(controlPlane, webhook, mode, scenario));
    it.each(ACCEPTED)('accepts $name', (scenario) => check(controlPlane, webhook, mode, scenario));
    it.each(UNNOTICED)('does not notice $name', (scenario) => check(controlPlane, webhook, mode, scenario));

    it('catches a pod of 1.3 MB of <, whose review is six times that', async () => {
      // kubectl itself would write each of them as six bytes, and the API server takes no more than 3 MiB.
      const env = [{ name: 'A', value: '<'.repeat(1_300_000) }];
      const body = pod('large', 'kube-system', {
        spec: { containers: [{ name: 'c', image: 'busybox:1', env }] },
      });
      const {
        status,
        warnings,
        body: answer,
      } = await controlPlane.api('POST', '/api/v1/namespaces/kube-system/pods', { body });
      await remove(controlPlane, 'kube-system', 'large');
      expect(status).toBe(mode === 'enforce' ? 403 : 201);
      expect(warnings).toEqual(mode === 'warn' ? [line('large', 'admin')] : []);
      if (mode === 'enforce')
        expect(answer['message']).toMatch(/denied the request: Creation Of Pod In System Namespace/);
      expect(
        await eventually('it is on record', () => webhook.records.find(({ name }) => name === 'large')),
      ).toBeDefined();
    });
  });

  describe('in enforce, without matchConditions', () => {
    let webhook: Webhook;
    beforeAll(async () => {
      webhook = await startWebhook('enforce');
      await register(controlPlane, webhook, { mode: 'enforce', matchConditions: false });
    });
    afterAll(async () => {
      await unregister(controlPlane);
      await webhook.stop();
    });

    it.each(ACCEPTED)('accepts $name', async (scenario) => {
      const before = webhook.records.length;
      const outcome = await scenario.run(controlPlane);
      await remove(controlPlane, 'kube-system', outcome.pod);
      expect({ stdout: outcome.stdout, stderr: outcome.stderr }).toEqual({
        stdout: created(outcome.pod),
        stderr: '',
      });
      const recorded = await eventually('it is on record', () =>
        webhook.records.slice(before).find(({ name }) => name === outcome.pod),
      );
      expect(recorded).toMatchObject({
        verdict: 'allow',
        matches: [{ id: SEED, mode: 'enforce', filter: { title: scenario.filter } }],
      });
    });

    itWithControllers('lets every controller bring its pods up, in silence', async () => {
      await bringUpWorkloads(controlPlane);
      const makers = new Map(
        webhook.records
          .filter(({ owner }) => owner !== undefined && owner.kind !== 'Node')
          .map(({ owner, verdict, matches }) => [owner?.kind, [verdict, matches[0]?.filter?.title]]),
      );
      expect(Object.fromEntries(makers)).toEqual({
        DaemonSet: ['allow', CONTROLLERS],
        Job: ['allow', CONTROLLERS],
        ReplicaSet: ['allow', CONTROLLERS],
        ReplicationController: ['allow', CONTROLLERS],
        StatefulSet: ['allow', CONTROLLERS],
      });
    });
  });

  describe('in enforce, with matchConditions', () => {
    let webhook: Webhook;
    beforeAll(async () => {
      webhook = await startWebhook('enforce');
      await register(controlPlane, webhook, { mode: 'enforce', matchConditions: true, byService: true });
    });
    afterAll(async () => {
      await unregister(controlPlane);
      await webhook.stop();
    });

    it.each(ASKING)('is asked about %s at one entry only: %s', async (_, entry, asking) => {
      const { user, args = [], object = pod('asked', 'kube-system') } = await asking(controlPlane);
      const count = async () =>
        [
          await webhook.judged('guard', { dry_run: 'true' }),
          await webhook.judged('observe', { dry_run: 'true' }),
        ] as const;
      const [guard, observe] = await count();
      await controlPlane.kubectl([...args, 'create', '--dry-run=server', '-f', '-'], {
        input: object,
        ...(user && { user }),
      });
      expect(await count()).toEqual(entry === 'guard' ? [guard + 1, observe] : [guard, observe + 1]);
    });

    itWithControllers(
      'lets every controller bring its pods up, in silence, and the scheduler bind them',
      async () => {
        const before = await webhook.judged('observe', { operation: 'CREATE', verdict: 'allow' });
        const pods = await bringUpWorkloads(controlPlane);
        // Each pod is made by a controller and bound by the scheduler, and neither is a match that anybody minds.
        expect(
          (await webhook.judged('observe', { operation: 'CREATE', verdict: 'allow' })) - before,
        ).toBeGreaterThanOrEqual(2 * pods);
        expect(webhook.records.filter(({ user }) => user?.username === 'system:kube-scheduler')).toEqual([]);
        expect(webhook.records.filter(({ subresource }) => subresource !== undefined)).toEqual([]);
      },
    );

    it('does not take a binding, an eviction or an exec for a creation', async () => {
      const made = await controlPlane.api('POST', '/api/v1/namespaces/kube-system/pods', {
        body: pod('target', 'kube-system', { spec: { schedulerName: 'nobody' } }),
        user: await controllerToken(controlPlane),
      });
      expect(made.status).toBe(201);
      const judged = await webhook.judged('guard', { verdict: 'allow' });
      const on = (subresource: string, body: Json) =>
        controlPlane.api('POST', `/api/v1/namespaces/kube-system/pods/target/${subresource}`, { body });
      const metadata = { name: 'target', namespace: 'kube-system' };
      expect(
        (
          await on('binding', {
            apiVersion: 'v1',
            kind: 'Binding',
            metadata,
            target: { apiVersion: 'v1', kind: 'Node', name: 'node1' },
          })
        ).status,
      ).toBe(201);
      const exec = await controlPlane.kubectl(['-n', 'kube-system', 'exec', 'target', '--', 'id']);
      expect(exec.stderr).not.toMatch(/admission webhook/);
      expect((await on('eviction', { apiVersion: 'policy/v1', kind: 'Eviction', metadata })).status).toBe(
        201,
      );
      await remove(controlPlane, 'kube-system', 'target');
      expect(await webhook.judged('guard', { verdict: 'allow' })).toBeGreaterThanOrEqual(judged + 3);
      expect(webhook.records.filter(({ subresource }) => subresource !== undefined)).toEqual([]);
    });

    it('leaves it to the API server that a node claims another’s mirror pod', async () => {
      const claimed = await mirrorPod(controlPlane, 'node1', 'claimed');
      const { stderr } = await controlPlane.kubectl(['create', '-f', '-'], {
        input: claimed,
        user: nodeUser('xnode1'),
      });
      expect(stderr).toMatch(/can only create pods with spec.nodeName set to itself/);
    });
  });

  describe('when it is down', () => {
    const down = async (mode: Mode) => {
      const webhook = await startWebhook(mode);
      await register(controlPlane, webhook, { mode, matchConditions: true, onlyCreations: true });
      await webhook.stop();
    };
    afterAll(() => unregister(controlPlane));

    it('lets everybody through in warn', async () => {
      await down('warn');
      const outcome = await kubectlCreate(controlPlane, pod('while-down', 'kube-system'));
      await remove(controlPlane, 'kube-system', 'while-down');
      expect({ stdout: outcome.stdout, stderr: outcome.stderr }).toEqual({
        stdout: created('while-down'),
        stderr: '',
      });
    });

    it('refuses an administrator in enforce, and lets controllers and nodes through', async () => {
      await down('enforce');
      const refused = await kubectlCreate(controlPlane, pod('while-down', 'kube-system'));
      expect(refused.stderr).toMatch(
        /^Error from server \(InternalError\): error when creating "STDIN": Internal error occurred: failed calling webhook "guard\.sigma-admission\.svc": .* connect: connection refused\n$/,
      );
      for (const scenario of ACCEPTED) {
        const outcome = await scenario.run(controlPlane);
        await remove(controlPlane, 'kube-system', outcome.pod);
        expect({ stdout: outcome.stdout, stderr: outcome.stderr }).toEqual({
          stdout: created(outcome.pod),
          stderr: '',
        });
      }
    });
  });
});
