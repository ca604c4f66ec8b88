/** A Lease (coordination.k8s.io/v1), as far as it is read. */
export interface Lease {
  readonly metadata?: {
    readonly resourceVersion?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly leaseTransitions?: number;
  };
}

/**
 * What the replicas tell each other. It is in a Lease of our namespace: clients that may edit webhook configurations could forge
 * an annotation there, and `kubectl replace` would remove it.
 */
export interface Agreement {
  /** The content that a replica wants. */
  readonly claim?: Claim | undefined;
  /** The changes by other clients that were undone within ten minutes of the first. */
  readonly undone?: Undone | undefined;
}

export interface Claim {
  /** Of the content: see `contentDigest`. */
  readonly digest: string;
  /** When a replica began to want it (ms since the epoch). */
  readonly since: number;
}

export interface Undone {
  /** When the first was undone (ms since the epoch). */
  readonly since: number;
  readonly count: number;
}

const CLAIM = 'sigma-admission/content';
/** After this many undone changes within this time, the configuration is left as it is. */
export const MAX_REVERSIONS = 5;
const REVERSIONS_MS = 10 * 60_000;
/** Nodes synchronise their clocks to milliseconds. A date further in the future than this is wrong. */
export const CLOCK_SKEW_MS = 60_000;

export function readAgreement({ metadata, spec }: Lease): Agreement {
  const [digest = '', time = ''] = metadata?.annotations?.[CLAIM]?.split(' ') ?? [];
  const [since, first] = [Date.parse(time), Date.parse(spec?.acquireTime ?? '')];
  return {
    ...(Number.isNaN(since) ? {} : { claim: { digest, since } }),
    ...(Number.isNaN(first) ? {} : { undone: { since: first, count: spec?.leaseTransitions ?? 0 } }),
  };
}

/** The Lease that says so. `holder` is the replica that writes it. */
export function agreementLease({ claim, undone }: Agreement, holder: string): Lease {
  return {
    metadata: claim === undefined ? {} : { annotations: { [CLAIM]: claimText(claim) } },
    spec: {
      holderIdentity: holder,
      leaseDurationSeconds: REVERSIONS_MS / 1000,
      ...(undone === undefined
        ? {}
        : { acquireTime: microTime(undone.since), leaseTransitions: undone.count }),
    },
  };
}

export function claimText({ digest, since }: Claim): string {
  return `${digest} ${new Date(since).toISOString()}`;
}

/** How many changes were undone within ten minutes of the first, the last of them less than ten minutes ago. */
export function undoneLately(undone: Undone | undefined, now: number): number {
  if (undone === undefined) return 0;
  const age = now - undone.since;
  return age < REVERSIONS_MS && age > -CLOCK_SKEW_MS ? undone.count : 0;
}

/** One more was undone. */
export function oneMoreUndone(undone: Undone | undefined, now: number): Undone {
  const count = undoneLately(undone, now);
  return count === 0 || undone === undefined ? { since: now, count: 1 } : { ...undone, count: count + 1 };
}

/** As Kubernetes' MicroTime. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
