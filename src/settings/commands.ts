import type { Key, Values } from './settings.ts';
import type {
  AllowlistSuggestConfig,
  AllowlistUnusedConfig,
  CertificatesRotateConfig,
  Config,
  InstallCheckConfig,
  LoadedRulesConfig,
  ManifestsConfig,
  ReplayConfig,
  RulesCheckConfig,
  RulesExplainConfig,
  RulesListConfig,
  RulesTestConfig,
  ScanConfig,
} from './types.ts';

/** The settings of judging: rules, filters and modes. */
const JUDGING = [
  'mode',
  'levels',
  'rules',
  'rulesDirs',
  'filtersDirs',
  'allowUsers',
  'placeholders',
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

const SUGGEST = ['records', 'expires', 'filtersDirs', 'placeholders'] as const satisfies readonly Key[];

const UNUSED = [
  'records',
  'rulesDirs',
  'filtersDirs',
  'allowUsers',
  'placeholders',
  'unusedFormat',
] as const satisfies readonly Key[];

const CHECK = [
  'checkedDirs',
  ...JUDGING,
  'configFile',
  'door',
  'checkFormat',
  'strict',
  'checkedFixtures',
  'schemaKubeconfig',
] as const satisfies readonly Key[];

const TEST = [
  'testedDirs',
  'rulesDirs',
  'filtersDirs',
  'allowUsers',
  'placeholders',
  'subresources',
  'fixturesDir',
  'strictTest',
] as const satisfies readonly Key[];

const MANIFESTS = [
  ...JUDGING,
  'distribution',
  'namespace',
  'webhookConfiguration',
  'release',
  'releaseManage',
  'image',
  'filterConfigMaps',
] as const satisfies readonly Key[];

const INSTALL_CHECK = [
  'kubeconfig',
  'namespace',
  'webhookConfiguration',
  'auditLogs',
  'rulesDirs',
  'filtersDirs',
  'placeholders',
  'installCheckFormat',
] as const satisfies readonly Key[];

const CERTIFICATES_ROTATE = [
  'secret',
  'namespace',
  'kubeconfig',
  'rotatedCertsDir',
  'rotationReason',
] as const satisfies readonly Key[];

function loadedRules({
  mode,
  levels,
  rules,
  ...rest
}: Pick<Values, (typeof LOADED_RULES)[number]>): LoadedRulesConfig {
  return { modes: { default: mode, levels, rules }, ...rest };
}

/** A command of the command line. */
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
      'undetermined  an object does not name its creator, or its owner was not read',
      'verified      its owner was read, and made it as far as that shows; or it mirrors a static pod of its Node',
      '',
      'Filters by user apply only to the controllers that made pods whose owners are verified; --allow-user has no effect here.',
      'Exits with 0; with 1 if anything is suspicious; with 2 if the rules, the cluster or a file could not be read.',
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
    summary: 'Write filters, from records, for users that no filter accepted: read them before you use them.',
    settings: SUGGEST,
    examples: [
      'sigma-admission replay /var/log/kubernetes/audit --format ndjson | sigma-admission allowlist suggest',
      'kubectl -n sigma-admission logs deploy/sigma-admission | sigma-admission allowlist suggest > my-filters.yml',
      'sigma-admission allowlist suggest --expires 30d records.ndjson',
    ],
    notes: [
      'Prints Sigma filters, the most specific first, each with its count and examples of what it would have accepted. None accepts',
      'a group such as system:masters, or a name with a wildcard: a user that only such a filter would accept stands in a comment,',
      'with the reason. Records of scan do not name a creator: they give no filters. What a filter accepted that is among --filters',
      'and has expired since counts as not accepted. Exits with 0; with 2 if a file could not be read.',
    ],
    config: (values: Pick<Values, (typeof SUGGEST)[number]>): AllowlistSuggestConfig => values,
  },
  'allowlist unused': {
    summary: 'List the filters that have accepted nothing in records.',
    settings: UNUSED,
    examples: [
      'sigma-admission replay /var/log/kubernetes/audit --format ndjson | sigma-admission allowlist unused',
      'sigma-admission allowlist unused records-*.ndjson.gz --filters filters my-filters --format json',
    ],
    notes: [
      'A record names one filter for each match: the first that accepts it, in the order of their files. Exits with 0; with 2 if a',
      'file could not be read, or has no record.',
    ],
    config: ({
      unusedFormat: format,
      ...rest
    }: Pick<Values, (typeof UNUSED)[number]>): AllowlistUnusedConfig => ({ format, ...rest }),
  },
  'rules check': {
    summary: 'Find everything that is wrong with rules and filters. Exits with 1 if anything is.',
    settings: CHECK,
    examples: [
      'sigma-admission rules check my-rules my-filters',
      'sigma-admission rules check my-rules --strict --format github',
      'sigma-admission rules check my-rules --placeholders my-placeholders.yml',
      'sigma-admission rules check my-rules --kubeconfig staging.yaml',
    ],
    notes: [
      'With --config, an enforcement that is none is an error, too: an id under `rules` that names none of the rules checked, and a',
      'rule set to enforce that no webhook can ask. So check all that serve loads together.',
    ],
    config: ({
      checkedDirs,
      rulesDirs,
      filtersDirs,
      checkFormat: format,
      checkedFixtures: fixturesDir,
      schemaKubeconfig: kubeconfig,
      mode,
      levels,
      rules,
      configFile,
      ...rest
    }: Pick<Values, (typeof CHECK)[number]>): RulesCheckConfig => ({
      dirs: checkedDirs ?? [...rulesDirs, ...filtersDirs],
      format,
      ...(fixturesDir === undefined ? {} : { fixturesDir }),
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      ...rest,
      ...(configFile === undefined
        ? {}
        : { inForce: { modes: { default: mode, levels, rules }, configFile } }),
    }),
  },
  'rules list': {
    summary: 'List the rules with their classes and modes.',
    settings: [...LOADED_RULES, 'listFormat', 'configFile'],
    examples: [
      'sigma-admission rules list --rules rules my-rules',
      'sigma-admission rules list --door replay --format json',
      'sigma-admission rules list --config config.yaml',
    ],
    notes: [
      'With --config, whether each rule is asked by the webhook configuration that these rules want (see manifests), and why not; the',
      'mode that the settings ask for, and the one in effect.',
    ],
    config: ({
      listFormat: format,
      configFile,
      ...rest
    }: Pick<Values, (typeof LOADED_RULES)[number] | 'listFormat' | 'configFile'>): RulesListConfig => ({
      ...loadedRules(rest),
      format,
      hasConfigFile: configFile !== undefined,
    }),
  },
  'rules explain': {
    summary:
      'Explain one rule: what it detects, the fields it reads, its filters, and where it can be decided.',
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
    config: ({
      testedDirs,
      rulesDirs,
      strictTest: strict,
      ...rest
    }: Pick<Values, (typeof TEST)[number]>): RulesTestConfig => ({
      rulesDirs: testedDirs ?? rulesDirs,
      strict,
      ...rest,
    }),
  },
  'certificates rotate': {
    summary: 'Make a new CA and serving certificate now, for example after a key leaked.',
    settings: CERTIFICATES_ROTATE,
    examples: [
      "sigma-admission certificates rotate --reason 'the key got out'",
      'kubectl -n sigma-admission exec deployment/sigma-admission -- node dist/main.js certificates rotate',
      'sigma-admission certificates rotate --certs certs',
    ],
    notes: [
      'Sets an annotation on the Secret (sigma-admission-tls by default), which the replicas follow: the new CA is',
      'trusted before a certificate of it is served. Without --kubeconfig it takes $KUBECONFIG, in a pod the service account, else',
      '~/.kube/config. Exits with 0; with 2 if it could not be asked or made.',
    ],
    config: ({
      secret = 'sigma-admission-tls',
      rotatedCertsDir: certsDir,
      rotationReason: reason,
      ...rest
    }: Pick<Values, (typeof CERTIFICATES_ROTATE)[number]>): CertificatesRotateConfig => ({
      secret,
      reason,
      ...(certsDir === undefined ? {} : { certsDir }),
      ...rest,
    }),
  },
  manifests: {
    summary: 'Print the webhook configuration, or every object, for these rules and settings.',
    settings: MANIFESTS,
    examples: [
      'sigma-admission manifests --config config.yaml --rules rules my-rules > webhooks.yaml',
      'sigma-admission manifests --release --config config.yaml --namespace security | kubectl apply -f -',
    ],
    notes: [
      'The webhook configuration is for those who keep it in Git, and have replicas manage its caBundle alone or nothing of it. It',
      'has no caBundle. --release prints all objects, the rules and filters among them: presets too are named by --filters, and of',
      'the settings file it carries those below. The same input gives the same text.',
    ],
    config: ({
      mode,
      levels,
      rules,
      webhookConfiguration = 'sigma-admission',
      ...rest
    }: Pick<Values, (typeof MANIFESTS)[number]>): ManifestsConfig => ({
      modes: { default: mode, levels, rules },
      webhookConfiguration,
      ...rest,
    }),
  },
  'install check': {
    summary: 'Check an installation: reachability, certificate, rights, and the effect of a failure.',
    settings: INSTALL_CHECK,
    examples: [
      'sigma-admission install check',
      'sigma-admission install check --kubeconfig admin.kubeconfig --audit-log /var/log/kubernetes/audit',
      'kubectl -n sigma-admission exec deployment/sigma-admission -- node dist/main.js install check',
    ],
    notes: [
      'Changes nothing: it sends reads, dry runs and access reviews. Each check is ok, warning, failed, or unknown where it',
      'is not allowed to look, with the fix. Without --kubeconfig it takes $KUBECONFIG, in a pod the service',
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

export type CommandName = keyof typeof COMMANDS;

/** The summary of each group of commands, by its first word. */
export const GROUPS: Readonly<Record<string, string>> = {
  rules: 'Check, list, explain and test rules.',
  allowlist: 'Find what belongs on it, and what does not.',
  install: 'Check an installation.',
  certificates: 'Rotate the CA and the serving certificate.',
};
