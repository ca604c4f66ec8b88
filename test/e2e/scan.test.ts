import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { loadAll } from 'js-yaml';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ScanReport } from '../../src/commands/scan/findings.ts';
import { corpusFiles, corpusText, describeWithCorpus } from '../corpus.ts';
import { schemaProblems } from '../commands/scan/schema-problems.ts';
import type { Json } from '../control-plane/api-client.ts';
import { startControlPlane, type OwnControlPlane } from '../control-plane/control-plane.ts';
import { describeWithControlPlane, describeWithPrograms } from './lib/describe-with-control-plane.ts';
import { eventually } from '../lib/eventually.ts';
import { startKubelets, type Kubelets } from './lib/kubelet.ts';
import { createOverlay } from '../control-plane/overlay.ts';
import { ADMIN, type User } from '../control-plane/user.ts';

const ROOT = join(import.meta.dirname, '../..');
const ENV = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !name.startsWith('SIGMA_ADMISSION_') && name !== 'KUBECONFIG',
  ),
);

interface Scanned {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The program as a person starts it. */
async function scan(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Scanned> {
  const child = spawn(process.execPath, ['src/main.ts', 'scan', ...args], {
    cwd: ROOT,
    env: { ...ENV, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { code: code as number, out, err };
}

const NAMESPACE = '/api/v1/namespaces/kube-system';

describeWithPrograms(
  'scan of a cluster',
  () => {
    let controlPlane: OwnControlPlane;
    let kubelets: Kubelets;
    beforeAll(async () => {
      controlPlane = await startControlPlane();
      kubelets = await startKubelets(controlPlane, ['node1']);
    });
    afterAll(async () => {
      await kubelets?.stop();
      await controlPlane?.stop();
    });

    async function reportAs(user: User = ADMIN): Promise<ScanReport> {
      const { out } = await scan(['--kubeconfig', controlPlane.kubeconfig(user), '--format', 'json']);
      return JSON.parse(out) as ScanReport;
    }
    const create = async (path: string, body: Json) => {
      const { status, body: answer } = await controlPlane.api('POST', path, { body });
      if (status !== 201) throw new Error(`${path}: ${answer['message']}`);
      return answer;
    };

    it('finds nothing suspicious in an empty one', async () => {
      const { code, out, err } = await scan(['--kubeconfig', controlPlane.kubeconfig()]);
      expect([code, err]).toEqual([0, '']);
      expect(out).toContain('0 pods suspicious');
    });

    it('takes the cluster of $KUBECONFIG', async () => {
      expect(await scan([], { KUBECONFIG: controlPlane.kubeconfig() })).toMatchObject({ code: 0, err: '' });
    });

    it('tells who may not list, and fails', async () => {
      const user = { name: 'nobody' };
      const { code, err } = await scan(['--kubeconfig', controlPlane.kubeconfig(user)]);
      expect(code).toBe(2);
      expect(err).toContain('pods: GET /api/v1/');
    });

    describeWithCorpus('with bad pods in kube-system', () => {
      let report: ScanReport;
      /** What each file holds: kind and name of what it makes. */
      const files = corpusFiles('pods/badpods', '.yaml').map((file) => ({
        file: file.replace('pods/badpods/', ''),
        objects: (loadAll(corpusText(file)) as Json[]).filter(Boolean).map(servedNow),
      }));
      const made = files.flatMap(({ file, objects }) =>
        objects
          .filter(({ kind }) => kind !== 'Service')
          .map(({ kind, metadata }) => ({ file, kind: kind as string, name: metadata.name as string })),
      );

      beforeAll(async () => {
        for (const { objects } of files) for (const object of objects) await create(pathOf(object), object);
        for (const { kind, name } of made.filter((each) => each.kind === 'CronJob')) {
          await controlPlane.kubectl([
            '-n',
            'kube-system',
            'create',
            'job',
            `${name}-now`,
            `--from=${kind}/${name}`,
          ]);
        }
        await eventually(
          'every workload has made its pods',
          async () => {
            const { body } = await controlPlane.api('GET', `${NAMESPACE}/pods`);
            const pods = (body['items'] as Json[]).map(({ metadata }) => String(metadata.name));
            return made.every(({ name }) => pods.some((pod) => pod.startsWith(name)));
          },
          120_000,
        );
        report = await reportAs();
      }, 240_000);

      it('finds all 64 files', () => {
        expect(files).toHaveLength(64);
        const found = [...report.suspicious, ...report.undetermined].map(
          ({ kind, name }) => `${kind} ${name}`,
        );
        expect(found).toEqual(expect.arrayContaining(made.map(({ kind, name }) => `${kind} ${name}`)));
      });

      it('calls each bare pod suspicious, and no other', () => {
        const bare = made.filter(({ kind }) => kind === 'Pod').map(({ name }) => name);
        expect(bare).toHaveLength(8);
        expect(report.suspicious.map(({ name }) => name).toSorted()).toEqual(bare.toSorted());
      });

      it('leaves each workload undetermined, and notes what its pods may', () => {
        const workloads = made.filter(({ kind }) => kind !== 'Pod');
        const names = report.undetermined.map(({ kind, name }) => `${kind} ${name}`);
        expect(names.toSorted()).toEqual(
          [...workloads.map(({ kind, name }) => `${kind} ${name}`)].toSorted(),
        );
        const noted = new Set(
          report.verified.flatMap(({ name = '', matches }) =>
            matches
              .filter(({ mode }) => mode === 'audit')
              .map(({ title }) => `${name.split('-')[0]}: ${title}`),
          ),
        );
        expect([...noted].toSorted()).toEqual([
          'hostnetwork: Creation Of Pod With Host Network',
          'hostpath: Creation Of Pod With HostPath Volume',
          'hostpath: Creation Of Pod With Sensitive HostPath',
          'priv: Creation Of Privileged Pod',
        ]);
      });

      it('records only what the published schema has', () => {
        const records = [...report.suspicious, ...report.undetermined, ...report.verified];
        expect(records.flatMap((record) => schemaProblems(record))).toEqual([]);
      });

      it('sees the same with the rights of the CronJob', async () => {
        const rights = join(ROOT, 'manifests/components/scan/30-rbac.yaml');
        await controlPlane.kubectl(['apply', '-f', rights]);
        const { read, unreadable, suspicious } = await eventually('it may list', async () => {
          const seen = await reportAs({ name: 'system:serviceaccount:sigma-admission:sigma-admission-scan' });
          return seen.unreadable.length === 0 && seen;
        });
        expect([read, unreadable]).toEqual([report.read, []]);
        expect(suspicious.map(({ name }) => name)).toEqual(report.suspicious.map(({ name }) => name));
      });

      it('gives the same verdict from a file of everything', async () => {
        const { stdout } = await controlPlane.kubectl([
          ...['get', 'pods,ds,rs,sts,jobs,rc,deploy,cronjobs,nodes,svc,controllerrevisions'],
          ...['-A', '-o', 'json'],
        ]);
        const child = spawn(process.execPath, ['src/main.ts', 'scan', '-', '--format', 'json'], {
          cwd: ROOT,
          env: ENV,
          stdio: ['pipe', 'pipe', 'inherit'],
        });
        child.stdin.end(stdout);
        const fromFile = JSON.parse(await text(child.stdout)) as ScanReport;
        const names = (records: ScanReport['suspicious']) =>
          records.map(({ kind, name }) => `${kind} ${name}`);
        expect(names(fromFile.suspicious)).toEqual(names(report.suspicious));
        expect(names(fromFile.verified)).toEqual(names(report.verified));
      });
    });
  },
  ['kube-controller-manager', 'kube-scheduler'],
);

/** Kinds under the versions that an API server of today has, in kube-system. */
function servedNow(object: Json): Json {
  const apiVersion = object['apiVersion'] === 'batch/v1beta1' ? 'batch/v1' : object['apiVersion'];
  return { ...object, apiVersion, metadata: { ...object['metadata'], namespace: 'kube-system' } };
}

function pathOf({ apiVersion, kind }: Json): string {
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
  return `${root}/namespaces/kube-system/${String(kind).toLowerCase()}s`;
}

describeWithControlPlane('The scan as a CronJob', (controlPlane) => {
  const overlay = createOverlay({ of: 'overlays/warn', components: ['components/scan'] });
  beforeAll(async () => {
    await controlPlane.api('POST', '/api/v1/namespaces', { body: { metadata: { name: 'sigma-admission' } } });
  });
  afterAll(async () => {
    overlay.remove();
    await controlPlane.api('DELETE', '/api/v1/namespaces/sigma-admission');
  });

  it('is accepted, may only read, and runs what the Deployment runs', async () => {
    const { exitCode, stdout, stderr } = await controlPlane.kubectl([
      ...['apply', '-k', overlay.directory, '--dry-run=server', '-o', 'json'],
    ]);
    expect([exitCode, stderr]).toEqual([0, expect.not.stringContaining('PodSecurity')]);
    const { items } = JSON.parse(stdout) as { items: readonly Json[] };
    const named = (kind: string, name: string) =>
      items.find((item) => item['kind'] === kind && item['metadata'].name === name) ?? {};
    const pod = named('CronJob', 'sigma-admission-scan')['spec'].jobTemplate.spec.template.spec;
    const deployment = named('Deployment', 'sigma-admission')['spec'].template.spec;
    expect(pod.containers[0].image).toBe(deployment.containers[0].image);
    expect(pod.volumes).toEqual(deployment.volumes);
    const rules = named('ClusterRole', 'sigma-admission-scan')['rules'] as Json[];
    expect(rules.flatMap(({ verbs }) => verbs)).toEqual(['get', 'list', 'get', 'list', 'get', 'list']);
  });

  it('makes pods that Pod Security accepts as restricted', async () => {
    const { stdout } = await controlPlane.kubectl(['kustomize', overlay.directory]);
    const cronJob = (loadAll(stdout) as Json[]).find(({ kind }) => kind === 'CronJob') ?? {};
    const namespace = 'restricted-scan';
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await controlPlane.api('POST', '/api/v1/namespaces', { body: { metadata: { name: namespace, labels } } });
    await controlPlane.api('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, {
      body: { metadata: { name: 'sigma-admission-scan' } },
    });
    const body = { metadata: { name: 'scan' }, spec: cronJob['spec'].jobTemplate.spec.template.spec };
    const { status, body: answer } = await controlPlane.api(
      'POST',
      `/api/v1/namespaces/${namespace}/pods?dryRun=All`,
      {
        body,
      },
    );
    await controlPlane.api('DELETE', `/api/v1/namespaces/${namespace}`);
    expect([status, answer['message']]).toEqual([201, undefined]);
  });
});
