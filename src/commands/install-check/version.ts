import { fail, ok, type CheckFinding } from './finding.ts';
import type { Version } from './objects.ts';

/** From this version on, matchConditions of webhooks are stable and always on. */
const OLDEST_MINOR = 30;

/** Whether this API server is new enough for what we register. */
export function checkVersion({ major, minor, gitVersion }: Version): CheckFinding {
  const found = `Kubernetes ${gitVersion}`;
  const isNewEnough = Number(major) > 1 || Number.parseInt(minor, 10) >= OLDEST_MINOR;
  if (isNewEnough) return ok('version', found);
  return fail(
    'version',
    `${found}: older than 1.${OLDEST_MINOR}, without the match conditions that exempt the identities that heal a cluster`,
    { fix: `upgrade the cluster to 1.${OLDEST_MINOR} or newer before installing` },
  );
}
