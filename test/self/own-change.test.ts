import { describe, expect, it } from '@jest/globals';
import { ownChange } from '../../src/self/own-change.ts';
import type { AdmissionRequest, Operation } from '../../src/kubernetes/admission-review.ts';
import type { Modes } from '../../src/policy/mode.ts';
import { filter, load, rule } from '../policy/rulesets.ts';
import { ownSettings } from '../../src/settings/own-settings.ts';

const NAMESPACE = 'sigma-admission';
const SEED = 'a80d927d-ac6e-443f-a867-e8d6e3897318';
const OTHER = '8c2eded8-b82f-4d9a-9adc-56f780ec244e';
const ENFORCE: Modes = { default: 'enforce', levels: {}, rules: {} };
const ALICE = { username: 'alice', uid: '7', groups: ['ops', 'system:authenticated'] };

const RESOURCES = {
  ConfigMap: { group: '', version: 'v1', resource: 'configmaps' },
  Deployment: { group: 'apps', version: 'v1', resource: 'deployments' },
  Secret: { group: '', version: 'v1', resource: 'secrets' },
};

const RULE = rule(1, { verb: 'create', 'objectRef.resource': 'pods' });

interface Done {
  readonly kind?: keyof typeof RESOURCES;
  readonly name?: string | undefined;
  readonly operation?: Operation;
  readonly before?: object | undefined;
  readonly after?: object | undefined;
  readonly modes?: Modes;
  readonly changes?: Partial<AdmissionRequest>;
  /** What this replica was told, beside its settings file, and that. */
  readonly argv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly file?: string;
}

function change({
  kind = 'ConfigMap',
  name = 'sigma-admission-config-abc',
  before,
  after,
  operation = before === undefined ? 'CREATE' : after === undefined ? 'DELETE' : 'UPDATE',
  modes = ENFORCE,
  changes = {},
  argv = [`--config=${kind === 'Deployment' ? '/etc/sigma-admission/config/' : ''}config.yaml`],
  env = {},
  file = 'mode: enforce',
}: Done) {
  const resource = RESOURCES[kind];
  const groupVersionKind = { group: resource.group, version: 'v1', kind };
  const request: AdmissionRequest = {
    uid: 'u',
    kind: groupVersionKind,
    resource,
    requestKind: groupVersionKind,
    requestResource: resource,
    name,
    namespace: NAMESPACE,
    operation,
    userInfo: ALICE,
    object: after as AdmissionRequest['object'],
    oldObject: before as AdmissionRequest['oldObject'],
    dryRun: false,
    ...changes,
  };
  return ownChange(request, {
    modes,
    ruleset: () => load([RULE]),
    namespace: NAMESPACE,
    settings: ownSettings({ argv, env, readFile: () => file }, NAMESPACE),
  });
}

const config = (text: string) => ({ data: { 'config.yaml': text } });
const lowersOf = (done: Done) => change(done)?.lowers ?? [];
const notableOf = (done: Done) => change(done)?.notable ?? [];

it('is told whole: what, how, and who, as the API server named them', () => {
  expect(change({ after: config('mode: warn') })).toEqual({
    kind: 'ConfigMap',
    what: 'ConfigMap sigma-admission-config-abc',
    operation: 'CREATE',
    dryRun: false,
    lowers: ['mode from enforce to warn'],
    notable: [],
    by: ALICE,
  });
});

it('is shown as it may be: printable and bounded', () => {
  const groups = Array.from({ length: 20 }, (_, index) => `g${index}`);
  const found = change({
    after: config('mode: warn'),
    changes: { userInfo: { username: `a\u0007${'b'.repeat(500)}`, groups }, dryRun: true },
  });
  expect(found?.dryRun).toBe(true);
  expect(found?.by.groups).toEqual([...groups.slice(0, 10), 'and 10 more']);
  expect(found?.by.username).toMatch(/^a\u{fffd}b+…b+$/u);
  expect([...(found?.by.username ?? '')]).toHaveLength(200);
});

const ALIASES = 'config.yaml:3: aliases exceeded maxAliases (0)';
const NESTED = 'config.yaml:1: nesting exceeded maxDepth (8)';

/** Each level is ten times the one before: eight stand for a gigabyte. */
function bomb(levels: number, times = 1): string {
  const first = `a0: &a0 [${Array.from({ length: 10 }, () => 'xxxxxxxxxx').join(', ')}]`;
  const others = Array.from({ length: levels - 1 }, (_, index) => {
    const aliases = Array.from({ length: 10 }, () => `*a${index}`).join(', ');
    return `a${index + 1}: &a${index + 1} [${aliases}]`;
  });
  const again = Array.from({ length: times }, (_, index) => `b${index}: *a${levels - 1}`);
  return ['mode: enforce', first, ...others, ...again].join('\n');
}

function manyKeys(count: number): string {
  return Array.from({ length: count }, (_, index) => `k${index}: ${index}`).join('\n');
}

describe('a settings file', () => {
  it.each<[string, string, Modes, readonly string[]]>([
    ['the default', 'mode: audit', ENFORCE, ['mode from enforce to audit']],
    ['the default, by saying nothing', '# mode: enforce', ENFORCE, ['mode from enforce to warn']],
    ['nothing, being the same', 'mode: enforce', ENFORCE, []],
    ['nothing, being stricter', 'mode: enforce', { ...ENFORCE, default: 'warn' }, []],
    [
      'a level, where the default stays',
      'mode: enforce\nlevels: {critical: warn}',
      ENFORCE,
      ['level critical from enforce to warn'],
    ],
    [
      'a level that had its own',
      'mode: warn',
      { default: 'warn', levels: { high: 'enforce', low: 'audit' }, rules: {} },
      ['level high from enforce to warn'],
    ],
    [
      'a rule',
      `mode: enforce\nrules: {${SEED.toUpperCase()}: audit}`,
      { ...ENFORCE, rules: { [SEED]: 'enforce' } },
      [`rule ${SEED} from enforce to audit`],
    ],
    [
      'a rule that loses what was said for it',
      'mode: enforce\nrules:',
      { ...ENFORCE, rules: { [SEED]: 'enforce', [OTHER]: 'audit' } },
      [`rule ${SEED} from enforce to what its level has`],
    ],
    [
      'nothing where the same id is written short',
      `mode: enforce\nrules: {${SEED.slice(0, 8)}: enforce}`,
      { ...ENFORCE, rules: { [SEED]: 'enforce' } },
      [],
    ],
    [
      'a rule that gets less than any level has',
      `mode: enforce\nrules: {${SEED}: warn, ${OTHER}: enforce}`,
      ENFORCE,
      [`rule ${SEED} from what its level has to warn`],
    ],
  ])('lowers %s', (_what, text, modes, lowers) => {
    expect(lowersOf({ after: config(text), modes })).toEqual(lowers);
    expect(lowersOf({ before: config('old: 1'), after: config(text), modes })).toEqual(lowers);
  });

  it.each([
    ['mode: [', 'config.yaml:1: unexpected end of the stream within a flow collection'],
    ['- a', 'config.yaml: expected one map of settings, got a list'],
    ['a: 1\n---\nb: 2', 'config.yaml: expected one map of settings, got more'],
    ['mode: off', 'config.yaml: mode: expected one of audit, warn, enforce, got "off"'],
    [
      'levels: {severe: warn}',
      'config.yaml: levels.severe: expected a level (informational, low, medium, high, critical), got "severe"',
    ],
    [`x: ${'y'.repeat(4_094)}`, 'config.yaml: over 4096 characters: not read'],
    [manyKeys(1_000), 'config.yaml: over 4096 characters: not read'],
    ['['.repeat(4_000), NESTED],
    ['a: [[[[[[[[x]]]]]]]]', NESTED],
    ['mode: enforce\na: &a [x]\nb: *a', ALIASES],
    [bomb(8), ALIASES],
    [bomb(6, 8), ALIASES],
    ['mode: enforce\na: &a [x]\n<<: {mode: audit}', undefined],
  ])('that is not to be read lowers nothing, and is told of: %.20s', (text, said) => {
    const found = change({ after: config(text) });
    expect(found?.lowers ?? []).toEqual([]);
    if (said !== undefined) expect(found?.notable).toEqual([said]);
  });

  it.each<[string, Partial<Done>]>([
    ['a flag', { argv: ['--config=config.yaml', '--mode=enforce'] }],
    ['the environment', { env: { SIGMA_ADMISSION_MODE: 'enforce' } }],
  ])('lowers nothing that %s says over it', (_what, said) => {
    const done = { before: config('mode: enforce'), after: config('mode: audit'), ...said };
    expect(lowersOf(done)).toEqual([]);
    expect(lowersOf({ ...done, after: config('mode: audit\nlevels: {low: warn}') })).toEqual([
      'level low from enforce to warn',
    ]);
  });

  it('lowers nothing where no file is read', () => {
    expect(lowersOf({ argv: ['--mode=enforce'], after: config('mode: audit') })).toEqual([]);
  });

  it('is held against what it was before, not against what this replica began with', () => {
    const done = { before: config('mode: warn'), after: config('mode: warn\nminLevel: low') };
    expect(change(done)).toMatchObject({
      lowers: [],
      notable: ['1 key changed: config.yaml', 'config.yaml: minLevel changed'],
    });
    expect(lowersOf({ ...done, after: config('mode: audit') })).toEqual(['mode from warn to audit']);
  });

  it('tells which other settings changed, and how many keys', () => {
    expect(
      change({
        before: config('mode: enforce\nallowUsers: []'),
        after: config('mode: enforce\nallowUsers: [eve]\nminLevel: high'),
      }),
    ).toMatchObject({
      lowers: [],
      notable: ['1 key changed: config.yaml', 'config.yaml: allowUsers, minLevel changed'],
    });
  });
});

describe('a forged review costs no more than its own length,', () => {
  it.each([
    ['whose settings file before is a bomb of aliases', config(bomb(8, 8)), config('mode: enforce\nport: 1')],
    ['whose settings file after is', config('mode: enforce\nport: 1'), config(bomb(8, 8))],
    ['whose files both are', config(bomb(8, 8)), config(bomb(6, 8))],
  ])('%s', (_what, before, after) => {
    for (const dryRun of [false, true]) {
      const found = change({ before, after, changes: { dryRun } });
      expect(found).toMatchObject({ dryRun, lowers: [] });
      expect(found?.notable[0]).toBe('1 key changed: config.yaml');
    }
  });

  it('with a bomb under another key of the ConfigMap', () => {
    expect(
      notableOf({ before: { data: { 'a.yml': '1' } }, after: { data: { 'a.yml': bomb(8, 8) } } }),
    ).toEqual(['1 key changed: a.yml']);
    expect(
      notableOf({ before: config('a: 1'), after: { binaryData: { 'config.yaml': bomb(8, 8) } } }),
    ).toEqual(['1 key changed: config.yaml', ALIASES]);
  });

  const nested = () => JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) as unknown;

  it('with a ConfigMap of many keys, of long ones, or of what is no text', () => {
    const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`k${index}`, 'x']));
    expect(notableOf({ before: { data: {} }, after: { data: many } })).toEqual([
      '100000 keys changed: k0, k1, k2, k3, k4, k5, k6, k7, k8, k9, and 99990 more',
    ]);
    const [long = ''] = notableOf({ before: {}, after: { data: { ['k'.repeat(1_000_000)]: 'x' } } });
    expect(long).toHaveLength(200);
    expect(notableOf({ before: { data: { a: nested() } }, after: { data: { a: nested() } } })).toEqual([
      '1 key changed: a',
    ]);
  });

  it('with a Deployment of many arguments, of deep values, or of what cannot be made text', () => {
    const deployment = (container: object) => ({
      spec: { template: { spec: { containers: [{ name: 'main', ...container }] } } },
    });
    const args = (letter: string) => Array.from({ length: 200_000 }, (_, index) => `${letter}${index}`);
    const about = { kind: 'Deployment', name: 'sigma-admission' } as const;
    const found = notableOf({
      ...about,
      before: deployment({ args: args('a') }),
      after: deployment({ args: args('b') }),
    });
    expect([found[0], found.at(-1)]).toEqual(['argument a0 removed', 'and 399990 more']);
    expect(
      notableOf({
        ...about,
        before: deployment({
          args: [nested()],
          env: [{ name: 'A', value: nested() }],
          image: { toString: 1 },
        }),
        after: deployment({
          args: [{ toString: 1 }],
          env: [{ name: 'A', value: nested() }],
          image: nested(),
        }),
      }),
    ).toEqual(['image from something else to something else', 'environment A changed']);
    expect(
      change({ before: { metadata: { name: { toString: 1 } } }, changes: { name: undefined } })?.what,
    ).toBe('ConfigMap something else');
  });
});

describe('a ConfigMap', () => {
  const name = 'sigma-admission-rules';

  it('of rules tells which files changed', () => {
    expect(
      notableOf({
        name,
        before: { data: { 'a.yml': '1', 'b.yml': '2', 'c.yml': '3' } },
        after: { data: { 'a.yml': '1', 'b.yml': 'x', 'd.yml': '4' } },
      }),
    ).toEqual(['3 keys changed: b.yml, c.yml, d.yml']);
  });

  it('that is deleted is told of, also by a deletecollection', () => {
    expect(notableOf({ name, before: config('mode: enforce') })).toEqual(['deleted']);
    expect(change({ changes: { name: undefined }, before: { metadata: { name } } })?.what).toBe(
      'ConfigMap sigma-admission-rules',
    );
  });

  it.each<[string, Done]>([
    ['is made without settings', { name, after: { data: { 'a.yml': '1' } } }],
    [
      'only gets a label',
      { name, before: config('mode: warn'), after: { ...config('mode: warn'), metadata: {} } },
    ],
    ['is every namespace’s', { name: 'kube-root-ca.crt', before: { data: { a: '1' } }, after: {} }],
    ['is elsewhere', { after: config('mode: audit'), changes: { namespace: 'default' } }],
    ['is empty', { name, before: {}, after: {} }],
  ])('that %s is nothing to tell', (_what, done) => {
    expect(change(done)).toBeUndefined();
  });
});

describe('our Secret', () => {
  const secret = {
    kind: 'Secret',
    name: 'sigma-admission-tls',
    before: { data: { 'tls.key': 'c2VjcmV0', 'tls.crt': 'a' } },
    after: { data: { 'tls.key': 'b3RoZXI=', 'tls.crt': 'a' } },
  } as const;
  const ourselves = {
    username: 'system:serviceaccount:sigma-admission:sigma-admission',
    uid: '1',
    groups: ['system:serviceaccounts:sigma-admission', 'system:authenticated'],
  };

  it('changed by somebody is told of, without what is in it', () => {
    const found = change(secret);
    expect(found).toMatchObject({ what: 'Secret sigma-admission-tls', notable: ['1 key changed: tls.key'] });
    expect(JSON.stringify(found)).not.toMatch(/c2VjcmV0|b3RoZXI/);
    expect(notableOf({ ...secret, after: undefined })).toEqual(['deleted']);
  });

  it('changed by ourselves is no news; by who only borrows our name, it is', () => {
    expect(change({ ...secret, changes: { userInfo: ourselves } })).toBeUndefined();
    const borrowed = { username: ourselves.username, groups: ['system:authenticated'] };
    expect(notableOf({ ...secret, changes: { userInfo: borrowed } })).toHaveLength(1);
    const { uid: _, ...impersonated } = ourselves;
    expect(notableOf({ ...secret, changes: { userInfo: impersonated } })).toHaveLength(1);
  });
});

describe('our Deployment', () => {
  const ARGS = ['serve', '--config=/etc/sigma-admission/config/config.yaml', '--manage=ca'];
  const volume = (configMap: string) => ({ name: 'config', configMap: { name: configMap } });

  function deployment({ annotations = {}, spec = {}, container = {}, volumes = [volume('c-abc')] } = {}) {
    const containers = [{ name: 'main', image: 'sigma-admission:1', args: ARGS, env: [], ...container }];
    return {
      metadata: { name: 'sigma-admission', annotations },
      spec: { replicas: 2, template: { spec: { containers, volumes } }, ...spec },
    };
  }
  const update = (
    after: Parameters<typeof deployment>[0],
    before: Parameters<typeof deployment>[0] = {},
  ) => ({
    kind: 'Deployment' as const,
    name: 'sigma-admission',
    before: deployment(before),
    after: deployment(after),
  });
  const glass = { 'sigma-admission/break-glass': 'the\nfire' };

  it.each<[string, Done, readonly string[]]>([
    ['nothing', update({}), []],
    ['break-glass put on', update({ annotations: glass }), ['break-glass put on: the\u{fffd}fire']],
    ['taken off', update({}, { annotations: glass }), ['break-glass taken off: the\u{fffd}fire']],
    ['no replicas', update({ spec: { replicas: 0 } }), ['replicas from 2 to 0']],
    ['fewer replicas', update({ spec: { replicas: 1 } }), []],
    ['another image', update({ container: { image: 'evil:1' } }), ['image from sigma-admission:1 to evil:1']],
    [
      'other arguments',
      update({ container: { args: [...ARGS.slice(0, 2), '--manage=none'] } }),
      ['argument --manage=ca removed', 'argument --manage=none added'],
    ],
    [
      'another environment, whose values are not told',
      update({ container: { env: [{ name: 'TOKEN', value: 'secret' }] } }),
      ['environment TOKEN changed'],
    ],
    [
      'another settings file',
      update({ volumes: [volume('c-def')] }),
      ['volume config from ConfigMap c-abc to ConfigMap c-def'],
    ],
    [
      'another account',
      update({ spec: { template: { spec: { serviceAccountName: 'x' } } } }),
      [
        'container main removed',
        'volume config from ConfigMap c-abc to none',
        'no container of it runs `sigma-admission serve`',
      ],
    ],
    [
      'a container more',
      {
        ...update({}),
        after: {
          spec: {
            replicas: 2,
            template: {
              spec: {
                containers: [...deployment().spec.template.spec.containers, { name: 'x', image: 'y' }],
                volumes: [volume('c-abc')],
              },
            },
          },
        },
      },
      ['container x added: y'],
    ],
  ])('%s', (_what, done, said) => {
    expect(notableOf(done)).toEqual(said);
  });

  it.each([
    ['a flag', { args: [...ARGS, '--mode=warn'] }],
    ['a flag in two words', { args: [...ARGS, '--mode', 'warn'] }],
    ['the environment', { env: [{ name: 'SIGMA_ADMISSION_MODE', value: 'warn' }] }],
  ])('that says a lower mode by %s lowers it', (_what, container) => {
    expect(lowersOf(update({ container }))).toEqual(['mode from enforce to warn']);
    expect(lowersOf(update({ container }, { container }))).toEqual([]);
  });

  it.each<[string, object, object, Partial<Done>, readonly string[]]>([
    [
      'that loses the flag that kept its mode up lowers it',
      { args: [...ARGS, '--mode=enforce'] },
      { args: ARGS },
      { file: 'mode: warn' },
      ['mode from enforce to warn'],
    ],
    [
      'that no longer reads its settings file lowers what that said',
      {},
      { args: ['serve'] },
      { file: 'mode: enforce\nlevels: {low: audit}' },
      ['mode from enforce to warn'],
    ],
    [
      'whose environment says less than its flag lowers nothing',
      { args: [...ARGS, '--mode=enforce'] },
      { args: [...ARGS, '--mode=enforce'], env: [{ name: 'SIGMA_ADMISSION_MODE', value: 'audit' }] },
      {},
      [],
    ],
    ['that does not start lowers nothing', {}, { args: [...ARGS, '--mode=audit', '--bogus'] }, {}, []],
  ])('%s', (_what, before, after, said, lowers) => {
    expect(lowersOf({ ...update({ container: after }, { container: before }), ...said })).toEqual(lowers);
  });

  it('with a sidecar that has a mode of its own lowers nothing', () => {
    const { before, ...done } = update({});
    const sidecar = { name: 'a', args: ['--mode=audit'] };
    const containers = [sidecar, ...before.spec.template.spec.containers];
    expect(lowersOf({ ...done, before, after: { spec: { template: { spec: { containers } } } } })).toEqual(
      [],
    );
  });

  it('whose settings cannot be told is told of, once', () => {
    const env = [{ name: 'SIGMA_ADMISSION_MODE', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' } } }];
    const said = 'its environment takes SIGMA_ADMISSION_MODE from elsewhere';
    expect(notableOf(update({ container: { env } }))).toEqual([
      'environment SIGMA_ADMISSION_MODE changed',
      said,
    ]);
    expect(notableOf(update({ container: { env, image: 'x' } }, { container: { env } }))).toEqual([
      'image from sigma-admission:1 to x',
    ]);
  });

  it('scaled by its subresource is scaled all the same', () => {
    const scale = {
      kind: 'Deployment' as const,
      name: 'sigma-admission',
      before: { spec: { replicas: 3 } },
      after: { spec: {} },
      changes: { subResource: 'scale' },
    };
    expect(notableOf(scale)).toEqual(['replicas from 3 to 0']);
    expect(change({ ...scale, changes: { subResource: 'status' } })).toBeUndefined();
  });

  it('that is made, or made anew, tells only what it would not do as it should', () => {
    const made = { kind: 'Deployment' as const, name: 'sigma-admission' };
    expect(change({ ...made, after: deployment() })).toBeUndefined();
    expect(notableOf({ ...made, after: deployment({ annotations: glass, spec: { replicas: 0 } }) })).toEqual([
      'break-glass put on: the\u{fffd}fire',
      'replicas from none to 0',
    ]);
    expect(notableOf({ ...made, before: deployment() })).toEqual(['deleted']);
  });

  it.each([{}, { spec: 1 }, { spec: { template: { spec: { containers: [1, null], volumes: {} } } } }])(
    'of whatever shape breaks nothing: %j',
    (shape) => {
      const said = change({ kind: 'Deployment', name: 'x', before: shape, after: deployment() });
      expect(said?.lowers ?? []).toEqual([]);
    },
  );
});

describe('rules and filters', () => {
  const [anybody, alice] = ['*', 'alice'].map((name) => filter(2, { 'user.username|cased': name }));
  const data = (files: Readonly<Record<string, string | undefined>>) => ({ data: files });
  const ADDED = 'filter "Filter 2" that accepts any user added';

  it('a rule that is removed lowers, whether its file goes or is another', () => {
    const removed = ['rule 00000000 "Rule 1" removed'];
    expect(lowersOf({ before: data({ 'a.yml': RULE }), after: data({}) })).toEqual(removed);
    expect(
      lowersOf({ before: data({ 'a.yml': RULE }), after: data({ 'a.yml': rule(3, { verb: 'get' }) }) }),
    ).toEqual(removed);
  });

  it('a rule that is in another file of the ConfigMap afterwards is not removed', () => {
    expect(change({ before: data({ 'a.yml': RULE }), after: data({ 'b.yml': RULE }) })).toMatchObject({
      lowers: [],
      notable: ['2 keys changed: a.yml, b.yml'],
    });
  });

  it('a filter that accepts any user lowers where it is added, or another becomes one, or a ConfigMap with it is made', () => {
    const before = [data({}), data({ 'f.yml': alice }), undefined];
    expect(before.map((was) => lowersOf({ before: was, after: data({ 'f.yml': anybody }) }))).toEqual([
      [ADDED],
      [ADDED],
      [ADDED],
    ]);
  });

  it('one that was there before lowers nothing, nor does a filter for a user, nor one that is no rule file', () => {
    const texts = [
      [data({ 'f.yml': anybody }), data({ 'f.yml': `${anybody}\n` })],
      [data({ 'f.yml': anybody }), data({})],
      [data({}), data({ 'f.yml': alice })],
      [data({}), data({ 'f.txt': anybody })],
    ];
    expect(texts.map(([before, after]) => lowersOf({ before, after }))).toEqual([[], [], [], []]);
  });

  it('a file that would be refused lowers nothing, and one that is too long is not read', () => {
    const before = data({});
    expect(lowersOf({ before, after: data({ 'f.yml': `${anybody}}` }) })).toEqual([]);
    expect(change({ before, after: data({ 'f.yml': anybody + ' '.repeat(17_000) }) })).toMatchObject({
      lowers: [],
      notable: ['1 key changed: f.yml', 'rules and filters of over 16384 characters: not read'],
    });
  });
});
