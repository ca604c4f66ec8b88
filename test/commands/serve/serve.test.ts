import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseCommandLine } from '../../../src/settings/command-line.ts';
import { rulesCheck } from '../../../src/commands/rules/check.ts';
import { rulesList } from '../../../src/commands/rules/list.ts';
import { serve } from '../../../src/commands/serve/serve.ts';
import { captured } from '../rules/written.ts';
import { corpusFiles, corpusLines, corpusText, describeWithCorpus } from '../../corpus.ts';
import { eventually } from '../../lib/eventually.ts';

const ROOT = join(import.meta.dirname, '../../..');

let directory: string;
let running: Served;

interface Served {
  post(body: string, path?: string): Promise<{ status: number | undefined; answer: any }>;
  get(path: string): Promise<string>;
  metrics(): Promise<string>;
  log(): Promise<string>;
  stop(): Promise<void>;
}

/** What it is told, with certificates of its own in a directory. */
function configOf(certs: string) {
  const flags = [
    '--host',
    '127.0.0.1',
    '--port',
    '0',
    '--metrics-port',
    '0',
    '--drain',
    '0',
    '--certs',
    certs,
  ];
  const asked = parseCommandLine(['serve', '--rules', join(directory, 'rules'), ...flags], {
    env: {},
    readFile: () => '',
    version: '0',
  });
  if (asked.command !== 'serve') throw new TypeError(JSON.stringify(asked));
  return asked.config;
}

/** Asks what listens on a port. */
function senderTo(port: number, ca: string) {
  return (path: string, method: string, body?: string) =>
    new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      const headers = { 'content-type': 'application/json' };
      request({ host: '127.0.0.1', port, path, method, ca, headers }, async (response) =>
        resolve({ status: response.statusCode, body: await text(response) }),
      )
        .once('error', reject)
        .end(body);
    });
}

/** The program in this process, with rules laid out as a ConfigMap is. */
async function start(): Promise<Served> {
  const certs = join(directory, 'certs');
  const config = configOf(certs);
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  const [stdout, stderr] = ['records', 'log'].map((name) => openSync(join(directory, name), 'a'));
  if (stdout === undefined || stderr === undefined) throw new TypeError('two files');
  const served = serve(config, {
    version: '1.2.3',
    stdoutFd: stdout,
    stderrFd: stderr,
    sources: { argv: [], env: {}, readFile: () => '' },
    stopped,
  });
  const log = () => readFile(join(directory, 'log'), 'utf8');
  const { port, metricsPort } = await eventually('it serves', async () => {
    const line = (await log()).split('\n').find((each) => each.includes('"msg":"serving"'));
    return line === undefined ? undefined : (JSON.parse(line) as { port: number; metricsPort: number });
  });
  const ca = await readFile(join(certs, 'ca.crt'), 'utf8');
  const send = senderTo(port, ca);
  return {
    log,
    post: async (body, path = '/guard') => {
      const { status, body: answer } = await send(path, 'POST', body);
      return { status, answer: JSON.parse(answer) };
    },
    metrics: async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text(),
    get: async (path) => (await send(path, 'GET')).body,
    stop: async () => {
      stop();
      await served;
      for (const fd of [stdout, stderr]) closeSync(fd);
    },
  };
}

/** What a command about rules writes to standard output. */
async function printed(args: readonly string[]): Promise<string> {
  const asked = parseCommandLine(args, { env: {}, readFile: () => '', version: '' });
  const { io, texts } = captured();
  if (asked.command === 'rules check') await rulesCheck(asked.config, io);
  else if (asked.command === 'rules list') await rulesList(asked.config, io);
  else throw new TypeError(JSON.stringify(asked));
  return texts.stdout;
}

/** As the kubelet swaps a ConfigMap: all files at once, by one rename. */
async function mountRules(version: number, rule: string): Promise<void> {
  const rules = join(directory, 'rules');
  await mkdir(join(rules, `..${version}`), { recursive: true });
  await writeFile(join(rules, `..${version}`, 'rule.yml'), rule);
  await symlink(`..${version}`, join(rules, '..new'));
  await rename(join(rules, '..new'), join(rules, '..data'));
  if (version === 1) await symlink('..data/rule.yml', join(rules, 'rule.yml'));
}

const ruleOn = (namespace: string) => `
title: Pod in ${namespace}
id: 00000000-0000-4000-8000-000000000001
logsource: {product: kubernetes, service: audit}
detection: {selection: {verb: create, objectRef.resource: pods, objectRef.namespace: ${namespace}}, condition: selection}`;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'serve-'));
  await mountRules(1, ruleOn('kube-system'));
  running = await start();
});
afterEach(async () => {
  await running.stop();
  await rm(directory, { recursive: true });
});

describe('rules that are swapped while requests come in', () => {
  it('are in force for the next request, and no request goes without a verdict', async () => {
    const body = await readFile(join(ROOT, 'examples/pod-by-alice.json'), 'utf8');
    const statuses = new Set<number | undefined>();
    const isWarned = async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, () => running.post(body)));
      for (const { status } of answers) statuses.add(status);
      return answers.every(({ answer }) => answer.response.warnings !== undefined);
    };
    expect(await isWarned()).toBe(true);
    await mountRules(2, ruleOn('elsewhere'));
    await eventually('the new rules are in force', async () => !(await isWarned()));
    await mountRules(3, ruleOn('kube-system'));
    await eventually('the next ones are', isWarned);
    expect([...statuses]).toEqual([200]);
  });

  it('stay what they were when the new ones cannot be loaded, which the log and readyz say', async () => {
    const body = await readFile(join(ROOT, 'examples/pod-by-alice.json'), 'utf8');
    await mountRules(2, ruleOn('elsewhere').replace('condition: selection', 'condition: selektion'));
    const problem =
      'rule.yml:5: detection.condition: unknown search identifier "selektion" at index 0; expected "selection"';
    await eventually('the log says so', async () =>
      (await running.log()).includes(JSON.stringify(problem).slice(1, -1)),
    );
    expect(await running.get('/readyz?verbose')).toContain(problem);
    expect((await running.post(body)).answer.response.warnings).toHaveLength(1);
    await mountRules(3, ruleOn('elsewhere'));
    await eventually(
      'the mended ones are in force',
      async () => (await running.post(body)).answer.response.warnings === undefined,
    );
    expect(await running.get('/readyz?verbose')).not.toContain('selektion');
  });
});

describe('the name of a set of rules', () => {
  it('is the same where it is checked, listed, served from a ConfigMap, recorded and measured', async () => {
    const checkout = join(directory, 'checkout/of/rules');
    await mkdir(checkout, { recursive: true });
    await writeFile(join(checkout, 'kube-system.yaml'), `# as it is kept in Git${ruleOn('kube-system')}`);
    const { ruleset } = JSON.parse(await printed(['rules', 'check', checkout, '--format', 'json']));
    expect(ruleset).toMatch(/^[0-9a-f]{12}$/);
    await running.post(await readFile(join(ROOT, 'examples/pod-by-alice.json'), 'utf8'));
    const record = await eventually('it is recorded', async () => {
      const [line = ''] = (await readFile(join(directory, 'records'), 'utf8')).split('\n');
      return line !== '' && JSON.parse(line);
    });
    const metrics = (await running.metrics()).split('\n');
    expect({
      list: JSON.parse(await printed(['rules', 'list', '--rules', checkout, '--format', 'json'])).ruleset,
      record: record.ruleset,
      readyz: /^\[\+\]rules ok: .*, ruleset (\w+)$/m.exec(await running.get('/readyz?verbose'))?.[1],
      metrics: metrics.filter((line) => line.startsWith('sigma_admission_build_info')),
    }).toEqual({
      list: ruleset,
      record: ruleset,
      readyz: ruleset,
      metrics: [`sigma_admission_build_info{version="1.2.3",ruleset="${ruleset}"} 1`],
    });
  });
});

describe('a filter that accepts any user', () => {
  it('is said by the log and readyz, which is as ready as before, until it is mended', async () => {
    const filterFor = (user: string) => `${ruleOn('kube-system')}
---
title: Builds
logsource: {product: kubernetes, service: audit}
filter: {rules: any, selection: {user.username: '${user}'}, condition: not selection}`;
    const problem =
      'filter "Builds" accepts a request of any user: rule "Pod in kube-system" never warns of one, nor denies it';
    expect(await running.get('/readyz?verbose')).toContain('[+]filters ok: ');
    await mountRules(2, filterFor('*'));
    await eventually('the log says so', async () =>
      (await running.log()).includes(JSON.stringify(problem).slice(1, -1)),
    );
    const verbose = await running.get('/readyz?verbose');
    expect(verbose).toContain('[!]filters wrong: ');
    expect(verbose).toContain(problem);
    expect(await running.get('/readyz')).toBe('ok');
    await mountRules(3, filterFor('alice'));
    await eventually('it is mended', async () =>
      (await running.get('/readyz?verbose')).includes('[+]filters ok: '),
    );
  });
});

describe("another team's file of filters that is wrong when a replica starts", () => {
  it('is left out: the replica serves, and log, readyz and metric say so until it is mended', async () => {
    const filterBy = (modifier: string) => `
title: Builds of team A
logsource: {product: kubernetes, service: audit}
filter: {rules: any, selection: {user.username|${modifier}: alice}, condition: not selection}`;
    const teamFile = join(directory, 'rules', 'team-a.optional.yml');
    const body = await readFile(join(ROOT, 'examples/pod-by-alice.json'), 'utf8');
    await running.stop();
    await rm(join(directory, 'log'));
    await writeFile(teamFile, filterBy('case'));
    running = await start();
    const problem = `left out: ${teamFile}:4: filter.selection.user.username|case: unknown modifier "case"`;
    const seen = async () => ({
      warnings: (await running.post(body)).answer.response.warnings?.length ?? 0,
      ready: await running.get('/readyz'),
      filters: /^.*\]filters \w+/m.exec(await running.get('/readyz?verbose'))?.[0],
      told: (await running.get('/readyz?verbose')).includes(problem),
      metric: /^sigma_admission_optional_files_left_out .*/m.exec(await running.metrics())?.[0],
    });
    expect(await running.log()).toContain(JSON.stringify(problem).slice(1, -1));
    expect(await seen()).toEqual({
      warnings: 1,
      ready: 'ok',
      filters: '[!]filters wrong',
      told: true,
      metric: 'sigma_admission_optional_files_left_out 1',
    });
    await writeFile(teamFile, filterBy('cased'));
    await eventually('it is mended', async () =>
      (await running.get('/readyz?verbose')).includes('[+]filters ok: '),
    );
    expect(await seen()).toEqual({
      warnings: 0,
      ready: 'ok',
      filters: '[+]filters ok',
      told: false,
      metric: 'sigma_admission_optional_files_left_out 0',
    });
  });
});

describeWithCorpus('reviews of other projects, sent to it one after the other', () => {
  it('give a verdict if they are whole v1 reviews, and else a Status that says what is wrong', async () => {
    const connaisseur = corpusFiles('admission/connaisseur', '.json').map(corpusText);
    const k3s = corpusLines('admission/kube-audit-rest/kube-audit-rest.log').map((review) =>
      JSON.stringify(review),
    );
    const bare = corpusFiles('admission/kubewarden', '.json').map(corpusText);
    const wrapped = bare.map((request) =>
      JSON.stringify({
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        request: JSON.parse(request),
      }),
    );
    const outcome = { connaisseur: {}, k3s: {}, bare: {}, wrapped: {} } as Record<
      string,
      Record<string, number>
    >;
    for (const [name, bodies] of Object.entries({ connaisseur, k3s, bare, wrapped })) {
      for (const body of bodies) {
        const { status, answer } = await running.post(body);
        const kind = `${status} ${answer.kind}`;
        outcome[name] = { ...outcome[name], [kind]: (outcome[name]?.[kind] ?? 0) + 1 };
        if (status === 200)
          expect(answer.response).toMatchObject({ uid: JSON.parse(body).request.uid, allowed: true });
        else expect(answer.message).toMatch(/expected|not JSON/);
      }
    }
    expect(outcome).toEqual({
      connaisseur: { '200 AdmissionReview': 20, '400 Status': 28 },
      k3s: { '200 AdmissionReview': 59 },
      bare: { '400 Status': 78 },
      // Five are no whole requests: two of another kind, three without resource or user.
      wrapped: { '200 AdmissionReview': 73, '400 Status': 5 },
    });
  });
});

describe('a standard error that nobody reads any more', () => {
  it('neither holds up an answer nor the end', async () => {
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const stderrFd = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    const stdoutFd = openSync(join(directory, 'records'), 'a');
    const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
    const { promise: port, resolve: served } = Promise.withResolvers<number>();
    const ended = serve(configOf(join(directory, 'other-certs')), {
      version: '1.2.3',
      stdoutFd,
      stderrFd,
      sources: { argv: [], env: {}, readFile: () => '' },
      stopped,
      greet: (text) => served(Number(/localhost:(\d+)/.exec(text)?.[1])),
    });
    const send = senderTo(await port, await readFile(join(directory, 'other-certs/ca.crt'), 'utf8'));
    fill(stderrFd);
    const body = await readFile(join(ROOT, 'examples/pod-by-alice.json'), 'utf8');
    const late = await Promise.all([1, 2, 3].map(() => send('/guard?timeout=1ns', 'POST', body)));
    expect(late.every(({ status }) => status === 500 || status === 408)).toBe(true);
    expect((await send('/guard', 'POST', body)).status).toBe(200);
    stop();
    await ended;
  });
});

/** Until there is no room in a pipe. */
function fill(fd: number): void {
  for (const size of [65_536, 1]) {
    try {
      for (;;) writeSync(fd, Buffer.alloc(size, 32));
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('EAGAIN');
    }
  }
}

it('says once, not each time, that there was no time for a verdict', async () => {
  const body = await readFile(join(ROOT, 'examples/pod-by-alice.json'), 'utf8');
  for (let time = 0; time < 20; time += 1) await running.post(body, '/guard?timeout=1ns');
  await running.stop();
  const lines = (await running.log()).split('\n').filter((line) => line.includes('no verdict'));
  expect(lines.length).toBeLessThanOrEqual(1);
  running = await start();
});
