import type { AuditEvent, Observation } from '../kubernetes/audit-event.ts';
import { UNKNOWN } from '../sigma/match/fields.ts';
import { isLoggedMirrorPod } from './mirror-pod.ts';

/** The provenance of a logged request. Owners cannot be looked up: they existed in the cluster then, and may not now. */
export function loggedProvenance(event: AuditEvent): Readonly<Record<string, unknown>> {
  return { mirrorPod: isLoggedMirrorPod(event), ...NOT_LOGGED };
}

/** A logged event with its provenance, unless the object it is found in was not logged. */
export function withLoggedProvenance(observation: Observation): Observation {
  const { event, unknown } = observation;
  if (unknown.includes('provenance')) return observation;
  return { ...observation, event: { ...event, provenance: loggedProvenance(event) } };
}

const NOT_LOGGED = { creator: UNKNOWN, owner: UNKNOWN, imitates: UNKNOWN, evidence: UNKNOWN };
