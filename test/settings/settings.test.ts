import { describe, expect, it } from '@jest/globals';
import { parseCommandLine } from '../../src/settings/command-line.ts';
import { CONTROL_PLANES } from '../../src/registration/identities.ts';

const SEED = 'a80d927d-ac6e-443f-a867-e8d6e3897318';

/** What `serve` is told by a file with this text, and by these flags. */
function serve(file: string, ...flags: string[]) {
  const argv = ['serve', '--config', 'config.yaml', ...flags];
  return parseCommandLine(argv, { env: {}, readFile: () => file, version: '1.2.3' });
}

function configOf(file: string, ...flags: string[]) {
  const asked = serve(file, ...flags);
  if (asked.command !== 'serve') throw new TypeError(asked.command === 'print' ? asked.text : asked.command);
  return asked.config;
}

/** Each problem's line, without the program's name. */
function problems(file: string, ...flags: string[]): readonly string[] {
  const asked = serve(file, ...flags);
  if (asked.command !== 'print') throw new TypeError('it was understood');
  const lines = asked.text.split('\n').slice(0, -2);
  return lines.map((line) => line.replace('sigma-admission serve: ', ''));
}

describe('the config of serve', () => {
  it.each(Object.keys(CONTROL_PLANES))('knows the distribution %s', (distribution) => {
    expect(configOf('', '--distribution', distribution).distribution).toBe(distribution);
  });

  it('has defaults', () => {
    expect(configOf('')).toStrictEqual({
      modes: { default: 'warn', levels: {}, rules: {} },
      rulesDirs: ['rules'],
      filtersDirs: ['filters'],
      manage: 'ca',
      noOwnerReference: false,
      distribution: 'upstream',
      allowUsers: [],
      subresources: 'resource',
      certsDir: 'certs',
      namespace: 'sigma-admission',
      port: 8443,
      metricsPort: 8080,
      drainMs: 15_000,
      logLevel: 'info',
    });
  });

  it('takes everything from a file', () => {
    const file = `
      mode: audit
      levels: {critical: enforce, low: audit}
      rules: {${SEED}: enforce}
      rulesDirs: [rules, my-rules]
      filtersDirs: []
      allowUsers: ['CN=deployer,OU=ci']
      minLevel: medium
      subresources: literal
      certsDir: tls
      secret: my-tls
      webhookConfiguration: my-webhooks
      manage: all
      noOwnerReference: true
      distribution: gke
      namespace: my-namespace
      kubeconfig: admin.kubeconfig
      port: 9443
      metricsPort: 9090
      host: '::1'
      drain: 500ms
      logLevel: debug
    `;
    expect(configOf(file)).toStrictEqual({
      modes: {
        default: 'audit',
        levels: { critical: 'enforce', low: 'audit' },
        rules: { [SEED]: 'enforce' },
      },
      rulesDirs: ['rules', 'my-rules'],
      filtersDirs: [],
      allowUsers: ['CN=deployer,OU=ci'],
      minLevel: 'medium',
      subresources: 'literal',
      certsDir: 'tls',
      secret: 'my-tls',
      webhookConfiguration: 'my-webhooks',
      manage: 'all',
      noOwnerReference: true,
      distribution: 'gke',
      namespace: 'my-namespace',
      kubeconfig: 'admin.kubeconfig',
      port: 9443,
      metricsPort: 9090,
      host: '::1',
      drainMs: 500,
      logLevel: 'debug',
    });
  });

  it('takes a certificate of somebody else’s as a pair of files', () => {
    const { tlsCert, tlsKey } = configOf('', '--tls-cert', 'tls.crt', '--tls-key', 'tls.key');
    expect({ tlsCert, tlsKey }).toEqual({ tlsCert: 'tls.crt', tlsKey: 'tls.key' });
  });

  it.each([
    [['--tls-cert', 'tls.crt'], ['--tls-cert: expected --tls-key too']],
    [['--tls-key', 'tls.key'], ['--tls-key: expected --tls-cert too']],
    [
      ['--tls-cert', 'tls.crt', '--tls-key', 'tls.key', '--secret', 'tls'],
      ['--secret: expected either this or --tls-cert, got both'],
    ],
  ])('takes no half of a certificate, and not two: %s', (flags, expected) => {
    expect(problems('', ...flags)).toEqual(expected);
  });

  it('takes names of clients only with who vouches for them', () => {
    const { clientCa, clientNames } = configOf(
      'clientNames: [front-proxy]',
      '--client-ca',
      'ca.crt',
      '--client-name',
      'kube-apiserver',
      'other',
    );
    expect({ clientCa, clientNames }).toEqual({
      clientCa: 'ca.crt',
      clientNames: ['kube-apiserver', 'other'],
    });
    expect(problems('', '--client-name', 'kube-apiserver')).toEqual([
      '--client-name: expected --client-ca too',
    ]);
  });

  it('is frozen all the way down', () => {
    const config = configOf(`rules: {${SEED}: enforce}`);
    const parts = [
      config,
      config.modes,
      config.modes.levels,
      config.modes.rules,
      config.rulesDirs,
      config.allowUsers,
    ];
    expect(parts.filter((part) => !Object.isFrozen(part))).toEqual([]);
  });

  it('knows a rule by its id in lower case', () => {
    expect(configOf(`rules: {${SEED.toUpperCase()}: enforce}`).modes.rules).toEqual({ [SEED]: 'enforce' });
  });

  it('takes as much of an id as names a rule', () => {
    expect(configOf('rules: {A80D927D: enforce}').modes.rules).toEqual({ a80d927d: 'enforce' });
  });

  it('takes a key whose values are commented out as absent', () => {
    expect(configOf('rules:\n  # none yet\nport:').modes.rules).toEqual({});
  });

  it.each([
    ['0', 0],
    ['500ms', 500],
    ['15s', 15_000],
    ['1m', 60_000],
    ['24h', 86_400_000],
  ])('drains for %s', (written, drainMs) => {
    expect(configOf(`drain: ${written}`).drainMs).toBe(drainMs);
    expect(configOf('', '--drain', written).drainMs).toBe(drainMs);
  });

  it.each(['15', '-5s', '1.5s', '25h', '1d', 's', 'soon'])('does not drain for %s', (written) => {
    const found = written === '15' ? '15' : `"${written}"`;
    expect(problems(`drain: ${written}`)).toEqual([
      `config.yaml: drain: expected a duration such as 15s, 500ms or 1m, at most 24h, got ${found}`,
    ]);
  });

  it('may take any free port twice, but no other port', () => {
    expect(configOf('', '--port', '0', '--metrics-port', '0')).toMatchObject({ port: 0, metricsPort: 0 });
    expect(problems('', '--port', '9000', '--metrics-port', '9000')).toEqual([
      '--port: expected another port than --metrics-port, got 9000',
    ]);
    expect(problems('metricsPort: 8443')).toEqual([
      'the default of port: expected another port than config.yaml: metricsPort, got 8443',
    ]);
  });

  it.each([
    ['mode: block', 'mode: expected one of audit, warn, enforce, got "block"'],
    ['mode: [warn]', 'mode: expected one of audit, warn, enforce, got a list'],
    [
      'levels: {hihg: enforce}',
      'levels.hihg: expected a level (informational, low, medium, high, critical), got "hihg"',
    ],
    ['levels: {high: deny}', 'levels.high: expected one of audit, warn, enforce, got "deny"'],
    [
      'levels: {__proto__: warn}',
      'levels.__proto__: expected a level (informational, low, medium, high, critical), got "__proto__"',
    ],
    [
      'rules: {a80d927: warn}',
      'rules.a80d927: expected a rule id (a UUID or its first eight digits), got "a80d927"',
    ],
    [
      'rules: {12345e10: warn}',
      'rules.123450000000000: expected a rule id (a UUID or its first eight digits; in quotes, where YAML reads a number), got "123450000000000"',
    ],
    ['rules: {seed: warn}', 'rules.seed: expected a rule id (a UUID or its first eight digits), got "seed"'],
    [
      'rules: [rules]',
      'rules: expected a map from a rule id (a UUID or its first eight digits) to a mode, got a list',
    ],
    [
      `rules: {${SEED}: warn, ${SEED.toUpperCase()}: enforce}`,
      `rules.${SEED.toUpperCase()}: expected each only once, got "${SEED.toUpperCase()}"`,
    ],
    ['rulesDirs: rules', 'rulesDirs: expected a list, each a directory, got "rules"'],
    ['allowUsers: [a, 3]', 'allowUsers[1]: expected a username, got 3'],
    ['allowUsers: [a, {b: c}]', 'allowUsers[1]: expected a username, got a map'],
    ['minLevel: High', 'minLevel: expected one of informational, low, medium, high, critical, got "High"'],
    ['certsDir: ""', 'certsDir: expected a directory, got nothing'],
    ['port: 65536', 'port: expected a port, 0 to 65535, got 65536'],
    ['port: 84.43', 'port: expected a port, 0 to 65535, got 84.43'],
    ['port: true', 'port: expected a port, 0 to 65535, got true'],
    ['subresources: all', 'subresources: expected one of resource, literal, got "all"'],
    [
      'logLevel: verbose',
      'logLevel: expected one of trace, debug, info, warn, error, fatal, silent, got "verbose"',
    ],
  ])('refuses %s', (file, problem) => {
    expect(problems(file)).toEqual([`config.yaml: ${problem}`]);
  });
});
