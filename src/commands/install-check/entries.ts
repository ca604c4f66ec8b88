import { entryDifferences } from '../../registration/entry-differences.ts';
import { shortName } from '../../registration/entry-name.ts';
import type { RegisteredWebhook } from '../../registration/registered-webhook.ts';
import { ourEntries, type ClusterView } from './cluster-view.ts';
import { distributionOf } from './distribution-of.ts';
import { fail, ok, warn, type CheckFinding } from './finding.ts';
import { notRead } from './object-read.ts';

const CHECK = 'entries';

/** Whether each of our entries is as the replicas want it, by their settings and rules. */
export function checkEntries(view: ClusterView): readonly CheckFinding[] {
  const { wanted, settings } = view;
  const entries = ourEntries(view);
  if (entries.length === 0) return [];
  const lockouts = entries.filter(locksOut).map(({ name }) => shortName(name));
  if (lockouts.length > 0) {
    const found = `${lockouts.join(', ')}: failurePolicy Fail, so while no replica answers, requests that bring a cluster back are refused`;
    return [fail(CHECK, found, { fix: 'set them to Ignore', command: patch(view, lockouts) })];
  }
  if (wanted.kind === 'missing') return [];
  if (wanted.kind === 'unknown') return [notRead(CHECK, 'the entries that the replicas want', wanted)];
  const { distribution, webhooks, rules } = wanted.value;
  // `configuration` tells of entries that are missing, `mode` of guard's failure policy.
  const details = entryDifferences(entries, webhooks).flatMap(({ entry, field, text }) =>
    text.endsWith(': missing') || (field === 'failurePolicy' && ['guard', 'probe'].includes(entry))
      ? []
      : [text],
  );
  if (details.length === 0)
    return [ok(CHECK, `as the replicas want them: for ${distribution}, and ${rules} rules`)];
  const carried = registeredDistribution(view);
  const isOther = carried !== undefined && carried !== distribution;
  const isOurs = settings.kind === 'found' && settings.value.manage === 'all';
  return [
    warn(CHECK, 'our entries are not as the replicas want them', {
      details: [
        ...details,
        ...(isOther
          ? [`they are for ${carried}, the replicas are told that the cluster is ${distribution}`]
          : []),
      ],
      fix: isOurs
        ? 'the replicas put them right within seconds: their log says why they did not'
        : 'print them with `sigma-admission manifests`, for the settings and rules of the replicas, and apply them',
    }),
  ];
}

/** The distribution whose match conditions guard has. */
export function registeredDistribution(view: ClusterView) {
  const guard = ourEntries(view).find(({ name }) => shortName(name) === 'guard');
  return guard === undefined ? undefined : distributionOf(guard);
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
