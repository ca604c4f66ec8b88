import { endOf, fingerprintOf, parseBundle, type TrustedAuthority } from './authority-bundle.ts';

/** What the API server trusts, as we last saw it: authorities by fingerprint, and since when each was always there. */
export type RegisteredAuthorities = ReadonlyMap<string, TrustedAuthority & { readonly since: number }>;

/** What is registered now (PEM; undefined or empty: nothing), after what was before. */
export function seeRegistered(
  bundlePem: string | undefined,
  before: RegisteredAuthorities,
  now: number,
): RegisteredAuthorities {
  const { authorities } = parseBundle(bundlePem ?? '');
  return new Map(
    authorities.map(({ certificatePem }) => {
      const fingerprint = fingerprintOf(certificatePem);
      // A clock that was put back must not make us wait for it.
      const since = Math.min(before.get(fingerprint)?.since ?? now, now);
      return [fingerprint, { certificatePem, since }];
    }),
  );
}

/** What the Secret holds is bounded; beside it stands what others published before we heard of it. */
const MOST_PUBLISHED = 16;

/**
 * What is to be registered: what we know of, and also what is there already, unless the Secret has been without it for long
 * enough (`dismissed`). So who puts an authority into the Secret before registering it is never undone by a replica that has
 * not read the Secret since, and no replica's authority is taken away before it could object.
 */
export function bundleToPublish({
  known,
  registered,
  dismissed,
  now,
}: {
  readonly known: readonly TrustedAuthority[];
  readonly registered: RegisteredAuthorities;
  readonly dismissed: (fingerprint: string) => boolean;
  readonly now: number;
}): readonly TrustedAuthority[] {
  const fingerprints = new Set(known.map(({ certificatePem }) => fingerprintOf(certificatePem)));
  const others = [...registered]
    .filter(([fingerprint]) => !fingerprints.has(fingerprint) && !dismissed(fingerprint))
    .map(([, authority]) => authority)
    .filter((authority) => now < endOf(authority));
  return [...known, ...others].slice(0, MOST_PUBLISHED);
}

/** Since when looks into the Secret, each begun after these were `seen` registered, found them missing there. */
export function seeMissing(
  seen: RegisteredAuthorities,
  known: readonly TrustedAuthority[],
  before: ReadonlyMap<string, number>,
  now: number,
): ReadonlyMap<string, number> {
  const found = new Set(known.map(({ certificatePem }) => fingerprintOf(certificatePem)));
  const missing = [...seen.keys()].filter((fingerprint) => !found.has(fingerprint));
  return new Map(missing.map((fingerprint) => [fingerprint, Math.min(before.get(fingerprint) ?? now, now)]));
}
