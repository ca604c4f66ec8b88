import { SKEW_MS, type KeyedCertificate } from './authority.ts';
import {
  distinct,
  endOf,
  fingerprintOf,
  formatBundle,
  parseBundle,
  type TrustedAuthority,
} from './authority-bundle.ts';
import { parseCertificate, type TlsCertificate } from './certificate-source.ts';
import {
  isIssuedBy,
  reasonNotForNames,
  reasonNotInForce,
  reasonNotToIssue,
  reasonToRenew,
} from './validity.ts';
import type { RegisteredAuthorities } from './registered-authorities.ts';
import type { ServingNames } from './authority.ts';

/** What replicas share. `ca.*` issues; every authority of `ca-bundle.crt` (absent: `ca.crt` alone) is to be trusted. */
export const CONTENT_KEYS = ['ca.crt', 'ca.key', 'ca-bundle.crt', 'tls.crt', 'tls.key'] as const;
/** Each as PEM; empty where it is absent. */
export type Contents = Readonly<Record<(typeof CONTENT_KEYS)[number], string>>;

/** A serving certificate, and who issued it (PEM). */
export interface Served {
  readonly leaf: TlsCertificate;
  readonly authorityPem: string;
}

/** Everything that counts for what happens next. */
export interface RotationState {
  /** What is shared now; undefined where that is gone, or was never there. */
  readonly contents: Contents | undefined;
  /** The last that was good. */
  readonly remembered: Contents | undefined;
  /** What this process serves; undefined before the first. */
  readonly serving: Served | undefined;
  /** What the API server trusts; undefined where that is not ours to know: then nothing is waited for. */
  readonly registered: RegisteredAuthorities | undefined;
  /** Why an operator asks for another authority; undefined while none does. */
  readonly asked: string | undefined;
  readonly names: ServingNames;
  readonly now: number;
  readonly settleMs: number;
  readonly servingLifetimeMs: number;
}

/** What to serve, whom to trust, and what to write, if anything. Where what is shared cannot be used, only the last. */
export type Plan =
  | (Usable & { readonly write?: undefined })
  | (Usable & { readonly write: Write })
  | { readonly serve?: undefined; readonly trusted?: undefined; readonly write: Write };

interface Usable {
  readonly serve: Served;
  readonly trusted: readonly TrustedAuthority[];
}

/** New contents. What is undefined is to be made: an authority, a serving certificate of whichever authority that is. */
export interface Write {
  readonly why: string;
  /** `made` where nothing was, `restored` where the Secret was broken or removed, `trusted` where only the bundle changes. */
  readonly kind: 'made' | 'restored' | 'renewed' | 'trusted';
  readonly authority: KeyedCertificate | undefined;
  readonly serving: KeyedCertificate | undefined;
  /** Whom to trust beside the authority, newest first. */
  readonly others: readonly TrustedAuthority[];
}

/** An API server's list is checked one by one at each handshake with a stranger; no cluster rotates that often. */
const MOST_AUTHORITIES = 8;

/**
 * The whole life of what is shared, one step at a time: who writes a step looks again. All replicas do this at once, and of
 * those who write the same step one is taken.
 */
export function planRotation(state: RotationState): Plan {
  const { contents, remembered } = state;
  if (contents === undefined) {
    const why = remembered === undefined ? 'there was none' : 'it was deleted';
    return { write: restore({ why }, state) };
  }
  const found = judge(contents, state);
  if ('why' in found) return { write: restore(found, state) };
  const trusted = toTrust(found, state);
  const write = nextStep(found, trusted, state);
  const plan = { serve: toServe(found.serving, state), trusted };
  return write === undefined ? plan : { ...plan, write };
}

/** The contents that a step leads to, once what it lacks is made. */
export function contentsOf(
  authority: KeyedCertificate,
  serving: KeyedCertificate,
  others: readonly TrustedAuthority[],
): Contents {
  const bundle = distinct([...ownAuthorities(authority), ...others]).slice(0, MOST_AUTHORITIES);
  return {
    'ca.crt': authority.certificatePem,
    'ca.key': authority.keyPem,
    'ca-bundle.crt': formatBundle(bundle),
    'tls.crt': serving.certificatePem,
    'tls.key': serving.keyPem,
  };
}

/** Contents that can be used as they are. */
interface Found {
  readonly authority: TlsCertificate;
  readonly serving: Served;
  readonly bundle: readonly TrustedAuthority[];
  /** The bundle could be read in part only. */
  readonly problem: string | undefined;
}

/** Why they cannot, and what of them can. */
interface Unusable {
  readonly why: string;
  readonly authority?: TlsCertificate;
  readonly bundle?: readonly TrustedAuthority[];
}

function judge(contents: Contents, { names, now }: RotationState): Found | Unusable {
  if (CONTENT_KEYS.every((key) => contents[key] === '')) return { why: 'it was empty' };
  const authority = attempt(() => pair('ca', contents, (ca) => reasonNotToIssue(ca), now));
  if (typeof authority === 'string') return { why: authority };
  const { authorities, problem } = parseBundle(contents['ca-bundle.crt']);
  const bundle = distinct([...ownAuthorities(authority), ...authorities]);
  const leaf = attempt(() => pair('tls', contents, (each) => reasonNotForNames(each, names), now));
  if (typeof leaf === 'string') return { why: leaf, authority, bundle };
  const issuer = bundle.find((each) => isIssuedBy(leaf.certificatePem, each.certificatePem));
  if (issuer === undefined) return { why: 'tls.crt: not issued by ca.crt', authority, bundle };
  if (endOf(issuer) <= now) return { why: 'tls.crt: its authority has ended', authority, bundle };
  return {
    authority,
    serving: { leaf, authorityPem: issuer.certificatePem },
    bundle,
    problem: problem === undefined ? undefined : `ca-bundle.crt: ${problem}`,
  };
}

/** `ca.crt` may be a chain. */
function ownAuthorities({ certificatePem }: KeyedCertificate): readonly TrustedAuthority[] {
  return parseBundle(certificatePem).authorities.map(({ certificatePem: pem }) => ({ certificatePem: pem }));
}

function besides(
  authority: KeyedCertificate | undefined,
  authorities: readonly TrustedAuthority[],
): readonly TrustedAuthority[] {
  const own = authority === undefined ? [] : ownAuthorities(authority);
  const fingerprints = new Set(own.map(({ certificatePem }) => fingerprintOf(certificatePem)));
  return authorities.filter(({ certificatePem }) => !fingerprints.has(fingerprintOf(certificatePem)));
}

function pair(
  name: 'ca' | 'tls',
  contents: Contents,
  reasonAgainst: (pair: TlsCertificate) => string | undefined,
  now: number,
): TlsCertificate {
  const [certificate, key] = [`${name}.crt`, `${name}.key`] as const;
  const parsed = parseCertificate(
    { name: certificate, text: contents[certificate] },
    { name: key, text: contents[key] },
  );
  const reason = reasonAgainst(parsed) ?? reasonNotInForce(parsed, now);
  if (reason !== undefined) throw new Error(`${certificate}: ${reason}`);
  return parsed;
}

function attempt<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * Puts the last good certificates back, so that nothing changes for a client. Without any, it makes new ones and keeps the
 * authorities that the API server trusts: another replica may still serve by them.
 */
function restore({ why, authority, bundle = [] }: Unusable, state: RotationState): Write {
  const { remembered, registered = new Map(), now } = state;
  const good = remembered === undefined ? undefined : judge(remembered, state);
  if (good !== undefined && !('why' in good)) {
    const { authority: issuer, serving } = good;
    const others = besides(issuer, toTrust(good, state));
    return { why, kind: 'restored', authority: issuer, serving: serving.leaf, others };
  }
  const trusted = [...registered.values()].map(({ certificatePem }) => ({ certificatePem }));
  const all = distinct([...bundle, ...retiring(trusted, state)]).filter((each) => now < endOf(each));
  const others = besides(authority, all);
  return { why, kind: 'made', authority, serving: undefined, others };
}

/** Who is trusted, without those of whom no certificate can be in force, and with whom this process serves by. */
function toTrust({ authority, serving, bundle }: Found, state: RotationState): readonly TrustedAuthority[] {
  const { serving: served, now } = state;
  const own = served !== undefined && now < served.leaf.notAfter.getTime() ? [served.authorityPem] : [];
  const inUse = [...own, serving.authorityPem].map((certificatePem) => ({ certificatePem }));
  const needed = new Set(
    [...ownAuthorities(authority), ...inUse].map(({ certificatePem }) => fingerprintOf(certificatePem)),
  );
  const all = distinct([...bundle, ...retiring(inUse, state)]).filter(
    (each) =>
      now < endOf(each) && (needed.has(fingerprintOf(each.certificatePem)) || now < (each.until ?? Infinity)),
  );
  // Where there are too many, those in use stay.
  const first = all.filter((each) => needed.has(fingerprintOf(each.certificatePem)));
  return all.length <= MOST_AUTHORITIES ? all : distinct([...first, ...all]).slice(0, MOST_AUTHORITIES);
}

/** The last certificate of an authority that issues no more may have been made just now, by a clock that is ahead. */
function retiring(
  authorities: readonly TrustedAuthority[],
  { now, servingLifetimeMs }: RotationState,
): readonly TrustedAuthority[] {
  return authorities.map((each) => ({
    certificatePem: each.certificatePem,
    until: Math.min(each.until ?? Infinity, endOf(each), now + servingLifetimeMs + SKEW_MS),
  }));
}

/** A certificate is served once the API server trusts its authority, and did for a while: there are several, each with a watch. */
function toServe(next: Served, state: RotationState): Served {
  const { serving, registered, now } = state;
  if (serving === undefined || registered === undefined) return next;
  if (serving.leaf.notAfter.getTime() <= now || isSettled(next.authorityPem, state)) return next;
  const isTrusted = ({ authorityPem }: Served) => registered.has(fingerprintOf(authorityPem));
  return isTrusted(next) && !isTrusted(serving) ? next : serving;
}

function isSettled(authorityPem: string, { registered, now, settleMs }: RotationState): boolean {
  if (registered === undefined) return true;
  const seen = registered.get(fingerprintOf(authorityPem));
  return seen !== undefined && now - seen.since >= settleMs;
}

/** A new authority first; when that is trusted, a certificate of it; a new certificate; or only whom to trust. */
function nextStep(
  { authority, serving, bundle, problem }: Found,
  trusted: readonly TrustedAuthority[],
  state: RotationState,
): Write | undefined {
  const { asked, now } = state;
  const { leaf, authorityPem } = serving;
  const isItsOwn = besides(authority, [{ certificatePem: authorityPem }]).length === 0;
  // An operator may have put another authority in front of ours: then it is not said yet how long ours stays.
  const others = besides(authority, trusted).flatMap((each) =>
    each.certificatePem === authorityPem ? retiring([each], state) : [each],
  );

  const due = asked ?? prefixed('ca.crt', reasonToRenew(authority, now));
  if (due !== undefined) {
    const retired = [...retiring(ownAuthorities(authority), state), ...others];
    return { why: due, kind: 'renewed', authority: undefined, serving: leaf, others: retired };
  }
  const renewal = { kind: 'renewed', authority, serving: undefined, others } as const;
  if (!isItsOwn && isSettled(authority.certificatePem, state)) {
    return { why: 'tls.crt: the API server trusts the authority that follows its own', ...renewal };
  }
  const worn = isItsOwn ? prefixed('tls.crt', reasonToRenew(leaf, now)) : undefined;
  if (worn !== undefined) return { why: worn, ...renewal };
  const why = problem ?? reasonToChange(bundle, trusted);
  return why === undefined ? undefined : { why, kind: 'trusted', authority, serving: leaf, others };
}

function prefixed(file: string, reason: string | undefined): string | undefined {
  return reason === undefined ? undefined : `${file}: ${reason}`;
}

function reasonToChange(
  held: readonly TrustedAuthority[],
  wanted: readonly TrustedAuthority[],
): string | undefined {
  const [before, after] = [held, wanted].map((authorities) =>
    authorities.map(({ certificatePem }) => fingerprintOf(certificatePem)),
  ) as [string[], string[]];
  if (after.some((each) => !before.includes(each))) {
    return 'ca-bundle.crt: it lacked the authority of a certificate in use';
  }
  return before.every((each) => after.includes(each))
    ? undefined
    : 'ca-bundle.crt: of an authority in it no certificate is left';
}
