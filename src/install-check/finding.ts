/** `unknown` is where we could not look. It is never taken for good. */
export type Verdict = 'ok' | 'warning' | 'failed' | 'unknown';

/** What one check found. */
export type Finding = {
  /** The same word in every run: `reachability`. */
  readonly check: string;
  /** One line. */
  readonly found: string;
  /** What it consists of, a line each. */
  readonly details?: readonly string[];
} & ({ readonly verdict: 'ok' } | { readonly verdict: Exclude<Verdict, 'ok'>; readonly fix: string });
