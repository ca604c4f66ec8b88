import type { Logger } from 'pino';
import {
  registeredCaBundles,
  type RegisteredConfiguration,
  type ServiceReference,
} from '../../registration/registered-webhook.ts';
import { claimedManager, LOWERED_POLICIES, type Plan } from '../../registration/registration-plan.ts';
import { GUARD } from '../../registration/webhook-configuration.ts';
import type { ClusterMetrics } from '../../records/cluster-metrics.ts';
import type { RegisteredScope } from './registered-scope.ts';
import type { Check } from '../../webhook/readiness.ts';
import type { ServingCertificates } from './serving-certificates.ts';

/** The listeners, and the settings that the configuration is compared with. */
export interface RegisteredOptions {
  readonly name: string;
  readonly service: ServiceReference;
  /** The settings ask for a guard that fails closed, and the manifest, not the replicas, sets its failure policy. */
  readonly isToFailClosed: () => boolean;
  readonly certificates: ServingCertificates;
  readonly scope: RegisteredScope;
  readonly metrics: ClusterMetrics;
  readonly log: Logger;
  readonly recordEvent: (reason: string, action: string, note: string) => void;
}

/** The registered configuration as last read, and its listeners. */
export function createRegistered({
  name,
  service,
  isToFailClosed,
  certificates,
  scope,
  metrics,
  log,
  recordEvent,
}: RegisteredOptions) {
  let seen: RegisteredConfiguration | undefined;
  let looked = false;
  let wasTrusted = false;
  let wasLowered = false;
  let compared: Pick<Plan, 'differences' | 'defers'> | undefined;
  const bundle = () => agreedBundle(seen, service);
  const trusted = () => certificates.kind !== 'secret' || certificates.trusted();
  function watchGuard(found: RegisteredConfiguration): void {
    const policy = found.webhooks?.find((entry) => entry.name === GUARD)?.failurePolicy;
    const isAsked = found.metadata.annotations?.[LOWERED_POLICIES] !== undefined;
    const isLowered = isToFailClosed() && policy === 'Ignore' && !isAsked;
    metrics.observeGuardLowered(isLowered);
    if (isLowered && !wasLowered) {
      const by = claimedManager(found, 'sigma-admission');
      const who =
        by === undefined
          ? 'no field manager is known'
          : `last changed by field manager ${by}, as it calls itself`;
      log.warn({ by }, `guard fails open, though we are told to enforce (${who})`);
      recordEvent('GuardLowered', 'Looking', `guard fails open, though we are told to enforce (${who})`);
    }
    wasLowered = isLowered;
  }
  return {
    caBundle: bundle,
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
      looked = true;
      const caBundle = certificates.kind === 'secret' ? certificates.reconcile(bundle()) : undefined;
      wasTrusted ||= found !== undefined && trusted();
      scope.compare(seen?.webhooks ?? NO_ENTRIES);
      return caBundle;
    },
    compare(plan: Pick<Plan, 'differences' | 'defers'>): void {
      compared = plan;
    },
    /** Once trusted, this check never fails again: a spoilt configuration must not make every replica unready. */
    check(): Check {
      const check = { name: 'configuration' };
      if (!looked) return { ...check, state: 'failed', detail: 'not looked at yet' };
      if (seen === undefined) return { ...check, state: 'wrong', detail: `${name} does not exist` };
      const trust = trusted() ? 'it trusts our certificate' : 'it does not trust our certificate';
      const state = compared === undefined ? [] : [stateOf(compared)];
      const isRight = trusted() && compared?.differences.length === 0 && !compared.defers;
      return {
        ...check,
        state: isRight ? 'ok' : wasTrusted || trusted() ? 'wrong' : 'failed',
        detail: `${name}: ${[...state, trust].join('; ')}`,
      };
    },
  };
}

function stateOf({ differences, defers }: Pick<Plan, 'differences' | 'defers'>): string {
  return differences.join(', ') || (defers ? 'newer content than ours stands' : 'as it should be');
}

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
