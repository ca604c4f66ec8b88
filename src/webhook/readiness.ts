/** A line of /readyz?verbose: a condition of readiness, or a state that an operator wants to see. */
export interface Check {
  readonly name: string;
  /**
   * `failed` keeps requests away from this replica. Readiness does not depend on `wrong`, nor on `unknown`: not looked at yet, or
   * not to be seen any more.
   */
  readonly state: 'ok' | 'failed' | 'wrong' | 'unknown';
  /** One line. */
  readonly detail?: string;
  /** Absent where the state is this process's own, known at any time. */
  readonly seen?: Seen;
}

/** When the state was last seen, by `performance.now()`, and for how long that shows how it is now. */
export interface Seen {
  readonly atMs: number;
  readonly goodForMs: number;
}

/** Whether requests are to come to this replica, and all checks, a line each. */
export function readinessOf(
  checks: readonly Check[],
  nowMs: number,
): { readonly isReady: boolean; readonly text: string } {
  const isReady = checks.every(({ state }) => state !== 'failed');
  const lines = checks.map((check) => lineOf(check, nowMs));
  return { isReady, text: [...lines, `readyz check ${isReady ? 'passed' : 'failed'}\n`].join('\n') };
}

/** As the API server's own /readyz has it; its two signs are two of ours. */
const SIGNS: Readonly<Record<Check['state'], string>> = { ok: '+', failed: '-', wrong: '!', unknown: '!' };

function lineOf({ name, state, detail, seen }: Check, nowMs: number): string {
  const ageMs = seen === undefined ? 0 : nowMs - seen.atMs;
  const isStale = seen !== undefined && ageMs > seen.goodForMs;
  const shown = isStale && state === 'ok' ? 'unknown' : state;
  const age =
    seen === undefined ? '' : ` (seen ${Math.floor(ageMs / 1000)} s ago${isStale ? ', not since' : ''})`;
  return `[${SIGNS[shown]}]${name} ${shown}${detail === undefined ? '' : `: ${detail}`}${age}`;
}
