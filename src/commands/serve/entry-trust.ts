import type { Logger } from 'pino';
import { isTrustedBy } from '../../certificates/validity.ts';
import type { RegisteredAuthority } from '../../cluster/connectivity.ts';
import type { ClusterMetrics } from '../../records/cluster-metrics.ts';

/** Whether each entry, by its own `caBundle`, trusts the certificate that this replica serves. */
export interface EntryTrust {
  look(entries: readonly RegisteredAuthority[], certificatePem: string): void;
  /** The entries that did not trust it when last looked at, as registered: `guard` is the first. */
  distrusting(): readonly string[];
}

/** Tells log and metrics of it. */
export function createEntryTrust({
  metrics,
  log,
}: {
  readonly metrics: Pick<ClusterMetrics, 'observeTrust'>;
  readonly log: Logger;
}): EntryTrust {
  let distrusting: readonly string[] = [];
  return {
    look(entries, certificatePem) {
      const trust = new Map(
        entries.map(({ entry, caBundle }) => [entry, isTrustedBy(certificatePem, caBundle)]),
      );
      metrics.observeTrust(trust);
      const before = distrusting;
      distrusting = [...trust].flatMap(([entry, trusts]) => (trusts ? [] : [entry]));
      if (entries.length === 0 || distrusting.join() === before.join()) return;
      if (distrusting.length === 0) log.info('every entry trusts our certificate again');
      else
        log.warn(
          { entries: distrusting },
          `${formatTrust(distrusting)}: the API server does not call us there`,
        );
    },
    distrusting: () => distrusting,
  };
}

/** One line for the log and for /readyz. */
export function formatTrust(distrusting: readonly string[]): string {
  if (distrusting.length === 0) return 'every entry trusts our certificate';
  return `${distrusting.join(', ')} ${distrusting.length === 1 ? 'does' : 'do'} not trust our certificate`;
}
