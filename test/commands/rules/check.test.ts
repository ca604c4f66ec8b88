import { describe, expect, it } from '@jest/globals';
import type { RulesCheckConfig } from '../../../src/settings/types.ts';
import { rulesCheck } from '../../../src/commands/rules/check.ts';
import { captured, directoryOf, ruleOf } from './written.ts';

const GOOD = ruleOf(
  '11111111-1111-4111-8111-111111111111',
  'Good',
  '  s: {verb: create, objectRef.resource: pods}\n  condition: s\n',
);
const DOUBTFUL = ruleOf(
  '22222222-2222-4222-8222-222222222222',
  'Doubtful',
  '  s: {verb: list}\n  t: {verb: get}\n  condition: s\n',
);
const BAD = ruleOf(
  '33333333-3333-4333-8333-333333333333',
  'Bad, % and all',
  '  s: {verb|Contains: x}\n  condition: s and t\n',
);

async function check(files: Readonly<Record<string, string>>, config: Partial<RulesCheckConfig> = {}) {
  const directory = directoryOf(files);
  const { io, texts } = captured(directory);
  const defaults = {
    allowUsers: [],
    door: 'serve',
    subresources: 'resource',
    format: 'text',
    strict: false,
  } as const;
  const exitCode = await rulesCheck({ ...defaults, dirs: [directory], ...config }, io);
  const constant = (text: string) => text.replace(/ruleset [0-9a-f]{12}/, 'ruleset DIGEST');
  return { exitCode, stdout: constant(texts.stdout), stderr: constant(texts.stderr) };
}

describe('rules check', () => {
  it('says what it checked when nothing is wrong', async () => {
    expect(await check({ 'good.yml': GOOD })).toEqual({
      exitCode: 0,
      stdout: '1 rule (1 decidable at serve), 0 filters, ruleset DIGEST: nothing is wrong\n',
      stderr: '',
    });
  });

  it('fails by an error, and says all of them', async () => {
    expect(await check({ 'bad.yml': BAD, 'doubtful.yml': DOUBTFUL })).toEqual({
      exitCode: 1,
      stdout: [
        'bad.yml:5: error: detection.s.verb|Contains: unknown modifier "Contains"; expected "contains" [unknown-modifier]',
        'bad.yml:6: error: detection.condition: unknown search identifier "t" at index 6; expected "s" [unknown-identifier]',
        'doubtful.yml:6: warning: detection.t: search identifier "t" is not used in the condition [unused-identifier]',
        '2 errors, 1 warning; this set would be refused whole',
        '',
      ].join('\n'),
      stderr: '',
    });
  });

  it.each([
    [false, 0],
    [true, 1],
  ])('lets a warning pass unless it is strict: %s', async (strict, exitCode) => {
    expect(await check({ 'doubtful.yml': DOUBTFUL }, { strict })).toEqual({
      exitCode,
      stdout: [
        'doubtful.yml:6: warning: detection.t: search identifier "t" is not used in the condition [unused-identifier]',
        '1 rule (1 offline-only at serve), 0 filters, ruleset DIGEST: 1 warning\n',
      ].join('\n'),
      stderr: '',
    });
  });

  it('writes JSON and nothing else to standard output', async () => {
    const { stdout, stderr } = await check({ 'doubtful.yml': DOUBTFUL }, { format: 'json' });
    expect({ ...JSON.parse(stdout), stderr }).toEqual({
      ruleset: expect.stringMatching(/^[0-9a-f]{12}$/),
      problems: [
        {
          code: 'unused-identifier',
          severity: 'warning',
          file: 'doubtful.yml',
          line: 6,
          path: 'detection.t',
          message: 'search identifier "t" is not used in the condition',
        },
      ],
      stderr: '1 rule (1 offline-only at serve), 0 filters, ruleset DIGEST: 1 warning\n',
    });
  });

  it('names no ruleset where there would be none', async () => {
    const { stdout } = await check({ 'bad.yml': BAD }, { format: 'json' });
    expect(Object.keys(JSON.parse(stdout))).toEqual(['problems']);
  });

  it('annotates for GitHub, which takes commas and colons of a property for its own', async () => {
    const { stdout } = await check({ 'a,b:100%.yml': DOUBTFUL }, { format: 'github' });
    expect(stdout).toBe(
      '::warning file=a%2Cb%3A100%25.yml,line=6,title=unused-identifier::detection.t: search identifier "t" is not used in the condition\n',
    );
  });

  it('takes a directory that is not there as wrong', async () => {
    const { exitCode, stdout } = await check({}, { dirs: ['not-there'] });
    expect({ exitCode, stdout }).toEqual({
      exitCode: 1,
      stdout:
        "not-there: error: ENOENT: no such file or directory, stat 'not-there' [unreadable]\n1 error; this set would be refused whole\n",
    });
  });

  it('checks for one door: a filter may name what only a log shows', async () => {
    const filter = `title: Our scanner\nid: 44444444-4444-4444-8444-444444444444\nlogsource: {product: kubernetes, service: audit}\nfilter: {rules: [11111111-1111-4111-8111-111111111111], selection: {userAgent: scanner}, condition: not selection}\n`;
    const files = { 'good.yml': GOOD, 'filter.yml': filter };
    expect((await check(files)).stdout).toBe(
      'filter.yml:1: error: filter: "userAgent" is never seen by serve; a filter may name only fields that are [filter-unobservable]\n1 error; this set would be refused whole\n',
    );
    expect(await check(files, { door: 'replay' })).toMatchObject({ exitCode: 0 });
  });
});

describe('rules check of filters with an end', () => {
  const DAY_MS = 24 * 3_600_000;
  const inDays = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);
  const filterUntil = (end: string) =>
    `title: Builds\nlogsource: {product: kubernetes}\nexpires: ${end}\nowner: team-a\nfilter: {rules: any, s: {user.username: ci}, condition: not s}\n`;

  it.each([
    [13, 'expires ', ' (owner "team-a") [filter-expires-soon]'],
    [-2, 'expired ', ' (owner "team-a"): it accepts nothing [filter-expired]'],
  ])('warns of one that ends in %d days', async (days, verb, rest) => {
    const end = inDays(days);
    expect(await check({ 'a.yml': GOOD, 'f.yml': filterUntil(end) })).toEqual({
      exitCode: 0,
      stdout: `f.yml:1: warning: expires: filter "Builds" ${verb}${end}${rest}\n1 rule (1 decidable at serve), 1 filter, ruleset DIGEST: 1 warning\n`,
      stderr: '',
    });
  });

  it('says nothing of one that has longer to go', async () => {
    const { stdout } = await check({ 'a.yml': GOOD, 'f.yml': filterUntil(inDays(15)) });
    expect(stdout).toBe('1 rule (1 decidable at serve), 1 filter, ruleset DIGEST: nothing is wrong\n');
  });
});

describe('rules check of fields that cannot exist', () => {
  const MISSPELT = ruleOf(
    '55555555-5555-4555-8555-555555555555',
    'Misspelt',
    '  s: {verb: create, objectRef.resource: pods, requestObject.spec.hostNetwrk: true, user.username: x}\n  condition: s\n',
  );

  it.each([
    [false, 0],
    [true, 1],
  ])('warns, and fails where it is strict: %s', async (strict, exitCode) => {
    expect(await check({ 'a.yml': MISSPELT }, { strict })).toEqual({
      exitCode,
      stdout:
        'a.yml:1: warning: detection.s.requestObject.spec.hostNetwrk: no such field of Pod (did you mean hostNetwork?); the rule can match nothing [unknown-field]\n' +
        '1 rule (1 decidable at serve), 0 filters, ruleset DIGEST: 1 warning\n',
      stderr: '',
    });
  });
});

describe('rules check of fixtures', () => {
  const files = { 'good.yml': GOOD, 'good/match/a.json': '{}' };

  it('asks for none where none were spoken of', async () => {
    expect(await check(files, { strict: true })).toMatchObject({ exitCode: 0 });
  });

  it.each([
    [false, 0],
    [true, 1],
  ])('warns of a rule without both kinds, and fails where it is strict: %s', async (strict, exitCode) => {
    const directory = directoryOf(files);
    const fixturesDir = directory;
    const found = await check(files, { strict, fixturesDir });
    expect({ ...found, stdout: found.stdout.replaceAll(fixturesDir, 'FIXTURES') }).toEqual({
      exitCode,
      stdout:
        'good.yml: warning: no fixture in FIXTURES/good/ignore [no-fixture]\n' +
        '1 rule (1 decidable at serve), 0 filters, ruleset DIGEST: 1 warning\n',
      stderr: '',
    });
  });
});
