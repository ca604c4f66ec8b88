import type { Logger } from 'pino';
import { repeat } from '../../cluster/repeat.ts';
import { expiryProblems } from '../../policy/filter-expiry.ts';
import { formatProblem } from '../../sigma/read/errors.ts';
import type { Filter } from '../../sigma/read/filter.ts';

export interface FilterExpiryOptions {
  /** Those in force. */
  readonly filters: () => readonly Filter[];
  readonly log: Logger;
  /** Records an Event for an operator. */
  readonly recordEvent: (reason: string, action: string, note: string) => void;
  readonly now?: () => number;
  readonly everyMs?: number;
}

/** A clock may be set at any time, so that it is looked at rather than waited for. */
const EVERY_MS = 10_000;

/**
 * Says once of each filter in force that it ends within 14 days, and once that it has ended, by log and Event. Nothing depends
 * on it: a filter is held against the clock whenever it is asked. Returns a function that ends it.
 */
export function followFilterExpiry({
  filters,
  log,
  recordEvent,
  now = Date.now,
  everyMs = EVERY_MS,
}: FilterExpiryOptions): () => void {
  let said: ReadonlySet<string> = new Set();
  return repeat({
    everyMs,
    task: async () => {
      const problems = expiryProblems(filters(), now());
      const unsaid = problems.filter((problem) => !said.has(formatProblem(problem)));
      said = new Set(problems.map(formatProblem));
      for (const problem of unsaid) log.warn({ code: problem.code }, formatProblem(problem));
      for (const [code, reason, action] of EVENTS) {
        const texts = unsaid.filter((problem) => problem.code === code).map(formatProblem);
        if (texts.length > 0) recordEvent(reason, action, texts.join('; '));
      }
    },
    onFailure: (error) => log.error(error, 'whether filters have expired cannot be told'),
  });
}

const EVENTS = [
  ['filter-expires-soon', 'FilterExpiresSoon', 'Accepting'],
  ['filter-expired', 'FilterExpired', 'Ignoring'],
] as const;
