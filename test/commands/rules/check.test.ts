import { describe, expect, it } from '@jest/globals';
import type { Mode } from '../../../src/policy/mode.ts';
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

describe('rules check with a settings file', () => {
  const ID = '11111111-1111-4111-8111-111111111111';
  const READS = ruleOf(
    '55555555-5555-4555-8555-555555555555',
    'Reads',
    '  s: {verb: list}\n  condition: s\n',
  );
  const ANYTHING = ruleOf(
    '66666666-6666-4666-8666-666666666666',
    'Anything',
    '  s: {verb: delete}\n  condition: s\n',
  );
  const inForce = (rules: Readonly<Record<string, Mode>>, mode: Mode = 'warn') => ({
    inForce: { modes: { default: mode, levels: {}, rules }, configFile: 'config.yaml' },
  });

  it.each([ID, '11111111'])('lets an id that names one rule pass: %s', async (id) => {
    expect(await check({ 'good.yml': GOOD }, inForce({ [id]: 'enforce' }))).toEqual({
      exitCode: 0,
      stdout: '1 rule (1 decidable at serve), 0 filters, ruleset DIGEST: nothing is wrong\n',
      stderr: '',
    });
  });

  it('fails by an id that names no rule, and names the nearest', async () => {
    const wrong = '11111111-1111-4111-8111-111111111112';
    expect(await check({ 'good.yml': GOOD }, inForce({ [wrong]: 'enforce' }))).toEqual({
      exitCode: 1,
      stdout: `config.yaml: error: rules.${wrong}: no loaded rule has this id (did you mean ${ID}?) [unknown-rule]\n1 rule (1 decidable at serve), 0 filters, ruleset DIGEST: 1 error\n`,
      stderr: '',
    });
  });

  it('fails by a short id that names several', async () => {
    const twin = ruleOf(
      '11111111-2222-4111-8111-111111111111',
      'Twin',
      '  s: {verb: create, objectRef.resource: pods}\n  condition: s\n',
    );
    const { exitCode, stdout } = await check(
      { 'good.yml': GOOD, 'twin.yml': twin },
      inForce({ '11111111': 'audit' }),
    );
    expect({ exitCode, stdout }).toEqual({
      exitCode: 1,
      stdout: `config.yaml: error: rules.11111111: more than one loaded rule has such an id: ${ID}, 11111111-2222-4111-8111-111111111111 [ambiguous-rule]\n2 rules (2 decidable at serve), 0 filters, ruleset DIGEST: 1 error\n`,
    });
  });

  it('fails by a rule whose id is set to enforce and that no webhook can ask', async () => {
    const files = { 'reads.yml': READS };
    expect(await check(files, inForce({ '55555555': 'enforce' }))).toEqual({
      exitCode: 1,
      stdout:
        'reads.yml:1: error: never asked, so that enforce is none: offline-only: reads never reach admission [not-asked]\n1 rule (1 offline-only at serve), 0 filters, ruleset DIGEST: 1 error\n',
      stderr: '',
    });
    expect((await check(files, inForce({}, 'enforce'))).exitCode).toBe(0);
  });

  it('notes a rule of which the API server can be asked nothing, which is no problem', async () => {
    const detection =
      '  s: {verb: create, objectRef.resource: pods, provenance.mirrorPod: true}\n  condition: s\n';
    const files = { 'static.yml': ruleOf('77777777-7777-4777-8777-777777777777', 'Static', detection) };
    expect(await check(files, { ...inForce({}), strict: true })).toEqual({
      exitCode: 0,
      stdout: '1 rule (1 decidable at serve), 0 filters, ruleset DIGEST: nothing is wrong\n',
      stderr:
        "static.yml:1: note: all that it is about is sent, whatever else it asks: provenance.mirrorPod: not seen by the API server's conditions\n",
    });
  });

  it.each([
    ['enforce', 1, 'error', '1 error'],
    ['warn', 0, 'warning', '1 warning'],
  ] as const)(
    'says that a rule which names no resource is never asked: %s',
    async (mode, exitCode, severity, found) => {
      expect(await check({ 'anything.yml': ANYTHING }, inForce({}, mode))).toEqual({
        exitCode,
        stdout: `anything.yml:1: ${severity}: never asked, so that ${mode} is none: it names no resource, so that nothing is subscribed to for it [not-asked]\n1 rule (1 decidable at serve), 0 filters, ruleset DIGEST: ${found}\n`,
        stderr: '',
      });
    },
  );

  it('fails by a rule that is set to enforce and that --min-level switches off', async () => {
    const { exitCode, stdout } = await check(
      { 'good.yml': GOOD },
      { minLevel: 'high', ...inForce({ [ID]: 'enforce' }) },
    );
    expect({ exitCode, stdout }).toEqual({
      exitCode: 1,
      stdout:
        'good.yml:1: error: never asked, so that enforce is none: level below high [not-asked]\n1 rule (1 decidable at serve), 0 filters, ruleset DIGEST: 1 error\n',
    });
  });

  it('says nothing of what is asked at another door', async () => {
    expect(
      (await check({ 'good.yml': GOOD }, { door: 'replay', ...inForce({ '99999999': 'enforce' }) })).exitCode,
    ).toBe(0);
  });
});
