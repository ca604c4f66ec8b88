const MODES = ['audit', 'warn', 'enforce'] as const;
const LEVELS = ['informational', 'low', 'medium', 'high', 'critical'] as const;
const SUBRESOURCES = ['resource', 'literal'] as const;
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
type Mode = (typeof MODES)[number];
type Level = (typeof LEVELS)[number];

/** What `serve` was told. */
export interface Config {
  /** The most specific wins: rule id (lower-case), then level, then the default. */
  readonly modes: {
    readonly default: Mode;
    readonly levels: Readonly<Partial<Record<Level, Mode>>>;
    readonly rules: Readonly<Record<string, Mode>>;
  };
  readonly rulesDirs: readonly string[];
  readonly filtersDirs: readonly string[];
  /** Exact names; no character in them stands for others. */
  readonly allowUsers: readonly string[];
  readonly minLevel?: Level;
  readonly subresources: (typeof SUBRESOURCES)[number];
  readonly certsDir: string;
  /** Both or neither: a certificate that somebody else makes and renews. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** The Secret that replicas share a certificate in. With it, or with `webhookConfiguration`, a cluster is asked. */
  readonly secret?: string;
  readonly webhookConfiguration?: string;
  /** Where the Secret and our Service are. */
  readonly namespace: string;
  readonly kubeconfig?: string;
  /** 0, here and in `metricsPort`, takes any free one. */
  readonly port: number;
  readonly metricsPort: number;
  /** Absent: every address of this machine, IPv6 and IPv4. */
  readonly host?: string;
  readonly drainMs: number;
  readonly logLevel: (typeof LOG_LEVELS)[number];
}

/** Says what was expected, what was found, and where within the value: `.critical`, `[0]`. */
export type Refuse = (expected: string, found: unknown, at?: string) => undefined;

/** Reads a text from the command line or environment, or a value of the file. What it refuses is not used. */
type Read<T> = (value: unknown, refuse: Refuse) => T | undefined;

/** Something a user can set. */
export interface Setting {
  /** `--rules <DIR...>`: a flag, SIGMA_ADMISSION_RULES, and that it is a list. Without one, only the file can say it. */
  readonly flag?: string;
  readonly read: Read<unknown>;
  /** As a user would write it. */
  readonly default?: unknown;
  readonly help: string;
}

/**
 * Every setting of every command, once, under its key in the file. There `rules` are modes by rule id, as `levels` are
 * by level; the directories that `--rules` names are `rulesDirs`.
 */
export const SETTINGS = {
  mode: {
    flag: '--mode <MODE>',
    read: oneOf(MODES),
    default: 'warn',
    help: 'what a match does: audit records it, warn also tells the caller, enforce refuses',
  },
  levels: {
    read: modesBy(`a level (${LEVELS.join(', ')})`, (level) => LEVELS.find((known) => known === level)),
    default: {},
    help: '{critical: enforce}',
  },
  rules: {
    read: modesBy('a rule id (UUID)', (id) => (UUID.test(id) ? id.toLowerCase() : undefined)),
    default: {},
    help: '{a80d927d-ac6e-443f-a867-e8d6e3897318: enforce}',
  },
  rulesDirs: {
    flag: '--rules <DIR...>',
    read: listOf('a directory'),
    default: ['rules'],
    help: 'where the Sigma rules are',
  },
  filtersDirs: {
    flag: '--filters <DIR...>',
    read: listOf('a directory'),
    default: ['filters'],
    help: 'where the Sigma filters are: the allowlist',
  },
  allowUsers: {
    flag: '--allow-user <NAME...>',
    read: listOf('a username'),
    default: [],
    help: 'short for a filter that accepts whatever this user does',
  },
  minLevel: {
    flag: '--min-level <LEVEL>',
    read: oneOf(LEVELS),
    help: `rules below it are switched off: ${LEVELS.join(', ')}`,
  },
  subresources: {
    flag: '--subresources <READING>',
    read: oneOf(SUBRESOURCES),
    default: 'resource',
    help: 'resource: a rule on pods is about pods; literal: on pods/exec, pods/binding and their like, too',
  },
  certsDir: {
    flag: '--certs <DIR>',
    read: textOf('a directory'),
    default: 'certs',
    help: 'where CA and serving certificate are kept; made where missing',
  },
  tlsCert: {
    flag: '--tls-cert <FILE>',
    read: textOf('a file'),
    help: 'serve this certificate instead, followed when it changes; with --tls-key',
  },
  tlsKey: { flag: '--tls-key <FILE>', read: textOf('a file'), help: 'its key' },
  secret: {
    flag: '--secret <NAME>',
    read: textOf('a name'),
    help: 'keep CA and serving certificate in this Secret instead, which all replicas share',
  },
  webhookConfiguration: {
    flag: '--webhooks <NAME>',
    read: textOf('a name'),
    help: 'our ValidatingWebhookConfiguration: keep our CA in it, warn of rules it cuts off',
  },
  namespace: {
    flag: '--namespace <NAME>',
    read: textOf('a name'),
    default: 'sigma-admission',
    help: 'where the Secret is, and our Service, which is called sigma-admission',
  },
  kubeconfig: {
    flag: '--kubeconfig <FILE>',
    read: textOf('a file'),
    help: 'the cluster of the Secret and the webhooks; without it, the one we run in',
  },
  port: { flag: '--port <PORT>', read: portNumber, default: 8443, help: 'HTTPS: reviews and health' },
  metricsPort: { flag: '--metrics-port <PORT>', read: portNumber, default: 8080, help: 'HTTP: metrics' },
  host: { flag: '--host <ADDRESS>', read: textOf('an address'), help: 'listen on this address alone' },
  drain: {
    flag: '--drain <DURATION>',
    read: duration,
    default: '15s',
    help: 'how long requests are still served after SIGTERM',
  },
  logLevel: {
    flag: '--log-level <LEVEL>',
    read: oneOf(LOG_LEVELS),
    default: 'info',
    help: LOG_LEVELS.join(', '),
  },
  configFile: {
    flag: '--config <FILE>',
    read: textOf('a file'),
    help: 'a YAML file with these settings by key',
  },
} satisfies Record<string, Setting>;

export type Key = keyof typeof SETTINGS;
/** What was read for each setting; only those without a default may be missing. */
export type Values = {
  readonly [K in Key as (typeof SETTINGS)[K] extends { default: unknown } ? K : never]: ValueOf<K>;
} & { readonly [K in Key as (typeof SETTINGS)[K] extends { default: unknown } ? never : K]?: ValueOf<K> };
type ValueOf<K extends Key> = Exclude<ReturnType<(typeof SETTINGS)[K]['read']>, undefined>;

const SERVE = [
  'mode',
  'levels',
  'rules',
  'rulesDirs',
  'filtersDirs',
  'allowUsers',
  'minLevel',
  'subresources',
  'certsDir',
  'tlsCert',
  'tlsKey',
  'secret',
  'webhookConfiguration',
  'namespace',
  'kubeconfig',
  'port',
  'metricsPort',
  'host',
  'drain',
  'logLevel',
] as const satisfies readonly Key[];

/** Something a user can ask for. */
export interface Declaration {
  readonly summary: string;
  /** `--config` goes without saying. */
  readonly settings: readonly Key[];
  readonly examples: readonly string[];
  /** Is given the command's own settings and no others. */
  readonly config: (values: Values) => object;
}

/** The commands by name, `rules check` too. Another one is an entry here, what it adds to the settings, and a case in main.ts. */
export const COMMANDS = {
  serve: {
    summary: 'Answer the API server: judge each request before it happens.',
    settings: SERVE,
    examples: [
      'sigma-admission serve',
      'sigma-admission serve --mode enforce --allow-user system:serviceaccount:ci:deployer',
      'sigma-admission serve --rules rules my-rules --min-level medium --config config.yaml',
      'SIGMA_ADMISSION_MODE=audit SIGMA_ADMISSION_RULES=rules,my-rules sigma-admission serve',
    ],
    config: ({ mode, levels, rules, drain, ...rest }: Pick<Values, (typeof SERVE)[number]>): Config => ({
      modes: { default: mode, levels, rules },
      drainMs: drain,
      ...rest,
    }),
  },
} satisfies Record<string, Declaration>;

function oneOf<const Choice extends string>(choices: readonly Choice[]): Read<Choice> {
  return (value, refuse) =>
    choices.find((choice) => choice === value) ?? refuse(`one of ${choices.join(', ')}`, value);
}

function textOf(what: string): Read<string> {
  return (value, refuse) => (typeof value === 'string' && value !== '' ? value : refuse(what, value));
}

function listOf(what: string): Read<readonly string[]> {
  const member = textOf(what);
  return (value, refuse) => {
    if (!Array.isArray(value)) return refuse(`a list, each ${what}`, value);
    return value.flatMap((found, index) => member(found, within(refuse, `[${index}]`)) ?? []);
  };
}

function portNumber(value: unknown, refuse: Refuse): number | undefined {
  const port = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  const isPort = typeof port === 'number' && Number.isInteger(port) && port >= 0 && port <= 65_535;
  return isPort ? port : refuse('a port, 0 to 65535', value);
}

const MS_OF_UNIT = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);
/** Timers hold 2^31 - 1 ms, a little under 25 days, and beyond that fire at once. */
const MAX_DURATION_MS = 24 * 3_600_000;

/** A number without a unit, but 0, could be seconds or milliseconds, so it is refused. */
function duration(value: unknown, refuse: Refuse): number | undefined {
  if (value === 0 || value === '0') return 0;
  const [, number, unit = ''] = /^(\d+)(ms|s|m|h)$/.exec(String(value)) ?? [];
  const ms = Number(number) * (MS_OF_UNIT.get(unit) ?? NaN);
  return ms <= MAX_DURATION_MS ? ms : refuse('a duration such as 15s, 500ms or 1m, at most 24h', value);
}

/** `keyOf` gives a key as we write it, or nothing where it is none. */
function modesBy(what: string, keyOf: (written: string) => string | undefined): Read<Record<string, Mode>> {
  return (value, refuse) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return refuse(`a map from ${what} to a mode`, value);
    }
    const modes: Record<string, Mode> = {};
    for (const [written, found] of Object.entries(value)) {
      const refuseMember = within(refuse, `.${written}`);
      const key = keyOf(written);
      const mode = oneOf(MODES)(found, refuseMember);
      if (key === undefined) refuseMember(what, written);
      else if (Object.hasOwn(modes, key)) refuseMember('each only once', written);
      else if (mode !== undefined) modes[key] = mode;
    }
    return modes;
  };
}

function within(refuse: Refuse, at: string): Refuse {
  return (expected, found) => refuse(expected, found, at);
}
