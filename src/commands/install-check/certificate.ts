import { caBundleOf, type RegisteredWebhook } from '../../registration/registered-webhook.ts';
import { X509Certificate } from 'node:crypto';
import type { ProbeOutcome } from '../../registration/probe-outcome.ts';
import { certificatesIn } from '../../certificates/pem.ts';
import { OURS, ourEntries, shortName, type ClusterView } from './cluster-view.ts';
import { fail, ok, unknown, warn, type Finding } from './finding.ts';

/** What a TLS connection to our Service, from where we run, showed; verified by the `caBundle` that is registered. */
export type Dialled =
  | { readonly kind: 'verified'; readonly until: Date }
  | { readonly kind: 'not-verified'; readonly why: string }
  /** From outside a cluster its Services mostly are not. */
  | { readonly kind: 'not-reached' };

const CHECK = 'certificate';

/** Whether what the API server trusts is good, and our certificate verifies by it. */
export function checkCertificate(
  view: ClusterView,
  outcome: ProbeOutcome | undefined,
  dialled: Dialled,
  now: number,
): readonly Finding[] {
  const entries = ourEntries(view);
  const [first, ...others] = entries;
  if (first === undefined) return [];
  const { namespace } = view.names;
  const command = `kubectl logs -n ${namespace} -l app.kubernetes.io/name=${OURS}`;
  const failed = (found: string, fix: string): readonly Finding[] => [fail(CHECK, found, { fix, command })];
  const restored =
    'replicas that run put the right caBundle in within seconds, unless told --manage none: see `rights` and their log';

  const without = entries.filter(({ clientConfig }) => (clientConfig.caBundle ?? '') === '');
  if (without.length > 0)
    return failed(`no caBundle in ${namesOf(without)}: no certificate of ours is trusted`, restored);
  const unreadable = entries.filter((entry) => certificatesOf(entry) === undefined);
  if (unreadable.length > 0)
    return failed(`the caBundle of ${namesOf(unreadable)} is not certificates in PEM`, restored);

  const trusted = certificatesOf(first) ?? [];
  const latest = trusted.toSorted((one, other) => one.validTo.getTime() - other.validTo.getTime()).at(-1);
  const until = `caBundle until ${day(latest?.validTo)}`;
  const renewal = 'replicas that run renew it long before: see in their log why they have not';
  if (latest === undefined || latest.validTo.getTime() <= now) return failed(`${until}: it is over`, renewal);
  if (dialled.kind === 'not-verified')
    return failed(`what our Service serves does not verify by the caBundle: ${dialled.why}`, restored);
  if (outcome?.kind === 'certificate')
    return failed(`as the API server words it: ${outcome.detail}`, restored);

  const differ = others.filter((entry) => caBundleOf(entry) !== caBundleOf(first));
  const warning = (found: string, fix: string): readonly Finding[] => [warn(CHECK, found, { fix, command })];
  if (differ.length > 0)
    return warning(`${namesOf(differ)} trust others than ${shortName(first.name)}`, restored);
  if (isNearItsEnd(latest, now)) return warning(`${until}: less than a quarter of its life is left`, renewal);
  if (dialled.kind === 'verified')
    return [ok(CHECK, `${until}; by it verifies what our Service serves, until ${day(dialled.until)}`)];
  if (outcome?.kind === 'answered')
    return [ok(CHECK, `${until}; the API server accepts our certificate by it`)];
  return [
    unknown(
      CHECK,
      `${until}; whether our certificate verifies by it could not be seen: our Service is not to be reached from here`,
      { fix: 'see `reachability`; or run it inside the cluster' },
    ),
  ];
}

interface Trusted {
  readonly validFrom: Date;
  readonly validTo: Date;
}

/** Undefined where it is not certificates in PEM. */
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

/** Renewal comes at two thirds; a quarter is left only where something keeps it from coming. */
function isNearItsEnd({ validFrom, validTo }: Trusted, now: number): boolean {
  return validTo.getTime() - now < (validTo.getTime() - validFrom.getTime()) / 4;
}

function namesOf(entries: readonly RegisteredWebhook[]): string {
  return entries.map(({ name }) => shortName(name)).join(', ');
}

function day(date: Date | undefined): string {
  return date?.toISOString().slice(0, 10) ?? 'never';
}
