import { caBundleOf, type RegisteredWebhook } from '../../registration/registered-webhook.ts';
import { X509Certificate } from 'node:crypto';
import type { ProbeOutcome } from '../../registration/probe-outcome.ts';
import { certificatesIn } from '../../certificates/pem.ts';
import { OURS, ourEntries, shortName, type ClusterView } from './cluster-view.ts';
import { fail, ok, unknown, warn, type CheckFinding } from './finding.ts';

/** The outcome of a TLS connection from this process to our Service, verified by the registered `caBundle`. */
export type Dialled =
  | { readonly kind: 'verified'; readonly until: Date }
  | { readonly kind: 'not-verified'; readonly why: string }
  /** Usual outside the cluster. */
  | { readonly kind: 'not-reached' };

const CHECK = 'certificate';

/** Whether the registered `caBundle` is valid, and our certificate verifies by it. */
export function checkCertificate(
  view: ClusterView,
  outcome: ProbeOutcome | undefined,
  dialled: Dialled,
  now: number,
): readonly CheckFinding[] {
  const entries = ourEntries(view);
  const [first, ...others] = entries;
  if (first === undefined) return [];
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

  const trusted = certificatesOf(first) ?? [];
  const latest = trusted.toSorted((one, other) => one.validTo.getTime() - other.validTo.getTime()).at(-1);
  const until = `caBundle until ${day(latest?.validTo)}`;
  const renewal = 'running replicas renew it long before: their log says why they did not';
  if (latest === undefined || latest.validTo.getTime() <= now)
    return failed(`${until}: it has expired`, renewal);
  if (dialled.kind === 'not-verified')
    return failed(`the certificate of our Service does not verify by the caBundle: ${dialled.why}`, restored);
  if (outcome?.kind === 'certificate') return failed(`the API server reports: ${outcome.detail}`, restored);

  const differ = others.filter((entry) => caBundleOf(entry) !== caBundleOf(first));
  const warning = (found: string, fix: string): readonly CheckFinding[] => [
    warn(CHECK, found, { fix, command }),
  ];
  if (differ.length > 0)
    return warning(
      `the caBundle of ${namesOf(differ)} differs from that of ${shortName(first.name)}`,
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
  readonly validFrom: Date;
  readonly validTo: Date;
}

/** Undefined where it holds no certificates in PEM. */
function certificatesOf(entry: RegisteredWebhook): readonly Trusted[] | undefined {
  const found = certificatesIn(caBundleOf(entry));
  if (found.length === 0) return undefined;
  try {
    return found.map(({ pem }) => {
      const { validFromDate: validFrom, validToDate: validTo } = new X509Certificate(pem);
      return { validFrom, validTo };
    });
  } catch {
    return undefined;
  }
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
