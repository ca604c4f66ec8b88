import { CONTROL_PLANES, type Distribution } from '../../registration/identities.ts';
import type { LoggedCaller, LoggedCallers } from './callers.ts';
import type { ClusterView } from './cluster-view.ts';
import { recognize } from './distribution.ts';
import { registeredDistribution } from './entries.ts';
import { ok, unknown, warn, type CheckFinding } from './finding.ts';

const CHECK = 'identities';

/**
 * Whether our entries are for the distribution of this cluster, by its version and nodes and by the users that create pods
 * in kube-system and request tokens of controllers. `read` has the callers of audit logs; absent where no log was given.
 */
export function checkIdentities(view: ClusterView, read: LoggedCallers | undefined): readonly CheckFinding[] {
  const registered = registeredDistribution(view) ?? 'upstream';
  const recognized = recognize(view);
  const isRegistered = view.configuration.kind === 'found';
  const isOther = isRegistered && recognized !== undefined && recognized.distribution !== registered;
  const advice = isOther
    ? [
        `this is ${recognized.distribution}, by ${recognized.by}; our entries are for ${registered}: add the component manifests/distributions/${recognized.distribution}`,
      ]
    : [];
  if (read === undefined) return [withoutLog(advice)];
  const { callers, problems } = read;
  const best = bestFit(callers, [
    ...(recognized === undefined ? [] : [recognized.distribution]),
    registered,
    'upstream',
  ]);
  const details = [
    ...problems,
    ...advice,
    ...callers.flatMap((caller) => adviceOn(caller, registered, best)),
  ];
  if (callers.length === 0)
    return [
      (advice.length > 0 ? warn : unknown)(
        CHECK,
        'the audit log shows no user that creates pods in kube-system',
        {
          ...(details.length > 0 ? { details } : {}),
          fix: 'pass a longer audit log, of all API servers: --audit-log FILE',
        },
      ),
    ];
  const who = `${callers.length} ${callers.length === 1 ? 'user works' : 'users work'} in kube-system`;
  if (details.length === 0) return [ok(CHECK, `${who}; ${registered} fits`)];
  return [
    warn(
      CHECK,
      `${who}, by the audit log; ${best} fits best${best === registered ? ', as registered' : `, registered is ${registered}`}`,
      {
        details,
        fix: 'follow each line above; sigma-admission replay shows what enforce would have refused',
      },
    ),
  ];
}

function withoutLog(advice: readonly string[]): CheckFinding {
  const [said] = advice;
  const fix = 'pass an audit log: --audit-log FILE';
  return said === undefined
    ? unknown(CHECK, 'only an audit log shows which users create pods in kube-system', { fix })
    : warn(CHECK, said, { fix: `add it, then ${fix}` });
}

/** The distribution that knows most users that create pods; of several, the first in `preferred`. */
function bestFit(callers: readonly LoggedCaller[], preferred: readonly Distribution[]): Distribution {
  const all = [...new Set([...preferred, ...(Object.keys(CONTROL_PLANES) as Distribution[])])];
  const members = (distribution: Distribution) =>
    callers.filter(({ what, heals }) => what === 'pods' && heals.includes(distribution)).length;
  return all.reduce((best, each) => (members(each) > members(best) ? each : best));
}

function adviceOn(caller: LoggedCaller, registered: Distribution, best: Distribution): readonly string[] {
  const { username, what, count, heals, accepted } = caller;
  const does = what === 'pods' ? 'creates pods in kube-system' : 'requests tokens of controllers';
  const who = `${username} ${does} (${count})`;
  const advice: string[] = [];
  if (what === 'pods' && heals.length > 0 && !heals.includes(registered)) {
    const fitting = heals.includes(best) ? best : heals[0];
    advice.push(`${who} and is none of ${registered}'s: use manifests/distributions/${fitting}`);
  }
  if (typeof accepted === 'object') advice.push(`${who}: name ${accepted.by} under filtersDirs`);
  if (accepted === 'no' && advice.length === 0)
    advice.push(`${who} and no filter accepts it: if one should, write it`);
  return advice;
}
