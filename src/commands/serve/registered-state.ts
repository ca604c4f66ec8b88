import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { entryDifferences } from '../../registration/entry-differences.ts';
import {
  caBundleOf,
  ourWebhooks,
  registeredCaBundles,
  type RegisteredConfiguration,
  type ServiceReference,
} from '../../registration/registered-webhook.ts';
import { ownerOf } from '../../registration/field-owners.ts';
import { LOWERED_POLICIES, type Plan } from '../../registration/registration-plan.ts';
import { shortName } from '../../registration/entry-name.ts';
import { GUARD, type Webhook } from '../../registration/webhook-configuration.ts';
import type { ClusterMetrics } from '../../records/cluster-metrics.ts';
import type { ServingCoverage } from './serving-coverage.ts';
import type { RegisteredAuthority } from '../../cluster/connectivity.ts';
import type { Check, Seen } from '../../webhook/readiness.ts';
import { createEntryTrust, formatTrust } from './entry-trust.ts';
import type { ServingCertificates } from './serving-certificates.ts';

type Compared = Pick<Plan, 'differences' | 'defers' | 'failsOpen'>;

/** The listeners, and the settings that the configuration is compared with. */
export interface RegisteredOptions {
  readonly name: string;
  readonly service: ServiceReference;
  /** The entries that the replicas want, where others make them: their differences are told, and not ours to mend. */
  readonly wanted?: (() => readonly Webhook[]) | undefined;
  /** The settings ask for a guard that fails closed, and the manifest, not the replicas, sets its failure policy. */
  readonly isToFailClosed: () => boolean;
  readonly certificates: ServingCertificates;
  readonly coverage: Pick<ServingCoverage, 'compare'>;
  readonly metrics: ClusterMetrics;
  readonly log: Logger;
  readonly recordEvent: (reason: string, action: string, note: string) => void;
}

/** The registered configuration as last read, and its listeners. */
export function createRegistered({
  name,
  service,
  wanted,
  isToFailClosed,
  certificates,
  coverage,
  metrics,
  log,
  recordEvent,
}: RegisteredOptions) {
  let seen: RegisteredConfiguration | undefined;
  let looked = false;
  let lookedMs = 0;
  /** Undefined before the first comparison. */
  let comparedMs: number | undefined;
  /** Why the last look failed. */
  let failure: string | undefined;
  let wasTrusted = false;
  let wasLowered = false;
  let compared: Compared | undefined;
  /** What is not as the replicas want it, and is for others to mend. */
  let foreign: readonly string[] = [];
  const bundle = () => agreedBundle(seen, service);
  const trusted = () => certificates.kind !== 'secret' || certificates.trusted();
  const authorities = (): readonly RegisteredAuthority[] =>
    ourWebhooks(seen, service).map((entry) => ({
      entry: shortName(entry.name),
      caBundle: caBundleOf(entry),
    }));
  const trust = createEntryTrust({ metrics, log });
  const seenAt = (): { readonly seen?: Seen } =>
    looked ? { seen: { atMs: Math.min(lookedMs, comparedMs ?? lookedMs), goodForMs: GOOD_FOR_MS } } : {};
  function watchGuard(found: RegisteredConfiguration): void {
    const policy = found.webhooks?.find((entry) => entry.name === GUARD)?.failurePolicy;
    const isAsked = found.metadata.annotations?.[LOWERED_POLICIES] !== undefined;
    const isLowered = isToFailClosed() && policy === 'Ignore' && !isAsked;
    metrics.observeGuardLowered(isLowered);
    if (isLowered && !wasLowered) {
      const by = ownerOf(found, [{ entry: GUARD, field: 'failurePolicy' }]);
      const who =
        by === undefined
          ? 'no field manager owns that'
          : `last changed by field manager ${by}, as it calls itself`;
      log.warn({ by }, `guard fails open, though we are told to enforce (${who})`);
      recordEvent('GuardLowered', 'Looking', `guard fails open, though we are told to enforce (${who})`);
    }
    wasLowered = isLowered;
  }
  /** Break-glass lowers failure policies: that is asked for. */
  function compareEntries(found: RegisteredConfiguration | undefined): void {
    if (wanted === undefined || found === undefined) return;
    const isLowered = found.metadata.annotations?.[LOWERED_POLICIES] !== undefined;
    const before = foreign;
    foreign = entryDifferences(ourWebhooks(found, service), wanted())
      .filter(({ field }) => !(isLowered && field === 'failurePolicy'))
      .map(({ text }) => text);
    if (isDeepStrictEqual(foreign, before)) return;
    if (foreign.length === 0) log.info('our entries are as our settings and rules want them again');
    else
      log.warn(
        { differences: foreign },
        'our entries are not as our settings and rules want them; not ours to mend',
      );
  }
  return {
    /** What each of our entries trusts; undefined before the configuration was read. */
    authorities: () => (looked ? authorities() : undefined),
    /** Takes the configuration as just read or written; gives the `caBundle` (PEM) that our entries should have, if that is ours to say. */
    look(found: RegisteredConfiguration | undefined): string | undefined {
      if (found === undefined && (seen !== undefined || !looked)) {
        log.error({ name }, 'the webhook configuration does not exist: the API server does not call us');
        if (looked)
          recordEvent(
            'WebhookConfigurationLost',
            'Looking',
            `${name} was deleted: the API server calls no entry`,
          );
      }
      const isSame = looked && found?.metadata.resourceVersion === seen?.metadata.resourceVersion;
      if (!isSame) {
        seen = found;
        metrics.observeRegistered(found !== undefined);
      }
      // Also where it is as it was: rules that are loaded anew may ask for a guard that fails closed.
      if (found !== undefined) watchGuard(found);
      compareEntries(found);
      looked = true;
      lookedMs = performance.now();
      const caBundle = certificates.kind === 'secret' ? certificates.reconcile(bundle()) : undefined;
      wasTrusted ||= found !== undefined && trusted();
      trust.look(authorities(), certificates.current().certificatePem);
      coverage.compare(seen?.webhooks ?? NO_ENTRIES);
      return caBundle;
    },
    /** Undefined where what it should be is not ours to say. */
    compare(plan: Compared | undefined): void {
      compared = plan;
      comparedMs = performance.now();
      failure = undefined;
      metrics.observeCompared();
    },
    /** The configuration, or what it is compared with, cannot be read. */
    unseen({ message }: Error): void {
      failure = message;
    },
    /** When it was last read and compared; nothing before. */
    seenAt,
    /** Once trusted, this check never fails again: a spoilt configuration must not make every replica unready. */
    check(): Check {
      const { state, facts } = stateNow();
      const why = failure === undefined ? [] : [`cannot be looked at${looked ? ' again' : ''}: ${failure}`];
      return { name: 'configuration', state, detail: [...facts, ...why].join('; '), ...seenAt() };
    },
  };
  function stateNow(): { readonly state: Check['state']; readonly facts: readonly string[] } {
    if (!looked) return { state: 'failed', facts: ['not looked at yet'] };
    if (seen === undefined) return { state: 'wrong', facts: [`${name} does not exist`] };
    const distrusting = trust.distrusting();
    const isAsItShouldBe =
      foreign.length === 0 &&
      (compared === undefined ||
        (compared.differences.length === 0 && !compared.defers && compared.failsOpen === undefined));
    const isRight = distrusting.length === 0 && trusted() && isAsItShouldBe;
    const isReady = wasTrusted || trusted();
    const told = compared === undefined && foreign.length === 0 ? [] : [comparisonOf(compared, foreign)];
    return {
      state: isRight && comparedMs === undefined ? 'unknown' : isRight ? 'ok' : isReady ? 'wrong' : 'failed',
      facts: [`${name}: ${[...told, formatTrust(distrusting)].join('; ')}`],
    };
  }
}

function comparisonOf(
  { differences, defers, failsOpen }: Compared = { differences: [], defers: false },
  foreign: readonly string[],
): string {
  if (differences.length + foreign.length > 0) return [...differences, ...foreign].join(', ');
  if (failsOpen !== undefined) return `every entry fails open: ${failsOpen}`;
  return defers ? 'newer content than ours stands' : 'as it should be';
}

/** So long a look shows how it is: three are due meanwhile. */
const GOOD_FOR_MS = 20_000;

/** One list, so that what is the same as before is seen to be. */
const NO_ENTRIES: readonly never[] = [];

/** PEM, where all our entries trust the same. */
function agreedBundle(
  found: RegisteredConfiguration | undefined,
  service: ServiceReference,
): string | undefined {
  const [bundle, ...others] = registeredCaBundles(found, service);
  return others.length === 0 && bundle !== '' ? bundle : undefined;
}
