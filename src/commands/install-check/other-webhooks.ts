import { NAMESPACE_NAME } from '../../registration/webhook-configuration.ts';
import { selects } from '../../kubernetes/label-selector.ts';
import type { ClusterView } from './cluster-view.ts';
import { ok, warn, type CheckFinding } from './finding.ts';
import { notRead, type ObjectRead } from './object-read.ts';
import type { RegisteredWebhook } from '../../registration/registered-webhook.ts';
import type { Listed, Registered } from './objects.ts';

const CHECK = 'other-webhooks';

/** The other webhooks that are called for pods created in kube-system, and the time they may take. */
export function checkOtherWebhooks(view: ClusterView): CheckFinding {
  const { validating, mutating, names, kubeSystem } = view;
  for (const look of [validating, mutating]) {
    if (look.kind === 'unknown') return notRead(CHECK, 'other webhooks', look);
  }
  const labels = {
    ...(kubeSystem.kind === 'found' ? kubeSystem.value.metadata.labels : {}),
    [NAMESPACE_NAME]: 'kube-system',
  };
  const first = matching(mutating, labels, () => true);
  const second = matching(validating, labels, ({ name }) => name !== names.configuration);
  const all = [
    ...first.map((each) => ({ ...each, kind: 'mutating' })),
    ...second.map((each) => ({ ...each, kind: 'validating' })),
  ];
  if (all.length === 0) return ok(CHECK, 'no other webhook is called for pods created in kube-system');
  // The API server calls mutating webhooks one after another, validating webhooks all at once.
  const seconds =
    first.reduce((sum, { webhook }) => sum + timeoutOf(webhook), 0) +
    Math.max(0, ...second.map(({ webhook }) => timeoutOf(webhook)));
  const details = all.map(
    ({ kind, configuration, webhook }) =>
      `${configuration}: ${webhook.name}: ${kind}, ${webhook.failurePolicy ?? 'Fail'}, ${timeoutOf(webhook)} s${narrowed(webhook)}`,
  );
  const failing = all.filter(({ webhook }) => webhook.failurePolicy !== 'Ignore');
  const found = `${all.length === 1 ? 'another webhook is' : `${all.length} other webhooks are`} called for pods created in kube-system: up to ${seconds} s`;
  if (failing.length === 0) return ok(CHECK, found, details);
  return warn(
    CHECK,
    `${found}; ${all.length === 1 ? 'it refuses' : failing.length === 1 ? 'one refuses' : `${failing.length} refuse`} them when down`,
    {
      details,
      fix: 'what we would allow is then refused, controllers and kubelets included: take kube-system out by its namespaceSelector, or set Ignore',
    },
  );
}

interface Matching {
  readonly configuration: string;
  readonly webhook: RegisteredWebhook;
}

function matching(
  look: ObjectRead<Listed<Registered>>,
  labels: Readonly<Record<string, string>>,
  isOfOthers: (metadata: Registered['metadata']) => boolean,
): readonly Matching[] {
  if (look.kind !== 'found') return [];
  return look.value.items
    .filter(({ metadata }) => isOfOthers(metadata))
    .flatMap(({ metadata, webhooks = [] }) =>
      webhooks
        .filter((webhook) => isAskedAboutPods(webhook) && selects(webhook.namespaceSelector ?? {}, labels))
        .map((webhook) => ({ configuration: metadata.name, webhook })),
    );
}

function isAskedAboutPods({ rules = [] }: RegisteredWebhook): boolean {
  const has = (list: readonly string[] | undefined, ...values: readonly string[]) =>
    values.some((value) => list?.includes(value));
  return rules.some(
    ({ apiGroups, apiVersions, operations, resources, scope }) =>
      has(apiGroups, '', '*') &&
      has(apiVersions, 'v1', '*') &&
      has(operations, 'CREATE', '*') &&
      has(resources, 'pods', 'pods/*', '*', '*/*') &&
      scope !== 'Cluster',
  );
}

function timeoutOf({ timeoutSeconds = 10 }: RegisteredWebhook): number {
  return timeoutSeconds;
}

/** Selectors and conditions that depend on the pod. */
function narrowed({ objectSelector = {}, matchConditions = [] }: RegisteredWebhook): string {
  const { matchLabels = {}, matchExpressions = [] } = objectSelector;
  const isSelective = Object.keys(matchLabels).length > 0 || matchExpressions.length > 0;
  const by = [...(isSelective ? ['labels'] : []), ...(matchConditions.length > 0 ? ['conditions'] : [])];
  return by.length === 0 ? '' : `, for some of them, by ${by.join(' and ')}`;
}
