import { caBundleOf, type RegisteredWebhook } from '../../registration/registered-webhook.ts';
import { X509Certificate } from 'node:crypto';
import type { ProbeOutcome } from '../../registration/probe-outcome.ts';
import { certificatesIn } from '../../certificates/pem.ts';
import { OURS, ourEntries, type ClusterView } from './cluster-view.ts';
import { shortName } from '../../registration/entry-name.ts';
import { fail, ok, unknown, warn, type CheckFinding } from './finding.ts';

/** The outcome of TLS connections from this process to our Service, verified by the `caBundle` of each of our entries. */
export type Dialled =
  | { readonly kind: 'verified'; readonly until: Date }
  /** By the entries named. */
  | { readonly kind: 'not-verified'; readonly entries: readonly string[]; readonly why: string }
  /** Usual outside the cluster. */
  | { readonly kind: 'not-reached' };

const CHECK = 'certificate';

/** Whether the `caBundle` of each entry is valid, and our certificate verifies by it. */
export function checkCertificate(
  view: ClusterView,
  outcome: ProbeOutcome | undefined,
  dialled: Dialled,
  now: number,
): readonly CheckFinding[] {
  const entries = ourEntries(view);
  // A probe shows what the entry `probe` trusts.
  const reference = entries.find(({ name }) => shortName(name) === 'probe') ?? entries[0];
  if (reference === undefined) return [];
  const { namespace } = view.names;
  const command = `kubectl logs -n ${namespace} -l app.kubernetes.io/name=${OURS}`;
  const failed = (found: string, fix: string): readonly CheckFinding[] => [
    fail(CHECK, found, { fix, command }),
  ];
  const restored =
    'running replicas put the right caBundle in within seconds, unless --manage is none: see `rights` and their log';

  const without = entries.filter(({ clientConfig }) => (clientConfig.caBundle ?? '') === '');
  if (without.length > 0)
    return failed(`no caBundle in ${namesOf(without)}: no certificate of ours is trusted`, restored);
  const unreadable = entries.filter((entry) => certificatesOf(entry) === undefined);
  if (unreadable.length > 0)
    return failed(`the caBundle of ${namesOf(unreadable)} holds no certificates in PEM`, restored);

  const trusted = certificatesOf(reference) ?? [];
  const latest = trusted.toSorted((one, other) => one.validTo.getTime() - other.validTo.getTime()).at(-1);
  const until = `caBundle until ${day(latest?.validTo)}`;
  const renewal = 'running replicas renew it long before: their log says why they did not';
  if (latest === undefined || latest.validTo.getTime() <= now)
    return failed(`${until}: it has expired`, renewal);
  if (dialled.kind === 'not-verified')
    return failed(
      `the certificate of our Service does not verify by the caBundle of ${dialled.entries.join(', ')}: ${dialled.why}`,
      restored,
    );
  if (outcome?.kind === 'certificate') return failed(`the API server reports: ${outcome.detail}`, restored);

  const differ = entries.filter((entry) => caBundleOf(entry) !== caBundleOf(reference));
  const strange = differ.filter((entry) => !shareCertificate(entry, reference));
  if (strange.length > 0 && outcome?.kind === 'answered' && dialled.kind === 'not-reached') {
    const found = `${namesOf(strange)} ${strange.length === 1 ? 'trusts' : 'trust'} no authority of ${shortName(reference.name)}, by which the API server accepts our certificate`;
    return failed(found, restored);
  }
  const warning = (found: string, fix: string): readonly CheckFinding[] => [
    warn(CHECK, found, { fix, command }),
  ];
  if (differ.length > 0)
    return warning(
      `the caBundle of ${namesOf(differ)} differs from that of ${shortName(reference.name)}`,
      restored,
    );
  if (isNearItsEnd(latest, now)) return warning(`${until}: less than a quarter of its life is left`, renewal);
  if (dialled.kind === 'verified')
    return [ok(CHECK, `${until}; the certificate of our Service verifies, until ${day(dialled.until)}`)];
  if (outcome?.kind === 'answered') return [ok(CHECK, `${until}; the API server accepts our certificate`)];
  return [
    unknown(CHECK, `${until}; our certificate was not checked: our Service cannot be reached from here`, {
      fix: 'see `reachability`, or run the check inside the cluster',
    }),
  ];
}

interface Trusted {
  readonly fingerprint: string;
  readonly validFrom: Date;
  readonly validTo: Date;
}

/** Undefined where it holds no certificates in PEM. */
function certificatesOf(entry: RegisteredWebhook): readonly Trusted[] | undefined {
  const found = certificatesIn(caBundleOf(entry));
  if (found.length === 0) return undefined;
  try {
    return found.map(({ pem }) => {
      const read = new X509Certificate(pem);
      return { fingerprint: read.fingerprint256, validFrom: read.validFromDate, validTo: read.validToDate };
    });
  } catch {
    return undefined;
  }
}

function shareCertificate(one: RegisteredWebhook, other: RegisteredWebhook): boolean {
  const known = new Set(certificatesOf(other)?.map(({ fingerprint }) => fingerprint));
  return certificatesOf(one)?.some(({ fingerprint }) => known.has(fingerprint)) === true;
}

/** Certificates are renewed at two thirds of their life; less than a quarter left means that renewal failed. */
function isNearItsEnd({ validFrom, validTo }: Trusted, now: number): boolean {
  return validTo.getTime() - now < (validTo.getTime() - validFrom.getTime()) / 4;
}

function namesOf(entries: readonly RegisteredWebhook[]): string {
  return entries.map(({ name }) => shortName(name)).join(', ');
}

function day(date: Date | undefined): string {
  return date?.toISOString().slice(0, 10) ?? 'never';
}
