import { createAuthority } from '../../../src/certificates/authority.ts';
import { webhookConfiguration } from '../../../src/registration/webhook-configuration.ts';
import type { ClusterView } from '../../../src/commands/install-check/cluster-view.ts';
import type { ServeSettings } from '../../../src/commands/install-check/serve-settings.ts';
import type { ObjectRead } from '../../../src/commands/install-check/object-read.ts';
import type { Mode } from '../../../src/policy/mode.ts';
import type { RegisteredWebhook } from '../../../src/registration/registered-webhook.ts';
import { wantedEntries } from '../../../src/commands/install-check/wanted-entries.ts';
import { load } from '../../policy/rulesets.ts';
import { trusting } from '../../lib/trusting.ts';

export function present<T>(value: T): ObjectRead<T> {
  return { kind: 'found', value };
}

export const MISSING = { kind: 'missing' } as const;
export const NOT_ALLOWED = { kind: 'unknown', why: 'not allowed to look', fix: 'ask for it' } as const;

const { certificatePem } = await createAuthority({ now: Date.now() });

/** Our entries, each changed by what stands under its short name. */
export function entries(
  changes: Readonly<Record<string, Partial<RegisteredWebhook>>> = {},
  settings: Partial<Parameters<typeof webhookConfiguration>[0]> = {},
): readonly RegisteredWebhook[] {
  const { webhooks } = trusting(
    webhookConfiguration({
      namespace: 'sigma-admission',
      service: 'sigma-admission',
      port: 443,
      enforcing: false,
      distribution: 'upstream',
      ...settings,
    }),
    certificatePem,
  );
  return webhooks.map((entry) => ({ ...entry, ...changes[entry.name.split('.')[0] ?? ''] }));
}

/** A configuration with these entries, as the API server holds it. */
export function configuration(
  webhooks: readonly RegisteredWebhook[] = entries(),
  metadata: Partial<Extract<ClusterView['namespace'], { kind: 'found' }>['value']['metadata']> = {},
) {
  const labels = { 'admissions.enforcer/disabled': 'true' };
  const ownerReferences = [{ kind: 'Namespace', name: 'sigma-admission', uid: 'uid-1' }];
  return { metadata: { name: 'sigma-admission', labels, ownerReferences, ...metadata }, webhooks };
}

export function deployment({
  annotations,
  replicas = 2,
  available = replicas,
}: Readonly<{
  annotations?: Readonly<Record<string, string>>;
  replicas?: number;
  available?: number;
}> = {}) {
  const ports = [{ name: 'https', containerPort: 8443 }];
  return {
    metadata: { name: 'sigma-admission', ...(annotations === undefined ? {} : { annotations }) },
    spec: { replicas, template: { spec: { containers: [{ name: 'sigma-admission', ports }] } } },
    status: { availableReplicas: available },
  };
}

/** What replicas do untold, but for what is said. */
export function settings({
  mode = 'warn',
  ...others
}: Partial<ServeSettings> & { mode?: Mode } = {}): ServeSettings {
  const modes = { default: mode, levels: {}, rules: {} };
  return {
    modes,
    manage: 'all',
    noOwnerReference: false,
    secret: 'sigma-admission-tls',
    distribution: 'upstream',
    rulesDirs: ['/etc/sigma-admission/rules'],
    subresources: 'resource',
    ...others,
  };
}

/** A healthy installation of `warn`, but for what is said. */
export function view(changes: Partial<ClusterView> = {}): ClusterView {
  const names = {
    namespace: 'sigma-admission',
    configuration: 'sigma-admission',
    service: 'sigma-admission',
  };
  const replicas = changes.settings ?? present(settings());
  const ruleset = changes.ruleset ?? present(load([]));
  return {
    names: { namespace: 'sigma-admission', configuration: 'sigma-admission' },
    version: { major: '1', minor: '37', gitVersion: 'v1.37.2' },
    configuration: present(configuration()),
    namespace: present({ metadata: { name: 'sigma-admission', uid: 'uid-1' } }),
    service: present({
      metadata: { name: 'sigma-admission' },
      spec: { clusterIP: '10.96.7.1', ports: [{ name: 'https', port: 443, targetPort: 'https' }] },
    }),
    deployment: present(deployment()),
    settings: replicas,
    ruleset,
    wanted: wantedEntries(names, replicas, ruleset),
    validating: present({ items: [configuration()] }),
    mutating: present({ items: [] }),
    kubeSystem: present({ metadata: { name: 'kube-system', labels: {} } }),
    nodes: present({ items: [] }),
    metrics: present(''),
    ...changes,
  };
}
