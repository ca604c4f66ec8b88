import type { Logger } from 'pino';
import type { OwnChange } from '../../self/own-change.ts';
import { createLimit, type LimitOptions } from '../../io/limit.ts';

export interface OwnChangesOptions {
  readonly metrics: { observeOwnChange(change: OwnChange): void };
  readonly log: Logger;
  /** Called when a review reports a change: the objects are then read from the API server. */
  readonly onClaim: (by: string) => void;
  readonly limit?: Pick<LimitOptions, 'burst' | 'everyMs' | 'now'>;
}

/**
 * Logs and counts the changes of our own objects that reviews report. A client that reaches the port may forge a review, so
 * log lines are limited by kind and level, and a review alone never causes a write to the cluster.
 */
export function createOwnChanges({ metrics, log, onClaim, limit: options }: OwnChangesOptions) {
  const limit = createLimit({
    ...options,
    onLeftOut: (reason, count) =>
      log.warn(
        { reason, leftOut: count },
        `${count} more changes of our own objects were not logged one by one`,
      ),
  });
  return function observe(change: OwnChange): void {
    metrics.observeOwnChange(change);
    const { kind, what, lowers, notable, by, dryRun } = change;
    // The change is allowed, so the log says who made it. A dry run changed nothing.
    const level = dryRun ? 'info' : lowers.length > 0 ? 'error' : 'warn';
    if (!dryRun) onClaim(by.username);
    if (!limit.admits(`${kind} ${level}`)) return;
    log[level](
      change,
      `${by.username} changes what we are made of: ${what}: ${[...lowers, ...notable].join('; ')}`,
    );
  };
}
