import { hostname } from 'node:os';
import type { ApiServer } from './api-server.ts';

/** Tells an operator of something about our Deployment, where `kubectl events` shows it. Rejects where it may not. */
export type Tell = (event: {
  /** For machines: UpperCamelCase. */
  readonly reason: string;
  /** What was done, or not. */
  readonly action: string;
  /** For people; cut to what an Event holds. */
  readonly note: string;
}) => Promise<void>;

/** events.k8s.io/v1: a note has 1 KiB. */
const MAX_NOTE = 1024;

/** Events of type Warning. Each is one object in etcd for an hour, so they are for what happens seldom. */
export function createEvents(api: ApiServer, namespace: string, deployment: string): Tell {
  const path = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
  return async function tell({ reason, action, note }) {
    await api.create(path, {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { generateName: 'sigma-admission-', namespace },
      eventTime: new Date().toISOString().replace('Z', '000Z'),
      type: 'Warning',
      reason,
      action,
      note: note.slice(0, MAX_NOTE),
      reportingController: 'sigma-admission',
      reportingInstance: hostname(),
      regarding: { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: deployment },
    });
  };
}
