import { modeOf, type Modes } from '../policy/mode.ts';
import { askedRules, type Ruleset } from '../policy/ruleset.ts';
import { needsOf, type Need } from './scope.ts';
import { subscriptionOf } from './subscription.ts';
import {
  webhookConfiguration,
  type WebhookConfiguration,
  type WebhookSettings,
} from './webhook-configuration.ts';

/** What we were told, as far as the configuration follows from it. */
export interface WantedSettings extends Pick<
  WebhookSettings,
  'namespace' | 'service' | 'port' | 'distribution'
> {
  /** The configuration's own. */
  readonly name: string;
  readonly modes: Modes;
}

/** Guarded whatever the rules: it is what we are for. */
const GUARDED = ['kube-system'];

/** The webhook configuration that what we were told and the loaded rules ask for: a pure function of both. */
export function wantedConfiguration(
  { name, namespace, service, port, distribution, modes }: WantedSettings,
  ruleset: Pick<Ruleset, 'rules'>,
): WebhookConfiguration {
  const asked = askedRules(ruleset).map((loaded) => ({ loaded, needs: needsOf(loaded.tree) }));
  const enforcing = asked.some(
    ({ loaded, needs }) =>
      modeOf(loaded.rule, loaded.classification.class === 'approximate', modes) === 'enforce' &&
      needs.some(isGuarded),
  );
  const other = subscriptionOf(
    asked.flatMap(({ needs }) => needs),
    { namespace, guarded: GUARDED },
  );
  const content = webhookConfiguration({
    namespace,
    service,
    port,
    enforcing,
    distribution,
    ...(other === undefined ? {} : { other }),
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
