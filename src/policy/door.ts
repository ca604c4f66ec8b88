import { UNKNOWN_AT_ADMISSION } from '../kubernetes/audit-event.ts';

/** Where events come from: before (admission), after (an audit log), meanwhile (objects in the cluster). */
export const DOORS = ['serve', 'replay', 'scan'] as const;
export type Door = (typeof DOORS)[number];

/** Fields that a door can show of no event. What one event lacks beyond that, its Observation says. */
const UNOBSERVABLE: Readonly<Record<Door, readonly string[]>> = {
  serve: UNKNOWN_AT_ADMISSION,
  // What has to be looked up in the cluster stood there when the request was made, not now.
  replay: ['provenance.creator', 'provenance.owner', 'provenance.imitates', 'provenance.evidence'],
  scan: [...UNKNOWN_AT_ADMISSION, 'user', 'provenance.creator'],
};

/** Whether a door can never show the field at `path`. */
export function isUnobservable(door: Door, path: string): boolean {
  return UNOBSERVABLE[door].some((field) => path === field || path.startsWith(`${field}.`));
}

/**
 * Whether `path` is of who asked, at a door that never shows who. A filter on it is no error there, but is asked of nobody
 * whom the door does not show; scan asks it of who an object's owner shows to have made it.
 */
export function isOfUnseenUser(door: Door, path: string): boolean {
  return door === 'scan' && isUnobservable('scan', path) && !isUnobservable('serve', path);
}
