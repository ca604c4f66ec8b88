const MODES = ['audit', 'warn', 'enforce'] as const;
const LEVELS = ['informational', 'low', 'medium', 'high', 'critical'] as const;
const SUBRESOURCES = ['resource', 'literal'] as const;
const DOORS = ['serve', 'replay', 'scan'] as const;
const MANAGE = ['ca', 'all', 'none'] as const;
const DISTRIBUTIONS = ['upstream', 'aks', 'eks', 'gke', 'k3s', 'kops', 'rke2', 'talos'] as const;
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
  /** Whose client certificates must be shown by whoever asks an entry; absent: everybody may ask. */
  readonly clientCa?: string;
  /** What such a certificate must be called; absent: anything. Only with `clientCa`. */
  readonly clientNames?: readonly string[];
  /** The Secret that replicas share a certificate in. With it, or with `webhookConfiguration`, a cluster is asked. */
  readonly secret?: string;
  readonly webhookConfiguration?: string;
  /** What of it is ours. */
  readonly manage: (typeof MANAGE)[number];
  readonly noOwnerReference: boolean;
  /** Whose control plane asks, where the whole configuration is ours. */
  readonly distribution: (typeof DISTRIBUTIONS)[number];
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

/** What `replay` was told. */
export interface ReplayConfig extends Pick<
  Config,
  'modes' | 'rulesDirs' | 'filtersDirs' | 'allowUsers' | 'minLevel' | 'subresources'
> {
  /** Files, directories, and `-` for standard input. */
  readonly logs: readonly string[];
  /** Requests received before or after are not judged (ms since the epoch). */
  readonly since?: number;
  readonly until?: number;
  /** Only these rules: ids, what an id begins with, names; empty for all. */
  readonly onlyRules: readonly string[];
  /** `table` and `json` are the summary; `ndjson` is a DecisionRecord a line, with the table on standard error. */
  readonly format: 'table' | 'json' | 'ndjson';
  readonly failOnMatch: boolean;
  /** Parse every line, also those on which no rule can match. */
  readonly checkLines: boolean;
}

/** What `scan` was told. A match makes its object suspicious but in mode `audit`, so there is no default mode to choose. */
export interface ScanConfig extends Pick<
  Config,
  'modes' | 'rulesDirs' | 'filtersDirs' | 'allowUsers' | 'minLevel' | 'subresources'
> {
  /** Files of objects, and `-` for standard input; none: the cluster. */
  readonly objects: readonly string[];
  readonly kubeconfig?: string;
  /** Only these rules: ids, what an id begins with, names; empty for all. */
  readonly onlyRules: readonly string[];
  readonly format: 'text' | 'json';
}

/** What `allowlist suggest` was told. */
export interface AllowlistSuggestConfig {
  /** Files of DecisionRecords, and `-` for standard input. */
  readonly records: readonly string[];
}

/** What every `rules` command but `check` was told: which rules, as which door loads them. */
export interface LoadedRulesConfig extends Pick<
  Config,
  'modes' | 'rulesDirs' | 'filtersDirs' | 'allowUsers' | 'minLevel' | 'subresources'
> {
  readonly door: (typeof DOORS)[number];
}

/** What `rules check` was told. */
export interface RulesCheckConfig extends Pick<Config, 'subresources'> {
  /** Rules and filters alike. */
  readonly dirs: readonly string[];
  readonly door: (typeof DOORS)[number];
  readonly format: 'text' | 'json' | 'github';
  /** Warnings count as errors. */
  readonly strict: boolean;
}

/** What `rules list` was told. */
export interface RulesListConfig extends LoadedRulesConfig {
  readonly format: 'table' | 'json';
}

/** What `rules explain` was told. */
export interface RulesExplainConfig extends LoadedRulesConfig {
  /** An id, what one begins with, or a title. */
  readonly rule: string;
  /** A file with an AdmissionReview or an event of an audit log. */
  readonly event?: string;
}

/** What `rules test` was told. */
export interface RulesTestConfig extends Pick<
  Config,
  'rulesDirs' | 'filtersDirs' | 'allowUsers' | 'subresources'
> {
  /** Where the directories of fixtures are; absent: each beside its rule. */
  readonly fixturesDir?: string;
  /** A rule without fixtures of both kinds is a failure. */
  readonly strict: boolean;
}

/** What `install check` was told. */
export interface InstallCheckConfig extends Pick<
  Config,
  'rulesDirs' | 'filtersDirs' | 'namespace' | 'kubeconfig'
> {
  readonly webhookConfiguration: string;
  /** Audit logs, as `logs` of replay. */
  readonly auditLogs: readonly string[];
  readonly format: 'text' | 'json';
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
  /** `[DIR...]`: it stands on the command line without a flag. One a command at most. */
  readonly argument?: string;
  /** It is about one call: no file says it. */
  readonly onlyHere?: boolean;
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
  clientCa: {
    flag: '--client-ca <FILE>',
    read: textOf('a file'),
    help: 'answer reviews only to who shows a client certificate of these authorities: the API server',
  },
  clientNames: {
    flag: '--client-name <NAME...>',
    read: listOf('a name'),
    help: 'and is called one of these: its CN, or a DNS name; with --client-ca',
  },
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
  manage: {
    flag: '--manage <WHAT>',
    read: oneOf(MANAGE),
    default: 'ca',
    help: 'what of it is ours: ca, all (entries, conditions and scope too), none',
  },
  noOwnerReference: {
    flag: '--no-owner-reference',
    read: yesOrNo,
    default: false,
    help: 'do not let it go with our Namespace: for Argo CD, which would call that a difference',
  },
  distribution: {
    flag: '--distribution <NAME>',
    read: oneOf(DISTRIBUTIONS),
    default: 'upstream',
    help: `with --manage all, whose control plane it is: ${DISTRIBUTIONS.join(', ')}`,
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
    help: 'the cluster of Secret, webhooks and owners of pods; without it, the one we run in',
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
  checkedDirs: {
    argument: '[DIR...]',
    read: listOf('a directory'),
    help: 'directories, or files, of rules and filters; without any, those of --rules and --filters',
  },
  testedDirs: {
    argument: '[DIR...]',
    read: listOf('a directory'),
    help: 'directories, or files, of rules; without any, those of --rules',
  },
  rule: { argument: '<RULE>', read: textOf('a rule'), help: 'its id, what that begins with, or its title' },
  door: {
    flag: '--door <DOOR>',
    read: oneOf(DOORS),
    default: 'serve',
    onlyHere: true,
    help: `load the rules as this command does: ${DOORS.join(', ')}`,
  },
  checkFormat: {
    flag: '--format <FORMAT>',
    read: oneOf(['text', 'json', 'github']),
    default: 'text',
    onlyHere: true,
    help: 'text: a line each; json: an array; github: annotations of a workflow',
  },
  listFormat: {
    flag: '--format <FORMAT>',
    read: oneOf(['table', 'json']),
    default: 'table',
    onlyHere: true,
    help: 'table, or json: an array',
  },
  strict: {
    flag: '--strict',
    read: yesOrNo,
    default: false,
    onlyHere: true,
    help: 'fail by what is only doubtful, too: a warning, a rule without fixtures',
  },
  event: {
    flag: '--event <FILE>',
    read: textOf('a file'),
    onlyHere: true,
    help: 'an AdmissionReview or an event of an audit log, JSON or YAML: show what is true of it',
  },
  fixturesDir: {
    flag: '--fixtures <DIR>',
    read: textOf('a directory'),
    onlyHere: true,
    help: 'where the directories of fixtures are, if not beside their rules',
  },
  logs: {
    argument: '<LOG...>',
    read: listOf('a log'),
    default: [],
    help: 'audit logs: files, also .gz, directories of rotated ones, and - for standard input',
  },
  since: {
    flag: '--since <TIME>',
    read: instant,
    onlyHere: true,
    help: 'only requests received then or later: RFC 3339, a date (UTC), or how long ago: 90m, 24h, 7d',
  },
  until: {
    flag: '--until <TIME>',
    read: instant,
    onlyHere: true,
    help: 'only requests received then or before',
  },
  onlyRules: {
    flag: '--rule <RULE...>',
    read: listOf('a rule'),
    default: [],
    onlyHere: true,
    help: 'only these rules: ids, what an id begins with, or names',
  },
  replayFormat: {
    flag: '--format <FORMAT>',
    read: oneOf(['table', 'json', 'ndjson']),
    default: 'table',
    onlyHere: true,
    help: 'table and json: a summary; ndjson: a record a line of what matched or was not judged',
  },
  failOnMatch: {
    flag: '--fail-on-match',
    read: yesOrNo,
    default: false,
    onlyHere: true,
    help: 'exit with 1 if anything matches that no filter accepts',
  },
  checkLines: {
    flag: '--check-lines',
    read: yesOrNo,
    default: false,
    onlyHere: true,
    help: 'parse every line, also those on which no rule can match',
  },
  auditLogs: {
    flag: '--audit-log <LOG...>',
    read: listOf('a log'),
    default: [],
    onlyHere: true,
    help: 'see in these audit logs, as replay reads them, who works in kube-system here',
  },
  installCheckFormat: {
    flag: '--format <FORMAT>',
    read: oneOf(['text', 'json']),
    default: 'text',
    onlyHere: true,
    help: 'text, or json: an object with the findings',
  },
  objects: {
    argument: '[FILE...]',
    read: listOf('a file'),
    default: [],
    help: 'objects, as kubectl get -o json or -o yaml prints them, also .gz, and - for standard input; without any, the cluster',
  },
  scanKubeconfig: {
    flag: '--kubeconfig <FILE>',
    read: textOf('a file'),
    onlyHere: true,
    help: 'the cluster to scan; without it, that of $KUBECONFIG, else the one we run in, else that of ~/.kube/config',
  },
  scanFormat: {
    flag: '--format <FORMAT>',
    read: oneOf(['text', 'json']),
    default: 'text',
    onlyHere: true,
    help: 'text: a picture; json: records in three lists, suspicious, undetermined, verified',
  },
  records: {
    argument: '[RECORDS...]',
    read: listOf('a file'),
    default: ['-'],
    help: 'records of serve or replay --format ndjson, also .gz; - and nothing for standard input',
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

/** By what something is judged: rules, filters and modes. */
const JUDGING = [
  'mode',
  'levels',
  'rules',
  'rulesDirs',
  'filtersDirs',
  'allowUsers',
  'minLevel',
  'subresources',
] as const satisfies readonly Key[];

const SERVE = [
  ...JUDGING,
  'certsDir',
  'tlsCert',
  'tlsKey',
  'clientCa',
  'clientNames',
  'secret',
  'webhookConfiguration',
  'manage',
  'noOwnerReference',
  'distribution',
  'namespace',
  'kubeconfig',
  'port',
  'metricsPort',
  'host',
  'drain',
  'logLevel',
] as const satisfies readonly Key[];

const REPLAY = [
  'logs',
  'since',
  'until',
  'onlyRules',
  'replayFormat',
  'failOnMatch',
  'checkLines',
  ...JUDGING,
] as const satisfies readonly Key[];

const SCAN = [
  'objects',
  'scanKubeconfig',
  'onlyRules',
  'scanFormat',
  ...JUDGING.filter((key) => key !== 'mode'),
] as const satisfies readonly Key[];

const LOADED_RULES = [...JUDGING, 'door'] as const satisfies readonly Key[];

const CHECK = [
  'checkedDirs',
  'rulesDirs',
  'filtersDirs',
  'subresources',
  'door',
  'checkFormat',
  'strict',
] as const satisfies readonly Key[];

const TEST = [
  'testedDirs',
  'rulesDirs',
  'filtersDirs',
  'allowUsers',
  'subresources',
  'fixturesDir',
  'strict',
] as const satisfies readonly Key[];

const INSTALL_CHECK = [
  'kubeconfig',
  'namespace',
  'webhookConfiguration',
  'auditLogs',
  'rulesDirs',
  'filtersDirs',
  'installCheckFormat',
] as const satisfies readonly Key[];

function loadedRules({
  mode,
  levels,
  rules,
  ...rest
}: Pick<Values, (typeof LOADED_RULES)[number]>): LoadedRulesConfig {
  return { modes: { default: mode, levels, rules }, ...rest };
}

/** Something a user can ask for. */
export interface Declaration {
  readonly summary: string;
  /** `--config` goes without saying. */
  readonly settings: readonly Key[];
  readonly examples: readonly string[];
  /** What --help says besides. */
  readonly notes?: readonly string[];
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
  replay: {
    summary: 'Judge what audit logs tell of, and what enforce would have denied.',
    settings: REPLAY,
    examples: [
      'sigma-admission replay /var/log/kubernetes/audit',
      'sigma-admission replay audit.log.gz --since 7d --rule a80d927d --format ndjson',
      'zstdcat audit.log.zst | sigma-admission replay - --fail-on-match',
    ],
    notes: [
      'Lines are events, EventLists, or what AKS and CloudWatch wrap them in. Exits with 0; with 1 if something matches and',
      '--fail-on-match asks; with 2 if the rules or a log could not be read. Bad lines are counted and shown, and no failure.',
    ],
    config: ({
      mode,
      levels,
      rules,
      replayFormat: format,
      ...rest
    }: Pick<Values, (typeof REPLAY)[number]>): ReplayConfig => ({
      modes: { default: mode, levels, rules },
      format,
      ...rest,
    }),
  },
  scan: {
    summary: 'Judge what stands in a cluster, as the creates it would have been.',
    settings: SCAN,
    examples: [
      'sigma-admission scan',
      'sigma-admission scan --kubeconfig staging.yaml --format json',
      'kubectl get pods,ds,rs,sts,jobs,rc,deploy,cronjobs -A -o json | sigma-admission scan -',
    ],
    notes: [
      'suspicious    a rule matches on what is known of the object, in another mode than audit',
      'undetermined  who made it is not in an object, or its owner was not read',
      'verified      its owner was read, and made it as far as that shows; or it mirrors a static pod of its Node',
      '',
      'Filters that accept by who asked are asked of nobody but the controllers, of pods whose owners are verified; --allow-user',
      'says nothing here. Exits with 0; with 1 if anything is suspicious; with 2 if the rules, the cluster or a file could not be',
      'read.',
    ],
    config: ({
      levels,
      rules,
      scanFormat: format,
      scanKubeconfig: kubeconfig,
      ...rest
    }: Pick<Values, (typeof SCAN)[number]>): ScanConfig => ({
      modes: { default: 'warn', levels, rules },
      format,
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      ...rest,
    }),
  },
  'allowlist suggest': {
    summary: 'Write filters for who was not accepted, from records, to be read before they are used.',
    settings: ['records'],
    examples: [
      'sigma-admission replay /var/log/kubernetes/audit --format ndjson | sigma-admission allowlist suggest',
      'kubectl -n sigma-admission logs deploy/sigma-admission | sigma-admission allowlist suggest > my-filters.yml',
    ],
    notes: [
      'Prints Sigma filters, the most specific first, each with how often it would have accepted and examples of what. Nobody is',
      'accepted by a group such as system:masters, or by a name with anything left open: who could only be so stands in a comment,',
      'with the reason. Records of scan say what stands there and not who made it: they give no filters. Exits with 0; with 2 if',
      'a file could not be read.',
    ],
    config: ({ records }: Pick<Values, 'records'>): AllowlistSuggestConfig => ({ records }),
  },
  'rules check': {
    summary: 'Find everything that is wrong with rules and filters. Exits with 1 if anything is.',
    settings: CHECK,
    examples: [
      'sigma-admission rules check my-rules my-filters',
      'sigma-admission rules check my-rules --strict --format github',
    ],
    config: ({
      checkedDirs,
      rulesDirs,
      filtersDirs,
      checkFormat: format,
      ...rest
    }: Pick<Values, (typeof CHECK)[number]>): RulesCheckConfig => ({
      dirs: checkedDirs ?? [...rulesDirs, ...filtersDirs],
      format,
      ...rest,
    }),
  },
  'rules list': {
    summary: 'List the rules with their classes and modes.',
    settings: [...LOADED_RULES, 'listFormat'],
    examples: [
      'sigma-admission rules list --rules rules my-rules',
      'sigma-admission rules list --door replay --format json',
    ],
    config: ({
      listFormat: format,
      ...rest
    }: Pick<Values, (typeof LOADED_RULES)[number] | 'listFormat'>): RulesListConfig => ({
      ...loadedRules(rest),
      format,
    }),
  },
  'rules explain': {
    summary:
      'Explain one rule: what it detects and covers, what it asks, which filters apply, what decides it where.',
    settings: [...LOADED_RULES, 'rule', 'event'],
    examples: [
      'sigma-admission rules explain a80d927d',
      'sigma-admission rules explain "Exec Into Pod" --event review.json',
    ],
    config: ({
      rule = '',
      event,
      ...rest
    }: Pick<Values, (typeof LOADED_RULES)[number] | 'rule' | 'event'>): RulesExplainConfig => ({
      ...loadedRules(rest),
      rule,
      ...(event === undefined ? {} : { event }),
    }),
  },
  'rules test': {
    summary:
      'Hold rules against fixtures: what must match, and what must not. Exits with 1 if any disagrees.',
    settings: TEST,
    examples: [
      'sigma-admission rules test my-rules --filters my-filters',
      'sigma-admission rules test rules --fixtures test/rules --strict',
    ],
    notes: [
      'Beside exec.yml, exec/match/ holds requests that a rule in it must match, and that no filter accepts; exec/ignore/',
      'those that none may match, or that a filter accepts. Each is a file, JSON or YAML: an AdmissionReview, judged as serve',
      'does, or an event of an audit log, judged as replay does. What cannot be decided from it is a failure in either.',
      'Further documents may be what stands in the cluster (DaemonSets, ReplicaSets, StatefulSets, ControllerRevisions, Jobs,',
      'ReplicationControllers, Services, Nodes): provenance.* is found out from them, and is unknown without any.',
    ],
    config: ({ testedDirs, rulesDirs, ...rest }: Pick<Values, (typeof TEST)[number]>): RulesTestConfig => ({
      rulesDirs: testedDirs ?? rulesDirs,
      ...rest,
    }),
  },
  'install check': {
    summary: 'Check an installation: is it reached, trusted, allowed what it must; what if it were down?',
    settings: INSTALL_CHECK,
    examples: [
      'sigma-admission install check',
      'sigma-admission install check --kubeconfig admin.kubeconfig --audit-log /var/log/kubernetes/audit',
      'kubectl -n sigma-admission exec deployment/sigma-admission -- node dist/main.js install check',
    ],
    notes: [
      'Changes nothing: it reads, makes dry runs and asks who may do what. Each check is ok, warning, failed, or unknown',
      'where it may not look, with what to do about it. Without --kubeconfig it takes $KUBECONFIG, in a pod the service',
      'account, else ~/.kube/config. Exits with 0; with 1 if a check failed; with 2 if there is no cluster to ask.',
    ],
    config: ({
      webhookConfiguration = 'sigma-admission',
      installCheckFormat: format,
      ...rest
    }: Pick<Values, (typeof INSTALL_CHECK)[number]>): InstallCheckConfig => ({
      webhookConfiguration,
      format,
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

/** On the command line a switch has no value. */
function yesOrNo(value: unknown, refuse: Refuse): boolean | undefined {
  if (value === '' || value === true || value === 'true') return true;
  return value === false || value === 'false' ? false : refuse('true or false', value);
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

const MS_OF_LONGER_UNIT = new Map([...MS_OF_UNIT, ['d', 24 * 3_600_000]]);

/** A point in time, in ms since the epoch. Times without a zone could be anybody's, so they are refused; dates are UTC. */
function instant(value: unknown, refuse: Refuse): number | undefined {
  const text = String(value);
  const [, number, unit = ''] = /^(\d+)(m|h|d)$/.exec(text) ?? [];
  if (number !== undefined) return Date.now() - Number(number) * (MS_OF_LONGER_UNIT.get(unit) ?? NaN);
  const isWhole = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text);
  const at = isWhole ? Date.parse(text) : NaN;
  return Number.isNaN(at) ? refuse('a time such as 2026-11-24T08:00:00Z, 2026-11-24 or 7d', value) : at;
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
