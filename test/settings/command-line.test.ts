import { describe, expect, it } from '@jest/globals';
import { parseCommandLine, type Surroundings } from '../../src/settings/command-line.ts';

function asked(argv: readonly string[], surroundings: Partial<Surroundings> = {}) {
  return parseCommandLine(argv, { env: {}, readFile: unread, version: '1.2.3', ...surroundings });
}

function unread(path: string): string {
  throw new Error(`ENOENT: no such file or directory, open '${path}'`);
}

/** Whatever is read, it is this. */
function fileOf(text: string): (path: string) => string {
  return () => text;
}

function configOf(argv: readonly string[], surroundings?: Partial<Surroundings>) {
  const line = asked(argv, surroundings);
  if (line.command !== 'serve') throw new TypeError(line.command === 'print' ? line.text : line.command);
  return line.config;
}

/** What is printed when these are the problems of `serve`. */
function refusal(...problems: readonly string[]) {
  const lines = problems.map((problem) => `sigma-admission serve: ${problem}\n`);
  return { command: 'print', text: `${lines.join('')}See sigma-admission serve --help.\n`, exitCode: 2 };
}

describe('what was said', () => {
  const readFile = fileOf('mode: enforce\nport: 3\nrulesDirs: [c]\nlevels: {low: audit}');

  it('by a flag wins over the variable, that over the file, that over the default', () => {
    const file = configOf(['serve'], { env: { SIGMA_ADMISSION_CONFIG: 'config.yaml' }, readFile });
    expect(file).toMatchObject({ port: 3, rulesDirs: ['c'], metricsPort: 8080 });
    const env = { SIGMA_ADMISSION_PORT: '2', SIGMA_ADMISSION_RULES: 'b', SIGMA_ADMISSION_MODE: 'audit' };
    expect(configOf(['serve', '--config', 'config.yaml'], { env, readFile })).toMatchObject({
      modes: { default: 'audit', levels: { low: 'audit' }, rules: {} },
      port: 2,
      rulesDirs: ['b'],
    });
    const flags = ['serve', '--port', '1', '--rules', 'a', '--config', 'config.yaml'];
    expect(configOf(flags, { env, readFile })).toMatchObject({
      modes: { default: 'audit', levels: { low: 'audit' }, rules: {} },
      port: 1,
      rulesDirs: ['a'],
    });
  });

  it('by --config names the file, over its variable', () => {
    const files: Record<string, string> = { 'a.yaml': 'port: 1', 'b.yaml': 'port: 2' };
    const surroundings = {
      env: { SIGMA_ADMISSION_CONFIG: 'b.yaml' },
      readFile: (path: string) => files[path] ?? unread(path),
    };
    expect(configOf(['serve', '--config=a.yaml'], surroundings).port).toBe(1);
    expect(configOf(['serve'], surroundings).port).toBe(2);
  });

  it('may be a list: a flag repeated, a flag with several values, a variable with commas', () => {
    const argv = ['serve', '--rules', 'a', 'b', '--rules=c', '--allow-user', 'd', '--allow-user', 'e,f'];
    const env = { SIGMA_ADMISSION_FILTERS: 'filters, my-filters' };
    expect(configOf(argv, { env })).toMatchObject({
      rulesDirs: ['a', 'b', 'c'],
      allowUsers: ['d', 'e,f'],
      filtersDirs: ['filters', 'my-filters'],
    });
  });

  it.each<[string, readonly string[]]>([
    ['"CN=jane,O=dev"', ['CN=jane,O=dev']],
    ['alice, "CN=jane, O=dev" ,bob', ['alice', 'CN=jane, O=dev', 'bob']],
    ['CN=jane', ['CN=jane']],
    ['"CN=jane,O=dev","CN=joe"', ['CN=jane,O=dev', 'CN=joe']],
  ])('may be names with commas, in double quotes: %s', (SIGMA_ADMISSION_ALLOW_USER, allowUsers) => {
    expect(configOf(['serve'], { env: { SIGMA_ADMISSION_ALLOW_USER } })).toMatchObject({ allowUsers });
  });

  it.each(['CN=jane,O=dev', 'alice,CN=jane', '"CN=jane,O=dev,CN=joe'])(
    'is not two users for one name with a comma: %s',
    (SIGMA_ADMISSION_ALLOW_USER) => {
      const got = JSON.stringify(SIGMA_ADMISSION_ALLOW_USER);
      expect(asked(['serve'], { env: { SIGMA_ADMISSION_ALLOW_USER } })).toEqual(
        refusal(
          `SIGMA_ADMISSION_ALLOW_USER: expected a name with "=" in double quotes, or its commas separate, got ${got}`,
        ),
      );
    },
  );

  it('may be nothing: an empty variable', () => {
    expect(configOf(['serve'], { env: { SIGMA_ADMISSION_PORT: '', HOME: 'x' } }).port).toBe(8443);
  });

  it('is not what Kubernetes tells a pod about Services', () => {
    const env = {
      SIGMA_ADMISSION_SERVICE_HOST: '10.96.0.7',
      SIGMA_ADMISSION_SERVICE_PORT: '443',
      SIGMA_ADMISSION_SERVICE_PORT_HTTPS: '443',
      SIGMA_ADMISSION_PORT: 'tcp://10.96.0.7:443',
      SIGMA_ADMISSION_PORT_443_TCP: 'tcp://10.96.0.7:443',
      SIGMA_ADMISSION_PORT_443_TCP_ADDR: '10.96.0.7',
      SIGMA_ADMISSION_METRICS_PORT: 'tcp://10.96.0.8:8080',
    };
    expect(configOf(['serve'], { env })).toMatchObject({ port: 8443, metricsPort: 8080 });
  });
});

describe('problems', () => {
  it('are reported all at once, each with where it was said', () => {
    const argv = ['serve', '--prot', '9443', 'now', '--mode', 'block', '--drain', '--config', 'config.yaml'];
    const env = { SIGMA_ADMISSION_PORT: 'https', SIGMA_ADMISSION_MOED: 'warn', SIGMA_ADMISSION_RULES: 'a,' };
    const readFile = fileOf(
      'levels: {hihg: enforce}\nminLvel: high\nmetrics-port: 1\nfilters: [x]\nport: 1e9\nconfig: x',
    );
    expect(asked(argv, { env, readFile })).toEqual(
      refusal(
        '--prot: unknown flag (did you mean --port?)',
        'unexpected argument "now"',
        'SIGMA_ADMISSION_MOED: unknown variable (did you mean SIGMA_ADMISSION_MODE?)',
        'config.yaml: minLvel: unknown key (did you mean minLevel?)',
        'config.yaml: metrics-port: unknown key (did you mean metricsPort?)',
        'config.yaml: filters: unknown key (did you mean filtersDirs?)',
        'config.yaml: config: unknown key',
        '--mode: expected one of audit, warn, enforce, got "block"',
        '--drain: expected a duration such as 15s, 500ms or 1m, at most 24h, got nothing',
        'SIGMA_ADMISSION_PORT: expected a port, 0 to 65535, got "https"',
        'SIGMA_ADMISSION_RULES[1]: expected a directory, got nothing',
        'config.yaml: levels.hihg: expected a level (informational, low, medium, high, critical), got "hihg"',
        'config.yaml: port: expected a port, 0 to 65535, got 1000000000',
      ),
    );
  });

  it.each([
    [['--port', '1', '--port', '2'], '--port: expected one value, got "1", "2"'],
    [['--mode'], '--mode: expected one of audit, warn, enforce, got nothing'],
    [['--port', '-1'], '--port: expected a port, 0 to 65535, got "-1"'],
    [['--rules'], '--rules[0]: expected a directory, got nothing'],
    [['--config'], '--config: expected a file, got nothing'],
    [['-p', '1'], '-p: unknown flag'],
    [['--hepl'], '--hepl: unknown flag (did you mean --help?)'],
    [['--ports=1'], '--ports: unknown flag (did you mean --port?)'],
    [['--toString'], '--toString: unknown flag'],
    [['-pq=1', 'x'], '-pq: unknown flag'],
    [['--__proto__=x'], '--__proto__: unknown flag'],
    [['--', '--mode'], 'unexpected argument "--mode"'],
    [['\u202ex'], 'unexpected argument "\\u{202e}x"'],
    [['--\u009b2J'], '--\\u{9b}2J: unknown flag'],
    [['--port', '-10'], '--port: expected a port, 0 to 65535, got "-10"'],
  ])('of %j', (flags, problem) => {
    expect(asked(['serve', ...flags])).toEqual(refusal(problem));
  });

  it('are none where a flag is repeated with the same value', () => {
    expect(configOf(['serve', '--port', '1', '--port', '1']).port).toBe(1);
  });

  it.each([
    ['a: [', 'config.yaml:1: unexpected end of the stream within a flow collection'],
    ['port: 1\nport: 2', 'config.yaml:2: duplicated mapping key'],
    ['- mode', 'config.yaml: expected one map of settings, got a list'],
    ['a: 1\n---\nb: 2', 'config.yaml: expected one map of settings, got more'],
    ['__proto__: 1', 'config.yaml: __proto__: unknown key'],
  ])('of a file with %j', (file, problem) => {
    expect(asked(['serve', '--config', 'config.yaml'], { readFile: fileOf(file) })).toEqual(refusal(problem));
  });

  it('of a file that cannot be read name who asked for it', () => {
    const env = { SIGMA_ADMISSION_CONFIG: 'no.yaml' };
    expect(asked(['serve'], { env })).toEqual(
      refusal("SIGMA_ADMISSION_CONFIG: cannot read it: ENOENT: no such file or directory, open 'no.yaml'"),
    );
  });

  it.each([
    [['serv'], 'unknown command "serv" (did you mean serve?)'],
    [['--mode', 'enforce'], 'unknown option "--mode"'],
    [['--hepl'], 'unknown option "--hepl" (did you mean --help?)'],
    [['help', 'nothing'], 'unknown command "nothing"'],
    [['constructor'], 'unknown command "constructor"'],
  ])('of no command: %j', (argv, problem) => {
    expect(asked(argv)).toEqual({
      command: 'print',
      text: `sigma-admission: ${problem}\nSee sigma-admission --help.\n`,
      exitCode: 2,
    });
  });
});

it('of half a command names what it could be', () => {
  expect(asked(['rules', 'chek'])).toEqual({
    command: 'print',
    text:
      'sigma-admission rules: unknown command "chek" (did you mean check?)\n' +
      'See sigma-admission rules --help.\n',
    exitCode: 2,
  });
});

describe('what replay is told', () => {
  it('is logs, among them standard input, and what to make of them', () => {
    const argv = ['replay', '-', 'audit', '--fail-on-match', '--rule', 'a80d927d', '--format', 'ndjson'];
    expect(asked([...argv, '--since', '2026-11-24', '--until', '2026-11-24T08:00:00+01:00'])).toEqual({
      command: 'replay',
      config: {
        logs: ['-', 'audit'],
        since: Date.UTC(2026, 10, 24),
        until: Date.UTC(2026, 10, 24, 7),
        onlyRules: ['a80d927d'],
        format: 'ndjson',
        failOnMatch: true,
        checkLines: false,
        modes: { default: 'warn', levels: {}, rules: {} },
        rulesDirs: ['rules'],
        filtersDirs: ['filters'],
        allowUsers: [],
        subresources: 'resource',
      },
    });
  });

  it('may be a time that is some time ago', () => {
    const week = 7 * 24 * 3_600_000;
    const before = Date.now() - week;
    const { config } = asked(['replay', 'audit.log', '--since', '7d']) as { config: { since: number } };
    expect(config.since).toBeGreaterThanOrEqual(before);
    expect(config.since).toBeLessThanOrEqual(Date.now() - week);
  });

  it.each([
    'yesterday',
    '2026-11-24T08:00:00',
    '2026-13-01',
    '2026-02-30',
    '2027-02-29T08:00:00Z',
    '7w',
    '24',
  ])('is no time: %s', (time) => {
    expect(asked(['replay', 'audit.log', '--until', time])).toEqual({
      command: 'print',
      text:
        'sigma-admission replay: --until: expected a time such as 2026-11-24T08:00:00Z, 2026-11-24 or 7d, ' +
        `got "${time}"\nSee sigma-admission replay --help.\n`,
      exitCode: 2,
    });
  });
});

describe('the end that suggested filters are given', () => {
  const endOf = (said: string) =>
    (asked(['allowlist', 'suggest', '--expires', said]) as { config: { expires: string } }).config.expires;

  it.each(['2026-12-31', '2026-12-31T18:00:00+01:00'])('stays as it is said: %s', (said) => {
    expect(endOf(said)).toBe(said);
  });

  it('is the date in so many days', () => {
    const inDays = () => new Date(Date.now() + 30 * 24 * 3_600_000).toISOString().slice(0, 10);
    const before = inDays();
    const said = endOf('30d');
    expect([before, inDays()]).toContain(said);
  });

  it.each(['2026-02-30', '30', '12h', 'never'])('is none: %s', (said) => {
    expect(asked(['allowlist', 'suggest', '--expires', said])).toEqual({
      command: 'print',
      text:
        'sigma-admission allowlist suggest: --expires: expected a date such as 2026-12-31, a time such as 2026-12-31T18:00:00Z, or 30d, ' +
        `got "${said}"\nSee sigma-admission allowlist suggest --help.\n`,
      exitCode: 2,
    });
  });
});

describe('a command of two words', () => {
  it('takes what stands without a flag, before and after flags', () => {
    expect(asked(['rules', 'check', 'a', '--format', 'json', 'b', '--strict', 'c'])).toEqual({
      command: 'rules check',
      config: {
        dirs: ['a', 'b', 'c'],
        allowUsers: [],
        format: 'json',
        strict: true,
        door: 'serve',
        subresources: 'resource',
      },
    });
    expect(asked(['rules', 'check'])).toMatchObject({
      config: { dirs: ['rules', 'filters'], strict: false },
    });
  });

  it('takes what stands behind two dashes as it is, and a switch that is said to be off', () => {
    expect(asked(['rules', 'check', '--strict=false', '--', '--a', '-b'])).toMatchObject({
      config: { dirs: ['--a', '-b'], strict: false },
    });
  });

  it('takes its own values for a flag that others have too', () => {
    const env = { SIGMA_ADMISSION_FORMAT: 'table' };
    expect(asked(['rules', 'list'], { env })).toMatchObject({ config: { format: 'table' } });
    expect(asked(['rules', 'check'], { env })).toEqual({
      command: 'print',
      text:
        'sigma-admission rules check: SIGMA_ADMISSION_FORMAT: expected one of text, json, github, got "table"\n' +
        'See sigma-admission rules check --help.\n',
      exitCode: 2,
    });
  });

  it('says what it is not to be told', () => {
    expect(asked(['rules', 'explain', 'a80d927d', 'b', '--frmat=x', '--event', 'x.json'])).toEqual({
      command: 'print',
      text:
        'sigma-admission rules explain: --frmat: unknown flag\n' +
        'sigma-admission rules explain: unexpected argument "b"\n' +
        'See sigma-admission rules explain --help.\n',
      exitCode: 2,
    });
    expect(asked(['rules', 'explain'])).toEqual({
      command: 'print',
      text:
        'sigma-admission rules explain: missing required argument "RULE"\n' +
        'See sigma-admission rules explain --help.\n',
      exitCode: 2,
    });
  });
});

describe('help', () => {
  it.each([[['--help']], [['-h']], [['help']]])('by %j', (argv) => {
    expect(asked(argv)).toEqual({ command: 'print', text: HELP, exitCode: 0 });
  });

  it('without a command is trouble', () => {
    expect(asked([])).toEqual({ command: 'print', text: HELP, exitCode: 2 });
  });

  it.each([[['serve', '--help']], [['help', 'serve']], [['serve', '--mode', 'block', '--nonsense', '-h']]])(
    'on serve by %j',
    (argv) => {
      expect(asked(argv)).toEqual({ command: 'print', text: SERVE_HELP, exitCode: 0 });
    },
  );

  it.each([[['rules', '-h']], [['rules', 'help']], [['help', 'rules']]])('on rules by %j', (argv) => {
    expect(asked(argv)).toEqual({ command: 'print', text: RULES_HELP, exitCode: 0 });
    expect(asked(['rules'])).toEqual({ command: 'print', text: RULES_HELP, exitCode: 2 });
  });

  it('on a command of two words', () => {
    expect(asked(['help', 'rules', 'test'])).toEqual(asked(['rules', 'test', '--help']));
    expect(asked(['rules', 'help', 'test'])).toEqual(asked(['rules', 'test', '--help']));
  });

  it('gives the version', () => {
    expect(asked(['--version'])).toEqual({ command: 'print', text: '1.2.3\n', exitCode: 0 });
  });
});

const HELP = `Usage: sigma-admission [options] [command]

Sigma detection rules for Kubernetes audit logs, enforced before the fact.

Options:
  -V, --version              print the version
  -h, --help                 print this

Commands:
  serve [options]            Answer the API server: judge each request before it happens.
  replay [options] <LOG...>  Judge what audit logs tell of, and what enforce would have denied.
  scan [options] [FILE...]   Judge what stands in a cluster, as the creates it would have been.
  manifests [options]        Print the webhook configuration, or every object, for these rules and settings.
  allowlist                  Find what belongs on it, and what does not.
  rules                      Check, list, explain and test rules.
  certificates               Rotate the CA and the serving certificate.
  install                    Check an installation.
  help [command]             print help for a command, with what it can be told

Examples:
  sigma-admission serve
  sigma-admission replay /var/log/kubernetes/audit
  sigma-admission scan
  sigma-admission replay /var/log/kubernetes/audit --format ndjson | sigma-admission allowlist suggest
  sigma-admission replay /var/log/kubernetes/audit --format ndjson | sigma-admission allowlist unused
  sigma-admission rules check my-rules my-filters
  sigma-admission rules list --rules rules my-rules
  sigma-admission rules explain a80d927d
  sigma-admission rules test my-rules --filters my-filters
  sigma-admission certificates rotate --reason 'the key got out'
  sigma-admission manifests --config config.yaml --rules rules my-rules > webhooks.yaml
  sigma-admission install check
`;

const RULES_HELP = `Usage: sigma-admission rules [options] [command]

Check, list, explain and test rules.

Options:
  -h, --help                print this

Commands:
  check [options] [DIR...]  Find everything that is wrong with rules and filters. Exits with 1 if anything is.
  list [options]            List the rules with their classes and modes.
  explain [options] <RULE>  Explain one rule: what it detects, the fields it reads, its filters, and where it
                            can be decided.
  test [options] [DIR...]   Hold rules against fixtures: what must match, and what must not. Exits with 1 if
                            any disagrees.
  help [command]            print help for a command, with what it can be told
`;

const SERVE_HELP = `Usage: sigma-admission serve [options]

Answer the API server: judge each request before it happens.

Options:
  --mode <MODE>             what a match does: audit records it, warn also tells the caller, enforce refuses
                            (SIGMA_ADMISSION_MODE, mode; default warn)
  --rules <DIR...>          where the Sigma rules are
                            (SIGMA_ADMISSION_RULES, rulesDirs; default rules)
  --filters <DIR...>        where the Sigma filters are: the allowlist
                            (SIGMA_ADMISSION_FILTERS, filtersDirs; default filters)
  --allow-user <NAME...>    short for a filter that accepts whatever this user does
                            (SIGMA_ADMISSION_ALLOW_USER, allowUsers)
  --placeholders <FILE>     YAML, a map of name to values: what %name% stands for in a rule with |expand
                            (SIGMA_ADMISSION_PLACEHOLDERS, placeholders)
  --min-level <LEVEL>       rules below it are switched off: informational, low, medium, high, critical
                            (SIGMA_ADMISSION_MIN_LEVEL, minLevel)
  --subresources <READING>  resource: a rule on pods is about pods; literal: on pods/exec, pods/binding and
                            their like, too
                            (SIGMA_ADMISSION_SUBRESOURCES, subresources; default resource)
  --certs <DIR>             where CA and serving certificate are kept; made where missing
                            (SIGMA_ADMISSION_CERTS, certsDir; default certs)
  --tls-cert <FILE>         serve this certificate instead, followed when it changes; with --tls-key
                            (SIGMA_ADMISSION_TLS_CERT, tlsCert)
  --tls-key <FILE>          its key
                            (SIGMA_ADMISSION_TLS_KEY, tlsKey)
  --client-ca <FILE>        answer reviews only to clients with a certificate of these authorities: the API
                            server
                            (SIGMA_ADMISSION_CLIENT_CA, clientCa)
  --client-name <NAME...>   and with one of these names: its CN, or a DNS name; with --client-ca
                            (SIGMA_ADMISSION_CLIENT_NAME, clientNames)
  --secret <NAME>           keep CA and serving certificate in this Secret instead, which all replicas share
                            (SIGMA_ADMISSION_SECRET, secret)
  --webhooks <NAME>         our ValidatingWebhookConfiguration: keep our CA in it, warn of rules it cuts off
                            (SIGMA_ADMISSION_WEBHOOKS, webhookConfiguration)
  --manage <WHAT>           what replicas manage of it: ca, all (entries, conditions and scope too), none
                            (SIGMA_ADMISSION_MANAGE, manage; default ca)
  --no-owner-reference      do not make our Namespace its owner: for Argo CD, which would report a difference
                            (SIGMA_ADMISSION_NO_OWNER_REFERENCE, noOwnerReference)
  --distribution <NAME>     the distribution of the cluster, whose own users heal it: upstream, aks, eks, gke,
                            k3s, kops, rke2, talos
                            (SIGMA_ADMISSION_DISTRIBUTION, distribution; default upstream)
  --namespace <NAME>        where the Secret is, and our Service, which is called sigma-admission
                            (SIGMA_ADMISSION_NAMESPACE, namespace; default sigma-admission)
  --kubeconfig <FILE>       the cluster of Secret, webhooks and owners of pods; without it, the one we run in
                            (SIGMA_ADMISSION_KUBECONFIG, kubeconfig)
  --port <PORT>             HTTPS: reviews and health
                            (SIGMA_ADMISSION_PORT, port; default 8443)
  --metrics-port <PORT>     HTTP: metrics
                            (SIGMA_ADMISSION_METRICS_PORT, metricsPort; default 8080)
  --host <ADDRESS>          listen on this address alone
                            (SIGMA_ADMISSION_HOST, host)
  --drain <DURATION>        how long requests are still served after SIGTERM
                            (SIGMA_ADMISSION_DRAIN, drain; default 15s)
  --log-level <LEVEL>       trace, debug, info, warn, error, fatal, silent
                            (SIGMA_ADMISSION_LOG_LEVEL, logLevel; default info)
  --config <FILE>           a YAML file with these settings by key
                            (SIGMA_ADMISSION_CONFIG)
  -h, --help                print this

In brackets: the environment variable, where commas separate a list but within double quotes ("CN=jane,O=dev"),
and the key in the file.
A flag wins over its variable, that over the file, that over the default.

Only the file can say, the most specific wins:
  levels: {critical: enforce}
  rules: {a80d927d-ac6e-443f-a867-e8d6e3897318: enforce}

Examples:
  sigma-admission serve
  sigma-admission serve --mode enforce --allow-user system:serviceaccount:ci:deployer
  sigma-admission serve --rules rules my-rules --min-level medium --config config.yaml
  SIGMA_ADMISSION_MODE=audit SIGMA_ADMISSION_RULES=rules,my-rules sigma-admission serve
`;
