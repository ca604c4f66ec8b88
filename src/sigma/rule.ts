import type { LogSource } from './log-source.ts';
import type { Tree } from './tree.ts';

export const LEVELS = ['informational', 'low', 'medium', 'high', 'critical'] as const;
export type Level = (typeof LEVELS)[number];

export const STATUSES = ['stable', 'test', 'experimental', 'deprecated', 'unsupported'] as const;
export type Status = (typeof STATUSES)[number];

/** A Sigma detection rule, checked. Field names are as the rule spells them; no mapping is applied yet. */
export interface Rule {
  /** Lower-case UUID; where a rule has none, its file and title stand in so that every rule can be named. */
  readonly id: string;
  readonly name?: string;
  readonly title: string;
  /** `test` where absent. */
  readonly status: Status;
  /** `medium` where absent. */
  readonly level: Level;
  readonly description?: string;
  readonly author?: string;
  readonly date?: string;
  readonly tags: readonly string[];
  readonly references: readonly string[];
  readonly falsepositives: readonly string[];
  readonly logsource: LogSource;
  /** Each search identifier by name. */
  readonly searchIdentifiers: Readonly<Record<string, Tree>>;
  /** A list of conditions is linked by OR, but each member is classified on its own. */
  readonly conditions: readonly { readonly text: string; readonly tree: Tree }[];
  /** Where it came from: `rules/exec.yml`, and the line its document starts at. */
  readonly file: string;
  readonly line: number;
}
