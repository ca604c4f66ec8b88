import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readAdmissionReview, type AdmissionReview } from '../../src/kubernetes/admission-review.ts';
import { onlyByRuleId, type Mode, type Modes } from '../../src/policy/mode.ts';
import { createRuleset, type RulesetOptions } from '../../src/policy/ruleset.ts';
import { isMirrorPod } from '../../src/provenance/mirror-pod.ts';
import { decisionRecord, type DecisionRecord } from '../../src/records/decision-record.ts';
import { createReviewer } from '../../src/webhook/review.ts';
import { UNKNOWN } from '../../src/sigma/match/fields.ts';
import { combine, parseSigma } from '../../src/sigma/read/load.ts';

const ROOT = join(import.meta.dirname, '../..');
const SEED = 'a80d927d-ac6e-443f-a867-e8d6e3897318';
const SHIPPED = [
  'rules/creation_of_pod_in_system_namespace.yml',
  'filters/controllers.yml',
  'filters/mirror-pods.yml',
].map((name) => parseSigma(name, readFileSync(join(ROOT, name), 'utf8')));

const modes = (mode: Mode, rules: Modes['rules'] = {}): Modes => ({ default: mode, levels: {}, rules });

/** One request through the whole spine: its answer, and the records made. */
async function judge(
  request: object,
  {
    mode = modes('warn'),
    extra = [] as string[],
    options = {} as Partial<RulesetOptions>,
    provenance = {},
    delivered = true,
  } = {},
) {
  const parsed = combine([...SHIPPED, ...extra.map((text, index) => parseSigma(`extra-${index}.yml`, text))]);
  const { ruleset, problems } = createRuleset(parsed, {
    door: 'serve',
    subresources: 'resource',
    ...options,
  });
  if (ruleset === undefined) throw new Error(JSON.stringify(problems));
  const records: DecisionRecord[] = [];
  const review = createReviewer({
    ruleset: () => ruleset,
    modes: mode,
    provenance: (asked) => ({ mirrorPod: isMirrorPod(asked), ...provenance }),
    recorder: { record: (judged) => records.push(decisionRecord(judged)) },
    now: () => Date.UTC(2026, 10, 24),
  });
  const body = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request };
  const answer = await review(readAdmissionReview(body), Infinity, Promise.resolve(delivered));
  return { response: answer.response, record: records[0] };
}

function example(name: string): any {
  return JSON.parse(readFileSync(join(ROOT, 'examples', name), 'utf8')).request;
}

const BY_ALICE = example('pod-by-alice.json');
const BY_CONTROLLER = example('pod-by-daemon-set-controller.json');
const LINE =
  'Creation Of Pod In System Namespace: pods kube-system/kube-proxy-bv61v by alice (Sigma a80d927d, medium, T1036.005)';
const ALLOW = `To allow it, an administrator adds a Sigma filter for this user, or sets rule ${SEED} to warn.`;
const UID = BY_ALICE['uid'];
const ANNOTATIONS = { uid: UID, matches: `["${SEED}"]` };

describe('a pod that somebody makes in kube-system', () => {
  it.each<[Mode, AdmissionReview['response']]>([
    ['audit', { uid: UID, allowed: true, auditAnnotations: ANNOTATIONS }],
    ['warn', { uid: UID, allowed: true, warnings: [LINE], auditAnnotations: ANNOTATIONS }],
    [
      'enforce',
      {
        uid: UID,
        allowed: false,
        status: { code: 403, reason: 'Forbidden', message: `${LINE}. ${ALLOW}` },
        auditAnnotations: ANNOTATIONS,
      },
    ],
  ])('in %s', async (mode, response) => {
    expect((await judge(BY_ALICE, { mode: modes(mode) })).response).toEqual(response);
  });

  it('is on record with what made it match', async () => {
    const { record } = await judge(BY_ALICE);
    expect(record).toEqual({
      schemaVersion: 1,
      door: 'serve',
      time: '2026-11-24T00:00:00.000Z',
      uid: UID,
      verdict: 'warn',
      dryRun: false,
      apiGroup: '',
      apiVersion: 'v1',
      resource: 'pods',
      kind: 'Pod',
      namespace: 'kube-system',
      name: 'kube-proxy-bv61v',
      user: { username: 'alice', groups: ['dev', 'system:authenticated'] },
      matches: [
        {
          id: SEED,
          title: 'Creation Of Pod In System Namespace',
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
      ruleset: expect.stringMatching(/^[0-9a-f]{12}$/),
    });
  });

  it('is not denied on observe by the default, nor by its level', async () => {
    const mode = onlyByRuleId({ default: 'enforce', levels: { medium: 'enforce' }, rules: {} });
    expect((await judge(BY_ALICE, { mode })).response).toMatchObject({ allowed: true, warnings: [LINE] });
  });

  it('is denied on observe by the rule’s own id', async () => {
    const mode = onlyByRuleId(modes('audit', { [SEED]: 'enforce' }));
    expect((await judge(BY_ALICE, { mode })).response.allowed).toBe(false);
  });
});

describe('a pod that is no match', () => {
  it.each([
    ['in another namespace', { namespace: 'default' }],
    ['in a namespace that looks like it', { namespace: 'kube-systern' }],
    ['being bound', { requestSubResource: 'binding' }],
    ['being updated', { operation: 'UPDATE' }],
    ['being deleted', { operation: 'DELETE', object: null }],
  ])('%s is allowed without a word', async (_, changes) => {
    expect((await judge({ ...BY_ALICE, ...changes })).response).toEqual({ uid: UID, allowed: true });
  });

  it('being bound is one when subresources are read literally', async () => {
    const binding = { ...BY_ALICE, requestSubResource: 'binding' };
    const { response } = await judge(binding, { options: { subresources: 'literal' } });
    expect(response.warnings).toEqual([
      'Creation Of Pod In System Namespace: pods/binding kube-system/kube-p…-bv61v by alice (Sigma a80d927d, medium, T1036.005)',
    ]);
  });
});

describe('the allowlist', () => {
  const controller = BY_CONTROLLER['userInfo'];
  const nodePod = {
    ...BY_ALICE,
    userInfo: { username: 'system:node:a', groups: ['system:nodes', 'system:authenticated'] },
    object: {
      metadata: {
        annotations: { 'kubernetes.io/config.mirror': 'x' },
        ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'a', uid: 'n', controller: true }],
      },
      spec: { nodeName: 'a' },
    },
  };

  it.each([
    ['a controller', BY_CONTROLLER, 'Controllers that make pods'],
    ['a kubelet its mirror pod', nodePod, 'Mirror pods made by kubelets'],
  ])('lets %s make one, and records which filter did', async (_, request, filter) => {
    const { response, record } = await judge(request, { mode: modes('enforce') });
    expect(response).toEqual({ uid: request['uid'], allowed: true });
    expect(record?.matches.map((match) => [match.id, match.filter?.title])).toEqual([[SEED, filter]]);
  });

  it.each([
    ['a controller’s name without its uid (impersonation)', { ...controller, uid: '' }],
    ['a controller’s name without its group', { ...controller, groups: ['system:masters'] }],
    [
      'a token bound to a pod',
      { ...controller, extra: { 'authentication.kubernetes.io/pod-name': ['thief'] } },
    ],
    ['a controller’s name in capitals', { ...controller, username: controller.username.toUpperCase() }],
    [
      'a controller of another namespace',
      { ...controller, username: 'system:serviceaccount:evil:daemon-set-controller' },
    ],
    ['the scheduler', { ...controller, username: 'system:kube-scheduler' }],
    [
      'the deployment controller',
      { ...controller, username: 'system:serviceaccount:kube-system:deployment-controller' },
    ],
    ['a node that makes an ordinary pod', { username: 'system:node:a', groups: ['system:nodes'] }],
  ])('does not hold for %s', async (_, userInfo) => {
    const { response } = await judge({ ...BY_CONTROLLER, userInfo }, { mode: modes('enforce') });
    expect(response.allowed).toBe(false);
  });

  it('does not hold for the mirror annotation alone', async () => {
    const { response } = await judge(
      { ...nodePod, userInfo: { username: 'admin' } },
      { mode: modes('enforce') },
    );
    expect(response.allowed).toBe(false);
  });
});

describe('several matches', () => {
  const rule = (id: number, level: string, more = '') => `
title: Rule ${id}
id: 00000000-0000-4000-8000-00000000000${id}
level: ${level}
logsource: {product: kubernetes, service: audit}
detection:
  pods: {objectRef.resource: pods}
  ${more}
  condition: pods`;
  const ids = (numbers: number[]) => numbers.map((id) => `00000000-0000-4000-8000-00000000000${id}`);

  it('are five warnings and a count, and one annotation with the most severe first', async () => {
    const extra = [1, 2, 3, 4, 5, 6].map((id) => rule(id, id === 6 ? 'critical' : 'low'));
    const { response } = await judge({ ...BY_ALICE, namespace: 'default' }, { extra });
    expect(response.warnings?.map((line) => line.slice(0, 6))).toEqual([
      'Rule 6',
      'Rule 1',
      'Rule 2',
      'Rule 3',
      'Rule 4',
      'and 1 ',
    ]);
    expect(JSON.parse(response.auditAnnotations?.['matches'] ?? '')).toEqual(ids([6, 1, 2, 3, 4, 5]));
  });

  it('are decided by the strictest mode; the others become warnings', async () => {
    const mode = modes('warn', { [ids([1])[0]!]: 'enforce', [ids([2])[0]!]: 'audit' });
    const extra = [1, 2, 3].map((id) => rule(id, 'low'));
    const { response } = await judge({ ...BY_ALICE, namespace: 'default' }, { extra, mode });
    expect(response.allowed).toBe(false);
    expect(response.status?.message).toMatch(/^Rule 1: pods default\/kube-proxy-bv61v by alice/);
    expect(response.warnings).toEqual([expect.stringMatching(/^Rule 3: /)]);
  });
});

describe('verbs that admission cannot tell apart', () => {
  const patched = `
title: Patched
id: 00000000-0000-4000-8000-000000000001
logsource: {product: kubernetes, service: audit}
detection: {selection: {verb: patch, objectRef.resource: pods}, condition: selection}`;

  it('are each tried, and the record says which matched', async () => {
    const applied = { ...BY_ALICE, object: { metadata: { managedFields: [{ operation: 'Apply' }] } } };
    const { record } = await judge(applied, { extra: [patched] });
    expect(record?.matches.map(({ id, verb }) => [id.slice(0, 8), verb])).toEqual([
      ['a80d927d', 'create'],
      ['00000000', 'patch'],
    ]);
  });

  it('cap a rule that names only one at warn', async () => {
    const { response } = await judge(
      { ...BY_ALICE, operation: 'UPDATE' },
      { extra: [patched], mode: modes('enforce') },
    );
    expect(response).toMatchObject({ allowed: true, warnings: [expect.stringMatching(/^Patched: /)] });
  });
});

describe('what cannot be seen', () => {
  it('is never taken for absent: a rule that needs it is not asked', async () => {
    const blind = `
title: Blind
id: 00000000-0000-4000-8000-000000000001
logsource: {product: kubernetes, service: audit}
detection: {selection: {objectRef.resource: pods}, known: {userAgent: kubectl}, condition: selection and not known}`;
    const { response, record } = await judge(
      { ...BY_ALICE, namespace: 'default' },
      { extra: [blind], mode: modes('enforce') },
    );
    expect(response).toEqual({ uid: UID, allowed: true });
    expect(record?.matches).toEqual([]);
  });

  it('makes a rule that may still match by another branch not judged, with the field', async () => {
    const either = `
title: Either
id: 00000000-0000-4000-8000-000000000001
logsource: {product: kubernetes, service: audit}
detection:
  pods: {objectRef.resource: pods}
  one: {objectRef.name: other}
  two: {sourceIPs: 10.0.0.1}
  condition: pods and (one or two)`;
    const { response, record } = await judge(
      { ...BY_ALICE, namespace: 'default' },
      { extra: [either], mode: modes('enforce') },
    );
    expect(response).toEqual({ uid: UID, allowed: true });
    expect(record?.notJudged).toEqual([
      { id: '00000000-0000-4000-8000-000000000001', title: 'Either', field: 'sourceIPs' },
    ]);
  });

  it('is refused in a filter, which would otherwise disarm its rules', () => {
    const filter = `
title: By agent
logsource: {product: kubernetes, service: audit}
filter: {rules: any, selection: {userAgent: x}, condition: not selection}`;
    const parsed = combine([...SHIPPED, parseSigma('agent.yml', filter)]);
    const { ruleset, problems } = createRuleset(parsed, { door: 'serve', subresources: 'resource' });
    expect(ruleset).toBeUndefined();
    expect(problems.map(({ code, file, message }) => [code, file, message])).toContainEqual([
      'filter-unobservable',
      'agent.yml',
      '"userAgent" is never seen by serve; a filter may name only fields that are',
    ]);
  });
});

describe('a Secret', () => {
  it('is never quoted in a record', async () => {
    const secrets = `
title: Secret
id: 00000000-0000-4000-8000-000000000001
logsource: {product: kubernetes, service: audit}
detection: {selection: {objectRef.resource: secrets, requestObject.data.password: '*'}, condition: selection}`;
    const secret = { group: '', version: 'v1', resource: 'secrets' };
    const request = {
      ...BY_ALICE,
      resource: secret,
      requestResource: secret,
      object: { data: { password: 'aHVudGVyMg==' } },
    };
    const { record } = await judge(request, { extra: [secrets] });
    expect(JSON.stringify(record)).not.toContain('aHVudGVyMg');
    expect(record?.matches.flatMap(({ evidence }) => evidence)).toContainEqual({
      searchIdentifier: 'selection',
      field: 'requestObject.data.password',
      value: '(redacted)',
    });
  });
});

describe('a pod that imitates a workload', () => {
  const IMITATION = readFileSync(join(ROOT, 'rules/pod_imitates_system_workload.yml'), 'utf8');
  const IMITATION_ID = '5f7d025b-68b5-45d9-a17e-90b15685f79d';
  const provenance = {
    imitates: 'DaemonSet kube-proxy',
    evidence: ['name kube-proxy-bv61v has a suffix no controller generates'],
  };
  const WHAT =
    'Pod Imitates System Workload: pods kube-system/kube-proxy-bv61v by alice (Sigma 5f7d025b, high, T1036.005)';
  const WHY = 'It imitates DaemonSet kube-proxy: name kube-proxy-bv61v has a suffix no controller generates';

  it('is told to the caller with what it imitates and by what, and is on record', async () => {
    const { response, record } = await judge(BY_ALICE, { extra: [IMITATION], provenance });
    expect(response).toMatchObject({ allowed: true, warnings: [WHAT, WHY, LINE] });
    expect(record).toMatchObject({ provenance });
    expect(record?.matches.flatMap(({ evidence }) => evidence)).toContainEqual({
      ...{ searchIdentifier: 'selection', field: 'provenance.evidence', value: provenance.evidence[0] },
    });
  });

  it('is not refused by the default mode, but by its id', async () => {
    const byDefault = await judge(BY_ALICE, {
      extra: [IMITATION],
      provenance,
      mode: modes('enforce', { [SEED]: 'warn' }),
    });
    expect(byDefault.response.allowed).toBe(true);
    const mode = modes('warn', { [IMITATION_ID]: 'enforce' });
    const { response } = await judge(BY_ALICE, { extra: [IMITATION], provenance, mode });
    expect(response).toMatchObject({
      allowed: false,
      status: { message: expect.stringContaining(`${WHAT}. ${WHY}. To allow it`) },
    });
  });

  it('is not judged while that is unknown', async () => {
    const unknown = { imitates: UNKNOWN, evidence: UNKNOWN };
    const { response, record } = await judge(BY_ALICE, { extra: [IMITATION], provenance: unknown });
    expect(response.warnings).toEqual([LINE]);
    expect(record?.notJudged).toEqual([
      { id: IMITATION_ID, title: 'Pod Imitates System Workload', field: 'provenance.imitates' },
    ]);
  });
});

it('records of a verdict that no client got that it was not delivered, beside what it would have been', async () => {
  const verdicts = [];
  for (const delivered of [true, false]) {
    const { record } = await judge(BY_ALICE, { mode: modes('enforce'), delivered });
    verdicts.push([record?.verdict, record?.delivered]);
  }
  expect(verdicts).toEqual([
    ['deny', undefined],
    ['deny', false],
  ]);
});
