import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiError } from '../../../src/cluster/api-server.ts';
import { createOutput } from '../../../src/io/output.ts';
import type { ScanConfig } from '../../../src/settings/types.ts';
import { directorySource, fixedSource } from '../../../src/policy/rule-source.ts';
import type { ScanReport } from '../../../src/commands/scan/findings.ts';
import { scan, type ScanSurroundings } from '../../../src/commands/scan/scan.ts';
import { corpusPath, describeWithCorpus } from '../../corpus.ts';
import { filter, id, rule, withTerms } from '../../policy/rulesets.ts';
import { schemaProblems } from './schema-problems.ts';

const ROOT = join(import.meta.dirname, '../../..');
let directory = '';
beforeAll(() => void (directory = mkdtempSync(join(tmpdir(), 'scan-'))));
afterAll(() => rmSync(directory, { recursive: true }));

function write(name: string, content: string | Buffer): string {
  writeFileSync(join(directory, name), content);
  return join(directory, name);
}

const SYSTEM_PODS = rule(1, {
  verb: 'create',
  'objectRef.resource': 'pods',
  'objectRef.namespace': 'kube-system',
});
/** As the one that ships, in short. */
const CONTROLLERS = filter(90, {
  'user.username|cased': ['daemon-set', 'replicaset', 'job'].map(
    (name) => `system:serviceaccount:kube-system:${name}-controller`,
  ),
  'user.uid': '?*',
  'objectRef.namespace|cased': 'kube-system',
});
const KUBELETS = filter(91, {
  'user.username|startswith|cased': 'system:node:',
  'user.groups|cased': 'system:nodes',
  'provenance.mirrorPod': true,
});

interface Told extends Partial<ScanConfig>, Partial<Pick<ScanSurroundings, 'source' | 'connect' | 'stdin'>> {
  readonly documents?: readonly string[];
}

/** What scan prints, and how it exits. Paths are told without the directory. */
async function run(objects: readonly string[], told: Told = {}) {
  const { documents = [SYSTEM_PODS, CONTROLLERS, KUBELETS], ...rest } = told;
  let [out, err] = ['', ''];
  const sink = (keep: (text: string) => void) =>
    new Writable({
      write(chunk, _, done) {
        keep(String(chunk).replaceAll(`${directory}/`, ''));
        done();
      },
    });
  const {
    source = fixedSource(documents.map((text, index) => ({ name: `${index}.yml`, text }))),
    connect = () => Promise.reject(new Error('no cluster')),
    stdin = pipe(''),
    ...config
  } = rest;
  const code = await scan(
    {
      objects,
      onlyRules: [],
      format: 'json',
      modes: { default: 'warn', levels: {}, rules: {} },
      rulesDirs: [],
      filtersDirs: [],
      allowUsers: [],
      subresources: 'resource',
      ...config,
    },
    {
      stdin,
      stdout: createOutput(sink((text) => (out += text))),
      stderr: sink((text) => (err += text)),
      isTerminal: false,
      removedWithinMs: 0,
      source,
      connect,
    },
  );
  return { code, out, err };
}

async function reportOf(objects: readonly string[], told: Told = {}): Promise<ScanReport> {
  return JSON.parse((await run(objects, told)).out) as ScanReport;
}

/** Each object of a report with its reason, by group. */
function reasonsIn({ suspicious, undetermined, verified }: ScanReport) {
  const of = (records: ScanReport['suspicious']) =>
    records.map(({ kind, namespace, name, reason }) => `${kind} ${namespace}/${name}: ${reason}`);
  return { suspicious: of(suspicious), undetermined: of(undetermined), verified: of(verified) };
}

async function* pipe(...pieces: readonly (string | Buffer)[]) {
  for (const piece of pieces) yield Buffer.from(piece);
}

const owner = (kind: string, name: string, uid: string, apiVersion = 'apps/v1') => ({
  ownerReferences: [{ apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true }],
});

function pod(name: string, metadata: object = {}, spec: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'kube-system',
      uid: `uid-of-${name}`,
      creationTimestamp: '2026-11-24T08:00:00Z',
      ...metadata,
    },
    spec: { containers: [{ name: 'c', image: 'busybox:1' }], ...spec },
    status: { phase: 'Running' },
  };
}

function workload(kind: string, name: string, metadata: object = {}, apiVersion = 'apps/v1'): object {
  const labels = { app: name.split('-')[0] };
  return {
    apiVersion,
    kind,
    metadata: { name, namespace: 'kube-system', uid: `uid-of-${name}`, ...metadata },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'busybox:1' }] } },
    },
  };
}

const DEPLOYMENT = workload('Deployment', 'dns');
const REPLICA_SET = workload('ReplicaSet', 'dns-c8f67b', owner('Deployment', 'dns', 'uid-of-dns'));
const owned = (name: string, uid = 'uid-of-dns-c8f67b', more: object = {}) =>
  pod(name, {
    generateName: 'dns-c8f67b-',
    labels: { app: 'dns' },
    ...owner('ReplicaSet', 'dns-c8f67b', uid),
    ...more,
  });
const NODE = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node1', uid: 'uid-of-node1' } };
const mirror = (uid: string) =>
  pod(
    'etcd-node1',
    { annotations: { 'kubernetes.io/config.mirror': 'abc' }, ...owner('Node', 'node1', uid, 'v1') },
    { nodeName: 'node1' },
  );

/** The rules and filters that ship. */
const SHIPPED = directorySource([join(ROOT, 'rules'), join(ROOT, 'filters')]);

const list = (...items: readonly object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });

describe('scan of files', () => {
  it('puts each object into one of three groups, and says why', async () => {
    const file = write(
      'all.json',
      list(
        ...[DEPLOYMENT, REPLICA_SET, NODE],
        ...[owned('dns-c8f67b-bcdfg'), owned('dns-c8f67b-hjklm', 'forged'), pod('kube-proxy-bv61v')],
        ...[mirror('uid-of-node1')],
        pod('agent-bcdfg', { generateName: 'agent-', ...owner('DaemonSet', 'agent', 'u') }),
      ),
    );
    expect(reasonsIn(await reportOf([file]))).toEqual({
      suspicious: [
        'Pod kube-system/dns-c8f67b-hjklm: no ReplicaSet dns-c8f67b with uid forged in kube-system',
        'Pod kube-system/kube-proxy-bv61v: it has no owner, and mirrors no static pod',
      ],
      undetermined: [
        'Pod kube-system/agent-bcdfg: its owner DaemonSet agent was not read',
        'Deployment kube-system/dns: who made it is not in it',
      ],
      verified: [
        'Pod kube-system/dns-c8f67b-bcdfg: it is made from ReplicaSet dns-c8f67b',
        'Pod kube-system/etcd-node1: it mirrors a static pod of Node node1',
      ],
    });
  });

  it('records each as a create whose user is not known', async () => {
    const { suspicious } = await reportOf([write('bare.json', list(pod('bare')))]);
    expect(suspicious).toEqual([
      {
        schemaVersion: 1,
        door: 'scan',
        time: '2026-11-24T08:00:00Z',
        uid: '',
        verdict: 'warn',
        dryRun: false,
        apiGroup: '',
        apiVersion: 'v1',
        resource: 'pods',
        kind: 'Pod',
        namespace: 'kube-system',
        name: 'bare',
        objectUid: 'uid-of-bare',
        matches: [
          {
            id: id(1),
            title: 'Rule 1',
            level: 'medium',
            mode: 'warn',
            verb: 'create',
            evidence: expect.any(Array),
          },
        ],
        notJudged: [],
        reason: 'it has no owner, and mirrors no static pod',
        ruleset: expect.any(String),
      },
    ]);
  });

  it('records only what the published schema has', async () => {
    const file = write('schema.json', list(DEPLOYMENT, REPLICA_SET, owned('dns-c8f67b-bcdfg'), pod('bare')));
    const { suspicious, undetermined, verified } = await reportOf([file], { source: SHIPPED });
    const records = [...suspicious, ...undetermined, ...verified];
    expect(records).toHaveLength(3);
    expect(records.flatMap((record) => schemaProblems(record))).toEqual([]);
  });

  it.each([
    ['one object', JSON.stringify(pod('bare'))],
    ['a printed object', JSON.stringify(pod('bare'), null, 2)],
    ['objects one after another', `${JSON.stringify(pod('bare'), null, 4)}\n${JSON.stringify(DEPLOYMENT)}\n`],
    ['a list', list(pod('bare'))],
    ['a printed list', JSON.stringify(JSON.parse(list(pod('bare'))), null, 4)],
    ['a list whose members do not say what they are', listWithoutKinds(pod('bare'))],
    ['YAML', 'kind: Pod\napiVersion: v1\nmetadata: {name: bare, namespace: kube-system}\n'],
    [
      'YAML documents',
      '---\nkind: Pod\napiVersion: v1\nmetadata: {name: bare, namespace: kube-system}\n---\nkind: Secret\napiVersion: v1\nmetadata: {name: s}\n---\n',
    ],
    ['gzip', gzipSync(list(pod('bare')))],
  ])('reads %s', async (_, content) => {
    const report = await reportOf([write('some', content)]);
    expect(report.suspicious.map(({ name }) => name)).toEqual(['bare']);
    expect(report.unreadable).toEqual([]);
  });

  it('reads standard input, whatever the pieces it comes in', async () => {
    const bytes = Buffer.from(list(pod('bare'), owned('dns-c8f67b-bcdfg'), REPLICA_SET));
    const pieces = Array.from({ length: Math.ceil(bytes.length / 7) }, (__, piece) =>
      bytes.subarray(7 * piece, 7 * piece + 7),
    );
    const { suspicious, verified } = reasonsIn(await reportOf(['-'], { stdin: pipe(...pieces) }));
    expect([suspicious, verified]).toEqual([
      ['Pod kube-system/bare: it has no owner, and mirrors no static pod'],
      ['Pod kube-system/dns-c8f67b-bcdfg: it is made from ReplicaSet dns-c8f67b'],
    ]);
  });

  it.each([
    ['missing', undefined, 'there is no such file'],
    ['no.json', '{"kind": "Pod", ', 'line 1: it ends in the middle'],
    ['bad.yaml', 'a: [', expect.stringContaining('not YAML: line')],
    ['other.json', '{"a": 1}', 'no Kubernetes object in it'],
    ['empty.json', '', 'no Kubernetes object in it'],
  ])('fails, and says why, at what it cannot read: %s', async (name, content, problem) => {
    const path = content === undefined ? join(directory, name) : write(name, content);
    const { code, out } = await run([path, write('bare.json', list(pod('bare')))]);
    const report = JSON.parse(out) as ScanReport;
    expect(code).toBe(2);
    expect(report.unreadable).toEqual(
      [{ from: path, problem }].map((each) => ({ ...each, from: expect.stringContaining(name) })),
    );
    expect(report.suspicious).toHaveLength(1);
  });

  it('exits with 1 only for what is suspicious', async () => {
    expect((await run([write('a.json', list(pod('bare')))])).code).toBe(1);
    expect((await run([write('b.json', list(owned('dns-c8f67b-bcdfg')))])).code).toBe(0);
    expect((await run([write('c.json', list())])).code).toBe(0);
    expect((await run([write('d.json', list(pod('bare', { namespace: 'other' })))])).code).toBe(0);
  });

  it('has no verdict on one whose texts take too long to search: it is undetermined, whatever owns it', async () => {
    const args = Array.from({ length: 60_000 }, (_, index) =>
      'ax'.charAt(((index * index + index) % 7) % 2),
    ).join('');
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'long', namespace: 'default' },
      spec: { containers: [{ args: [`${args}\ny`] }] },
    };
    const documents = [rule(1, { 'requestObject.spec.containers.args|re': 'x.{0,1000}y' })];
    const { out } = await run([write('long.json', JSON.stringify(pod))], { documents, format: 'json' });
    const { suspicious, undetermined, verified } = JSON.parse(out) as ScanReport;
    expect([suspicious, verified, undetermined.map(({ reason }) => reason)]).toEqual([
      [],
      [],
      [
        'no verdict: searching its texts with the regular expressions and field references of the rules takes too long',
      ],
    ]);
  });

  it('exits with 2 when the rules cannot be loaded', async () => {
    const documents = [SYSTEM_PODS, filter(3, { userAgent: 'kubectl' })];
    const { code, err } = await run([write('a.json', list(pod('bare')))], { documents });
    expect([code, err]).toEqual([
      2,
      expect.stringContaining('"userAgent" is never seen by scan; a filter may name only fields that are'),
    ]);
  });

  it('looks only where the rules do', async () => {
    const file = write('both.json', list(pod('bare'), pod('other', { namespace: 'default' })));
    const { namespaces, read } = await reportOf([file]);
    expect({ namespaces, read }).toEqual({
      namespaces: ['kube-system'],
      read: { pods: 1, workloads: 0, others: 0, elsewhere: 1, withoutFinding: 0, gone: 0 },
    });
  });
});

describe('filters', () => {
  const bare = () => write('bare.json', list(pod('helper-pod-1'), pod('bare')));

  it('that accept by what the object is, do', async () => {
    const documents = [SYSTEM_PODS, filter(2, { 'objectRef.name|startswith': 'helper-' })];
    const { suspicious, undetermined, filtersByUser } = await reportOf([bare()], { documents });
    expect(suspicious.map(({ name }) => name)).toEqual(['bare']);
    expect(undetermined.map(({ name, matches: [match] }) => [name, match?.filter])).toEqual([
      ['helper-pod-1', { id: id(2), title: 'Filter 2' }],
    ]);
    expect(filtersByUser).toEqual([]);
  });

  it('that also accept by who asked leave it undetermined', async () => {
    const documents = [
      SYSTEM_PODS,
      filter(2, { 'user.username': 'provisioner', 'objectRef.name|startswith': 'helper-' }),
    ];
    const { suspicious, undetermined, filtersByUser } = await reportOf([bare()], { documents });
    expect(suspicious.map(({ name }) => name)).toEqual(['bare']);
    expect(
      undetermined.map(({ name, matches, notJudged, reason }) => ({ name, matches, notJudged, reason })),
    ).toEqual([
      {
        name: 'helper-pod-1',
        matches: [],
        notJudged: [{ id: id(1), title: 'Rule 1', field: 'user.username' }],
        reason: 'who made it is not in it, and filter "Filter 2" accepts one user\'s',
      },
    ]);
    expect(filtersByUser).toEqual([{ id: id(2), title: 'Filter 2' }]);
  });

  it('that accept only by who asked accept nobody of whom nothing is known', async () => {
    const documents = [
      SYSTEM_PODS,
      filter(2, { 'user.username': 'ci', 'objectRef.namespace': 'kube-system' }),
    ];
    const { suspicious, filtersByUser } = await reportOf([bare()], { documents });
    expect(suspicious.map(({ name }) => name)).toEqual(['bare', 'helper-pod-1']);
    expect(filtersByUser).toEqual([{ id: id(2), title: 'Filter 2' }]);
  });

  it('that have an end accept until then by the clock of the scan', async () => {
    const groups = async (selection: object, expires: string) => {
      const documents = [SYSTEM_PODS, withTerms(filter(2, selection), { expires })];
      const { suspicious, filtersByUser } = await reportOf([bare()], { documents });
      return [suspicious.map(({ name }) => name), filtersByUser.length];
    };
    const [helper, byUser] = [
      { 'objectRef.name|startswith': 'helper-' },
      { 'user.username': 'provisioner', 'objectRef.name|startswith': 'helper-' },
    ];
    expect(await Promise.all([helper, byUser].map((each) => groups(each, '9999-12-31')))).toEqual([
      [['bare'], 0],
      [['bare'], 1],
    ]);
    expect(await Promise.all([helper, byUser].map((each) => groups(each, '2020-01-01')))).toEqual([
      [['bare', 'helper-pod-1'], 0],
      [['bare', 'helper-pod-1'], 0],
    ]);
  });

  it('that accept a controller accept what a verified owner shows it made, by name', async () => {
    const file = write('owned.json', list(REPLICA_SET, owned('dns-c8f67b-bcdfg')));
    const [record] = (await reportOf([file])).verified;
    expect(record?.matches.map(({ filter: accepting }) => accepting)).toEqual([
      { id: id(90), title: 'Filter 90' },
    ]);
  });

  it('that accept no controller leave a verified pod suspicious, as it would have been refused', async () => {
    const documents = [
      rule(1, { 'objectRef.resource': 'pods', 'requestObject.spec.containers.image': 'busybox:1' }),
    ];
    const file = write('owned.json', list(REPLICA_SET, owned('dns-c8f67b-bcdfg')));
    expect(reasonsIn(await reportOf([file], { documents })).suspicious).toEqual([
      'Pod kube-system/dns-c8f67b-bcdfg: it is made from ReplicaSet dns-c8f67b',
    ]);
  });
});

describe('modes', () => {
  it('leave what matches in mode audit out of what is suspicious, and record it', async () => {
    const modes = { default: 'warn', levels: {}, rules: { [id(1)]: 'audit' } } as const;
    const { undetermined } = await reportOf([write('bare.json', list(pod('bare')))], { modes });
    expect(undetermined.map(({ verdict, matches }) => [verdict, matches.map(({ mode }) => mode)])).toEqual([
      ['allow', ['audit']],
    ]);
  });

  it('say what would have been refused', async () => {
    const modes = { default: 'warn', levels: { medium: 'enforce' }, rules: {} } as const;
    const { suspicious } = await reportOf([write('bare.json', list(pod('bare')))], { modes });
    expect(suspicious.map(({ verdict }) => verdict)).toEqual(['deny']);
  });
});

describe('owners', () => {
  it.each([
    [
      'of another controller',
      owner('Workflow', 'w', 'u', 'argoproj.io/v1alpha1'),
      'suspicious',
      'its owner is Workflow w, and no controller of Kubernetes makes what that owns',
    ],
    [
      'with labels its selector does not match',
      { ...owner('ReplicaSet', 'dns-c8f67b', 'uid-of-dns-c8f67b'), labels: { app: 'x' } },
      'suspicious',
      'its labels do not match the selector of ReplicaSet dns-c8f67b',
    ],
    [
      'that name a Node without being its mirror',
      owner('Node', 'node1', 'uid-of-node1', 'v1'),
      'suspicious',
      'it is no mirror pod of Node node1',
    ],
  ] as const)('%s', async (_, metadata, group, reason) => {
    const name = 'dns-c8f67b-bcdfg';
    const file = write(
      'o.json',
      list(REPLICA_SET, NODE, pod(name, { generateName: 'dns-c8f67b-', ...metadata })),
    );
    expect(reasonsIn(await reportOf([file]))[group]).toEqual([`Pod kube-system/${name}: ${reason}`]);
  });

  it('that are Nodes must be the Node that was read', async () => {
    const reasons = async (...nodes: readonly object[]) =>
      reasonsIn(await reportOf([write('n.json', list(...nodes, mirror('uid-of-node1')))]));
    expect((await reasons()).undetermined).toEqual([
      'Pod kube-system/etcd-node1: Node node1, which it is to mirror a static pod of, was not read',
    ]);
    const other = { ...NODE, metadata: { name: 'node1', uid: 'another' } };
    expect((await reasons(other)).undetermined).toEqual([
      'Pod kube-system/etcd-node1: no Node node1 with uid uid-of-node1',
    ]);
    // The filter for kubelets does not ask for the uid; the rule pod_owner_not_verified does.
    const file = write('n.json', list(other, mirror('uid-of-node1')));
    expect(reasonsIn(await reportOf([file], { source: SHIPPED })).suspicious).toEqual([
      'Pod kube-system/etcd-node1: no Node node1 with uid uid-of-node1',
    ]);
  });
});

/** A cluster that answers lists in pages, and single objects. `change` is told of each request before it is answered. */
function clusterOf(objects: () => readonly Listed[], change: (path: string) => void = () => {}) {
  const paths: string[] = [];
  return {
    paths,
    connect: async () => ({
      async get(path: string) {
        paths.push(path);
        change(path);
        const { pathname, searchParams } = new URL(path, 'http://x');
        const parts = pathname.split('/').filter(Boolean);
        const resource = parts.findLast((part) => Object.hasOwn(KIND_OF, part)) ?? '';
        const [name] = parts.slice(parts.indexOf(resource) + 1);
        const all = objects().filter(({ kind }) => kind === KIND_OF[resource]);
        if (name !== undefined) {
          const found = all.find(({ metadata }) => metadata.name === name);
          if (found === undefined) throw new ApiError(404, 'not found');
          return found;
        }
        const [from, limit] = [Number(searchParams.get('continue') ?? 0), Number(searchParams.get('limit'))];
        const items = all
          .slice(from, from + limit)
          .map(({ kind: _kind, apiVersion: _version, ...rest }) => rest);
        const next = from + limit < all.length ? { continue: String(from + limit) } : {};
        return { kind: `${KIND_OF[resource]}List`, metadata: next, items };
      },
    }),
  };
}

type Listed = { kind: string; apiVersion: string; metadata: { name: string } };

const KIND_OF: Readonly<Record<string, string>> = {
  nodes: 'Node',
  services: 'Service',
  controllerrevisions: 'ControllerRevision',
  deployments: 'Deployment',
  replicasets: 'ReplicaSet',
  daemonsets: 'DaemonSet',
  statefulsets: 'StatefulSet',
  replicationcontrollers: 'ReplicationController',
  cronjobs: 'CronJob',
  jobs: 'Job',
  pods: 'Pod',
};

describe('scan of a cluster', () => {
  it('lists page by page, and resolves owners', async () => {
    const many = Array.from({ length: 1201 }, (_, index) => owned(`dns-c8f67b-${suffix(index)}`));
    const objects = [DEPLOYMENT, REPLICA_SET, ...many, pod('bare')] as readonly Listed[];
    const { connect, paths } = clusterOf(() => objects);
    const report = await reportOf([], { connect });
    expect(report.read).toEqual({
      pods: 1202,
      workloads: 2,
      others: 0,
      elsewhere: 0,
      withoutFinding: 1,
      gone: 0,
    });
    expect(report.verified).toHaveLength(1201);
    expect(report.suspicious.map(({ name }) => name)).toEqual(['bare']);
    expect(paths.filter((path) => path.includes('/pods'))).toEqual([
      '/api/v1/namespaces/kube-system/pods?limit=500',
      '/api/v1/namespaces/kube-system/pods?limit=500&continue=500',
      '/api/v1/namespaces/kube-system/pods?limit=500&continue=1000',
    ]);
    expect(paths).toContain('/api/v1/nodes?limit=500');
  });

  it('begins a list again that grew too old, and takes nothing twice', async () => {
    const many = Array.from({ length: 700 }, (_, index) => pod(`bare-${index}`)) as readonly Listed[];
    let isOld = true;
    const { connect } = clusterOf(
      () => many,
      (path) => {
        if (!isOld || !path.includes('/pods?') || !path.includes('continue=')) return;
        isOld = false;
        throw new ApiError(410, 'The provided continue parameter is too old');
      },
    );
    const { read, unreadable } = await reportOf([], { connect });
    expect([read.pods, unreadable]).toEqual([700, []]);
  });

  it('looks again at an owner that was made after its list was read', async () => {
    let objects = [] as readonly Listed[];
    const { connect } = clusterOf(
      () => objects,
      (path) => {
        if (path.includes('/pods?')) objects = [REPLICA_SET, owned('dns-c8f67b-bcdfg')] as readonly Listed[];
      },
    );
    expect(reasonsIn(await reportOf([], { connect }))).toEqual({
      suspicious: [],
      undetermined: [],
      verified: ['Pod kube-system/dns-c8f67b-bcdfg: it is made from ReplicaSet dns-c8f67b'],
    });
  });

  it('looks again at a StatefulSet and its revision that were made after their lists were read', async () => {
    const set = workload('StatefulSet', 'db', { uid: 'uid-of-db' });
    const revision = {
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: {
        ...{ name: 'db-6c9f8d7b5', namespace: 'kube-system', uid: 'uid-of-revision' },
        ...owner('StatefulSet', 'db', 'uid-of-db'),
      },
      data: { spec: { template: { spec: { containers: [{ name: 'c', image: 'busybox:1' }] } } } },
    };
    const made = pod('db-0', {
      generateName: 'db-',
      labels: { app: 'db', 'controller-revision-hash': 'db-6c9f8d7b5' },
      ...owner('StatefulSet', 'db', 'uid-of-db'),
    });
    let objects = [] as readonly Listed[];
    const { connect } = clusterOf(
      () => objects,
      (path) => {
        if (path.includes('/pods?')) objects = [set, revision, made] as readonly Listed[];
      },
    );
    const { suspicious } = await reportOf([], { connect, documents: [SYSTEM_PODS] });
    expect(suspicious.map(({ name, provenance }) => [name, provenance])).toEqual([
      ['db-0', { creator: 'unknown', owner: { verified: true, imagesMatch: true } }],
    ]);
  });

  it('reads an owner once, however many others are read after it', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `web${index}`);
    let isMade = false;
    let reads = 0;
    const sets = names.map((name) => workload('ReplicaSet', name));
    const [first = {}] = sets;
    const { selector, ...spec } = (first as { spec: { selector: object } }).spec;
    const counted = {
      ...first,
      spec: {
        ...spec,
        get selector() {
          reads++;
          return selector;
        },
      },
    };
    const pods = names.map((name) =>
      pod(`${name}-bcdfg`, {
        ...{ generateName: `${name}-`, labels: { app: name } },
        ...owner('ReplicaSet', name, `uid-of-${name}`),
      }),
    );
    const { connect } = clusterOf(
      () => (isMade ? [counted, ...sets.slice(1), ...pods] : []) as unknown as readonly Listed[],
      (path) => {
        if (path.includes('/pods?')) isMade = true;
      },
    );
    const { verified } = await reportOf([], { connect });
    expect([verified.length, reads < 10]).toEqual([40, true]);
  });

  it('asks for no owner by a name that no object can have, which might lead elsewhere', async () => {
    const forged = pod('a-bcdfg', { generateName: '../secrets-', ...owner('DaemonSet', '../secrets', 'u') });
    const { connect, paths } = clusterOf(() => [forged] as readonly Listed[]);
    const named = pod('..-bcdfg', { generateName: '..-', ...owner('DaemonSet', '..', 'u') });
    const beside = clusterOf(() => [named] as readonly Listed[]);
    for (const each of [connect, beside.connect])
      expect((await reportOf([], { connect: each })).suspicious).toHaveLength(1);
    expect([...paths, ...beside.paths].filter((path) => path.includes('/daemonsets/'))).toEqual([]);
  });

  it('calls nobody a forger whose pod goes with its owner', async () => {
    const going = owned('dns-c8f67b-bcdfg');
    const staying = owned('dns-c8f67b-hjklm');
    let objects = [going, staying] as readonly Listed[];
    const { connect } = clusterOf(
      () => objects,
      (path) => {
        if (path.endsWith('/replicasets/dns-c8f67b')) objects = [staying] as readonly Listed[];
      },
    );
    const report = await reportOf([], { connect });
    expect(reasonsIn(report).suspicious).toEqual([
      'Pod kube-system/dns-c8f67b-hjklm: no ReplicaSet dns-c8f67b with uid uid-of-dns-c8f67b in kube-system',
    ]);
    expect(report.read.gone).toBe(1);
  });

  it('says what it may not list, and calls nobody a forger for it', async () => {
    const { connect } = clusterOf(
      () => [owned('dns-c8f67b-bcdfg')] as readonly Listed[],
      (path) => {
        if (path.includes('/replicasets')) throw new ApiError(403, 'replicasets is forbidden');
      },
    );
    const { code, out, err } = await run([], { connect });
    const report = JSON.parse(out) as ScanReport;
    expect(code).toBe(2);
    expect(err).toContain('replicasets: replicasets is forbidden');
    expect(report.suspicious).toEqual([]);
  });

  it.each([500, 403])(
    'leaves a pod undetermined whose owner cannot be read again (%d), says so once, and goes on with the next',
    async (status) => {
      const forged = (name: string) =>
        pod(name, { ...owner('DaemonSet', 'forged', 'u'), generateName: 'forged-' });
      const pods = [forged('forged-bcdfg'), forged('forged-hjklm'), pod('bare')];
      const { connect, paths } = clusterOf(
        () => pods as readonly Listed[],
        (path) => {
          if (path.endsWith('/daemonsets/forged')) throw new ApiError(status, 'no');
        },
      );
      const { code, out, err } = await run([], { connect });
      expect([code, err]).toEqual([2, 'DaemonSet kube-system/forged: no\n']);
      expect(reasonsIn(JSON.parse(out) as ScanReport)).toEqual({
        suspicious: ['Pod kube-system/bare: it has no owner, and mirrors no static pod'],
        undetermined: [
          'Pod kube-system/forged-bcdfg: its owner DaemonSet forged was not read',
          'Pod kube-system/forged-hjklm: its owner DaemonSet forged was not read',
        ],
        verified: [],
      });
      expect(paths.filter((path) => path.endsWith('/daemonsets/forged'))).toHaveLength(1);
    },
  );

  it('leaves a pod suspicious that cannot be looked at again, says so, and goes on with the next', async () => {
    const pods = ['forged-bcdfg', 'forged-hjklm'].map((name) =>
      pod(name, { ...owner('DaemonSet', 'forged', 'u'), generateName: 'forged-' }),
    );
    const { connect } = clusterOf(
      () => pods as readonly Listed[],
      (path) => {
        if (path.endsWith('/pods/forged-bcdfg')) throw new ApiError(500, 'no');
      },
    );
    const { code, out, err } = await run([], { connect });
    expect([code, err]).toEqual([2, 'Pod kube-system/forged-bcdfg: no\n']);
    expect(reasonsIn(JSON.parse(out) as ScanReport).suspicious).toEqual([
      'Pod kube-system/forged-bcdfg: no DaemonSet forged with uid u in kube-system',
      'Pod kube-system/forged-hjklm: no DaemonSet forged with uid u in kube-system',
    ]);
  });

  it('fails where there is no cluster', async () => {
    const { code, err } = await run([]);
    expect([code, err]).toEqual([2, 'cluster: no cluster\n']);
  });
});

function suffix(index: number): string {
  const letters = 'bcdfghjklmnpqrstvwxz2456789';
  return Array.from({ length: 5 }, (_, place) => letters[Math.floor(index / 27 ** place) % 27]).join('');
}

describe('the picture', () => {
  it('is a tree, the suspicious first, with the odd one beside those that are real', async () => {
    const file = write(
      'picture.json',
      list(
        ...[DEPLOYMENT, REPLICA_SET, NODE, mirror('uid-of-node1')],
        ...['bcdfg', 'bcdfh', 'bcdfj', 'bcdfk'].map((each) => owned(`dns-c8f67b-${each}`)),
        ...[owned('dns-c8f67b-hjklm', 'forged'), pod('bare-1'), pod('bare-2')],
      ),
    );
    const { out, code } = await run([file], { format: 'text' });
    expect(out).toBe(`read       8 pods and 2 workloads, where the rules look: kube-system
rules      1 asked
filters    2 accept by who asked, which no object says; asked only of what owners show:
             Filter 90
             Filter 91
nothing    to say of 1: no rule matches

SUSPICIOUS
  kube-system
    no owner
      ✗ 2 pods bare-1, bare-2
          it has no owner, and mirrors no static pod
          Rule 1 (00000000, medium, warn)
    Deployment dns   (and 4 verified)
      ✗ pod dns-c8f67b-hjklm
          no ReplicaSet dns-c8f67b with uid forged in kube-system
          it imitates Deployment dns: it names ReplicaSet dns-c8f67b as its owner; name dns-c8f67b-hjklm is like those of the pods of Deployment dns; labels match the selector of ReplicaSet dns-c8f67b, which adopts such pods
          Rule 1 (00000000, medium, warn)

UNDETERMINED
  kube-system
    no owner
      ? deployment dns: who made it is not in it

VERIFIED
  kube-system
    Deployment dns
      ✓ 4 pods dns-c8f67b-bcdfg, dns-c8f67b-bcdfh, dns-c8f67b-bcdfj, …: it is made from ReplicaSet dns-c8f67b
    Node node1
      ✓ pod etcd-node1: it mirrors a static pod of Node node1

3 pods suspicious, 0 pods and 1 workload undetermined, 5 pods verified
`);
    expect(code).toBe(1);
  });

  it('folds what comes from many owners once more', async () => {
    const sets = Array.from({ length: 13 }, (_, index) => workload('ReplicaSet', `s${index}-c8f67b`));
    const pods = sets.flatMap((_, index) =>
      ['bcdfg', 'bcdfh'].map((end) =>
        pod(`s${index}-c8f67b-${end}`, {
          generateName: `s${index}-c8f67b-`,
          labels: { app: `s${index}` },
          ...owner('ReplicaSet', `s${index}-c8f67b`, `uid-of-s${index}-c8f67b`),
        }),
      ),
    );
    const { out } = await run([write('many.json', list(...sets, ...pods))], { format: 'text' });
    expect(out.slice(out.indexOf('UNDETERMINED'))).toBe(`UNDETERMINED
  kube-system
    no owner
      ? 13 replicasets s0-c8f67b, s1-c8f67b, s10-c8f67b, …: who made it is not in it

VERIFIED
  kube-system
    13 ReplicaSets s0-c8f67b, s1-c8f67b, s10-c8f67b, …
      ✓ 26 pods, such as s0-c8f67b-bcdfg: it is made from ReplicaSet s0-c8f67b

0 pods suspicious, 0 pods and 13 workloads undetermined, 26 pods verified
`);
  });

  it('shows no control characters of a name', async () => {
    const { out } = await run([write('c.json', list(pod('bare\u001b[2J\nx')))], { format: 'text' });
    expect(out).toContain('✗ pod bare\ufffd[2J\ufffdx');
  });
});

function listWithoutKinds(...items: readonly object[]): string {
  const members = items.map((item) => ({ ...item, kind: undefined, apiVersion: undefined }));
  return JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: members });
}

/** What each file of pods of a minikube gives, by kind of pod. */
describeWithCorpus('pods of minikube', () => {
  const MIRROR_WITHOUT_NODE =
    'it says it mirrors a static pod, but no Node owns it, as kubelets before 1.18 left it; any client can write that';
  const STATIC =
    "it says it is a static pod, as in a kubelet's own list, but it is no mirror of one; any client can write that";
  const BARE = 'it has no owner, and mirrors no static pod';
  const CONTROL_PLANE = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];

  /** Suspicious pods but storage-provisioner, and why; how many are undetermined; how many verified. */
  const GIVES: readonly (readonly [string, readonly string[], string, number, number])[] = [
    ['1_16/pods.yaml', CONTROL_PLANE, MIRROR_WITHOUT_NODE, 4, 0],
    ['1_18/pods.yaml', [], '', 8, 0],
    ...['1_20', '1_22', '1_24', '1_26', '1_28', '1_30', '1_32', '1_34'].map(
      (version) => [`${version}/pods.yaml`, [], '', 9, 0] as const,
    ),
    ['1_32/kubelet/pods', CONTROL_PLANE, STATIC, 5, 0],
    ['1_34/kubelet/pods', CONTROL_PLANE, STATIC, 5, 0],
  ];
  const fileOf = (name: string) => [corpusPath(`pods/minikube/${name}`)];
  const baseOf = (name = '') => name.replace(/-(minikube|datagen-1-\d+)$/, '');

  it.each(GIVES)('%s', async (name, names, why, undetermined, verified) => {
    const report = await reportOf(fileOf(name), { source: SHIPPED });
    const suspicious = report.suspicious.map((record) => [baseOf(record.name), record.reason]);
    expect(suspicious).toEqual([...names.map((each) => [each, why]), ['storage-provisioner', BARE]]);
    expect(report.undetermined).toHaveLength(undetermined);
    expect(report.undetermined.map(({ reason }) => reason)).toEqual(
      report.undetermined.map(() => expect.stringMatching(/ was not read$/)),
    );
    expect(report.verified).toHaveLength(verified);
  });

  it.each(GIVES)('%s with the filter for minikube', async (name, names) => {
    const preset = join(ROOT, 'filters/presets/minikube.yml');
    const source = directorySource([join(ROOT, 'rules'), join(ROOT, 'filters'), preset]);
    const report = await reportOf(fileOf(name), { source });
    expect(report.suspicious.map((record) => baseOf(record.name))).toEqual(names);
    const provisioner = report.undetermined.find((record) => record.name === 'storage-provisioner');
    expect(provisioner?.reason).toBe(
      'who made it is not in it, and filter "minikube storage-provisioner" accepts one user\'s',
    );
  });
});
