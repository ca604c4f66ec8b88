/** `unknown`: the check was not allowed, or not able, to read what it needs. It never counts as `ok`. */
export type Verdict = 'ok' | 'warning' | 'failed' | 'unknown';

/** The result of one check. */
export type CheckFinding = Found & (Passed | NotPassed);

interface Found {
  /** The same word in every run: `reachability`. */
  readonly check: string;
  /** One line. */
  readonly found: string;
  /** The parts of it, a line each. */
  readonly details?: readonly string[];
}

interface Passed {
  readonly verdict: 'ok';
}

interface NotPassed extends Fix {
  readonly verdict: Exclude<Verdict, 'ok'>;
}

/** The way out of a finding. */
export interface Fix {
  /** A sentence: the thing to do. */
  readonly fix: string;
  /** The command that does it, or shows more, to be pasted. */
  readonly command?: string;
}

type Details = Pick<Found, 'details'>;

export function ok(check: string, found: string, details?: readonly string[]): CheckFinding {
  return { check, verdict: 'ok', found, ...(details === undefined ? {} : { details }) };
}

export function warn(check: string, found: string, fix: Fix & Details): CheckFinding {
  return { check, verdict: 'warning', found, ...fix };
}

export function fail(check: string, found: string, fix: Fix & Details): CheckFinding {
  return { check, verdict: 'failed', found, ...fix };
}

export function unknown(check: string, found: string, fix: Fix & Details): CheckFinding {
  return { check, verdict: 'unknown', found, ...fix };
}
