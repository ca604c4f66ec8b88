import { differingFields, type RegisteredWebhook } from '../../registration/registered-webhook.ts';
import { isDeepStrictEqual } from 'node:util';
import { NAMESPACE_NAME, type Webhook } from '../../registration/webhook-configuration.ts';
import { ourEntries, type ClusterView } from './cluster-view.ts';
import { shortName } from '../../registration/entry-name.ts';
import { fail, ok, warn, type CheckFinding } from './finding.ts';

import { distributionOf, shippedEntries, variesByDistribution } from './shipped.ts';

const CHECK = 'entries';

/** Whether each of our entries is as we ship it, and for which distribution. */
export function checkEntries(view: ClusterView): readonly CheckFinding[] {
  const { names } = view;
  const entries = ourEntries(view);
  if (entries.length === 0) return [];
  const lockouts = entries.filter(locksOut).map(({ name }) => shortName(name));
  if (lockouts.length > 0) {
    const found = `${lockouts.join(', ')}: failurePolicy Fail, so while no replica answers, requests that bring a cluster back are refused`;
    return [fail(CHECK, found, { fix: 'set them to Ignore', command: patch(view, lockouts) })];
  }
  const carried = entries
    .filter(({ name }) => variesByDistribution(name, names))
    .map((entry) => ({ name: shortName(entry.name), distribution: distributionOf(entry, names) }));
  const distributions = [...new Set(carried.map(({ distribution }) => distribution))];
  const details = entries.flatMap((entry) => {
    const shipped = shippedEntries(names, 'upstream').find(({ name }) => name === entry.name);
    const what = shipped === undefined ? ['not one that we ship'] : differences(entry, shipped);
    return what.map((each) => `${shortName(entry.name)}: ${each}`);
  });
  const [distribution] = distributions;
  if (distributions.length > 1 || distribution === undefined) {
    details.push(
      ...carried.map((each) =>
        each.distribution === undefined
          ? `${each.name}: match conditions that we ship for no distribution`
          : `${each.name}: the match conditions of ${each.distribution}`,
      ),
    );
  }
  if (details.length === 0) {
    return [ok(CHECK, `as we ship them for ${distribution}`)];
  }
  return [
    warn(CHECK, 'our entries are not as we ship them', {
      details,
      fix: 'apply the overlay again, with the component of your distribution: manifests/distributions',
    }),
  ];
}

/** The distribution whose match conditions guard has. */
export function registeredDistribution(view: ClusterView) {
  const guard = ourEntries(view).find(({ name }) => shortName(name) === 'guard');
  return guard === undefined ? undefined : distributionOf(guard, view.names);
}

/** `guard` may be Fail, and `probe` must: neither is called for the identities that heal a cluster. */
function locksOut({ name, failurePolicy }: RegisteredWebhook): boolean {
  return failurePolicy === 'Fail' && !['guard', 'probe'].includes(shortName(name));
}

function patch({ names, configuration }: ClusterView, entries: readonly string[]): string {
  const webhooks = configuration.kind === 'found' ? (configuration.value.webhooks ?? []) : [];
  const operations = webhooks.flatMap(({ name }, index) =>
    entries.includes(shortName(name))
      ? [{ op: 'replace', path: `/webhooks/${index}/failurePolicy`, value: 'Ignore' }]
      : [],
  );
  return `kubectl patch validatingwebhookconfiguration ${names.configuration} --type json -p '${JSON.stringify(operations)}'`;
}

/** Fields that make an entry another entry. `rules` of `other` depend on the loaded rules. */
const COMPARED = ['rules', 'timeoutSeconds', 'matchPolicy', 'sideEffects'] as const;

function differences(entry: RegisteredWebhook, shipped: Webhook): readonly string[] {
  const fields = differingFields(entry, shipped);
  const different: string[] = COMPARED.filter(
    (key) => fields.includes(key) && !(key === 'rules' && shortName(entry.name) === 'other'),
  ).map((key) =>
    typeof shipped[key] === 'object'
      ? `${key} differ`
      : `${key} is ${String(entry[key])}, shipped ${String(shipped[key])}`,
  );
  if (entry.clientConfig.service?.path !== shipped.clientConfig.service.path)
    different.push(
      `path is ${entry.clientConfig.service?.path}, shipped ${shipped.clientConfig.service.path}`,
    );
  if (!reachesAsShipped(entry.namespaceSelector, shipped.namespaceSelector))
    different.push('namespaceSelector differs');
  return different;
}

/** An entry may select more namespaces than we ship. */
function reachesAsShipped(
  found: Webhook['namespaceSelector'] | undefined,
  shipped: Webhook['namespaceSelector'],
) {
  const [wanted, namesFound] = [shipped, found ?? {}].map(({ matchExpressions = [] }) =>
    matchExpressions.flatMap(({ key, operator, values = [] }) =>
      key === NAMESPACE_NAME && operator === 'In' ? values : [],
    ),
  );
  if (wanted === undefined || wanted.length === 0) return isDeepStrictEqual(found ?? {}, shipped);
  return wanted.every((name) => namesFound?.includes(name));
}
