import type { RegisteredWebhook } from '../../registration/registered-webhook.ts';
import { isDeepStrictEqual } from 'node:util';
import { CONTROL_PLANES, type Distribution } from '../../registration/identities.ts';
import { webhookConfiguration, type Webhook } from '../../registration/webhook-configuration.ts';
import { OURS, type Names } from './cluster-view.ts';

const DISTRIBUTIONS = Object.keys(CONTROL_PLANES) as readonly Distribution[];

/** The entries as they are shipped for a distribution. */
export function shippedEntries({ namespace }: Names, distribution: Distribution): readonly Webhook[] {
  const service = { namespace, service: OURS, port: 443 };
  return webhookConfiguration({ ...service, enforcing: false, distribution }).webhooks;
}

/** The distribution whose match conditions an entry has; undefined where we ship them for none. */
export function distributionOf(entry: RegisteredWebhook, names: Names): Distribution | undefined {
  return DISTRIBUTIONS.find((distribution) => {
    const shipped = shippedEntries(names, distribution).find(({ name }) => name === entry.name);
    return shipped !== undefined && isDeepStrictEqual(conditions(entry), conditions(shipped));
  });
}

/** Whether entries of this name differ by distribution. */
export function variesByDistribution(name: string, names: Names): boolean {
  const [first, ...others] = DISTRIBUTIONS.map((distribution) => {
    const shipped = shippedEntries(names, distribution).find((entry) => entry.name === name);
    return conditions(shipped ?? {});
  });
  return others.some((other) => !isDeepStrictEqual(first, other));
}

/** White space is no part of an expression: tools that write YAML change it. */
function conditions({ matchConditions = [] }: Pick<RegisteredWebhook, 'matchConditions'>) {
  return matchConditions.map(({ name, expression }) => [name, expression.replaceAll(/\s+/g, ' ').trim()]);
}
