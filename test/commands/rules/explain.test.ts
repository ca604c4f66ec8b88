import { describe, expect, it } from '@jest/globals';
import type { RulesExplainConfig } from '../../../src/settings/types.ts';
import { rulesExplain } from '../../../src/commands/rules/explain.ts';
import { captured, directoryOf, ruleOf } from './written.ts';

const PODS = `title: Host paths
id: 11111111-1111-4111-8111-111111111111
name: host_paths
description: |
  Somebody mounts what is the node's.

  It is said in two paragraphs.
author: A. U. Thor
date: 2026-11-24
tags: [attack.privilege-escalation, attack.t1611, attack.t9999]
falsepositives: [Node agents, Storage]
references: [https://example.org/a]
logsource: {product: kubernetes, service: audit}
detection:
  created: {verb: create, objectRef.resource: pods}
  mounted: {hostPath: /*}
  filter_agent: {objectRef.namespace: [agents, storage]}
  condition: created and mounted and not filter_agent
`;
const OTHERS = [
  ruleOf(
    '22222222-2222-4222-8222-222222222222',
    'Pods',
    '  s: {verb: create, objectRef.resource: pods}\n  condition: s\n',
  ),
  ruleOf(
    '33333333-3333-4333-8333-333333333333',
    'Secrets',
    '  s: {verb: [create, update, patch], objectRef.resource: secrets}\n  t: {responseStatus.code: 403}\n  condition: [s, s and t]\n',
  ),
].join('---\n');
const FILTER = `title: Alice\nid: 44444444-4444-4444-8444-444444444444\nlogsource: {product: kubernetes, service: audit}\nfilter: {rules: [host_paths], selection: {user.username|cased: alice, user.groups: dev}, condition: not selection}\n`;

const FILES = { 'pods.yml': PODS, 'others.yml': OTHERS, 'filters/alice.yml': FILTER };

async function explain(rule: string, event?: string, files: Readonly<Record<string, string>> = FILES) {
  const directory = directoryOf({
    ...files,
    ...(event === undefined ? {} : { 'requests/event.yaml': event }),
  });
  const { io, texts } = captured(directory);
  const config: RulesExplainConfig = {
    modes: { default: 'warn', levels: {}, rules: {} },
    rulesDirs: [directory],
    filtersDirs: [`${directory}/filters`],
    allowUsers: [],
    subresources: 'resource',
    door: 'serve',
    rule,
    ...(event === undefined ? {} : { event: `${directory}/requests/event.yaml` }),
  };
  const exitCode = await rulesExplain(config, io);
  return { exitCode, ...texts };
}

/** The lines below a heading, up to the next empty line before one. */
function sectionOf(page: string, heading: string): string {
  const from = page.indexOf(`\n${heading}`) + 1;
  const to = page.indexOf('\n\n', from);
  return page.slice(from, to === -1 ? undefined : to);
}

const PAGE = `\
Host paths
11111111-1111-4111-8111-111111111111
level medium, status test, by A. U. Thor, 2026-11-24
pods.yml:1

What it detects
  Somebody mounts what is the node's.
  It is said in two paragraphs.
  false positives  Node agents
                   Storage
  references       https://example.org/a

MITRE ATT&CK
  tactic     Privilege Escalation
  technique  T1611 Escape to Host
  technique  T9999

What it covers
  audit verb  of    admission operation
  create      pods  CREATE

Other loaded rules on the same operation
  22222222  medium  Pods

Stages
  condition     created and mounted and not filter_agent
  (added)       objectRef.subresource is missing or null
  created       verb = create
                and objectRef.resource = pods
  mounted       hostPath starts with /
  filter_agent  objectRef.namespace = agents or storage

  Added: objectRef.subresource is missing. The rule requires a resource and nowhere names a
  subresource, so it is about the resource itself. Read literally it is also about pods/attach,
  pods/binding, pods/eviction, pods/exec, pods/portforward, pods/proxy. With --subresources literal
  it is read so.

Indicators, and how many other loaded rules use the same
  field                  operator            value            others
  verb                   =                   create           2
  objectRef.resource     =                   pods             1
  hostPath               starts with         /                0
  objectRef.namespace    not =               agents, storage  0
  objectRef.subresource  is missing or null                   2

Filters that apply
  44444444 Alice (filters/alice.yml:1)
    condition  not selection
    selection  user.username = (cased) alice
               and user.groups = dev

Field mapping
  hostPath  is  requestObject.spec.volumes.hostPath.path

At each door
  door    class      mode  why
  serve   decidable  warn  every field it needs is seen
  replay  decidable  warn  every field it needs is seen
  scan    decidable  warn  every field it needs is seen
`;

const reviewOf = ({ namespace = 'shop', groups = 'prod', resource = 'pods' } = {}) => `\
apiVersion: admission.k8s.io/v1
kind: AdmissionReview
request:
  uid: u
  kind: {group: '', version: v1, kind: Pod}
  resource: {group: '', version: v1, resource: ${resource}}
  operation: CREATE
  namespace: ${namespace}
  name: x
  userInfo: {username: alice, groups: [${groups}]}
  object:
    metadata: {name: x, managedFields: [{operation: Apply}]}
    spec: {volumes: [{emptyDir: {}}, {hostPath: {path: /etc}}]}
    data: {key: hunter2}
`;

describe('rules explain', () => {
  it('prints the page a rule deserves', async () => {
    expect(await explain('11111111-1111-4111-8111-111111111111')).toEqual({
      exitCode: 0,
      stdout: PAGE,
      stderr: '',
    });
  });

  it.each(['1', 'HOST PATHS', 'host_paths', 'host', '11111111-1111-4111-8111-111111111111'])(
    'knows a rule by its id, title or name, or by what only it begins with: %s',
    async (called) => {
      expect((await explain(called)).stdout).toBe(PAGE);
    },
  );

  it('shows every line of 100 columns at most', async () => {
    const { stdout } = await explain('1', reviewOf());
    expect(stdout.split('\n').filter((line) => line.length > 100)).toEqual([]);
  });

  it('says which rules there are, or which are meant', async () => {
    expect(await explain('exec')).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: [
        'no rule is called "exec"; there are:',
        '  22222222-2222-4222-8222-222222222222  Pods',
        '  33333333-3333-4333-8333-333333333333  Secrets',
        '  11111111-1111-4111-8111-111111111111  Host paths\n',
      ].join('\n'),
    });
    const twins = ['Pod made', 'Pod changed'].map((title, at) =>
      ruleOf(`${at}1111111-1111-4111-8111-111111111111`, title, '  s: {verb: create}\n  condition: s\n'),
    );
    expect(
      (await explain('pod', undefined, { 'a.yml': twins.join('---\n'), 'filters/x.yml': FILTER })).stderr,
    ).toBe(
      [
        'more than one rule is called "pod":',
        '  01111111-1111-4111-8111-111111111111  Pod made',
        '  11111111-1111-4111-8111-111111111111  Pod changed\n',
      ].join('\n'),
    );
  });

  it('tells conditions that a door decides from those it does not', async () => {
    const { stdout } = await explain('Secrets');
    expect(sectionOf(stdout, 'What it covers')).toBe(`\
What it covers
  audit verb             of       admission operation
  create, update, patch  secrets  CREATE, UPDATE
  create, update, patch  secrets  none: serve never shows responseStatus.code`);
    expect(sectionOf(stdout, 'Stages')).toBe(`\
Stages
  condition 1  s
  condition 2  s and t (offline-only: serve never shows responseStatus.code)
  (added)      objectRef.subresource is missing or null
  s            verb = create, update or patch
               and objectRef.resource = secrets
  t            responseStatus.code = 403`);
    expect(stdout.slice(stdout.indexOf('At each door'))).toBe(`\
At each door
  door    class      mode  why
  serve   decidable  warn  by condition:
                           1 is decidable: every field it needs is seen
                           2 is offline-only: serve never shows responseStatus.code
  replay  decidable  warn  every field it needs is seen
  scan    decidable  warn  by condition:
                           1 is decidable: every field it needs is seen
                           2 is offline-only: scan never shows responseStatus.code
`);
  });

  it('shows what is true of a request, item by item', async () => {
    const { stdout } = await explain('1', reviewOf());
    expect(sectionOf(stdout, 'What is true of')).toBe(`\
What is true of requests/event.yaml
  judged as  serve judges it, the audit verb being create (or patch: admission does not say)
  verdict    matches, and no filter accepts it; its mode is warn`);
    expect(sectionOf(stdout, 'Stages')).toBe(`\
Stages
  true   condition     created and mounted and not filter_agent
  true   (added)       objectRef.subresource is missing or null [absent]
  true   created
  true                 verb = create [create]
  true                 and objectRef.resource = pods [pods]
  true   mounted       hostPath starts with / [absent, /etc]
  false  filter_agent  objectRef.namespace = agents or storage [shop]`);
    expect(sectionOf(stdout, 'Filters that apply')).toBe(`\
Filters that apply
  44444444 Alice (filters/alice.yml:1): does not accept it
    true   condition  not selection
    false  selection
    true              user.username = (cased) alice [alice]
    false             and user.groups = dev [prod]`);
  });

  it.each([
    [{ namespace: 'agents' }, 'does not match'],
    [{ groups: 'dev' }, 'matches, but the filter "Alice" accepts it'],
  ])('says what becomes of it: %j', async (change, verdict) => {
    const { stdout } = await explain('1', reviewOf(change));
    expect(sectionOf(stdout, 'What is true of')).toContain(`verdict    ${verdict}`);
  });

  it('says of a logged request what the log does not show', async () => {
    const event = `kind: Event\nlevel: Metadata\nverb: create\nuser: {username: bob}\nobjectRef: {resource: pods, namespace: shop}\n`;
    const { stdout } = await explain('1', event);
    expect(sectionOf(stdout, 'What is true of')).toBe(`\
What is true of requests/event.yaml
  judged as  replay judges it, the audit verb being create
  verdict    cannot be judged: requestObject.spec.volumes.hostPath.path is not to be seen`);
    expect(stdout).toContain('  unknown  mounted       hostPath starts with / [not to be seen]\n');
  });

  it('says of a request that its door does not ask the rule', async () => {
    const files = {
      'x.yml': ruleOf(
        '51111111-1111-4111-8111-111111111111',
        'Denied',
        '  s: {responseStatus.code: 403}\n  condition: s\n',
      ),
      'filters/x.yml': FILTER,
    };
    const { stdout } = await explain('denied', reviewOf(), files);
    expect(sectionOf(stdout, 'What is true of')).toContain(
      'not asked: offline-only: serve never shows responseStatus.code',
    );
    expect(stdout).toContain('  unknown  s          responseStatus.code = 403 [not to be seen]\n');
  });

  it('shows nothing of what a Secret holds', async () => {
    const files = {
      'x.yml': ruleOf(
        '61111111-1111-4111-8111-111111111111',
        'Keys',
        '  s: {objectRef.resource: secrets, requestObject.data.key: x}\n  condition: s\n',
      ),
      'filters/x.yml': FILTER,
    };
    const { stdout } = await explain('keys', reviewOf({ resource: 'secrets' }), files);
    expect(stdout).toContain('requestObject.data.key = x [redacted]');
    expect(stdout).not.toContain('hunter2');
  });

  it.each([
    ['kind: Pod\n', 'requests/event.yaml: verb: expected a text'],
    ['', 'requests/event.yaml: expected one request, found 0'],
  ])('says what is wrong with a file that is no request: %j', async (event, message) => {
    await expect(explain('1', event)).rejects.toThrow(message);
  });
});

describe('a filter with an end, an owner and a ticket', () => {
  const filesUntil = (end: string) => ({
    ...FILES,
    'filters/alice.yml': FILTER.replace(
      'logsource',
      `expires: ${end}\nowner: team-a\nticket: OPS-7\nlogsource`,
    ),
  });
  const event = (time: string) =>
    `kind: Event\nlevel: Request\nverb: create\nuser: {username: alice, groups: [dev]}\nrequestReceivedTimestamp: ${time}\nobjectRef: {resource: pods, namespace: shop}\nrequestObject: {spec: {volumes: [{hostPath: {path: /etc}}]}}\n`;
  const titleOf = async (end: string, of?: string) => {
    const { stdout } = await explain('1', of, filesUntil(end));
    return sectionOf(stdout, 'Filters that apply').split('\n').slice(1, 3).join(' ').replaceAll(/\s+/g, ' ');
  };

  it('shows them', async () => {
    expect(await titleOf('9999-12-31')).toContain(
      'Alice (filters/alice.yml:1), until 9999-12-31, owner "team-a", ticket "OPS-7"',
    );
    expect(await titleOf('2020-01-01')).toContain('expired 2020-01-01, owner "team-a"');
  });

  it('is asked about a logged request as it was then', async () => {
    expect(await titleOf('2020-01-01', event('2019-12-31T23:59:59Z'))).toContain('accepts it');
    expect(await titleOf('2020-01-01', event('2020-01-02T00:00:00Z'))).toContain('its end had come');
  });
});
