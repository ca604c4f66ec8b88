import { Counter, Gauge, type Registry } from 'prom-client';

const PREFIX = 'sigma_admission_provenance_';

export interface ProvenanceMetricsOptions {
  readonly registry: Registry;
  /** How many objects of each kind are cached. */
  readonly counts: () => Readonly<Record<string, number>>;
  /** How long ago (ms) the collection that was heard of least recently was; Infinity where one was never listed. */
  readonly oldestMs: () => number;
}

/** What is known of who makes pods, as of each scrape. */
export function createProvenanceMetrics({ registry, counts, oldestMs }: ProvenanceMetricsOptions) {
  const registers = [registry];
  const objects = new Gauge({
    name: `${PREFIX}objects`,
    help: 'Objects cached to tell who made a pod, by kind.',
    labelNames: ['kind'],
    registers,
    collect() {
      for (const [kind, count] of Object.entries(counts())) this.set({ kind }, count);
    },
  });
  const age = new Gauge({
    name: `${PREFIX}age_seconds`,
    help: 'How long the API server said nothing of what is cached; +Inf before all of it was listed. Older than three minutes, nothing is concluded from it.',
    registers,
    collect() {
      this.set(oldestMs() / 1000);
    },
  });
  const reads = new Counter({
    name: `${PREFIX}reads_total`,
    help: 'Owners read at once, because the cache did not verify a pod: found, absent, failed, late, or busy where too many were being read.',
    labelNames: ['result'],
    registers,
  });
  const failures = new Counter({
    name: `${PREFIX}watch_failures_total`,
    help: 'Lists and watches that failed, by kind; they are tried again.',
    labelNames: ['kind'],
    registers,
  });
  return { objects, age, reads, failures };
}
