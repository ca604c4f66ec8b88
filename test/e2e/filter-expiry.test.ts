import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DecisionRecord } from '../../src/records/decision-record.ts';
import type { Json } from '../control-plane/api-client.ts';
import { startControlPlane, type OwnControlPlane } from '../control-plane/control-plane.ts';
import { startDeployment, type Deployment } from '../control-plane/deployment.ts';
import { createOverlay } from '../control-plane/overlay.ts';
import { eventually } from '../lib/eventually.ts';
import { describeWithPrograms } from './lib/describe-with-control-plane.ts';
import { pod } from './lib/webhook.ts';

const ROOT = join(import.meta.dirname, '../..');
const NAMESPACE = 'sigma-admission';
const FILTERS = `/api/v1/namespaces/${NAMESPACE}/configmaps/filters-of-team-a`;
const TEAM_A = { name: 'bob', groups: ['team-a'] };
const CONFIGURATION = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/sigma-admission';
const ALICE = { name: 'alice', groups: ['system:masters'] };
const DAY_MS = 24 * 3_600_000;
/** What is done every ten seconds. */
const SOON_MS = 40_000;

const filterUntil = (expires: string) => `title: Migration by alice
id: 11111111-1111-4111-8111-111111111111
logsource: {product: kubernetes, service: audit}
expires: ${expires}
owner: team-a
ticket: OPS-7
filter:
  rules: any
  selection: {user.username|cased: alice}
  condition: not selection
`;

const IN_OURS = { namespace: NAMESPACE };
const TEAM_OBJECTS = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'filters-of-team-a', ...IN_OURS },
      data: { 'filters.yml': '# none yet' },
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'filters-of-team-a', ...IN_OURS },
      rules: [
        {
          apiGroups: [''],
          resources: ['configmaps'],
          resourceNames: ['filters-of-team-a'],
          verbs: ['get', 'update', 'patch'],
        },
      ],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'filters-of-team-a', ...IN_OURS },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'filters-of-team-a' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'team-a' }],
    },
  ],
};

describeWithPrograms('A filter with an end', () => {
  let controlPlane: OwnControlPlane;
  let deployment: Deployment;
  const directory = mkdtempSync(join(tmpdir(), 'sigma-admission-expiry-'));

  beforeAll(async () => {
    controlPlane = await startControlPlane({ without: ['kube-scheduler'] });
    deployment = await startDeployment(controlPlane, 1);
    const source = {
      name: 'filters-of-team-a',
      optional: true,
      items: [{ key: 'filters.yml', path: 'filters-of-team-a.optional.yml' }],
    };
    const patch = [
      {
        op: 'add',
        path: '/spec/template/spec/volumes/2/projected/sources/-',
        value: { configMap: source },
      },
    ];
    const overlay = createOverlay({
      of: 'overlays/enforce',
      components: ['components/team-filters'],
      port: deployment.port,
      patches: [{ target: { kind: 'Deployment' }, patch: JSON.stringify(patch) }],
    });
    const { exitCode, stderr } = await controlPlane.kubectl(['apply', '-k', overlay.directory]);
    overlay.remove();
    if (exitCode !== 0) throw new Error(stderr);
  }, 60_000);

  it('is not there yet: a ConfigMap that is missing keeps no replica from starting', async () => {
    await deployment.replace();
    expect(await readyz()).toMatch(/^\[\+\]filters ok: 3 loaded$/m);
  });

  it('is a team’s own, which may change its ConfigMap by that name and nothing else of ours', async () => {
    const { stderr, exitCode } = await controlPlane.kubectl(['create', '-f', '-'], { input: TEAM_OBJECTS });
    expect([stderr, exitCode]).toEqual(['', 0]);
    const of = (name: string) => FILTERS.replace('filters-of-team-a', name);
    const statuses = await eventually('the right is in force', async () => {
      const patched = await Promise.all(
        [FILTERS, of('sigma-admission-filters')].map((path) =>
          controlPlane.api('PATCH', path, { body: { data: {} }, user: TEAM_A }),
        ),
      );
      const found = patched.map(({ status }) => status);
      return found[0] === 200 && found;
    });
    expect(statuses).toEqual([200, 403]);
  });

  afterAll(async () => {
    await deployment?.stop();
    await controlPlane?.stop();
    rmSync(directory, { recursive: true });
  }, 60_000);

  async function setEnd(at: number): Promise<string> {
    const expires = new Date(at).toISOString();
    const text = filterUntil(expires);
    writeFileSync(join(directory, 'alice.yml'), text);
    const { status } = await controlPlane.api('PATCH', FILTERS, {
      body: { data: { 'filters.yml': text } },
      user: TEAM_A,
    });
    expect(status).toBe(200);
    return expires;
  }
  const isLogged = (code: string, text: string) =>
    eventually(
      `it is logged: ${text}`,
      () =>
        deployment.replicas
          .flatMap(({ log }) => log)
          .some((line) => line['code'] === code && String(line['msg']).includes(text)),
      SOON_MS,
    );
  const isInEvent = (reason: string, text: string) =>
    eventually(
      `an Event says so: ${reason}`,
      async () => {
        const { body } = await controlPlane.api(
          'GET',
          `/apis/events.k8s.io/v1/namespaces/${NAMESPACE}/events`,
        );
        return (body['items'] as Json[]).some(
          (event) => event['reason'] === reason && String(event['note']).includes(text),
        );
      },
      SOON_MS,
    );
  const metricIs = (expires: string) =>
    eventually('the metric has its end', async () => {
      const metrics = await deployment.replicas[0]?.metrics();
      const labels = 'filter="11111111-1111-4111-8111-111111111111",title="Migration by alice"';
      return metrics?.includes(
        `sigma_admission_filter_expiry_timestamp_seconds{${labels}} ${Date.parse(expires) / 1000}\n`,
      );
    });
  const readyz = async () => (await deployment.replicas[0]?.readyz()) ?? '';

  it('that is less than 14 days away is said by log, Event, metric and readyz, and keeps no request away', async () => {
    const expires = await setEnd(Date.now() + 10 * DAY_MS);
    await deployment.replace();
    const text = `filter "Migration by alice" expires ${expires} (owner "team-a", ticket "OPS-7")`;
    await isLogged('filter-expires-soon', text);
    await isInEvent('FilterExpiresSoon', text);
    await metricIs(expires);
    expect(await readyz()).toMatch(new RegExp(`^\\[!\\]filters wrong: .*${expires}`, 'm'));
    expect((await readyz()).trimEnd()).toMatch(/readyz check passed$/);
  });

  describe('that comes while the webhook runs', () => {
    let expires: string;
    let from: number;
    /** Alice's requests as they came, with the filter that accepted each, if one did. */
    const accepted = (records: readonly DecisionRecord[]) =>
      records
        .filter(({ user }) => user?.username === 'alice')
        .map(({ time = '', matches: [match] }) => ({ time, filter: match?.filter?.title }))
        .toSorted((a, b) => (a.time < b.time ? -1 : 1));
    const expected = (seen: readonly { readonly time: string }[]) =>
      seen.map(({ time }) => ({
        time,
        filter: Date.parse(time) < Date.parse(expires) ? 'Migration by alice' : undefined,
      }));

    it('accepts until then, and refuses from that moment on, without a reload', async () => {
      await eventually(
        'guard fails closed',
        async () => {
          const { body } = await controlPlane.api('GET', CONFIGURATION);
          return (body['webhooks'] as Json[])[0]?.['failurePolicy'] === 'Fail';
        },
        SOON_MS,
      );
      from = controlPlane.auditLogSize();
      expires = await setEnd(Date.now() + 6000);
      await deployment.replicas[0]?.refresh();
      await metricIs(expires);
      const reloads = await reloadsOf();
      const outcomes: string[] = [];
      await eventually('alice is refused', async () => {
        const name = `migrated-${outcomes.length}`;
        const { status, body } = await controlPlane.api('POST', '/api/v1/namespaces/kube-system/pods', {
          body: pod(name, 'kube-system'),
          user: ALICE,
        });
        outcomes.push(status === 201 ? 'created' : String(body['reason']));
        return outcomes.at(-1) === 'Forbidden';
      });
      expect(new Set(outcomes)).toEqual(new Set(['created', 'Forbidden']));
      const seen = await eventually('each request is on record', () => {
        const records = accepted(deployment.replicas.flatMap((replica) => replica.records));
        return records.length === outcomes.length && records;
      });
      expect(seen).toEqual(expected(seen));
      expect(await reloadsOf()).toBe(reloads);
    });

    it('is said by log, Event and readyz', async () => {
      const text = `filter "Migration by alice" expired ${expires} (owner "team-a", ticket "OPS-7"): it accepts nothing`;
      await isLogged('filter-expired', text);
      await isInEvent('FilterExpired', text);
      expect(await readyz()).toContain(text);
    });

    it('lies in the audit log where it lay: replay accepts before it, and not after', async () => {
      const log = join(directory, 'audit.log');
      const events = await eventually('the refusal is in the audit log', () => {
        const all = controlPlane.auditEvents(from);
        return (
          all.some((event) => event.user?.username === 'alice' && event.responseStatus?.['code'] === 403) &&
          all
        );
      });
      writeFileSync(log, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
      const rules = ['--rules', 'rules/creation_of_pod_in_system_namespace.yml'];
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ['src/main.ts', 'replay', log, '--format', 'ndjson', ...rules, '--filters', 'filters', directory],
        { cwd: ROOT, env: { PATH: process.env['PATH'] } },
      );
      const records = stdout.split('\n').filter(Boolean);
      const seen = accepted(records.map((line) => JSON.parse(line) as DecisionRecord));
      expect(seen).toEqual(expected(seen));
      expect(new Set(seen.map(({ filter }) => filter))).toEqual(new Set(['Migration by alice', undefined]));
    });

    it('has accepted something, by the records of the webhook: allowlist unused lists others', async () => {
      const records = join(directory, 'records');
      const lines = deployment.replicas
        .flatMap((replica) => replica.records)
        .map((each) => JSON.stringify(each));
      writeFileSync(records, `${lines.join('\n')}\n`);
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [
          'src/main.ts',
          'allowlist',
          'unused',
          records,
          '--format',
          'json',
          '--filters',
          'filters',
          directory,
        ],
        { cwd: ROOT, env: { PATH: process.env['PATH'] } },
      );
      const { records: read, unused } = JSON.parse(stdout) as { records: Json; unused: readonly Json[] };
      const times = deployment.replicas.flatMap((replica) => replica.records).map(({ time = '' }) => time);
      expect([read['count'], read['first'], read['last']]).toEqual([
        lines.length,
        times.toSorted().at(0),
        times.toSorted().at(-1),
      ]);
      const titles = unused.map(({ title }) => title);
      expect(titles).toContain('Mirror pods made by kubelets');
      expect(titles).not.toContain('Migration by alice');
    });
  });

  async function reloadsOf(): Promise<string | undefined> {
    const metrics = await deployment.replicas[0]?.metrics();
    return /^sigma_admission_ruleset_reloads_total\{result="loaded"\} .*$/m.exec(metrics ?? '')?.[0];
  }
});
