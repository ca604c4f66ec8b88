import { describe, expect, it } from '@jest/globals';
import type { RulesListConfig } from '../../../src/settings/types.ts';
import { rulesList } from '../../../src/commands/rules/list.ts';
import { SigmaError } from '../../../src/sigma/read/errors.ts';
import { captured, directoryOf, ruleOf } from './written.ts';

const FILES = {
  'pods.yml': ruleOf(
    '11111111-1111-4111-8111-111111111111',
    'Pods',
    '  s: {verb: create, objectRef.resource: pods}\n  condition: s\n',
    'level: high\ntags: [attack.privilege-escalation, attack.t1611, attack.lateral_movement, attack.g0016]\n',
  ),
  'reads.yml': ruleOf(
    '22222222-2222-4222-8222-222222222222',
    'Reads',
    '  s: {verb: list}\n  condition: s\n',
    'status: experimental\n',
  ),
  'old.yml': ruleOf(
    '33333333-3333-4333-8333-333333333333',
    'Old',
    '  s: {verb: delete}\n  condition: s\n',
    'status: deprecated\n',
  ),
};

function configOf(directory: string, more: Partial<RulesListConfig> = {}): RulesListConfig {
  return {
    modes: {
      default: 'warn',
      levels: { high: 'enforce' },
      rules: { '22222222-2222-4222-8222-222222222222': 'audit' },
    },
    rulesDirs: [directory],
    filtersDirs: [],
    allowUsers: [],
    subresources: 'resource',
    door: 'serve',
    format: 'json',
    hasConfigFile: false,
    ...more,
  };
}

async function list(more: Partial<RulesListConfig> = {}) {
  const { io, texts } = captured();
  const exitCode = await rulesList(configOf(directoryOf(FILES), more), io);
  return { exitCode, ...texts };
}

describe('rules list', () => {
  it('as JSON names the set, and has each rule’s class and mode', async () => {
    const { exitCode, stdout } = await list();
    expect({ exitCode, ...JSON.parse(stdout) }).toEqual({
      exitCode: 0,
      ruleset: expect.stringMatching(/^[0-9a-f]{12}$/),
      rules: [
        {
          id: '33333333-3333-4333-8333-333333333333',
          title: 'Old',
          level: 'medium',
          status: 'deprecated',
          tactics: [],
          techniques: [],
          class: 'decidable',
          reason: 'status deprecated',
          mode: 'warn',
        },
        {
          id: '11111111-1111-4111-8111-111111111111',
          title: 'Pods',
          level: 'high',
          status: 'test',
          tactics: ['privilege-escalation', 'lateral-movement'],
          techniques: ['T1611'],
          class: 'decidable',
          reason: 'every field it needs is seen',
          mode: 'enforce',
        },
        {
          id: '22222222-2222-4222-8222-222222222222',
          title: 'Reads',
          level: 'medium',
          status: 'experimental',
          tactics: [],
          techniques: [],
          class: 'offline-only',
          reason: 'reads never reach admission',
          mode: 'audit',
        },
      ],
    });
  });

  it('as a table gives no mode to what is not asked, and says why', async () => {
    expect((await list({ format: 'table' })).stdout).toBe(`\
ID        LEVEL   CLASS         MODE     TECHNIQUES  TITLE
33333333  medium  decidable     -                    Old
11111111  high    decidable     enforce  T1611       Pods
22222222  medium  offline-only  -                    Reads

Not asked, or only approximately decided:
  33333333  decidable     status deprecated
  22222222  offline-only  reads never reach admission
`);
  });

  it('is of the door that is asked for', async () => {
    const { stdout } = await list({ door: 'replay', format: 'table' });
    expect(stdout).toContain('22222222  medium  decidable  audit                Reads\n');
  });

  it('is of no rules where they cannot be loaded', async () => {
    const directory = directoryOf({ 'bad.yml': 'title: x\n' });
    await expect(rulesList(configOf(directory), captured().io)).rejects.toThrow(SigmaError);
  });
});

describe('rules list with a settings file', () => {
  const REFUSING = { default: 'enforce', levels: {}, rules: { '99999999': 'warn' } } as const;

  it('says what is asked of each rule, the mode that was wished for and the one in effect', async () => {
    const { io, texts } = captured();
    const files = {
      ...FILES,
      'experimental.yml': ruleOf(
        '44444444-4444-4444-8444-444444444444',
        'Secrets',
        '  s: {verb: create, objectRef.resource: secrets}\n  condition: s\n',
        'status: experimental\n',
      ),
      'older.yml': ruleOf(
        '55555555-5555-4555-8555-555555555555',
        'Older',
        '  s: {verb: delete}\n  condition: s\n',
        'status: deprecated\n',
      ),
      'static.yml': ruleOf(
        '66666666-6666-4666-8666-666666666666',
        'Static',
        '  s: {verb: create, objectRef.resource: pods, provenance.mirrorPod: true}\n  condition: s\n',
      ),
    };
    const config = { modes: REFUSING, format: 'table', hasConfigFile: true } as const;
    await rulesList(configOf(directoryOf(files), config), io);
    expect(texts).toEqual({
      stdout: `\
ID        LEVEL   CLASS         ASKED  WISHED   IN EFFECT  TECHNIQUES  TITLE
44444444  medium  decidable     all    enforce  warn                   Secrets
33333333  medium  decidable     never  enforce  none                   Old
55555555  medium  decidable     never  enforce  none                   Older
11111111  high    decidable     all    enforce  enforce    T1611       Pods
22222222  medium  offline-only  never  enforce  none                   Reads
66666666  medium  decidable     all    enforce  enforce                Static

Not asked in full, or in a lesser mode than wished:
  experimental: at most warn but by its id: 44444444
  status deprecated: 33333333, 55555555
  offline-only: reads never reach admission: 22222222

All that these are about is sent, whatever else they ask:
  provenance.mirrorPod: not seen by the API server's conditions: 66666666
`,
      stderr: '99999999: warn: no loaded rule has this id\n',
    });
  });

  it('has the same in JSON', async () => {
    const { stdout } = await list({ hasConfigFile: true });
    const { rules } = JSON.parse(stdout) as { rules: { title: string; coverage: object }[] };
    expect(rules.map(({ title, coverage }) => [title, coverage])).toEqual([
      [
        'Old',
        {
          asked: 'never',
          whyNot: 'status deprecated',
          wished: 'warn',
          inEffect: 'none',
          whyLess: 'status deprecated',
        },
      ],
      ['Pods', { asked: 'all', wished: 'enforce', inEffect: 'enforce' }],
      [
        'Reads',
        {
          asked: 'never',
          whyNot: 'offline-only: reads never reach admission',
          wished: 'audit',
          inEffect: 'none',
          whyLess: 'offline-only: reads never reach admission',
        },
      ],
    ]);
  });

  it('is as without one at another door', async () => {
    const door = { door: 'replay', format: 'table' } as const;
    expect((await list({ ...door, hasConfigFile: true })).stdout).toBe((await list(door)).stdout);
  });
});

describe('filters with an end, an owner or a ticket', () => {
  const withFilter = {
    ...FILES,
    'f.yml': `title: Builds\nid: 44444444-4444-4444-8444-444444444444\nlogsource: {product: kubernetes, service: audit}\nexpires: 9999-12-31\nowner: team-a\nfilter: {rules: [11111111-1111-4111-8111-111111111111], s: {user.username: ci}, condition: not s}\n`,
  };

  it('stand below the table', async () => {
    const { io, texts } = captured();
    await rulesList(configOf(directoryOf(withFilter), { format: 'table' }), io);
    expect(texts.stdout).toContain(
      '\n\nFilters with an end, an owner or a ticket:\n  44444444  Builds  until 9999-12-31, owner "team-a"\n',
    );
  });

  it('stand in JSON beside the rules that they are for', async () => {
    const { io, texts } = captured();
    await rulesList(configOf(directoryOf(withFilter)), io);
    const { rules } = JSON.parse(texts.stdout) as { rules: { title: string; filters?: object }[] };
    expect(rules.map(({ title, filters }) => [title, filters])).toEqual([
      ['Old', undefined],
      [
        'Pods',
        [
          {
            id: '44444444-4444-4444-8444-444444444444',
            title: 'Builds',
            expires: '9999-12-31',
            owner: 'team-a',
          },
        ],
      ],
      ['Reads', undefined],
    ]);
  });
});
