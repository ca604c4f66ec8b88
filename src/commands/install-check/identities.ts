import { CONTROL_PLANES, type Distribution } from '../../registration/identities.ts';
import type { LoggedCaller, LoggedCallers } from './callers.ts';
import type { ClusterView } from './cluster-view.ts';
import { recognize } from './distribution.ts';
import { registeredDistribution } from './entries.ts';
import { ok, unknown, warn, type Finding } from './finding.ts';

const CHECK = 'identities';

/**
 * Whether the distribution that our entries are for is the one we are in, by what it calls itself and by who makes pods in
 * kube-system and asks for controllers' tokens. `read` is what audit logs tell; absent where none was given.
 */
export function checkIdentities(view: ClusterView, read: LoggedCallers | undefined): readonly Finding[] {
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
        'the audit log tells of nobody who makes pods in kube-system',
        {
          ...(details.length > 0 ? { details } : {}),
          fix: 'give it a longer one, of all API servers: --audit-log',
        },
      ),
    ];
  const who = `${callers.length === 1 ? 'one' : callers.length} who ${callers.length === 1 ? 'works' : 'work'} in kube-system`;
  if (details.length === 0) return [ok(CHECK, `${who}, all known: ${registered} fits`)];
  return [
    warn(
      CHECK,
      `${who}, by the audit log; ${best} fits best${best === registered ? ', as registered' : `, registered is ${registered}`}`,
      {
        details,
        fix: 'do as said above, one by one; sigma-admission replay shows what enforce would have refused',
      },
    ),
  ];
}

function withoutLog(advice: readonly string[]): Finding {
  const [said] = advice;
  const fix = 'give it an audit log: --audit-log FILE';
  return said === undefined
    ? unknown(CHECK, 'who makes pods in kube-system here is to be seen in an audit log only', { fix })
    : warn(CHECK, said, { fix: `apply it; and ${fix}` });
}

/** The distribution that most of those who make pods belong to; of several, the first in `preferred`. */
function bestFit(callers: readonly LoggedCaller[], preferred: readonly Distribution[]): Distribution {
  const all = [...new Set([...preferred, ...(Object.keys(CONTROL_PLANES) as Distribution[])])];
  const members = (distribution: Distribution) =>
    callers.filter(({ what, heals }) => what === 'pods' && heals.includes(distribution)).length;
  return all.reduce((best, each) => (members(each) > members(best) ? each : best));
}

function adviceOn(caller: LoggedCaller, registered: Distribution, best: Distribution): readonly string[] {
  const { username, what, count, heals, accepted } = caller;
  const does = what === 'pods' ? 'makes pods in kube-system' : "asks for controllers' tokens";
  const who = `${username} ${does} (${count})`;
  const advice: string[] = [];
  if (what === 'pods' && heals.length > 0 && !heals.includes(registered)) {
    const fitting = heals.includes(best) ? best : heals[0];
    advice.push(`${who} and is none of ${registered}'s: use manifests/distributions/${fitting}`);
  }
  if (typeof accepted === 'object') advice.push(`${who}: name ${accepted.by} under filtersDirs`);
  if (accepted === 'no' && advice.length === 0)
    advice.push(`${who} and no filter accepts it: if that is right, write one`);
  return advice;
}
