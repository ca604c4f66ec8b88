import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ReplayConfig } from '../../../src/settings/types.ts';
import type { AuditEvent } from '../../../src/kubernetes/audit-event.ts';
import { isSystemIdentity } from '../../../src/registration/system-identity.ts';
import { fixedSource } from '../../../src/policy/rule-source.ts';
import type { DecisionRecord } from '../../../src/records/decision-record.ts';
import { createOutput } from '../../../src/io/output.ts';
import type { Summary } from '../../../src/commands/replay/summary.ts';
import { replay, type ReplaySurroundings } from '../../../src/commands/replay/replay.ts';
import fc from 'fast-check';
import { corpusFiles, corpusPath, corpusText, describeWithCorpus } from '../../corpus.ts';
import { filter, id, rule, withTerms } from '../../policy/rulesets.ts';

let directory = '';
beforeAll(() => void (directory = mkdtempSync(join(tmpdir(), 'replay-'))));
afterAll(() => rmSync(directory, { recursive: true }));

function write(name: string, content: string | Buffer): string {
  writeFileSync(join(directory, name), content);
  return join(directory, name);
}

const PODS = rule(1, { verb: 'create', 'objectRef.resource': 'pods', 'objectRef.namespace': 'kube-system' });

interface Told
  extends
    Partial<ReplayConfig>,
    Partial<Pick<ReplaySurroundings, 'stdin' | 'stdout' | 'heals' | 'isTerminal'>> {
  readonly documents?: readonly string[];
}

/** What replay prints, and how it exits. Paths are told without the directory. */
async function run(
  logs: readonly string[],
  { documents = [PODS], stdin = pipe(), stdout, heals = () => false, isTerminal = false, ...told }: Told = {},
) {
  let [out, err] = ['', ''];
  const sink = (keep: (text: string) => void) =>
    new Writable({
      write(chunk, _, done) {
        keep(String(chunk).replaceAll(`${directory}/`, ''));
        done();
      },
    });
  const code = await replay(
    {
      logs,
      onlyRules: [],
      format: 'json',
      failOnMatch: false,
      checkLines: true,
      modes: { default: 'warn', levels: {}, rules: {} },
      rulesDirs: [],
      filtersDirs: [],
      allowUsers: [],
      subresources: 'resource',
      ...told,
    },
    {
      stdin,
      stdout: stdout ?? createOutput(sink((text) => (out += text))),
      stderr: sink((text) => (err += text)),
      isTerminal,
      source: fixedSource(documents.map((text, index) => ({ name: `${index}.yml`, text }))),
      heals,
    },
  );
  return { code, out, err };
}

async function summaryOf(logs: readonly string[], told: Told = {}): Promise<Summary> {
  return JSON.parse((await run(logs, told)).out) as Summary;
}

async function recordsOf(logs: readonly string[], told: Told = {}): Promise<readonly DecisionRecord[]> {
  const { out } = await run(logs, { ...told, format: 'ndjson' });
  return out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as DecisionRecord);
}

async function* pipe(...pieces: readonly (string | Buffer)[]) {
  for (const piece of pieces) yield Buffer.from(piece);
}

function event(auditID: string, more: object = {}): object {
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Request',
    auditID,
    stage: 'ResponseComplete',
    requestURI: '/api/v1/namespaces/kube-system/pods',
    verb: 'create',
    user: { username: 'admin', groups: ['system:masters'] },
    objectRef: { resource: 'pods', namespace: 'kube-system', name: `pod-${auditID}`, apiVersion: 'v1' },
    responseStatus: { code: 201 },
    requestObject: { kind: 'Pod' },
    requestReceivedTimestamp: '2026-11-24T08:00:00.000000Z',
    ...more,
  };
}

const lines = (...events: readonly object[]) => events.map((each) => `${JSON.stringify(each)}\n`).join('');

describe('replay', () => {
  it('records what matched, and where in which log', async () => {
    const log = write('records.log', lines(event('a', { verb: 'get' }), event('b')));
    expect(await recordsOf([log])).toEqual([
      {
        schemaVersion: 1,
        door: 'replay',
        time: '2026-11-24T08:00:00.000000Z',
        uid: 'b',
        file: 'records.log',
        line: 2,
        verdict: 'warn',
        dryRun: false,
        apiGroup: '',
        apiVersion: 'v1',
        resource: 'pods',
        kind: 'Pod',
        namespace: 'kube-system',
        name: 'pod-b',
        user: { username: 'admin', groups: ['system:masters'] },
        matches: [
          {
            id: id(1),
            title: 'Rule 1',
            level: 'medium',
            mode: 'warn',
            verb: 'create',
            evidence: [
              { searchIdentifier: 'selection', field: 'verb', value: 'create' },
              { searchIdentifier: 'selection', field: 'objectRef.resource', value: 'pods' },
              { searchIdentifier: 'selection', field: 'objectRef.namespace', value: 'kube-system' },
              { field: 'objectRef.subresource', value: '(absent)' },
            ],
          },
        ],
        notJudged: [],
        ruleset: expect.stringMatching(/^[\da-f]{12}$/),
      },
    ]);
  });

  it('records only what the published schema has', async () => {
    const schema = JSON.parse(
      readFileSync(join(import.meta.dirname, '../../../docs/decision-record.schema.json'), 'utf8'),
    ) as {
      properties: object;
      required: readonly string[];
    };
    for (const record of await recordsOf([
      write(
        'schema.log',
        lines(event('a'), { verb: 'create', objectRef: { resource: 'pods', namespace: 'kube-system' } }),
      ),
    ])) {
      expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(Object.keys(record)));
      expect(Object.keys(record)).toEqual(expect.arrayContaining([...schema.required]));
    }
  });

  it('sums up what it found', async () => {
    const controller = { user: { username: 'system:serviceaccount:kube-system:job-controller' } };
    const log = write(
      'summary.log',
      `${lines(
        event('a', { stage: 'RequestReceived' }),
        event('a'),
        event('b', controller),
        event('c', { level: 'Metadata', requestObject: undefined }),
        event('d', { verb: 'list' }),
        event('e', { requestURI: '/x?dryRun=All' }),
        event('f', { responseStatus: { code: 403 } }),
        event('g', { stage: 'RequestReceived', verb: 'list' }),
      )}nonsense\n`,
    );
    const documents = [
      PODS,
      rule(2, { verb: 'create', 'requestObject.spec.hostNetwork': true }),
      filter(3, { 'user.username|endswith': 'job-controller' }),
    ];
    expect(await summaryOf([log], { documents })).toEqual({
      schemaVersion: 1,
      ruleset: expect.any(String),
      rules: { asked: 2, off: [] },
      read: { files: 1, bytes: expect.any(Number), events: 8, badLines: 1, skippedLines: 0 },
      requests: {
        judged: 7,
        unfinished: 1,
        evicted: 0,
        repeatedEvents: 0,
        eventsOutsideTime: 0,
        matched: 5,
        filtered: 1,
      },
      matches: {
        byRule: [{ id: id(1), title: 'Rule 1', level: 'medium', requests: 5, filtered: 1 }],
        byPrincipal: [
          { username: 'admin', requests: 4, filtered: 0 },
          { username: 'system:serviceaccount:kube-system:job-controller', requests: 1, filtered: 1 },
        ],
        byNamespace: [{ namespace: 'kube-system', requests: 5, filtered: 1 }],
        byFilter: [
          { rule: { id: id(1), title: 'Rule 1' }, filter: { id: id(3), title: 'Filter 3' }, requests: 1 },
        ],
      },
      notJudged: [{ reason: 'requestObject not logged at level Metadata', requests: 1 }],
      forecast: {
        denied: 2,
        dryRuns: 1,
        byRuleAndPrincipal: [
          {
            rule: { id: id(1), title: 'Rule 1' },
            username: 'admin',
            denied: 2,
            dryRuns: 1,
            example: {
              uid: 'a',
              time: '2026-11-24T08:00:00.000000Z',
              file: 'summary.log',
              line: 2,
              verb: 'create',
              resource: 'pods',
              namespace: 'kube-system',
              name: 'pod-a',
            },
          },
        ],
      },
      badLines: [{ file: 'summary.log', line: 9, problem: 'not JSON' }],
      empty: [],
      unreadable: [],
    });
    expect((await run([log], { documents, format: 'table' })).out).toBe(TABLE);
  });

  it('does not judge by a body that an aggregated API answered for and no log has', async () => {
    const unlabelled = rule(1, {
      selection: { verb: 'create' },
      labelled: { 'requestObject.metadata.labels.team': '*' },
      condition: 'selection and not labelled',
    });
    const flunder = event('a', {
      level: 'RequestResponse',
      objectRef: { resource: 'flunders', apiGroup: 'wardle.example.com', apiVersion: 'v1alpha1' },
      requestObject: undefined,
    });
    expect(await summaryOf(['-'], { documents: [unlabelled], stdin: pipe(lines(flunder)) })).toMatchObject({
      requests: { matched: 0 },
      notJudged: [{ reason: 'requestObject not logged, as in an aggregated API', requests: 1 }],
      forecast: { denied: 0 },
    });
  });

  it('leaves lines out that no rule can match, and says that they were not checked', async () => {
    const log = write('skipped.log', lines(event('a'), event('b', { objectRef: { resource: 'leases' } })));
    expect(await summaryOf([log], { checkLines: false })).toMatchObject({
      read: { events: 1, skippedLines: 1 },
      requests: { judged: 1, matched: 1 },
    });
    const { out } = await run([log], { checkLines: false, format: 'table' });
    expect(out).toContain(
      'skipped    1 line that no rule can match: not parsed, and not checked (--check-lines does)\n',
    );
  });

  it('reads a request that begins in one log and ends in the next once', async () => {
    const [old, young] = [
      write('old.log', lines(event('a', { stage: 'RequestReceived' }))),
      write('young.log.gz', gzipSync(lines(event('a')))),
    ];
    expect((await recordsOf([old, young])).map(({ file, line }) => [file, line])).toEqual([
      ['young.log.gz', 1],
    ]);
  });

  it('asks a rule that names a stage about every line, and no other rule twice', async () => {
    const stage = rule(2, { verb: 'create', stage: ['RequestReceived', 'ResponseComplete'] });
    const log = write(
      'stages.log',
      lines(event('a', { stage: 'RequestReceived' }), event('a'), event('b', { stage: 'RequestReceived' })),
    );
    const records = await recordsOf([log], { documents: [PODS, stage] });
    expect(records.map(({ line, matches }) => [line, matches.map((match) => match.id)])).toEqual([
      [1, [id(2)]],
      [2, [id(1), id(2)]],
      [3, [id(2)]],
      [3, [id(1)]],
    ]);
    expect(new Set(records.map(({ ruleset }) => ruleset)).size).toBe(1);
  });

  it('judges only the time it is told, and what has no time', async () => {
    const at = (auditID: string, requestReceivedTimestamp: string | undefined) =>
      event(auditID, { requestReceivedTimestamp });
    const log = write(
      'times.log',
      lines(
        at('a', '2026-11-24T07:59:59.999999Z'),
        at('b', '2026-11-24T08:00:00Z'),
        at('c', '2026-11-24T09:00:00Z'),
        at('d', '2026-11-24T09:00:01Z'),
        at('e', undefined),
      ),
    );
    const told = { since: Date.UTC(2026, 10, 24, 8), until: Date.UTC(2026, 10, 24, 9) };
    expect((await recordsOf([log], told)).map(({ uid }) => uid)).toEqual(['b', 'c', 'e']);
    expect((await summaryOf([log], told)).requests).toMatchObject({ judged: 3, eventsOutsideTime: 2 });
  });

  it('asks only the rules it is told, by id, its beginning or name', async () => {
    const documents = [PODS, rule(2, { verb: 'create' }, { name: 'creates' }), rule(3, { verb: 'create' })];
    const log = write('rules.log', lines(event('a')));
    const asked = async (...onlyRules: readonly string[]) =>
      (await recordsOf([log], { documents, onlyRules })).flatMap(({ matches }) =>
        matches.map((match) => match.id),
      );
    expect(await asked(id(1).toUpperCase(), 'creates')).toEqual([id(1), id(2)]);
    expect(await asked(id(3).slice(0, 36))).toEqual([id(3)]);
    expect(await run([log], { documents, onlyRules: ['00000000', 'nothing', '000000'] })).toEqual({
      code: 2,
      out: '',
      err: '--rule: no rule "nothing" is loaded\n--rule: no rule "000000" is loaded\n',
    });
  });

  it('exits with 1 if somebody asks and something matches that no filter accepts', async () => {
    const [match, none] = [
      write('match.log', lines(event('a'))),
      write('none.log', lines(event('a', { verb: 'list' }))),
    ];
    const accepting = [PODS, filter(3, { 'user.username': 'admin' })];
    const codes = [
      await run([match]),
      await run([match], { failOnMatch: true }),
      await run([none], { failOnMatch: true }),
      await run([match], { failOnMatch: true, documents: accepting }),
    ].map(({ code }) => code);
    expect(codes).toEqual([0, 1, 0, 0]);
  });

  it('exits with 2 and says why if the rules do not load', async () => {
    expect(await run([], { documents: ['detection: 1'] })).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('0.yml'),
    });
  });
});

const TABLE = `read       1 file, 8 events, 7 requests judged (1 that the log ends before)
rules      2 asked
bad        1 line
  summary.log:9: not JSON

matched    5 requests, 1 of them accepted by filters
  requests  filtered  level   rule
         5         1  medium  Rule 1 (00000000)

  requests  filtered  principal
         4         0  admin
         1         1  system:serviceaccount:kube-system:job-controller

  requests  filtered  namespace
         5         1  kube-system

  accepted  by filter  of rule
         1  Filter 3   Rule 1

not judged by some rule
  requestObject not logged at level Metadata: 1 request

forecast   enforce would have denied 2 requests and 1 dry run
  denied  dry runs  principal  rule    for example
       2         1  admin      Rule 1  create pods kube-system/pod-a 2026-11-24T08:00:00.000000Z (summary.log:2)
`;

describe('the forecast', () => {
  const denied = async (logged: object, told: Told = {}) => {
    const { forecast } = await summaryOf([write('forecast.log', lines(event('a', logged)))], told);
    return forecast.denied;
  };

  it('is of what admission would have been asked', async () => {
    const exec = rule(2, { verb: 'create', 'objectRef.resource': 'pods', 'objectRef.subresource': 'exec' });
    const webSocket = {
      verb: 'get',
      objectRef: { resource: 'pods', subresource: 'exec', name: 'x' },
      responseStatus: { code: 101 },
    };
    expect(await denied(webSocket, { documents: [exec] })).toBe(1);
    expect(await denied({ verb: 'patch', responseStatus: { code: 201 } })).toBe(1);
    expect(await denied({ verb: 'patch', responseStatus: { code: 200 } })).toBe(0);
    expect(await denied({ responseStatus: { code: 403, message: 'pods is forbidden' } })).toBe(0);
  });

  it('sees the impersonated user', async () => {
    const documents = [PODS, filter(3, { 'user.username': 'ci' })];
    expect(await denied({ impersonatedUser: { username: 'ci' } }, { documents })).toBe(0);
    expect(
      await denied({ user: { username: 'ci' }, impersonatedUser: { username: 'other' } }, { documents }),
    ).toBe(1);
  });

  it('is without requests by who heals a cluster, unless a rule is set to enforce by its id', async () => {
    const heals = () => true;
    const secrets = { documents: [rule(1, { 'objectRef.resource': 'secrets' })], heals };
    expect(await denied({ objectRef: { resource: 'secrets' } }, secrets)).toBe(0);
    expect(await denied({}, { heals })).toBe(0);
    expect(
      await denied({}, { heals, modes: { default: 'warn', levels: {}, rules: { [id(1)]: 'enforce' } } }),
    ).toBe(1);
  });

  it('is without rules that are set to less by id or level', async () => {
    expect(await denied({}, { modes: { default: 'audit', levels: {}, rules: { [id(1)]: 'warn' } } })).toBe(0);
    expect(await denied({}, { modes: { default: 'audit', levels: { medium: 'audit' }, rules: {} } })).toBe(0);
    expect(await denied({}, { modes: { default: 'audit', levels: {}, rules: {} } })).toBe(1);
  });

  it('is none where the rules do not load at admission', async () => {
    const documents = [PODS, filter(3, { userAgent: 'x' })];
    const { forecast } = await summaryOf([write('forecast.log', lines(event('a')))], { documents });
    expect(forecast).toMatchObject({
      denied: 0,
      impossible: expect.stringContaining('"userAgent" is never seen by serve'),
    });
  });
});

describe('a filter with an end', () => {
  const log = () =>
    write(
      'end.log',
      lines(
        event('before', { requestReceivedTimestamp: '2026-11-24T08:59:59.999999Z' }),
        event('after', { requestReceivedTimestamp: '2026-11-24T09:00:00.000000Z' }),
      ),
    );
  const until = (expires: string) => ({
    documents: [PODS, withTerms(filter(3, { 'user.username': 'admin' }), { expires })],
  });

  it('accepts a request of the time before, and none from then on', async () => {
    const records = await recordsOf([log()], until('2026-11-24T09:00:00Z'));
    expect(records.map(({ uid, verdict, matches: [match] }) => [uid, verdict, match?.filter?.title])).toEqual(
      [
        ['before', 'allow', 'Filter 3'],
        ['after', 'warn', undefined],
      ],
    );
  });

  it('accepts in the forecast what it would accept now', async () => {
    const denied = async (expires: string) => (await summaryOf([log()], until(expires))).forecast.denied;
    expect([await denied('2026-11-24T09:00:00Z'), await denied('9999-12-31')]).toEqual([2, 0]);
  });

  it('that has expired is warned of', async () => {
    expect((await run([log()], until('2020-01-01'))).err).toBe(
      '1.yml:1: expires: filter "Filter 3" expired 2020-01-01: it accepts nothing\n',
    );
  });
});

describe('a fault', () => {
  const good = lines(event('a'));

  it.each([
    [
      'a log that ends in the middle of a line',
      `${good}${good.slice(0, 99)}`,
      0,
      'cut off: the log ends in the middle of it',
    ],
    [
      'invalid UTF-8',
      Buffer.concat([
        Buffer.from(good),
        Buffer.from(lines(event('b')).replace('admin', 'adm?n')).map((byte) => (byte === 0x3f ? 0xff : byte)),
      ]),
      0,
      'not UTF-8',
    ],
    [
      'a line of 100 MB',
      Buffer.concat([Buffer.from(good), Buffer.from(`{"x":"${'x'.repeat(1e8)}"}\n`)]),
      0,
      '100 MB, too long for an event',
    ],
  ])(
    'is told, and nothing is judged twice: %s',
    async (_, log, code, problem) => {
      const told = await run([write('fault.log', log)]);
      expect(JSON.parse(told.out)).toMatchObject({
        requests: { judged: 1, matched: 1 },
        badLines: [{ file: 'fault.log', line: 2, problem }],
        unreadable: [],
      });
      expect(told).toMatchObject({ code, err: '' });
    },
    30_000,
  );

  it('in a gzip archive that was cut off is told, and what is in it is judged', async () => {
    const many = lines(
      ...Array.from({ length: 2000 }, (_, index) =>
        event(`e${index}`, { requestObject: { x: String(Math.sin(index)) } }),
      ),
    );
    const packed = gzipSync(many);
    const { code, out, err } = await run([write('cut.log.gz', packed.subarray(0, packed.length - 500))]);
    const { read, requests, unreadable, badLines } = JSON.parse(out) as Summary;
    const problem = 'the gzip data ends too early: the file was cut off; what it still held was read';
    expect([code, err, unreadable]).toEqual([
      2,
      `cut.log.gz: ${problem}\n`,
      [{ file: 'cut.log.gz', problem }],
    ]);
    expect(requests.judged).toBe(read.events);
    expect(requests.judged).toBeGreaterThan(1800);
    expect(badLines).toEqual([
      { file: 'cut.log.gz', line: read.events + 1, problem: 'cut off: the log ends in the middle of it' },
    ]);
  });

  it('is no reason to leave out the other logs', async () => {
    const logs = [
      join(directory, 'missing.log'),
      write('gke.json', '{"logName":"projects/p/logs/cloudaudit.googleapis.com%2Factivity"}\n'),
      write('pods.json', '{"kind":"PodList","apiVersion":"v1","items":[]}'),
      write('empty.log', ''),
      write('good.log', good),
    ];
    const { code, out, err } = await run(logs);
    expect(code).toBe(2);
    expect(err.replace(/: GKE .*/, '')).toBe(
      'missing.log: there is no such file\ngke.json: a Google Cloud LogEntry, not an audit.k8s.io event\npods.json: no audit event in it\n',
    );
    expect(JSON.parse(out)).toMatchObject({ requests: { matched: 1 }, empty: ['empty.log'] });
  });

  it('leaves nothing to forecast from where it is the only one', async () => {
    const { code, out } = await run([join(directory, 'missing.log')], { format: 'table' });
    expect([code, out.split('\n').filter((line) => line.startsWith('forecast'))]).toEqual([
      2,
      ['forecast   none: no request was judged'],
    ]);
  });

  it('of whoever reads the output ends the reading', async () => {
    let written = '';
    const head = new Writable({
      write(chunk, _, done) {
        written += String(chunk);
        done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
      },
    });
    const stdout = createOutput(head);
    async function* endless() {
      for (let index = 0; index < 1_000_000; index++) yield Buffer.from(lines(event(`e${index}`)));
    }
    const told = await run(['-'], { format: 'ndjson', stdin: endless(), stdout });
    expect(told).toEqual({ code: 0, out: '', err: '' });
    expect(stdout.closed()).toBe('the reader of the output has gone');
    expect(written.split('\n').length).toBeLessThan(5);
  });
});

describe('an event whose texts take too long to search', () => {
  const documents = [PODS, rule(2, { 'requestObject.spec.containers.args|re': 'x.{0,1000}y' })];
  const args = Array.from({ length: 60_000 }, (_, index) =>
    'ax'.charAt(((index * index + index) % 7) % 2),
  ).join('');
  const long = (stage: string) =>
    event('long', {
      stage,
      requestObject: { kind: 'Pod', spec: { containers: [{ args: [`${args}\ny`] }] } },
    });

  it.each(['ResponseComplete', 'ResponseStarted'])(
    'has no verdict, which is said of its line, and the others are judged: stage %s',
    async (stage) => {
      const log = write('long.log', lines(event('a'), long(stage), event('b')));
      const { read, requests, badLines } = await summaryOf([log], { documents });
      expect({
        badLines: read.badLines,
        matched: requests.matched,
        problems: badLines.map(({ line, problem }) => [line, problem]),
      }).toEqual({
        badLines: 1,
        matched: 2,
        problems: [
          [
            2,
            'no verdict: searching its texts with the regular expressions and field references of the rules takes too long',
          ],
        ],
      });
    },
  );
});

describe('a damaged line', () => {
  const PATHS = [
    ...['level', 'auditID', 'stage', 'requestURI', 'verb', 'kind', 'apiVersion', 'sourceIPs', 'userAgent'],
    ...['user', 'impersonatedUser'].flatMap((user) =>
      ['', '.username', '.uid', '.groups', '.groups.0', '.extra', '.extra.scopes'].map((path) => user + path),
    ),
    ...[
      'resource',
      'subresource',
      'namespace',
      'name',
      'uid',
      'apiGroup',
      'apiVersion',
      'resourceVersion',
    ].map((key) => `objectRef.${key}`),
    ...['objectRef', 'responseStatus', 'responseStatus.code', 'responseStatus.message', 'annotations'],
    ...['annotations.x', 'requestObject', 'requestObject.metadata', 'requestObject.metadata.ownerReferences'],
    ...['responseObject', 'requestReceivedTimestamp', 'stageTimestamp', 'timestamp', 'provenance'],
    ...['authenticationMetadata', 'metadata'],
  ];

  /** The event with `value` at `path`. */
  function damaged(path: string, value: unknown, more: object): object {
    const whole = structuredClone(
      event('x', { impersonatedUser: { username: 'ci', groups: ['g'] }, responseObject: {}, ...more }),
    ) as Record<string, unknown>;
    const keys = path.split('.');
    const last = keys.pop() ?? '';
    const parent = keys.reduce<Record<string, unknown>>(
      (at, key) => (at[key] ??= {}) as Record<string, unknown>,
      whole,
    );
    parent[last] = value;
    return whole;
  }

  const anything = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom({ toString: 1, valueOf: 1 }, [null], ['kube-system'], 5, -0, '', '\u{1b}[2J', null),
  );
  const documents = [
    PODS,
    rule(2, { 'user.username|contains': '5' }),
    rule(3, ['kube-system']),
    rule(4, { stage: 'RequestReceived', 'requestObject.spec.hostNetwork': true }),
    filter(5, { 'user.groups': 'ci' }),
  ];

  it('is counted with its number, and the lines around it are judged, be what may be in it', async () => {
    const damage = fc.record({
      path: fc.constantFrom(...PATHS),
      value: anything,
      more: fc.constantFrom<object>(
        {},
        { stage: 'RequestReceived' },
        { verb: 'patch' },
        { user: { username: 'system:node:n', groups: ['system:nodes'] } },
      ),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(damage, { minLength: 1, maxLength: 200 }),
        fc.constantFrom('json', 'table', 'ndjson'),
        async (damages, format) => {
          const between = damages.map(({ path, value, more }) => damaged(path, value, more));
          const log = lines(event('a'), ...between.flatMap((each, at) => [each, event(`b${at}`)]));
          const heals = ({ user = {} }: AuditEvent) => isSystemIdentity(user, 'upstream');
          const { code, out } = await run(['-'], { documents, format, stdin: pipe(log), heals });
          expect(code).toBe(0);
          if (format !== 'json') return;
          const { read, badLines } = JSON.parse(out) as Summary;
          expect(read.events + read.badLines).toBe(2 * between.length + 1);
          expect(badLines.filter(({ line }) => line % 2 === 1)).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each([
    [{ user: { username: 5 } }, 'user.username: expected a text'],
    [{ user: { groups: ['a', {}] } }, 'user.groups[1]: expected a text'],
    [{ objectRef: { resource: 'pods', namespace: ['kube-system'] } }, 'objectRef.namespace: expected a text'],
  ])('is told: %j', async (more, problem) => {
    const summary = await summaryOf(['-'], { stdin: pipe(lines(event('a', more), event('b'))) });
    expect([summary.badLines, summary.requests.matched]).toEqual([
      [{ file: '-', line: 1, problem: `not an audit event: ${problem}` }],
      1,
    ]);
  });

  it('with a body nested as deep as an API server takes is judged, also where its request waits', async () => {
    const log = (depth: number, stage: string) => {
      const deep = lines(event('deep', { stage, requestObject: 0 })).replace(
        '"requestObject":0',
        `"requestObject":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`,
      );
      return `${deep}${lines(...Array.from({ length: 600 }, (_, at) => event(`w${at}`, { stage: 'ResponseStarted' })))}`;
    };
    for (const depth of [6000, 100_000])
      for (const stage of ['ResponseStarted', 'ResponseComplete'])
        for (const format of ['json', 'ndjson'] as const) {
          const told = await run(['-'], { documents, format, stdin: pipe(log(depth, stage)) });
          expect([depth, stage, told.code]).toEqual([depth, stage, 0]);
          if (format === 'json')
            expect(JSON.parse(told.out)).toMatchObject({
              requests: { judged: 601, matched: 601 },
              badLines: [],
            });
        }
  });
});

describe('a log without an audit event', () => {
  const logged = event('a');
  const shapes: readonly (readonly [string, string, string])[] = [
    [
      'of other JSON',
      lines(...Array.from({ length: 50 }, () => ({ hello: 1 }))),
      'not an audit event: it has no verb',
    ],
    ['of other text', 'nonsense\n'.repeat(50), 'not JSON'],
    [
      'of Google Cloud LogEntries',
      lines({ protoPayload: { methodName: 'io.k8s.core.v1.pods.create' } }, { logName: 'x' }),
      'a Google Cloud LogEntry, not an audit.k8s.io event',
    ],
    [
      'of a Log Analytics table',
      lines({ Category: 'kube-audit', log_s: JSON.stringify(logged) }),
      'Log Analytics',
    ],
    ['of Filebeat', lines({ '@timestamp': 'x', kubernetes: { audit: logged } }), 'Filebeat'],
    ['of the Splunk HTTP Event Collector', lines({ time: 1, sourcetype: 'kube', event: logged }), 'Splunk'],
    [
      'that is pushed to Loki',
      lines({ streams: [{ stream: {}, values: [['1', JSON.stringify(logged)]] }] }),
      'Loki',
    ],
    [
      'of OpenTelemetry',
      lines({
        resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { stringValue: JSON.stringify(logged) } }] }] }],
      }),
      'OpenTelemetry',
    ],
    ['of events that are damaged', lines(event('a', { user: 'admin' })), 'user: expected an object'],
  ];
  const asked = [true, false].flatMap((checkLines) =>
    [true, false].map((failOnMatch) => ({ checkLines, failOnMatch })),
  );
  const nowhere = [rule(1, { 'objectRef.namespace': 'no-line-holds-it' })];

  it.each(shapes)('is said to be unreadable, whatever lines no rule can match: %s', async (_, log, shape) => {
    const plain = write('none.log', log);
    const packed = write('none.log.gz', gzipSync(log));
    for (const told of asked) {
      for (const documents of [[PODS], nowhere]) {
        for (const logs of [[plain], [packed], ['-']]) {
          const { code, out, err } = await run(logs, { ...told, documents, stdin: pipe(log) });
          const { unreadable, read } = JSON.parse(out) as Summary;
          expect([code, read.events, read.skippedLines]).toEqual([2, 0, 0]);
          expect(unreadable).toEqual([
            { file: logs[0]?.replace(`${directory}/`, ''), problem: expect.stringContaining(shape) },
          ]);
          expect(err).toContain(shape);
        }
      }
    }
  });

  it('is no reason to leave out another, whose matches are found; but the exit code is 2', async () => {
    const logs = [write('bad.log', '{"hello":1}\n'.repeat(3)), write('good.log', lines(event('a')))];
    for (const told of asked) {
      for (const order of [logs, logs.toReversed()]) {
        const { code, out } = await run(order, told);
        expect([code, JSON.parse(out)]).toEqual([
          2,
          expect.objectContaining({
            requests: expect.objectContaining({ judged: 1, matched: 1 }),
            unreadable: [
              {
                file: 'bad.log',
                problem: 'no audit event in it; line 1: not an audit event: it has no verb',
              },
            ],
          }),
        ]);
      }
    }
  });

  it('is readable if it has nothing in it at all, packed or not', async () => {
    const logs = [write('zero.log', ''), write('zero.log.gz', gzipSync('')), '-'];
    for (const told of asked) {
      const { code, out, err } = await run(logs, { ...told, stdin: pipe() });
      expect([code, err]).toEqual([0, '']);
      expect(JSON.parse(out)).toMatchObject({ empty: ['zero.log', 'zero.log.gz', '-'], unreadable: [] });
    }
  });

  it('is not one whose events no rule can match', async () => {
    const log = write(
      'reads.log',
      lines(event('a', { user: 'damaged' }), ...[1, 2, 3].map((at) => event(`r${at}`))),
    );
    for (const told of asked) {
      const { code, out } = await run([log], { ...told, documents: nowhere });
      expect([code, JSON.parse(out)]).toEqual([0, expect.objectContaining({ unreadable: [] })]);
    }
    const { read } = await summaryOf([log], { checkLines: false, documents: nowhere });
    expect(read).toMatchObject({ events: 0, badLines: 1, skippedLines: 3 });
  });

  it('is not one whose events are all outside the time asked for', async () => {
    const { code } = await run([write('time.log', lines(event('a')))], { since: Date.UTC(2027, 0) });
    expect(code).toBe(0);
  });
});

describe('the program', () => {
  const rules = () => write('rules.yml', PODS);
  const filters = () => write('filters.yml', filter(3, { 'user.username': 'ci' }));

  async function start(input: string, ...flags: readonly string[]) {
    const args = ['src/main.ts', 'replay', '-', '--rules', rules(), '--filters', filters(), ...flags];
    const env = { PATH: process.env['PATH'] };
    const child = spawn(process.execPath, args, { cwd: join(import.meta.dirname, '../../..'), env });
    const err = text(child.stderr);
    child.stdin.on('error', () => {});
    child.stdin.write(input);
    return { child, ended: once(child, 'close').then(async ([code]) => ({ code, err: await err })) };
  }

  it.each([
    ['nothing to say', lines(event('a', { verb: 'list' })), 0],
    ['a match', lines(event('a')), 1],
    ['a log that is none', 'nonsense\n', 2],
  ])('exits as documented: %s', async (_, input, code) => {
    const { child, ended } = await start(input, '--fail-on-match');
    child.stdout.resume();
    child.stdin.end();
    expect(await ended).toMatchObject({ code });
  });

  it('ends when head has read enough', async () => {
    const { child, ended } = await start(lines(event('a')), '--format', 'ndjson');
    await once(child.stdout, 'data');
    child.stdout.destroy();
    child.stdin.write(lines(...Array.from({ length: 5000 }, (_, index) => event(`e${index}`))));
    // Standard input stays open: it is the output's end that ends it.
    expect(await ended).toEqual({ code: 0, err: 'stopped: the reader of the output has gone\n' });
  });
});

describeWithCorpus('a log of 2,971 events', () => {
  const log = corpusPath('audit/immudb-log-audit/k8s.log');
  const documents = corpusFiles('sigma-rules', '.yml').map(corpusText);

  it('holds 1,484 requests, of which 2 match the public rules, 14 read literally', async () => {
    expect(await summaryOf([log], { documents })).toMatchObject({
      read: { events: 2971, badLines: 0 },
      requests: { judged: 1484, unfinished: 108, matched: 2 },
    });
    expect(await summaryOf([log], { documents, subresources: 'literal' })).toMatchObject({
      requests: { judged: 1484, matched: 14 },
    });
  });

  it('gives the same matches where lines are left out', async () => {
    const whole = await recordsOf([log], { documents, subresources: 'literal' });
    const filtered = await recordsOf([log], { documents, subresources: 'literal', checkLines: false });
    expect(filtered).toEqual(whole);
    expect(whole).toHaveLength(14);
  });
});
