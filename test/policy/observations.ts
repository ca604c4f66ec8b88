import type { AuditEvent, Observation } from '../../src/kubernetes/audit-event.ts';

/** A pod made by alice, as an audit log that shows everything has it, with what is different about it. */
export function observation(
  event: Partial<AuditEvent> = {},
  {
    verbs = [event.verb ?? 'create'],
    unknown = [],
    receivedAt = '2026-11-24T13:05:59Z',
  }: Partial<Observation> = {},
): Observation {
  const whole: AuditEvent = {
    verb: verbs[0] ?? 'create',
    user: { username: 'alice' },
    objectRef: { resource: 'pods', namespace: 'default', name: 'web' },
    ...event,
  };
  return { uid: 'u', event: whole, verbs, unknown, receivedAt, dryRun: false };
}
