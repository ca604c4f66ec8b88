/** How often something is said, by reason. */
export interface Limit {
  /** Whether it may be said now; if not, it is counted as left out. */
  admits(reason: string): boolean;
}

export interface LimitOptions {
  /** So many at once; a rollout is said of in whole. */
  readonly burst?: number;
  /** One more for each such time. */
  readonly everyMs?: number;
  /** Called once, so long after the first that was left out, with how many were by then. */
  readonly onLeftOut: (reason: string, count: number) => void;
  /** Monotonic, in milliseconds. */
  readonly now?: () => number;
}

const BURST = 10;
const EVERY_MS = 60_000;

/** A bucket of tokens for each reason. Reasons are ours, so that there are few; what others choose is none. */
export function createLimit({
  burst = BURST,
  everyMs = EVERY_MS,
  onLeftOut,
  now = () => performance.now(),
}: LimitOptions): Limit {
  const buckets = new Map<string, { tokens: number; at: number; leftOut: number }>();
  function leaveOut(reason: string, bucket: { leftOut: number }): void {
    bucket.leftOut += 1;
    if (bucket.leftOut > 1) return;
    setTimeout(() => {
      onLeftOut(reason, bucket.leftOut);
      bucket.leftOut = 0;
    }, everyMs).unref();
  }
  return {
    admits(reason) {
      const at = now();
      const bucket = buckets.get(reason) ?? { tokens: burst, at, leftOut: 0 };
      buckets.set(reason, bucket);
      bucket.tokens = Math.min(burst, bucket.tokens + (at - bucket.at) / everyMs);
      bucket.at = at;
      if (bucket.tokens < 1) {
        leaveOut(reason, bucket);
        return false;
      }
      bucket.tokens -= 1;
      return true;
    },
  };
}
