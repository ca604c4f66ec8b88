import { DISTRIBUTIONS } from '../registration/identities.ts';
import { MANAGE } from '../registration/registration-plan.ts';
import { DOORS } from '../policy/door.ts';
import { MODES } from '../policy/mode.ts';
import { LEVELS } from '../sigma/read/level.ts';
import {
  duration,
  endOfFilter,
  instant,
  listOf,
  modesBy,
  oneOf,
  portNumber,
  textOf,
  yesOrNo,
  type Read,
} from './readers.ts';

const SUBRESOURCES = ['resource', 'literal'] as const;
export type Subresources = (typeof SUBRESOURCES)[number];

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
const ZERO = '00000000-0000-0000-0000-000000000000';

/** A setting, as users set it. */
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
    read: modesBy('a rule id (a UUID or its first eight digits)', (id) =>
      id.length >= 8 && UUID.test(id + ZERO.slice(id.length)) ? id.toLowerCase() : undefined,
    ),
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
  placeholders: {
    flag: '--placeholders <FILE>',
    read: textOf('a file'),
    help: 'YAML, a map of name to values: what %name% stands for in a rule with |expand',
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
  rotatedCertsDir: {
    flag: '--certs <DIR>',
    read: textOf('a directory'),
    onlyHere: true,
    help: 'make them in this directory of CA and serving certificate, instead of asking for them in the Secret',
  },
  rotationReason: {
    flag: '--reason <TEXT>',
    read: textOf('a reason'),
    default: 'sigma-admission certificates rotate',
    onlyHere: true,
    help: 'the reason, for the log of the replica',
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
    help: 'answer reviews only to clients with a certificate of these authorities: the API server',
  },
  clientNames: {
    flag: '--client-name <NAME...>',
    read: listOf('a name'),
    help: 'and with one of these names: its CN, or a DNS name; with --client-ca',
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
    help: 'what replicas manage of it: ca, all (entries, conditions and scope too), none',
  },
  release: {
    flag: '--release',
    read: yesOrNo,
    default: false,
    onlyHere: true,
    help: 'print every object of the installation',
  },
  releaseManage: {
    flag: '--manage <WHAT>',
    read: oneOf(MANAGE),
    default: 'all',
    onlyHere: true,
    help: 'with --release, what replicas manage of the webhook configuration: ca, all, none',
  },
  image: {
    flag: '--image <IMAGE>',
    read: textOf('an image'),
    onlyHere: true,
    help: 'with --release, the image to run',
  },
  filterConfigMaps: {
    flag: '--filter-config-map <NAME...>',
    read: listOf('a name'),
    default: [],
    help: 'with --release, a ConfigMap of another team to load its filters.yml from, if it is there',
  },
  noOwnerReference: {
    flag: '--no-owner-reference',
    read: yesOrNo,
    default: false,
    help: 'do not make our Namespace its owner: for Argo CD, which would report a difference',
  },
  distribution: {
    flag: '--distribution <NAME>',
    read: oneOf(DISTRIBUTIONS),
    default: 'upstream',
    help: `the distribution of the cluster, whose own users heal it: ${DISTRIBUTIONS.join(', ')}`,
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
    help: 'text: a line each; json: one object; github: annotations of a workflow',
  },
  listFormat: {
    flag: '--format <FORMAT>',
    read: oneOf(['table', 'json']),
    default: 'table',
    onlyHere: true,
    help: 'table, or json: one object',
  },
  strict: {
    flag: '--strict',
    read: yesOrNo,
    default: false,
    onlyHere: true,
    help: 'also fail on warnings',
  },
  strictTest: {
    flag: '--strict',
    read: yesOrNo,
    default: false,
    onlyHere: true,
    help: 'also fail on rules without fixtures of both kinds',
  },
  schemaKubeconfig: {
    flag: '--kubeconfig <FILE>',
    read: textOf('a file'),
    onlyHere: true,
    help: 'check fields by what this cluster takes, custom resources too, and not by the schema that ships',
  },
  checkedFixtures: {
    flag: '--fixtures <DIR>',
    read: textOf('a directory'),
    onlyHere: true,
    help: 'warn of rules that have no fixtures of both kinds there',
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
    help: 'audit logs, as replay reads them, that show the users of kube-system',
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
  expires: {
    flag: '--expires <END>',
    read: endOfFilter,
    onlyHere: true,
    help: 'the end to write into each filter: a date (UTC), RFC 3339, or in how many days: 30d',
  },
  unusedFormat: {
    flag: '--format <FORMAT>',
    read: oneOf(['table', 'json']),
    default: 'table',
    onlyHere: true,
    help: 'table, or json: an object with the filters',
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
