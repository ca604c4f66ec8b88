import { hostname } from 'node:os';
import type { ApiServer } from './api-server.ts';

/** Records an Event about our Deployment, which `kubectl events` shows. Rejects where RBAC forbids it. */
export type Tell = (event: {
  /** The reason, in UpperCamelCase, for machines. */
  readonly reason: string;
  /** The action that was taken or failed. */
  readonly action: string;
  /** The note for people, cut to the length that an Event holds. */
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
