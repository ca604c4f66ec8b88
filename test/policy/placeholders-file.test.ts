import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { rulesCheck } from '../../src/commands/rules/check.ts';
import { createLiveRuleset } from '../../src/policy/live-ruleset.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import { ruleSourceOf } from '../../src/policy/rule-source.ts';
import { observation } from './observations.ts';
import { rule } from './rulesets.ts';

const RULE = rule(1, { 'user.username|expand': '%admins%' });

async function files(placeholders: string | undefined) {
  const directory = await mkdtemp(join(tmpdir(), 'placeholders-'));
  const rules = join(directory, 'rule.yml');
  const file = join(directory, 'values.yml');
  await writeFile(rules, RULE);
  if (placeholders !== undefined) await writeFile(file, placeholders);
  return { rules, file };
}

async function check(text: string | undefined, isNamed = true) {
  const { rules, file } = await files(text);
  let stdout = '';
  const sink = { write: (written: string) => ((stdout += written), true) };
  const code = await rulesCheck(
    {
      dirs: [rules],
      allowUsers: [],
      door: 'serve',
      subresources: 'resource',
      format: 'json',
      strict: false,
      ...(isNamed ? { placeholders: file } : {}),
    },
    { stdout: sink, stderr: { write: () => true } },
  );
  const { problems } = JSON.parse(stdout) as {
    problems: { code: string; path: string; message: string; file: string }[];
  };
  expect(problems.every((problem) => problem.file === rules || problem.file === file)).toBe(true);
  return { code, problems: problems.map((each) => `${each.code}: ${each.path}: ${each.message}`) };
}

describe('--placeholders', () => {
  it.each(['admins: [alice, bob]', 'admins: alice'])('gives rules check the values of %j', async (text) => {
    expect(await check(text)).toEqual({ code: 0, problems: [] });
  });

  it('gives serve the values, which rules match', async () => {
    const { rules, file } = await files('admins: [alice, bob]');
    const live = await createLiveRuleset({
      door: 'serve',
      subresources: 'resource',
      modes: { rules: {} },
      source: ruleSourceOf({ rulesDirs: [rules], filtersDirs: [], allowUsers: [], placeholders: file }),
      onLoad: () => {},
      onRefuse: () => {},
    });
    const matched = ['alice', 'bob', 'carol', '%admins%'].filter(
      (username) =>
        evaluate(observation({ verb: 'create', user: { username } }), live.current()).matches.length > 0,
    );
    live.close();
    expect(matched).toEqual(['alice', 'bob']);
  });

  it.each<[text: string, problems: readonly string[]]>([
    [
      'users: [alice]',
      [
        'unresolved-placeholder: detection.selection.user.username|expand: placeholder "%admins%" has no values; defined are "users"',
      ],
    ],
    [
      '[alice]',
      ['malformed-placeholders: : --placeholders: expected a map of placeholder to values, found a list'],
    ],
    [
      'admins: []',
      ['malformed-placeholders: admins: --placeholders: expected at least one value, found none'],
    ],
    [
      'admins: [alice, {bob: 1}]\nones: true',
      [
        'malformed-placeholders: admins[1]: --placeholders: expected a string or a number, found a map',
        'malformed-placeholders: ones: --placeholders: expected a string or a number, found true',
      ],
    ],
  ])('refuses %j', async (text, problems) => {
    expect(await check(text)).toEqual({ code: 1, problems });
  });

  it('refuses a file that is no YAML, and one that is not there', async () => {
    const broken = await check('admins: [');
    expect(broken).toEqual({
      code: 1,
      problems: [expect.stringMatching(/^malformed-placeholders: : --placeholders: /)],
    });
    const missing = await check(undefined);
    expect(missing).toEqual({
      code: 1,
      problems: [expect.stringMatching(/^unreadable: : .*ENOENT.*values\.yml/)],
    });
  });

  it('is named where a rule needs it', async () => {
    expect((await check(undefined, false)).problems).toEqual([
      'unresolved-placeholder: detection.selection.user.username|expand: placeholder "%admins%" has no values; none is defined: name a file of values with --placeholders',
    ]);
  });
});
