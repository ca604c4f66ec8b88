import { BREAK_GLASS } from '../../self/own-deployment.ts';
import { OURS, ourEntries, shortName, type ClusterView } from './cluster-view.ts';
import { fail, ok, warn, type Finding } from './finding.ts';
import { notRead } from './object-read.ts';

/** Whether enough replicas are there. */
export function checkReplicas({ deployment, names }: ClusterView): Finding {
  const check = 'replicas';
  const what = `Deployment ${names.namespace}/${OURS}`;
  if (deployment.kind === 'unknown') return notRead(check, what, deployment);
  if (deployment.kind === 'missing')
    return fail(check, `no ${what}: nobody answers`, {
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
  if (available === 0) return fail(check, `${found}: nobody answers`, { fix, command });
  if (available < wanted) return warn(check, found, { fix, command });
  if (wanted >= 2) return ok(check, found);
  return warn(check, `${found}: while that one restarts, nobody answers`, {
    fix: 'run two, and say so in your overlay',
    command: `kubectl -n ${names.namespace} scale deployment/${OURS} --replicas=2`,
  });
}

/** Whether somebody broke the glass: then nothing is refused for want of an answer, on purpose. */
export function checkBreakGlass({ deployment, names }: ClusterView): readonly Finding[] {
  if (deployment.kind !== 'found') return [];
  const check = 'break-glass';
  const reason = deployment.value.metadata.annotations?.[BREAK_GLASS];
  if (reason === undefined) return [ok(check, 'not broken')];
  return [
    warn(check, `broken, so that every entry is Ignore: ${JSON.stringify(reason)}`, {
      fix: 'take the annotation away when it is over',
      command: `kubectl -n ${names.namespace} annotate deployment/${OURS} ${BREAK_GLASS}-`,
    }),
  ];
}

/** Whether what the replicas enforce is also enforced when none of them answers. */
export function checkMode(view: ClusterView): readonly Finding[] {
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
              ? 'it becomes Fail when a probe came back: see `reachability`'
              : 'apply manifests/overlays/enforce, once `reachability` is ok',
        },
      ),
    ];
  if (!isEnforcing && isFail)
    return [
      warn(
        check,
        'no match is refused, but while no replica answers pods in kube-system are: guard is Fail',
        { fix: 'apply manifests/overlays/warn, or enforce something' },
      ),
    ];
  const found = isEnforcing
    ? `matches are refused${isFail ? ', and guard is Fail' : '; guard is Ignore while the glass is broken'}`
    : 'no match is refused, and guard is Ignore';
  return [ok(check, found)];
}
