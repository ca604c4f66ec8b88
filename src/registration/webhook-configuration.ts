import type { LabelSelector } from '../kubernetes/label-selector.ts';
import type { Distribution } from './identities.ts';
import { doesNotHeal, heals, isProbe, joined, type MatchCondition } from './match-conditions.ts';

/** A ValidatingWebhookConfiguration (admissionregistration.k8s.io/v1), as far as it is written here. */
export interface WebhookConfiguration {
  readonly apiVersion: 'admissionregistration.k8s.io/v1';
  readonly kind: 'ValidatingWebhookConfiguration';
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly webhooks: readonly Webhook[];
}

export interface Webhook {
  readonly name: string;
  readonly clientConfig: {
    readonly service: {
      readonly namespace: string;
      readonly name: string;
      readonly path: string;
      readonly port: number;
    };
  };
  readonly rules: readonly SubscriptionRule[];
  readonly namespaceSelector: NamespaceSelector;
  readonly matchConditions?: readonly MatchCondition[];
  readonly failurePolicy: 'Fail' | 'Ignore';
  readonly matchPolicy: 'Equivalent';
  readonly sideEffects: 'NoneOnDryRun';
  readonly timeoutSeconds: number;
  readonly admissionReviewVersions: readonly ['v1'];
}

export interface SubscriptionRule {
  readonly apiGroups: readonly string[];
  readonly apiVersions: readonly string[];
  readonly operations: readonly string[];
  readonly resources: readonly string[];
  readonly scope: 'Namespaced' | 'Cluster' | '*';
}

/** By the labels of namespaces. */
export type NamespaceSelector = LabelSelector;

export interface WebhookSettings {
  /** The namespace and name of the Service. */
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
  /** Whether a rule may deny. Requests for which `guard` cannot be called are then refused too. */
  readonly enforcing: boolean;
  readonly distribution: Distribution;
  /** The further requests that the loaded rules need; absent, the API server does not send them. */
  readonly other?: Scope | undefined;
}

/** The requests that `other` and `other-observe` are called for, by any user. */
export interface Scope {
  readonly rules: readonly SubscriptionRule[];
  readonly namespaceSelector: NamespaceSelector;
  /** All must hold, evaluated in this order. */
  readonly matchConditions?: readonly MatchCondition[];
}

/** The API server requires three labels, and prefixes our audit annotations with the name. No public domain ends in `.svc`. */
export const GUARD = 'guard.sigma-admission.svc';
export const OBSERVE = 'observe.sigma-admission.svc';
export const OTHER = 'other.sigma-admission.svc';
export const OTHER_OBSERVE = 'other-observe.sigma-admission.svc';
export const PROBE = 'probe.sigma-admission.svc';
export const SELF = 'self.sigma-admission.svc';

/** The namespaces that `guard` and `observe` cover whatever the rules say. */
export const GUARDED: readonly string[] = ['kube-system'];

/** The webhook configuration for these settings. Pure. */
export function webhookConfiguration(settings: WebhookSettings): WebhookConfiguration {
  const { namespace, distribution, enforcing, other } = settings;
  const guarded = { rules: [POD_CREATES], namespaceSelector: inNamespaces(GUARDED) };
  const ours = inNamespaces([namespace]);
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: {
      name: 'sigma-admission',
      // AKS silently keeps kube-system from webhooks that do not say this.
      labels: { 'admissions.enforcer/disabled': 'true' },
    },
    webhooks: [
      {
        name: GUARD,
        ...called(settings, '/guard'),
        ...guarded,
        matchConditions: [doesNotHeal(distribution)],
        failurePolicy: enforcing ? 'Fail' : 'Ignore',
      },
      {
        name: OBSERVE,
        ...called(settings, '/observe'),
        ...guarded,
        matchConditions: [heals(distribution)],
        // Never Fail, whatever the mode: a dead webhook must not stop the controllers that bring it back.
        failurePolicy: 'Ignore',
      },
      ...(other === undefined
        ? []
        : [
            otherEntry(OTHER, called(settings, '/other'), other, doesNotHeal(distribution)),
            otherEntry(OTHER_OBSERVE, called(settings, '/other-observe'), other, heals(distribution)),
          ]),
      {
        name: PROBE,
        ...called(settings, '/probe'),
        rules: [writes('', ['configmaps'], ['CREATE'])],
        namespaceSelector: ours,
        matchConditions: [isProbe()],
        // It refuses only our own probe, which must not count as answered while the webhook was not called.
        failurePolicy: 'Fail',
      },
      {
        name: SELF,
        ...called(settings, '/self'),
        rules: [
          writes('', ['configmaps', 'secrets'], ['CREATE', 'UPDATE', 'DELETE']),
          // `kubectl scale` changes no Deployment, but its scale.
          writes('apps', ['deployments', 'deployments/scale'], ['CREATE', 'UPDATE', 'DELETE']),
        ],
        namespaceSelector: ours,
        failurePolicy: 'Ignore',
      },
    ],
  };
}

/** The users that create workloads, updates and tokens while a cluster heals differ from cluster to cluster: never Fail. */
function otherEntry(
  name: string,
  call: ReturnType<typeof called>,
  { rules, namespaceSelector, matchConditions = [] }: Scope,
  whose: MatchCondition,
): Webhook {
  const conditions = [joined([whose, ...matchConditions])];
  return { name, ...call, rules, namespaceSelector, matchConditions: conditions, failurePolicy: 'Ignore' };
}

/** The API server maintains this label, so that no client can exclude a namespace by changing it. */
export const NAMESPACE_NAME = 'kubernetes.io/metadata.name';

export function inNamespaces(names: readonly string[]): NamespaceSelector {
  return { matchExpressions: [{ key: NAMESPACE_NAME, operator: 'In', values: [...new Set(names)] }] };
}

const POD_CREATES = writes('', ['pods'], ['CREATE']);

function writes(
  apiGroup: string,
  resources: readonly string[],
  operations: readonly string[],
): SubscriptionRule {
  return { apiGroups: [apiGroup], apiVersions: ['v1'], operations, resources, scope: 'Namespaced' };
}

/** The paths of the entries for the identities that heal a cluster. */
export const HEALING_PATHS: readonly string[] = ['/observe', '/other-observe'];

/** How long the API server waits for the entry at a path. What heals a cluster waits for a second at most. */
export function timeoutSecondsOf(path: string): number {
  return HEALING_PATHS.includes(path) ? 1 : 3;
}

/** The path of an entry, and how the API server calls it. */
function called({ namespace, service, port }: WebhookSettings, path: string) {
  return {
    clientConfig: { service: { namespace, name: service, path, port } },
    matchPolicy: 'Equivalent',
    sideEffects: 'NoneOnDryRun',
    admissionReviewVersions: ['v1'],
    timeoutSeconds: timeoutSecondsOf(path),
  } as const satisfies Partial<Webhook>;
}
