import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadAll } from 'js-yaml';
import { allowlistSuggest } from '../../../src/commands/allowlist/suggest.ts';
import type { SuggestedFilter } from '../../../src/commands/allowlist/suggestions.ts';
import type { AllowlistSuggestConfig } from '../../../src/settings/types.ts';
import { evaluate } from '../../../src/policy/evaluate.ts';
import { loadRuleset, parseAll } from '../../../src/policy/load-rules.ts';
import { directorySource } from '../../../src/policy/rule-source.ts';
import { captured } from '../rules/written.ts';
import { rulesCheck } from '../../../src/commands/rules/check.ts';

const ROOT = join(import.meta.dirname, '../../..');
const SEED = 'a80d927d-ac6e-443f-a867-e8d6e3897318';
const EXEC = 'e9ef1706-9fe5-4813-bb94-cc024c762db5';
const MATCH = { id: SEED, title: 'Creation Of Pod In System Namespace', level: 'medium' };

let directory = '';
beforeAll(() => void (directory = mkdtempSync(join(tmpdir(), 'suggest-'))));
afterAll(() => rmSync(directory, { recursive: true }));

function record(user: object | undefined, name: string, more: object = {}): object {
  return {
    schemaVersion: 1,
    door: 'serve',
    time: '2026-11-24T08:00:00Z',
    uid: 'r',
    verdict: 'warn',
    dryRun: false,
    apiGroup: '',
    apiVersion: 'v1',
    resource: 'pods',
    kind: 'Pod',
    namespace: 'kube-system',
    name,
    ...(user === undefined ? {} : { user }),
    matches: [{ ...MATCH, mode: 'warn', verb: 'create', evidence: [] }],
    notJudged: [],
    ruleset: 'x',
    ...more,
  };
}

const account = (name: string, uid = 'u') => ({
  username: `system:serviceaccount:${name}`,
  ...(uid === '' ? {} : { uid }),
  groups: ['system:serviceaccounts'],
});
const person = (username: string, ...groups: readonly string[]) => ({ username, groups });

async function suggest(content: string | Buffer, told: Partial<AllowlistSuggestConfig> = {}) {
  writeFileSync(join(directory, 'records'), content);
  const { io, texts } = captured(directory);
  const stdin = (async function* () {})();
  const code = await allowlistSuggest(
    { records: [join(directory, 'records')], filtersDirs: [], ...told },
    { stdin, ...io },
  );
  return { code, ...texts };
}

const lines = (...records: readonly object[]) => records.map((each) => `${JSON.stringify(each)}\n`).join('');

/** What the filters select, in order. */
async function selections(...records: readonly object[]) {
  const { stdout } = await suggest(lines(...records));
  return (loadAll(stdout) as readonly (SuggestedFilter | undefined)[])
    .filter((each) => each !== undefined && each !== null)
    .map(({ filter }) => filter.selection);
}

/** Why there is no filter for somebody. */
async function refusals(...records: readonly object[]) {
  const { stdout } = await suggest(lines(...records));
  expect(stdout).not.toContain('selection:');
  return [...stdout.matchAll(/^# No filter for (.*)$/gm)].map(([, text]) => text);
}

describe('allowlist suggest', () => {
  it('writes a filter for each principal, the most specific first, with what it would have accepted', async () => {
    const helpers = Array.from({ length: 7 }, (_, index) =>
      record(account('storage:local-path'), `helper-pod-${index}`, { time: `2026-11-24T0${index}:00:00Z` }),
    );
    const many = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => record(account('ci:deployer'), name));
    const { stdout, stderr, code } = await suggest(
      lines(
        ...[...many, ...helpers, record(person('minikube-user', 'system:masters'), 'storage-provisioner')],
        record(account('kube-system:accepted'), 'x', {
          matches: [{ ...MATCH, filter: { id: 'f', title: 'F' } }],
        }),
      ),
    );
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(`# From 15 records, 14 of them with a match that no filter accepts: 3 filters.
# Read each before it is loaded. A filter accepts every request of its user that it fits, also a later one.
---
# 1 request, 2026-11-24T08:00:00Z: kube-system/storage-provisioner
# ${SEED} Creation Of Pod In System Namespace
title: Suggested for minikube-user
id: 1c23fa14-4899-8650-bc42-e4833a66ef48
description: Accepts what these rules matched of this user, as far as the records showed it.
logsource:
  product: kubernetes
  service: audit
filter:
  rules:
    - ${SEED}
  selection:
    user.username|cased: minikube-user
    objectRef.resource: pods
    objectRef.namespace|cased: kube-system
    objectRef.name|cased: storage-provisioner
  condition: not selection
---
# 7 requests, 2026-11-24T00:00:00Z to 2026-11-24T06:00:00Z: kube-system/helper-pod-0, kube-system/helper-pod-1, kube-system/helper-pod-2, kube-system/helper-pod-3, kube-system/helper-pod-4, …
# ${SEED} Creation Of Pod In System Namespace
title: Suggested for system:serviceaccount:storage:local-path
id: ${idIn(stdout, 1)}
description: Accepts what these rules matched of this user, as far as the records showed it.
logsource:
  product: kubernetes
  service: audit
filter:
  rules:
    - ${SEED}
  selection:
    user.username|cased: system:serviceaccount:storage:local-path
    user.groups|cased: system:serviceaccounts:storage
    user.uid: ?*
    objectRef.resource: pods
    objectRef.namespace|cased: kube-system
    objectRef.name|startswith|cased: helper-pod-
  condition: not selection
---
# 6 requests, 2026-11-24T08:00:00Z: kube-system/a, kube-system/b, kube-system/c, kube-system/d, kube-system/e, …
# ${SEED} Creation Of Pod In System Namespace
title: Suggested for system:serviceaccount:ci:deployer
id: ${idIn(stdout, 2)}
description: Accepts what these rules matched of this user, as far as the records showed it.
logsource:
  product: kubernetes
  service: audit
filter:
  rules:
    - ${SEED}
  selection:
    user.username|cased: system:serviceaccount:ci:deployer
    user.groups|cased: system:serviceaccounts:ci
    user.uid: ?*
    objectRef.resource: pods
    objectRef.namespace|cased: kube-system
  condition: not selection
`);
  });

  it('narrows by everything that was the same', async () => {
    const matches = [{ ...MATCH, id: EXEC, title: 'Exec Into Pod' }];
    expect(
      await selections(
        record(account('ops:backup'), 'db-0', { subresource: 'exec', namespace: 'db', matches }),
      ),
    ).toEqual([
      {
        'user.username|cased': 'system:serviceaccount:ops:backup',
        'user.groups|cased': 'system:serviceaccounts:ops',
        'user.uid': '?*',
        'objectRef.resource': 'pods',
        'objectRef.subresource': 'exec',
        'objectRef.namespace|cased': 'db',
        'objectRef.name|cased': 'db-0',
      },
    ]);
  });

  it("takes Sigma's wildcards in a name for what they are", async () => {
    const [selection] = await selections(record(person('a*b?c\\d'), 'x'));
    expect(selection?.['user.username|cased']).toBe('a\\*b\\?c\\\\d');
  });

  it('gives the same filter the same id', async () => {
    const asked = lines(record(account('a:b'), 'x'));
    expect((await suggest(asked)).stdout).toBe((await suggest(asked)).stdout);
  });

  it.each([
    [
      'an administrator who makes many things',
      ['a', 'b', 'c', 'd', 'e', 'f'].map((name) =>
        record(person('kubernetes-admin', 'system:masters'), name),
      ),
      'kubernetes-admin: it is an administrator (system:masters or alike) and made things of many names: a filter would accept whatever an administrator makes.',
    ],
    [
      'a person who makes many things',
      ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => record(person('jane'), name)),
      'jane: it may be a person, and made things of many names: a filter would accept whatever that person makes.',
    ],
    [
      'a person whose things have no names',
      [record(person('jane'), '')],
      'jane: it may be a person, and the records do not say what the things made are called.',
    ],
    [
      'whoever is not authenticated',
      [record(person('system:anonymous', 'system:unauthenticated'), 'x')],
      'system:anonymous: any client without credentials is that user.',
    ],
    [
      'a node',
      [record(person('system:node:node1', 'system:nodes'), 'x')],
      "system:node:node1: a filter for nodes would need a wildcard; kubelets' mirror pods are accepted already, and a node makes no other.",
    ],
    [
      'an impersonated service account',
      [record(account('a:b'), 'x'), record(account('a:b', ''), 'y')],
      'system:serviceaccount:a:b: a request came without its uid: a client impersonated the ServiceAccount, and a filter would accept that client too.',
    ],
    [
      "a controller's stolen token",
      [record(account('kube-system:daemon-set-controller'), 'x')],
      'system:serviceaccount:kube-system:daemon-set-controller: the filters have it: what they did not accept came with a token bound to a pod, or to another namespace.',
    ],
    ['no user', [record({}, 'x')], '(no user): the records do not name the user.'],
    [
      'a name that was cut',
      [record(person('a…b'), 'x')],
      'a…b: the records do not have the name to the letter.',
    ],
  ])('has no filter for %s', async (_, records, why) => {
    expect(await refusals(...records)).toEqual([why]);
  });

  it('has no user to accept in the findings of scan, and says so', async () => {
    const scanned = record(undefined, 'bare', { door: 'scan' });
    const report = { suspicious: [scanned], undetermined: [scanned], verified: [], schemaVersion: 1 };
    const { stdout } = await suggest(JSON.stringify(report, null, 2));
    expect(stdout).toBe(`# From 2 records, 0 of them with a match that no filter accepts: 0 filters.
# Read each before it is loaded. A filter accepts every request of its user that it fits, also a later one.
# 2 records of objects in a cluster: an object does not name the user that made it, so there is no user to accept.
# A filter by name alone would accept an object of that name from any client.
`);
  });

  it('reads records among other lines, and packed', async () => {
    const log = `{"level":30,"msg":"started"}\nnonsense {\n${lines(record(account('a:b'), 'x'))}{"cut`;
    const { stdout, code } = await suggest(gzipSync(log));
    expect(code).toBe(0);
    expect(stdout).toContain('# From 1 record, 1 of them with a match that no filter accepts: 1 filter.\n');
    expect(stdout).toContain('# 3 lines that hold no record, passed over.\n');
  });

  it('lets no text of a record out of its comment', async () => {
    const { stdout } = await suggest(lines(record(account('a:b'), 'x\n---\ntitle: y')));
    expect(stdout.split('\n').filter((line) => line.startsWith('title:'))).toHaveLength(1);
  });

  it('fails, and says so, if a file cannot be read', async () => {
    const { io, texts } = captured(directory);
    const stdin = (async function* () {})();
    const code = await allowlistSuggest(
      { records: [join(directory, 'missing')], filtersDirs: [] },
      { stdin, ...io },
    );
    expect([code, texts.stderr]).toEqual([2, 'missing: there is no such file\n']);
  });
});

describe('what is suggested', () => {
  const RECORDS = [
    record(account('storage:local-path'), 'helper-pod-1'),
    ...['a-1', 'b-1', 'c-1', 'd-1', 'e-1', 'f-1'].map((name) => record(account('ci:deployer'), name)),
    record(person('minikube-user', 'system:masters'), 'storage-provisioner'),
    record(person("o'brien: #1 *?\\"), 'x'),
  ];

  it('loads, and nothing is wrong with it', async () => {
    const { stdout } = await suggest(lines(...RECORDS));
    const file = join(directory, 'suggested.yml');
    writeFileSync(file, stdout);
    const { io, texts } = captured(directory);
    const config = {
      dirs: [join(ROOT, 'rules'), file],
      allowUsers: [],
      door: 'serve',
      format: 'text',
      strict: true,
    } as const;
    const code = await rulesCheck({ ...config, subresources: 'resource' }, io);
    expect([code, texts.stdout]).toEqual([
      0,
      expect.stringMatching(/4 filters, ruleset \w+: nothing is wrong/),
    ]);
  });

  it('accepts what it was made from, and nobody else', async () => {
    const { stdout } = await suggest(lines(...RECORDS));
    const documents = await directorySource([join(ROOT, 'rules')]).read();
    const parsed = parseAll([...documents, { name: 'suggested.yml', text: stdout }]);
    const ruleset = loadRuleset(parsed, { door: 'serve', subresources: 'resource' });
    const accepted = (asked: object, name: string, namespace = 'kube-system') => {
      const { user } = asked as { user: { username: string; groups: string[]; uid?: string } };
      const [, home] = /^system:serviceaccount:([^:]+):/.exec(user.username) ?? [];
      const groups = home === undefined ? user.groups : [...user.groups, `system:serviceaccounts:${home}`];
      const event = {
        verb: 'create',
        user: { ...user, groups },
        objectRef: { resource: 'pods', namespace, name, apiVersion: 'v1' },
        requestObject: { kind: 'Pod' },
        provenance: {},
      };
      const observation = { uid: '', event, verbs: ['create'], unknown: [], receivedAt: '', dryRun: false };
      return evaluate(observation, ruleset)
        .matches.filter(({ rule }) => rule.id === SEED)
        .every(({ filter }) => filter !== undefined);
    };
    for (const each of RECORDS) expect(accepted(each, (each as { name: string }).name)).toBe(true);
    expect(accepted(record(account('storage:other'), ''), 'helper-pod-1')).toBe(false);
    expect(accepted(record(account('storage:local-path', ''), ''), 'helper-pod-1')).toBe(false);
    expect(accepted(record(person('minikube-user', 'system:masters'), ''), 'kube-proxy-bv61v')).toBe(false);
    expect(accepted(record(person("o'brien: #1 abc\\"), ''), 'x')).toBe(false);
  });
});

/** The id of the filter in this place. */
function idIn(text: string, place: number): string {
  const [, id = ''] = [...text.matchAll(/^id: (.*)$/gm)][place] ?? [];
  return id;
}

describe('a filter with an end', () => {
  const ID = '44444444-4444-4444-8444-444444444444';
  const accepted = record(person('alice'), 'web', {
    matches: [{ ...MATCH, mode: 'warn', verb: 'create', evidence: [], filter: { id: ID, title: 'Alice' } }],
  });
  const until = (end: string) => {
    writeFileSync(
      join(directory, 'alice.yml'),
      `title: Alice\nid: ${ID}\nlogsource: {product: kubernetes}\nexpires: ${end}\nfilter: {rules: any, s: {user.username: alice}, condition: not s}\n`,
    );
    return { filtersDirs: [join(directory, 'alice.yml')] };
  };

  it('that accepted a match then and has ended since leaves it to be accepted anew', async () => {
    const suggested = async (end: string) =>
      (await suggest(lines(accepted), until(end))).stdout.split('\n')[0];
    expect([await suggested('9999-12-31'), await suggested('2020-01-01')]).toEqual([
      '# From 1 record, 0 of them with a match that no filter accepts: 0 filters.',
      '# From 1 record, 1 of them with a match that no filter accepts: 1 filter.',
    ]);
  });

  it('is written where it is asked for, and loads', async () => {
    const { stdout } = await suggest(lines(record(person('alice'), 'web')), { expires: '2026-12-31' });
    expect(stdout).toContain("\nexpires: '2026-12-31'\nfilter:\n");
    const { filters, problems } = parseAll([{ name: 'f.yml', text: stdout }]);
    expect([filters.map(({ expires }) => expires?.at), problems]).toEqual([[Date.UTC(2027, 0, 1)], []]);
  });
});
