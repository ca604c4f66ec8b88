import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { techniques } from '../../../src/policy/message.ts';
import { modeOf } from '../../../src/policy/mode.ts';
import { tacticName, tacticsOf, techniqueName } from '../../../src/commands/rules/attack.ts';
import { loadRuleset, readRules } from '../../../src/policy/load-rules.ts';
import { ruleSourceOf } from '../../../src/policy/rule-source.ts';
import { FIXTURE_KINDS } from '../../../src/commands/rules/fixtures.ts';
import { testRules } from '../../../src/commands/rules/test.ts';
import { formatProblem } from '../../../src/sigma/read/errors.ts';

const SEED = 'a80d927d-ac6e-443f-a867-e8d6e3897318';
const IMITATION = '5f7d025b-68b5-45d9-a17e-90b15685f79d';
const OWNER = 'bb1eb0b9-256f-49be-ac59-9bcadc738142';
const ENFORCED = { default: 'enforce', levels: { high: 'enforce' }, rules: {} } as const;
const ROOT = join(import.meta.dirname, '../../..');
const shipped = {
  rulesDirs: [join(ROOT, 'rules')],
  filtersDirs: [join(ROOT, 'filters')],
  allowUsers: [],
  subresources: 'resource',
} as const;

const fixturesDir = join(ROOT, 'test/rules');
const tested = await testRules({ ...shipped, fixturesDir });
const parsed = await readRules(ruleSourceOf(shipped));
const { rules } = loadRuleset(parsed, { ...shipped, door: 'serve' });

describe.each(tested.map((each) => [basename(each.file), each] as const))(
  '%s',
  (_, { fixtures, without }) => {
    it('has fixtures that match and fixtures that do not', () => {
      expect(without).toEqual([]);
    });

    it.each(fixtures.map((each) => [`${each.kind}/${basename(each.file)}`, each] as const))(
      'does as %s says',
      (name, { problem }) => {
        expect({ name, problem }).toEqual({ name, problem: undefined });
      },
    );
  },
);

describe('the rules that ship', () => {
  it('have nothing wrong with them', () => {
    expect(parsed.problems.map(formatProblem)).toEqual([]);
  });

  it('are all fixtures’ rules: no directory of fixtures is left over', () => {
    const directories = readdirSync(fixturesDir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    const files = readdirSync(join(ROOT, 'rules')).filter((name) => name.endsWith('.yml'));
    expect(directories.toSorted()).toEqual(files.map((name) => basename(name, '.yml')).toSorted());
    for (const directory of directories)
      expect(readdirSync(join(fixturesDir, directory)).toSorted()).toEqual([...FIXTURE_KINDS].toSorted());
  });

  it.each(rules.map((rule) => [rule.title, rule] as const))(
    '%s is decided at admission, has an id of its own, and names what it detects',
    (_, rule) => {
      expect(rule.classification.class).toBe('decidable');
      expect(rule.id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
      expect(rule.references).not.toEqual([]);
      expect(rule.falsepositives).not.toEqual([]);
      expect(tacticsOf(rule.tags).map(tacticName)).not.toEqual([]);
      for (const slug of tacticsOf(rule.tags)) expect(tacticName(slug)).not.toBe(slug);
      expect(techniques(rule.tags).map(techniqueName)).not.toContain(undefined);
    },
  );

  it('ship in audit, those about a pod’s disguise in warn, and only the seed goes where modes say', () => {
    const modes = { default: 'warn', levels: { high: 'enforce' }, rules: {} } as const;
    const loud = rules.filter((rule) => modeOf(rule, false, modes) !== 'audit');
    expect(loud.map(({ id }) => id)).toEqual([SEED, IMITATION, OWNER]);
    const enforced = rules.filter((rule) => modeOf(rule, false, ENFORCED) === 'enforce');
    expect(enforced.map(({ id }) => id)).toEqual([SEED]);
    const raised = Object.fromEntries(rules.map(({ id }) => [id, 'enforce' as const]));
    expect(rules.map((rule) => modeOf(rule, false, { ...modes, rules: raised }))).toEqual(
      rules.map(() => 'enforce'),
    );
  });

  it('are each in the table of rules/README.md, and no other is', () => {
    const table = readFileSync(join(ROOT, 'rules/README.md'), 'utf8');
    const named = [...table.matchAll(/^\| `([a-z_]+\.yml)`/gm)].map(([, name]) => name);
    expect(named).toEqual(rules.map(({ file }) => basename(file)));
  });
});
