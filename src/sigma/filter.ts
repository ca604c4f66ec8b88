import type { LogSource } from './log-source.ts';
import type { Tree } from './tree.ts';

/**
 * A Sigma filter document, checked. Its condition is ANDed onto the rules it names **as written**: one that suppresses says
 * `condition: not selection` (the specification's own example contradicts itself here; pySigma does the same as we).
 */
export interface Filter {
  /** Lower-case UUID; where a filter has none, its file and title stand in. */
  readonly id: string;
  readonly title: string;
  readonly logsource: LogSource;
  /** Ids (lower case) and names; `any` is every rule. */
  readonly rules: 'any' | readonly string[];
  readonly condition: { readonly text: string; readonly tree: Tree };
  readonly file: string;
  readonly line: number;
}
