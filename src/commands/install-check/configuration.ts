import { ourEntries, type ClusterView } from './cluster-view.ts';
import { shortName } from '../../registration/entry-name.ts';
import { GUARD, OBSERVE, PROBE, SELF } from '../../registration/webhook-configuration.ts';
import { fail, ok, warn, type CheckFinding } from './finding.ts';
import { notRead } from './object-read.ts';

const CHECK = 'configuration';
/** For a first installation, which has no overlay of its own yet. */
const INSTALL = 'kubectl apply -k manifests/overlays/warn';
const APPLY_AGAIN = 'apply your overlay again';

/** The entries that replicas want whatever their rules are about. */
const ALWAYS = [GUARD, OBSERVE, PROBE, SELF];

/** Whether our webhook configuration exists, with all of our entries. */
export function checkConfiguration(view: ClusterView): CheckFinding {
  const { configuration, names, settings, wanted } = view;
  const name = `ValidatingWebhookConfiguration ${names.configuration}`;
  if (configuration.kind === 'unknown') return notRead(CHECK, name, configuration);
  if (configuration.kind === 'missing')
    return fail(CHECK, `no ${name}: nothing is sent to us`, { fix: 'install it', command: INSTALL });
  const { webhooks = [] } = configuration.value;
  if (webhooks.length === 0) {
    const isManaged = settings.kind === 'found' && settings.value.manage === 'all';
    const found = `${names.configuration} has no entries yet: nothing is sent to us`;
    const fix = isManaged
      ? 'its replicas (--manage all) put them in once they run: see `replicas` and `rights`'
      : 'let the replicas put them in (--manage all), or apply manifests that have them';
    return fail(CHECK, found, { fix });
  }
  const entries = ourEntries(view).map((entry) => entry.name);
  const expected = wanted.kind === 'found' ? wanted.value.webhooks.map((entry) => entry.name) : ALWAYS;
  const missing = expected.filter((each) => !entries.includes(each));
  if (missing.length === 0) {
    const all = entries.map(shortName).join(', ');
    return ok(CHECK, `${names.configuration} has our ${entries.length} entries: ${all}`);
  }
  return (missing.some((each) => shortName(each) === 'guard') ? fail : warn)(
    CHECK,
    `${names.configuration} lacks our ${missing.length === 1 ? 'entry' : 'entries'} ${missing.map(shortName).join(', ')}`,
    { fix: APPLY_AGAIN },
  );
}

/** Whether the configuration is deleted with our namespace. */
export function checkOwner({
  configuration,
  namespace,
  names,
  settings,
}: ClusterView): readonly CheckFinding[] {
  if (configuration.kind !== 'found') return [];
  const check = 'owner';
  const { ownerReferences = [] } = configuration.value.metadata;
  const owner = ownerReferences.find(({ kind }) => kind === 'Namespace');
  const whole = `the configuration goes with namespace ${names.namespace}`;
  if (owner === undefined) {
    const isWanted =
      settings.kind !== 'found' || (!settings.value.noOwnerReference && settings.value.manage !== 'none');
    const found =
      'the configuration is not owned by our namespace: deleting the namespace would leave it behind';
    return isWanted
      ? [
          warn(check, found, {
            fix: 'running replicas set the owner: see `replicas` and `rights`; until then, delete the configuration first when you uninstall',
            command: `kubectl delete validatingwebhookconfiguration ${names.configuration}`,
          }),
        ]
      : [ok(check, `${found}, as the replicas are configured`)];
  }
  if (namespace.kind === 'unknown') return [notRead(check, `namespace ${names.namespace}`, namespace)];
  if (namespace.kind === 'found' && namespace.value.metadata.uid === owner.uid) return [ok(check, whole)];
  return [
    fail(
      check,
      `the configuration is owned by a namespace ${owner.name} that no longer exists: it will be garbage-collected`,
      { fix: `${APPLY_AGAIN}, and let the replicas set the new owner` },
    ),
  ];
}
