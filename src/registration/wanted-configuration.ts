import { modeOf, type Modes } from '../policy/mode.ts';
import { activeRules, type Ruleset } from '../policy/ruleset.ts';
import { needsOf, type Need } from '../policy/needs.ts';
import { subscriptionOf } from './subscription.ts';
import {
  GUARDED,
  webhookConfiguration,
  type WebhookConfiguration,
  type WebhookSettings,
} from './webhook-configuration.ts';

/** The settings that the webhook configuration depends on. */
export interface WantedSettings extends Pick<
  WebhookSettings,
  'namespace' | 'service' | 'port' | 'distribution'
> {
  /** The name of the ValidatingWebhookConfiguration. */
  readonly name: string;
  readonly modes: Modes;
}

/** The webhook configuration for these settings and rules. Pure. */
export function wantedConfiguration(
  { name, namespace, service, port, distribution, modes }: WantedSettings,
  ruleset: Pick<Ruleset, 'rules'>,
): WebhookConfiguration {
  const asked = activeRules(ruleset).map((loaded) => ({ loaded, needs: needsOf(loaded.tree) }));
  const enforcing = asked.some(
    ({ loaded, needs }) =>
      modeOf(loaded, loaded.classification.class === 'approximate', modes) === 'enforce' &&
      needs.some(isGuarded),
  );
  const other = subscriptionOf(ruleset.rules, namespace);
  const content = webhookConfiguration({
    namespace,
    service,
    port,
    enforcing,
    distribution,
    other,
  });
  return { ...content, metadata: { ...content.metadata, name } };
}

function isGuarded({ operation, resource = 'pods', subresource = '', namespaces = GUARDED }: Need): boolean {
  return (
    operation === 'CREATE' &&
    resource === 'pods' &&
    subresource === '' &&
    namespaces.some((each) => GUARDED.includes(each))
  );
}
