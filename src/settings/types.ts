import type { Distribution } from '../registration/identities.ts';
import type { Manage } from '../registration/registration-plan.ts';
import type { Door } from '../policy/door.ts';
import type { Modes } from '../policy/mode.ts';
import type { Level } from '../sigma/read/level.ts';
import type { LogLevel, Subresources } from './settings.ts';

/** What `serve` was told. */
export interface Config {
  readonly modes: Modes;
  readonly rulesDirs: readonly string[];
  readonly filtersDirs: readonly string[];
  /** Exact names; no character in them stands for others. */
  readonly allowUsers: readonly string[];
  /** The file with the values for `|expand`. */
  readonly placeholders?: string;
  readonly minLevel?: Level;
  readonly subresources: Subresources;
  readonly certsDir: string;
  /** Both or neither: a certificate that another program makes and renews. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** The authorities of client certificates that reviews need; absent: every client is answered. */
  readonly clientCa?: string;
  /** The names that such a certificate may have; absent: any. Only with `clientCa`. */
  readonly clientNames?: readonly string[];
  /** The Secret that replicas share a certificate in. With it, or with `webhookConfiguration`, a cluster is asked. */
  readonly secret?: string;
  readonly webhookConfiguration?: string;
  /** The part of it that replicas manage. */
  readonly manage: Manage;
  readonly noOwnerReference: boolean;
  /** The distribution of the cluster, with `manage: all`. */
  readonly distribution: Distribution;
  /** Where the Secret and our Service are. */
  readonly namespace: string;
  readonly kubeconfig?: string;
  /** 0, here and in `metricsPort`, takes any free one. */
  readonly port: number;
  readonly metricsPort: number;
  /** Absent: every address of this machine, IPv6 and IPv4. */
  readonly host?: string;
  readonly drainMs: number;
  readonly logLevel: LogLevel;
}

/** What `replay` was told. */
export interface ReplayConfig extends Pick<
  Config,
  'modes' | 'rulesDirs' | 'filtersDirs' | 'allowUsers' | 'placeholders' | 'minLevel' | 'subresources'
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
  'modes' | 'rulesDirs' | 'filtersDirs' | 'allowUsers' | 'placeholders' | 'minLevel' | 'subresources'
> {
  /** Files of objects, and `-` for standard input; none: the cluster. */
  readonly objects: readonly string[];
  readonly kubeconfig?: string;
  /** Only these rules: ids, what an id begins with, names; empty for all. */
  readonly onlyRules: readonly string[];
  readonly format: 'text' | 'json';
}

/** What `allowlist suggest` was told. */
export interface AllowlistSuggestConfig extends Pick<Config, 'filtersDirs' | 'placeholders'> {
  /** Files of DecisionRecords, and `-` for standard input. */
  readonly records: readonly string[];
  /** The end that filters are given. */
  readonly expires?: string;
}

/** What `allowlist unused` was told. */
export interface AllowlistUnusedConfig extends Pick<
  Config,
  'rulesDirs' | 'filtersDirs' | 'allowUsers' | 'placeholders'
> {
  /** As those of `allowlist suggest`. */
  readonly records: readonly string[];
  readonly format: 'table' | 'json';
}

/** What every `rules` command but `check` was told: which rules, as which door loads them. */
export interface LoadedRulesConfig extends Pick<
  Config,
  'modes' | 'rulesDirs' | 'filtersDirs' | 'allowUsers' | 'placeholders' | 'minLevel' | 'subresources'
> {
  readonly door: Door;
}

/** What `rules check` was told. */
export interface RulesCheckConfig extends Pick<
  Config,
  'allowUsers' | 'minLevel' | 'placeholders' | 'subresources'
> {
  /** The modes in a settings file, checked against the rules; absent without `--config`. */
  readonly inForce?: { readonly modes: Modes; readonly configFile: string };
  /** Rules and filters alike. */
  readonly dirs: readonly string[];
  readonly door: Door;
  readonly format: 'text' | 'json' | 'github';
  /** Warnings count as errors. */
  readonly strict: boolean;
  /** Where a rule that lacks fixtures is a warning; absent: nowhere. */
  readonly fixturesDir?: string;
  /** The cluster whose schema is meant; absent: the schema that ships. */
  readonly kubeconfig?: string;
}

/** What `rules list` was told. */
export interface RulesListConfig extends LoadedRulesConfig {
  /** The settings of a replica are given: show what is in force with them. */
  readonly hasConfigFile: boolean;
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
  'rulesDirs' | 'filtersDirs' | 'allowUsers' | 'placeholders' | 'subresources'
> {
  /** Where the directories of fixtures are; absent: each beside its rule. */
  readonly fixturesDir?: string;
  /** A rule without fixtures of both kinds is a failure. */
  readonly strict: boolean;
}

/** What `certificates rotate` was told. */
export interface CertificatesRotateConfig extends Pick<Config, 'namespace' | 'kubeconfig'> {
  /** Where this is absent, the Secret is meant. */
  readonly certsDir?: string;
  readonly secret: string;
  /** Is logged by the replica that does it. */
  readonly reason: string;
}

/** What `manifests` was told. */
export interface ManifestsConfig extends Pick<
  Config,
  | 'modes'
  | 'rulesDirs'
  | 'filtersDirs'
  | 'allowUsers'
  | 'placeholders'
  | 'minLevel'
  | 'subresources'
  | 'distribution'
  | 'namespace'
> {
  readonly webhookConfiguration: string;
  /** The whole installation, not the webhook configuration alone. */
  readonly release: boolean;
  /** The part of the webhook configuration that its replicas manage. */
  readonly releaseManage: Manage;
  /** Absent: that of the manifests. */
  readonly image?: string;
  /** ConfigMaps of other teams, whose filters its replicas load with ours. */
  readonly filterConfigMaps: readonly string[];
}

/** What `install check` was told. */
export interface InstallCheckConfig extends Pick<
  Config,
  'rulesDirs' | 'filtersDirs' | 'placeholders' | 'namespace' | 'kubeconfig'
> {
  readonly webhookConfiguration: string;
  /** Audit logs, as `logs` of replay. */
  readonly auditLogs: readonly string[];
  readonly format: 'text' | 'json';
}
