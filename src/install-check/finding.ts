/** `unknown` is where we could not look. It is never taken for good. */
export type Verdict = 'ok' | 'warning' | 'failed' | 'unknown';

/** What one check found. */
export type Finding = Found & (Good | Mendable);

interface Found {
  /** The same word in every run: `reachability`. */
  readonly check: string;
  /** One line. */
  readonly found: string;
  /** What it consists of, a line each. */
  readonly details?: readonly string[];
}

interface Good {
  readonly verdict: 'ok';
}

interface Mendable {
  readonly verdict: Exclude<Verdict, 'ok'>;
  /** What to do about it, in a sentence. */
  readonly fix: string;
  /** What does it, or shows more, to be pasted. */
  readonly command?: string;
}
