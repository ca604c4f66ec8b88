import { BREAK_GLASS } from '../../self/own-deployment.ts';
import { OURS, ourEntries, type ClusterView } from './cluster-view.ts';
import { shortName } from '../../registration/entry-name.ts';
import { fail, ok, warn, type CheckFinding } from './finding.ts';
import { notRead } from './object-read.ts';

/** Whether enough replicas are available. */
export function checkReplicas({ deployment, names }: ClusterView): CheckFinding {
  const check = 'replicas';
  const what = `Deployment ${names.namespace}/${OURS}`;
  if (deployment.kind === 'unknown') return notRead(check, what, deployment);
  if (deployment.kind === 'missing')
    return fail(check, `no ${what}: no review is answered`, {
      fix: 'install it',
      command: 'kubectl apply -k manifests/overlays/warn',
    });
  const { spec, status, metadata } = deployment.value;
  const wanted = spec.replicas ?? 1;
  const available = status?.availableReplicas ?? 0;
  const found = `${available} of ${wanted} replicas are available`;
  const fix = 'see what its pods wait for';
  const command = `kubectl -n ${names.namespace} describe deployment,pods -l app.kubernetes.io/name=${OURS}`;
  if (metadata.deletionTimestamp !== undefined)
    return fail(check, `${what} is being deleted`, { fix: 'install it again' });
  if (available === 0) return fail(check, `${found}: no review is answered`, { fix, command });
  if (available < wanted) return warn(check, found, { fix, command });
  if (wanted >= 2) return ok(check, found);
  return warn(check, `${found}: while that one restarts, no review is answered`, {
    fix: 'run two replicas, and set that in your overlay',
    command: `kubectl -n ${names.namespace} scale deployment/${OURS} --replicas=2`,
  });
}

/** Whether break-glass is set: then no request is refused because no replica answers. */
export function checkBreakGlass({ deployment, names }: ClusterView): readonly CheckFinding[] {
  if (deployment.kind !== 'found') return [];
  const check = 'break-glass';
  const reason = deployment.value.metadata.annotations?.[BREAK_GLASS];
  if (reason === undefined) return [ok(check, 'not broken')];
  return [
    warn(check, `broken, so that every entry is Ignore: ${JSON.stringify(reason)}`, {
      fix: 'remove the annotation when the incident is over',
      command: `kubectl -n ${names.namespace} annotate deployment/${OURS} ${BREAK_GLASS}-`,
    }),
  ];
}

/** Whether the mode of the replicas and the failure policy of guard agree. */
export function checkMode(view: ClusterView): readonly CheckFinding[] {
  const { settings, deployment } = view;
  const guard = ourEntries(view).find(({ name }) => shortName(name) === 'guard');
  if (settings.kind === 'missing' || guard === undefined) return [];
  const check = 'mode';
  if (settings.kind === 'unknown') return [notRead(check, 'the mode in force', settings)];
  const { default: mode, levels, rules } = settings.value.modes;
  const isEnforcing = [mode, ...Object.values(levels), ...Object.values(rules)].includes('enforce');
  const isFail = guard.failurePolicy === 'Fail';
  const isBroken =
    deployment.kind === 'found' && deployment.value.metadata.annotations?.[BREAK_GLASS] !== undefined;
  if (isEnforcing && !isFail && !isBroken)
    return [
      warn(
        check,
        'matches are refused, but while no replica answers everything is allowed: guard is Ignore',
        {
          fix:
            settings.value.manage === 'all'
              ? 'guard becomes Fail once a probe came back: see `reachability`'
              : 'once `reachability` is ok, print the entries with `sigma-admission manifests`, and apply them',
        },
      ),
    ];
  if (!isEnforcing && isFail)
    return [
      warn(
        check,
        'no match is refused, but while no replica answers pods in kube-system are: guard is Fail',
        {
          fix:
            settings.value.manage === 'all'
              ? 'the replicas set it to Ignore within seconds: their log says why they did not'
              : 'print the entries with `sigma-admission manifests`, and apply them; or enforce a rule',
        },
      ),
    ];
  const found = isEnforcing
    ? `matches are refused${isFail ? ', and guard is Fail' : '; guard is Ignore while the glass is broken'}`
    : 'no match is refused, and guard is Ignore';
  return [ok(check, found)];
}
