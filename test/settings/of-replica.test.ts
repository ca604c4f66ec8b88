import { expect, describe, it } from '@jest/globals';
import { configMapKeyOf, settingsOfReplica } from '../../src/settings/of-replica.ts';

const NAME = 'sigma-admission';

/** What is read of `keys`, or why nothing is. */
function read(container: object, file?: string, spec: object = {}) {
  const pod = { containers: [{ name: NAME, ...container }], ...spec };
  const settings = settingsOfReplica(pod, { namespace: 'ours', readFile: () => file });
  if (settings.kind !== 'read') return settings;
  const { mode, namespace, secret } = settings.values;
  return { mode, namespace, secret, unknown: Object.fromEntries(settings.unknown) };
}

const DEFAULTS = { mode: 'warn', namespace: 'sigma-admission', secret: undefined, unknown: {} };
const elsewhere = (variable: string) => `its environment takes ${variable} from elsewhere`;

describe('the settings of a replica', () => {
  it.each<[string, object, string | undefined, object]>([
    ['nothing', {}, undefined, DEFAULTS],
    ['its image alone, with a command', { command: ['serve'] }, undefined, DEFAULTS],
    [
      'arguments, behind a command',
      { command: ['node', 'dist/main.js'], args: ['serve', '--mode', 'audit', '--secret=s'] },
      undefined,
      { ...DEFAULTS, mode: 'audit', secret: 's' },
    ],
    [
      'the environment, the last of two values',
      {
        env: [
          { name: 'SIGMA_ADMISSION_MODE', value: 'warn' },
          { name: 'SIGMA_ADMISSION_MODE', value: 'enforce' },
          { name: 'SIGMA_ADMISSION_SECRET' },
        ],
      },
      undefined,
      { ...DEFAULTS, mode: 'enforce' },
    ],
    [
      'a file that the environment names',
      { env: [{ name: 'SIGMA_ADMISSION_CONFIG', value: 'config.yaml' }] },
      'mode: enforce',
      { ...DEFAULTS, mode: 'enforce' },
    ],
    [
      'the environment within an argument',
      { args: ['serve', '--mode=$(MODE)', '--secret=$$(MODE)'], env: [{ name: 'MODE', value: 'audit' }] },
      undefined,
      { ...DEFAULTS, mode: 'audit', secret: '$(MODE)' },
    ],
    [
      'the namespace that it is in',
      {
        env: [
          { name: 'SIGMA_ADMISSION_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
        ],
      },
      undefined,
      { ...DEFAULTS, namespace: 'ours' },
    ],
  ])('are told by %s', (_, container, file, expected) => {
    expect(read(container, file)).toEqual(expected);
  });

  const fromSecret = { name: 'SIGMA_ADMISSION_MODE', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } };

  it('are unknown one by one where a variable has its value from elsewhere, unless a flag says it', () => {
    expect(read({ env: [fromSecret] })).toEqual({
      ...DEFAULTS,
      unknown: { mode: elsewhere('SIGMA_ADMISSION_MODE') },
    });
    expect(read({ args: ['serve', '--mode=audit'], env: [fromSecret] })).toEqual({
      ...DEFAULTS,
      mode: 'audit',
    });
    const nested = { name: 'SIGMA_ADMISSION_MODE', value: '$(OTHER)' };
    expect(read({ env: [nested] })).toMatchObject({ unknown: { mode: elsewhere('SIGMA_ADMISSION_MODE') } });
  });

  it('are unknown but for flags and variables where the whole environment has more from elsewhere', () => {
    const settings = read({
      args: ['serve', '--config=c', '--mode=audit'],
      env: [{ name: 'SIGMA_ADMISSION_SECRET', value: 's' }],
      envFrom: [{ configMapRef: { name: 'more' } }],
    });
    expect(settings).toEqual({ kind: 'unknown', why: 'its settings file c cannot be read from here' });
    const { unknown } = read(
      {
        args: ['serve', '--config=c', '--mode=audit'],
        env: [{ name: 'SIGMA_ADMISSION_SECRET', value: 's' }],
        envFrom: [{ configMapRef: { name: 'more' } }],
      },
      'mode: enforce',
    ) as { unknown: Readonly<Record<string, string>> };
    expect([unknown['mode'], unknown['secret'], unknown['configFile']]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(unknown['manage']).toBe(elsewhere('SIGMA_ADMISSION_MANAGE'));
  });

  it.each<[string, object, string]>([
    [
      'a file that is not to be read',
      { args: ['serve', '--config=c'] },
      'its settings file c cannot be read from here',
    ],
    [
      'an argument',
      { args: ['serve', '--mode=$(MODE)'], env: [{ ...fromSecret, name: 'MODE' }] },
      'the argument --mode=$(MODE) takes its value from elsewhere',
    ],
    [
      'the name of the file',
      { env: [{ ...fromSecret, name: 'SIGMA_ADMISSION_CONFIG' }] },
      elsewhere('SIGMA_ADMISSION_CONFIG'),
    ],
    [
      'half of what belongs together',
      { args: ['serve', '--tls-cert=c'], env: [{ ...fromSecret, name: 'SIGMA_ADMISSION_TLS_KEY' }] },
      elsewhere('SIGMA_ADMISSION_TLS_KEY'),
    ],
    [
      'a shell',
      { command: ['sh', '-c', 'exec sigma-admission serve'] },
      'no container of it runs `sigma-admission serve`',
    ],
    [
      'too much',
      { args: ['serve', ...Array<string>(256).fill('x')] },
      'it has more arguments or environment than are read',
    ],
    [
      'too long an argument',
      { args: ['serve', 'x'.repeat(20_000)] },
      'it has more arguments or environment than are read',
    ],
  ])('are unknown by %s', (_, container, why) => {
    expect(read(container)).toEqual({ kind: 'unknown', why });
  });

  it('are refused as serve refuses them', () => {
    expect(read({ args: ['serve', '--mode=block', '--mood=warn'] })).toEqual({
      kind: 'refused',
      problems: [
        '--mood: unknown flag (did you mean --mode?)',
        '--mode: expected one of audit, warn, enforce, got "block"',
      ],
    });
  });

  it('are those of our container, whatever stands beside it', () => {
    const sidecar = { name: 'a', args: ['serve', '--mode=enforce'] };
    const settings = (...containers: object[]) =>
      settingsOfReplica({ containers }, { namespace: 'ours', readFile: () => undefined });
    expect(settings(sidecar, { name: NAME })).toMatchObject({ values: { mode: 'warn' } });
    expect(settings({ name: 'b' }, sidecar)).toMatchObject({ values: { mode: 'enforce' } });
    expect(settings({ name: 'b' })).toMatchObject({ kind: 'unknown' });
  });

  it.each([
    null,
    1,
    {},
    { containers: {} },
    { containers: [1, null, { name: NAME, args: [1, 'serve', null, {}], env: [1, { name: {} }] }] },
    {
      containers: [
        { name: NAME, args: ['serve'], env: [{ name: 'SIGMA_ADMISSION_MODE', value: { toString: 1 } }] },
      ],
    },
    { containers: [{ name: NAME, args: ['serve', '--__proto__', '--constructor=x', '--', '--'] }] },
  ])('of any shape break nothing: %j', (spec) => {
    expect(settingsOfReplica(spec, { namespace: 'ours', readFile: () => undefined }).kind).toMatch(
      /read|refused|unknown/,
    );
  });
});

describe('the ConfigMap of a file', () => {
  const spec = {
    containers: [
      {
        name: NAME,
        args: ['serve'],
        volumeMounts: [
          { name: 'config', mountPath: '/etc/config/' },
          { name: 'config', mountPath: '/etc/one.yaml', subPath: 'config.yaml' },
          { name: 'renamed', mountPath: '/etc/renamed' },
          { name: 'secret', mountPath: '/etc/secret' },
        ],
      },
    ],
    volumes: [
      { name: 'config', configMap: { name: 'c' } },
      { name: 'renamed', configMap: { name: 'r', items: [{ key: 'a', path: 'b/c.yaml' }] } },
      { name: 'secret', secret: { secretName: 's' } },
    ],
  };

  it.each([
    ['/etc/config/config.yaml', { configMap: 'c', key: 'config.yaml' }],
    ['/etc/one.yaml', { configMap: 'c', key: 'config.yaml' }],
    ['/etc/renamed/b/c.yaml', { configMap: 'r', key: 'a' }],
    ['/etc/secret/config.yaml', undefined],
    ['/etc/config.yaml', undefined],
    ['config.yaml', undefined],
  ])('%s', (path, expected) => {
    expect(configMapKeyOf(spec, path)).toEqual(expected);
    expect(configMapKeyOf({ containers: [] }, path)).toBeUndefined();
  });
});
