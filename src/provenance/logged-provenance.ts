import type { AuditEvent } from '../kubernetes/audit-event.ts';
import { UNKNOWN } from '../sigma/fields.ts';
import { isLoggedMirrorPod } from './mirror-pod.ts';

/** What can be found out from a log of who made a pod. What would have to be looked up stood in the cluster then, not now. */
export function loggedProvenance(event: AuditEvent): Readonly<Record<string, unknown>> {
  return { mirrorPod: isLoggedMirrorPod(event), ...NOT_LOGGED };
}

const NOT_LOGGED = { creator: UNKNOWN, owner: UNKNOWN, imitates: UNKNOWN, evidence: UNKNOWN };
