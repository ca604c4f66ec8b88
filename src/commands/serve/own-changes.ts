import type { Logger } from 'pino';
import type { OwnChange } from '../../self/own-change.ts';
import { createLimit, type LimitOptions } from '../../io/limit.ts';

export interface OwnChangesOptions {
  readonly metrics: { observeOwnChange(change: OwnChange): void };
  readonly log: Logger;
  /** Something is claimed to have been changed: what is so by now is to be read from the API server. */
  readonly onClaim: (by: string) => void;
  readonly limit?: Pick<LimitOptions, 'burst' | 'everyMs' | 'now'>;
}

/**
 * Says what reviews tell of changes of our own objects. Anybody who reaches our port may forge a review, so each is counted,
 * lines are limited by kind and level, and nothing is written to the cluster because of it alone.
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
    // Nobody is kept from it, so it is to be seen, and who did it. A dry run did nothing.
    const level = dryRun ? 'info' : lowers.length > 0 ? 'error' : 'warn';
    if (!dryRun) onClaim(by.username);
    if (!limit.admits(`${kind} ${level}`)) return;
    log[level](
      change,
      `${by.username} changes what we are made of: ${what}: ${[...lowers, ...notable].join('; ')}`,
    );
  };
}
