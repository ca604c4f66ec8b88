import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../src/kubernetes/audit-event.ts';
import type { DecisionRecord } from '../../src/records/decision-record.ts';
import { loadRuleset, readRules } from '../../src/policy/load-rules.ts';
import { ruleSourceOf } from '../../src/policy/rule-source.ts';
import { corpusPath } from '../corpus.ts';
import { MADE_TO_DIFFER, type Verdict } from '../made-to-differ.ts';
import { id, rule } from '../policy/rulesets.ts';
import type { ApiOptions } from '../control-plane/api-client.ts';
import { startControlPlane, type ControlPlane } from '../control-plane/control-plane.ts';
import { describeWithPrograms } from './lib/describe-with-control-plane.ts';
import { eventually } from '../lib/eventually.ts';
import { startKubelets } from './lib/kubelet.ts';
import { mirrorPod } from './lib/mirror-pod.ts';
import { nodeUser } from '../control-plane/user.ts';
import { pod, startWebhook, type Webhook } from './lib/webhook.ts';

const ROOT = join(import.meta.dirname, '../..');
const PODS = '/api/v1/namespaces/kube-system/pods';
const WEBHOOK = 'parity.sigma-admission.svc';
const SEED = 'Creation Of Pod In System Namespace';
const DAEMON_SET_CONTROLLER = 'system:serviceaccount:kube-system:daemon-set-controller';

type Call = readonly [method: string, path: string, options?: ApiOptions];

async function made(
  at: ControlPlane,
  name: string,
  changes: Parameters<typeof pod>[2] = {},
): Promise<string> {
  const { status } = await at.api('POST', PODS, { body: pod(name, 'kube-system', changes) });
  expect(status).toBe(201);
  return `${PODS}/${name}`;
}

/** Nothing schedules it, so that it is deleted at once. */
const UNSCHEDULED = { spec: { schedulerName: 'nobody' } };

/** The request that shows a difference, by the name that docs/parity.md has for it. */
const SCENARIOS: Readonly<Record<string, (at: ControlPlane) => Call | Promise<Call>>> = {
  'create-name-admin': () => ['POST', PODS, { body: pod('kube-proxy-bv61v', 'kube-system') }],
  'create-generate-name': () => [
    'POST',
    PODS,
    { body: pod('', 'kube-system', { metadata: { name: undefined, generateName: 'kube-proxy-' } }) },
  ],
  'server-side-apply-create': () => [
    'PATCH',
    `${PODS}/applied?fieldManager=e2e`,
    { contentType: 'application/apply-patch+yaml', body: pod('applied', 'kube-system') },
  ],
  replace: async (at) => {
    // Bound in between, it would be another version: the API server refuses that before it asks anybody.
    const path = await made(at, 'replaced', UNSCHEDULED);
    const { body } = await at.api('GET', path);
    return ['PUT', path, { body: { ...body, metadata: { ...body['metadata'], labels: { a: 'b' } } } }];
  },
  'label-patch': async (at) => [
    'PATCH',
    await made(at, 'labelled'),
    { body: { metadata: { labels: { a: 'b' } } } },
  ],
  'exec-websocket': async (at) => ['GET', `${await made(at, 'entered')}/exec?command=id`],
  'exec-spdy': async (at) => ['POST', `${await made(at, 'entered-too')}/exec?command=id`],
  'delete-pod': async (at) => [
    'DELETE',
    await made(at, 'deleted', UNSCHEDULED),
    { body: { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background' } },
  ],
  'force-delete': async (at) => ['DELETE', `${await made(at, 'forced', UNSCHEDULED)}?gracePeriodSeconds=0`],
  'delete-collection': async (at) => {
    for (const name of ['one', 'two'])
      await made(at, name, { metadata: { labels: { collected: 'yes' } }, ...UNSCHEDULED });
    return ['DELETE', `${PODS}?labelSelector=collected%3Dyes`];
  },
  'impersonate-with-uid': () => [
    'POST',
    PODS,
    {
      body: pod('imitated', 'kube-system'),
      headers: {
        'impersonate-user': DAEMON_SET_CONTROLLER,
        'impersonate-uid': 'made-up',
        'impersonate-group': 'system:serviceaccounts:kube-system',
      },
    },
  ],
  'namespace-create': () => ['POST', '/api/v1/namespaces', { body: { metadata: { name: 'kube-systern' } } }],
  'forbidden-by-rbac': () => [
    'POST',
    PODS,
    { body: pod('forbidden', 'kube-system'), user: { name: 'nobody' } },
  ],
  'create-privileged': () => [
    'POST',
    PODS,
    {
      body: pod('privileged', 'kube-system', {
        spec: { containers: [{ name: 'c', image: 'busybox:1', securityContext: { privileged: true } }] },
      }),
    },
  ],
  'create-mirror-pod-by-node': async (at) => [
    'POST',
    PODS,
    { body: await mirrorPod(at, 'node1', 'kube-vip'), user: nodeUser('node1') },
  ],
};

/** Where the two differ, other than by the rules made to: scenario, title, log, admission. */
const DIFFERENCES = [
  ['server-side-apply-create', SEED, '-', 'matches'],
  ['exec-websocket', 'Potential Remote Command Execution In Pod Container', '-', 'matches'],
  ['impersonate-with-uid', SEED, 'matches', 'filtered'],
];

/** What both doors told of the same cluster. */
interface Told {
  readonly events: readonly AuditEvent[];
  /** By audit ID; a request that nothing is said of has none. */
  readonly log: ReadonlyMap<string, DecisionRecord>;
  readonly admission: readonly DecisionRecord[];
  /** The scenarios' audit IDs. */
  readonly scenarios: ReadonlyMap<string, string>;
  /** Of the rules that both doors ask, by title. */
  readonly titles: ReadonlyMap<string, string>;
}

async function runScenarios(level: 'Request' | 'Metadata'): Promise<Told> {
  const directory = mkdtempSync(join(tmpdir(), 'sigma-admission-parity-'));
  const documents = [
    ...MADE_TO_DIFFER.map(({ detection }, index) => rule(index, detection)),
    // So that every request is on record at both doors, and annotated.
    rule(999, { 'user.username': '*' }, { title: 'Everything', level: 'informational' }),
  ];
  writeFileSync(join(directory, 'made.yml'), documents.join('\n---\n'));
  const publicRules = corpusPath('sigma-rules');
  const rulesDirs = [...(existsSync(publicRules) ? [publicRules] : []), 'rules', directory];
  const controlPlane = await startControlPlane({ auditLevel: level });
  const webhook = await startWebhook('audit', [], rulesDirs);
  try {
    const kubelets = await startKubelets(controlPlane, ['node1']);
    await register(controlPlane, webhook);
    const scenarios = new Map<string, string>();
    for (const [name, prepare] of Object.entries(SCENARIOS)) {
      const { auditId = '' } = await controlPlane.api(...(await prepare(controlPlane)));
      scenarios.set(name, auditId);
    }
    await eventually('every scenario is in the log', () => {
      const logged = new Set(controlPlane.auditEvents().map(({ auditID }) => auditID));
      return [...scenarios.values()].every((auditID) => logged.has(auditID));
    });
    await kubelets.stop();
    await controlPlane.stopProgram('kube-apiserver');
    const events = controlPlane.auditEvents().filter(({ stage }) => stage === 'ResponseComplete');
    await eventually('every annotated request is on record', () => {
      const recorded = new Set(webhook.records.map(({ uid }) => uid));
      return events.every((event) => uidOf(event) === undefined || recorded.has(uidOf(event) ?? ''));
    });
    const log = await replayed(controlPlane.auditLog, rulesDirs);
    const parsed = await readRules(
      ruleSourceOf({
        rulesDirs: rulesDirs.map(fromRoot),
        filtersDirs: [fromRoot('filters')],
        allowUsers: [],
      }),
    );
    const asked = (['serve', 'replay'] as const).map((door) =>
      loadRuleset(parsed, { door, subresources: 'resource' }).rules.filter(
        ({ disabledReason }) => disabledReason === undefined,
      ),
    );
    // What has to be looked up in the cluster, no log is asked about.
    const [before = [], after = []] = asked;
    const both = before.filter((one) => after.some((other) => other.id === one.id));
    const titles = new Map(both.map(({ id, title }) => [id, title]));
    return { events, log, admission: [...webhook.records], scenarios, titles };
  } finally {
    await webhook.stop();
    await controlPlane.stop();
    rmSync(directory, { recursive: true });
  }
}

function fromRoot(path: string): string {
  return resolve(ROOT, path);
}

/** Everything but leases, which nobody audits here. */
async function register({ api }: ControlPlane, webhook: Webhook): Promise<void> {
  const { status } = await api(
    'POST',
    '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
    {
      body: {
        metadata: { name: 'parity' },
        webhooks: [
          {
            name: WEBHOOK,
            admissionReviewVersions: ['v1'],
            sideEffects: 'NoneOnDryRun',
            failurePolicy: 'Ignore',
            clientConfig: {
              url: `${webhook.url}/guard`,
              caBundle: Buffer.from(webhook.authorityPem).toString('base64'),
            },
            rules: [{ apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'], operations: ['*'] }],
            matchConditions: [{ name: 'no-leases', expression: "request.resource.resource != 'leases'" }],
          },
        ],
      },
    },
  );
  expect(status).toBe(201);
  await eventually('the API server asks', async () => {
    await api('POST', `${PODS}?dryRun=All`, { body: pod('sentinel', 'kube-system') });
    return webhook.records.some(({ name }) => name === 'sentinel');
  });
}

async function replayed(
  log: string,
  rulesDirs: readonly string[],
): Promise<ReadonlyMap<string, DecisionRecord>> {
  const args = ['src/main.ts', 'replay', log, '--format', 'ndjson', '--rules', ...rulesDirs];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    env: { PATH: process.env['PATH'] },
    cwd: ROOT,
    maxBuffer: 1e9,
  });
  const records = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as DecisionRecord);
  expect(new Set(records.map(({ uid }) => uid)).size).toBe(records.length);
  return new Map(records.map((record) => [record.uid, record]));
}

/** What the webhook left in the event. */
function uidOf({ annotations }: AuditEvent): string | undefined {
  return annotations?.[`${WEBHOOK}/uid`];
}

function verdict(record: DecisionRecord | undefined, ruleId: string): Verdict {
  const match = record?.matches.find((each) => each.id === ruleId);
  if (match !== undefined) return match.filter === undefined ? 'matches' : 'filtered';
  return record?.notJudged.some((each) => each.id === ruleId) === true ? 'not judged' : '-';
}

/** `[scenario, title, log, admission]` of every request and rule on which they differ, but for the rules made to. */
function differences({ events, log, admission, scenarios, titles }: Told): string[][] {
  const byUid = new Map(admission.map((record) => [record.uid, record]));
  const named = new Map([...scenarios].map(([name, auditID]) => [auditID, name]));
  return events.flatMap((event) => {
    const uid = uidOf(event);
    if (uid === undefined) return [];
    const [inLog, atAdmission] = [log.get(event.auditID ?? ''), byUid.get(uid)];
    return [...titles].flatMap(([ruleId, title]) => {
      if (MADE_TO_DIFFER.some((_, index) => id(index) === ruleId)) return [];
      const verdicts = [verdict(inLog, ruleId), verdict(atAdmission, ruleId)] as const;
      const what = `${event.verb} ${event.objectRef?.resource}/${event.objectRef?.subresource ?? ''} ${event.objectRef?.name ?? ''} by ${event.user?.username}`;
      return verdicts[0] === verdicts[1]
        ? []
        : [[named.get(event.auditID ?? '') ?? what, title, ...verdicts]];
    });
  });
}

describeWithPrograms('the doors agree on a real API server', () => {
  describe('whose audit log has the bodies', () => {
    let told: Told;
    beforeAll(async () => void (told = await runScenarios('Request')), 120_000);
    const expected = () => DIFFERENCES.filter(([, title = '']) => [...told.titles.values()].includes(title));

    it('but for what docs/parity.md lists', () => {
      expect(told.events.filter((event) => uidOf(event) !== undefined).length).toBeGreaterThan(40);
      expect(differences(told).toSorted()).toEqual(expected().toSorted());
    });

    it.each(MADE_TO_DIFFER)('$difference: $scenario', ({ scenario, log, admission }) => {
      const index = MADE_TO_DIFFER.findIndex(
        (each) => each.scenario === scenario && each.log === log && each.admission === admission,
      );
      const auditID = told.scenarios.get(scenario);
      const event = told.events.find((each) => each.auditID === auditID);
      const reviewed = told.admission.find(({ uid }) => event !== undefined && uid === uidOf(event));
      expect([verdict(told.log.get(auditID ?? ''), id(index)), verdict(reviewed, id(index))]).toEqual([
        log,
        admission,
      ]);
    });

    it('refused before admission: forbidden-by-rbac', () => {
      const auditID = told.scenarios.get('forbidden-by-rbac') ?? '';
      expect(told.log.get(auditID)?.matches.map(({ title }) => title)).toContain(SEED);
      expect(told.admission.filter(({ user }) => user?.username === 'nobody')).toEqual([]);
    });

    it('repeated calls: force-delete', () => {
      const calls = told.admission.filter(
        ({ name, matches }) => name === 'forced' && matches.some(({ verb }) => verb === 'delete'),
      );
      expect(calls.length).toBeGreaterThan(1);
      expect(
        told.events.filter(({ verb, objectRef }) => verb === 'delete' && objectRef?.name === 'forced'),
      ).toHaveLength(1);
    });

    it('deletecollection: one event, a review each', () => {
      const calls = told.admission.filter(({ matches }) =>
        matches.some(({ verb }) => verb === 'deletecollection'),
      );
      expect([...new Set(calls.map(({ name }) => name))].toSorted()).toEqual(['one', 'two']);
    });
  });

  describe('whose audit log is at level Metadata', () => {
    let told: Told;
    beforeAll(async () => void (told = await runScenarios('Metadata')), 120_000);

    it('as far as it goes: what differs besides is not judged from the log', () => {
      const found = differences(told);
      const judged = found.filter(([, , log]) => log !== 'not judged');
      expect(judged.toSorted()).toEqual(
        DIFFERENCES.filter(([, title = '']) => [...told.titles.values()].includes(title)).toSorted(),
      );
      expect(found).toEqual(
        expect.arrayContaining([
          ['create-privileged', 'Creation Of Privileged Pod', 'not judged', 'matches'],
          ['create-mirror-pod-by-node', SEED, 'not judged', 'filtered'],
        ]),
      );
    });
  });
});
