import { describe, expect, it } from '@jest/globals';
import type { RulesTestConfig } from '../../../src/settings/types.ts';
import { rulesTest } from '../../../src/commands/rules/test.ts';
import { captured, directoryOf, ruleOf } from './written.ts';

const POD_ID = '11111111-1111-4111-8111-111111111111';
const POD = ruleOf(
  POD_ID,
  'Pod',
  '  made: {verb: create, objectRef.resource: pods}\n  named: {requestObject.metadata.name: x}\n  condition: made and named\n',
);
const DENIED = ruleOf(
  '22222222-2222-4222-8222-222222222222',
  'Denied',
  '  s: {responseStatus.code: 403}\n  condition: s\n',
);
const FILTER = `title: Alice\nid: 33333333-3333-4333-8333-333333333333\nlogsource: {product: kubernetes, service: audit}\nfilter: {rules: [${POD_ID}], selection: {user.username: alice}, condition: not selection}\n`;

function review(name: string, username = 'bob'): string {
  const resource = { group: '', version: 'v1', resource: 'pods' };
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource,
      operation: 'CREATE',
      namespace: 'default',
      name,
      userInfo: { username },
      object: { metadata: { name } },
    },
  });
}

const event = (more: string) =>
  `kind: Event\napiVersion: audit.k8s.io/v1\nlevel: Metadata\nverb: create\nuser: {username: bob}\nobjectRef: {resource: pods}\n${more}`;

async function test(files: Readonly<Record<string, string>>, config: Partial<RulesTestConfig> = {}) {
  const directory = directoryOf(files);
  const { io, texts } = captured(directory);
  const given = { rulesDirs: [directory], filtersDirs: [], allowUsers: [] };
  const exitCode = await rulesTest({ ...given, subresources: 'resource', strict: false, ...config }, io);
  return { exitCode, lines: texts.stdout.trimEnd().split('\n') };
}

describe('rules test', () => {
  it('holds rules against the fixtures beside them: reviews, logged events, several in a file', async () => {
    expect(
      await test({
        'pod.yml': POD,
        'pod/match/x.json': review('x'),
        'pod/ignore/y.json': review('y'),
        'denied.yml': DENIED,
        'denied/match/refused.yaml': event('responseStatus: {code: 403}\n'),
        'denied/ignore/two.yaml': `${event('responseStatus: {code: 201}\n')}---\n${event('responseStatus: {code: 200}\n')}`,
        'denied/ignore/list.yaml': `kind: EventList\nitems:\n  - ${event('responseStatus: {code: 200}\n').trimEnd().replaceAll('\n', '\n    ')}\n`,
      }),
    ).toEqual({
      exitCode: 0,
      lines: [
        'ok    denied.yml: 1 match, 2 ignore',
        'ok    pod.yml: 1 match, 1 ignore',
        '',
        '2 files of rules, 5 fixtures: 5 passed, 0 failed',
      ],
    });
  });

  it('says what disagrees, and what cannot be decided agrees with nothing', async () => {
    expect(
      await test({
        'pod.yml': POD,
        'filter.yml': FILTER,
        'pod/match/accepted.json': review('x', 'alice'),
        'pod/match/another.json': review('y'),
        'pod/match/metadata.yaml': event(''),
        'pod/match/nothing.yaml': '',
        'pod/match/broken.json': '{"kind": "AdmissionReview"}',
        'pod/ignore/matches.json': review('x'),
        'pod/ignore/metadata.yaml': event(''),
        'pod/ignore/accepted.json': review('x', 'alice'),
        'denied.yml': DENIED,
        'denied/ignore/review.json': review('x'),
      }),
    ).toEqual({
      exitCode: 1,
      lines: [
        'FAIL  denied.yml: 0 match, 1 ignore',
        '      denied/ignore/review.json: serve does not ask the rule: offline-only: serve never shows responseStatus.code',
        '      denied/match: no fixture',
        'FAIL  pod.yml: 5 match, 3 ignore',
        '      pod/match/accepted.json: matches, but filter "Alice" accepts it',
        '      pod/match/another.json: does not match: not true: named',
        '      pod/match/broken.json: expected admission.k8s.io/v1 AdmissionReview, got nothing "AdmissionReview"',
        '      pod/match/metadata.yaml: cannot be judged: requestObject.metadata.name is not to be seen',
        '      pod/match/nothing.yaml: there is no event in it',
        '      pod/ignore/matches.json: matches "Pod", and no filter accepts it',
        '      pod/ignore/metadata.yaml: cannot be judged: requestObject.metadata.name is not to be seen',
        '',
        '2 files of rules, 9 fixtures: 1 passed, 8 failed; 1 without fixtures of both kinds',
      ],
    });
  });

  it.each([
    [false, 0, 'ok  '],
    [true, 1, 'FAIL'],
  ])('fails by a rule without fixtures only if it is strict: %s', async (strict, exitCode, word) => {
    expect(await test({ 'pod.yml': POD, 'pod/match/x.json': review('x') }, { strict })).toEqual({
      exitCode,
      lines: [
        `${word}  pod.yml: 1 match, 0 ignore`,
        '      pod/ignore: no fixture',
        '',
        '1 files of rules, 1 fixtures: 1 passed, 0 failed; 1 without fixtures of both kinds',
      ],
    });
  });

  it('finds fixtures elsewhere where it is told so', async () => {
    const fixturesDir = directoryOf({ 'pod/match/x.json': review('x'), 'pod/ignore/y.json': review('y') });
    expect(await test({ 'pod.yml': POD }, { fixturesDir, strict: true })).toMatchObject({ exitCode: 0 });
  });

  it('knows no filters where there is no directory of them, if none was named', async () => {
    const directory = directoryOf({ 'pod.yml': POD, 'pod/match/x.json': review('x') });
    const before = process.cwd();
    process.chdir(directory);
    try {
      expect(await test({}, { rulesDirs: ['.'], filtersDirs: ['filters'] })).toMatchObject({ exitCode: 0 });
      await expect(test({}, { rulesDirs: ['.'], filtersDirs: ['my-filters'] })).rejects.toThrow(
        "my-filters: ENOENT: no such file or directory, stat 'my-filters'",
      );
    } finally {
      process.chdir(before);
    }
  });
});
