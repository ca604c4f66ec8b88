import { ourEntries, shortName, type ClusterView } from './cluster-view.ts';
import type { Finding } from './finding.ts';
import { notSeen } from './look.ts';
import { shippedEntries } from './shipped.ts';

const CHECK = 'configuration';
const APPLY = 'kubectl apply -k manifests/overlays/warn';

/** Whether our webhook configuration is there, with the entries it is to have. */
export function checkConfiguration(view: ClusterView): Finding {
  const { configuration, names, told } = view;
  const name = `ValidatingWebhookConfiguration ${names.configuration}`;
  if (configuration.kind === 'unknown') return notSeen(CHECK, name, configuration);
  if (configuration.kind === 'missing')
    return {
      check: CHECK,
      verdict: 'failed',
      found: `there is no ${name}: nothing is sent to us`,
      fix: APPLY,
    };
  const { webhooks = [] } = configuration.value;
  if (webhooks.length === 0) {
    const isManaged = told.kind === 'seen' && told.value.manage === 'all';
    const found = `${name} has no entries yet: nothing is sent to us`;
    const fix = isManaged
      ? 'its replicas (--manage all) put them in: see why they have not, by `reachability` and `replicas` here and in their log'
      : `let the replicas do it (--manage all), or ${APPLY}`;
    return { check: CHECK, verdict: 'failed', found, fix };
  }
  const entries = ourEntries(view).map((entry) => entry.name);
  const missing = shippedEntries(names, 'upstream')
    .map((entry) => entry.name)
    .filter((each) => !entries.includes(each));
  if (missing.length === 0) {
    const all = entries.map(shortName).join(', ');
    return { check: CHECK, verdict: 'ok', found: `${name} has our ${entries.length} entries: ${all}` };
  }
  return {
    check: CHECK,
    verdict: missing.some((each) => shortName(each) === 'guard') ? 'failed' : 'warning',
    found: `${name} lacks our ${missing.length === 1 ? 'entry' : 'entries'} ${missing.map(shortName).join(', ')}`,
    fix: APPLY,
  };
}

/** Whether the configuration goes when our namespace does. */
export function checkOwner({ configuration, namespace, names, told }: ClusterView): readonly Finding[] {
  if (configuration.kind !== 'seen') return [];
  const check = 'owner';
  const { ownerReferences = [] } = configuration.value.metadata;
  const owner = ownerReferences.find(({ kind }) => kind === 'Namespace');
  const whole = `the configuration goes with namespace ${names.namespace}`;
  const byHand = `when you uninstall, kubectl delete validatingwebhookconfiguration ${names.configuration}`;
  if (owner === undefined) {
    const isWanted = told.kind !== 'seen' || (told.value.ownerReference && told.value.manage !== 'none');
    const found = 'the configuration is not owned by our namespace: deleting that would leave it behind';
    return isWanted
      ? [
          {
            check,
            verdict: 'warning',
            found,
            fix: `the replicas set it once they run: see \`replicas\` and \`rights\`; until then, ${byHand}`,
          },
        ]
      : [{ check, verdict: 'ok', found: `${found}, as the replicas were told` }];
  }
  if (namespace.kind === 'unknown') return [notSeen(check, `namespace ${names.namespace}`, namespace)];
  if (namespace.kind === 'seen' && namespace.value.metadata.uid === owner.uid)
    return [{ check, verdict: 'ok', found: whole }];
  return [
    {
      check,
      verdict: 'failed',
      found: `the configuration is owned by a namespace ${owner.name} that is no more: it will be collected`,
      fix: `${APPLY}, and let the replicas own it anew`,
    },
  ];
}
