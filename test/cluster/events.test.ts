import { expect, it } from '@jest/globals';
import { hostname } from 'node:os';
import type { ApiServer } from '../../src/cluster/api-server.ts';
import { createEvents } from '../../src/cluster/events.ts';

function api(create: ApiServer['create']): ApiServer {
  return { create } as Partial<ApiServer> as ApiServer;
}

it('an Event is a warning about our Deployment, by this replica, its note cut to what an Event holds', async () => {
  const created: [string, unknown][] = [];
  const tell = createEvents(
    api((path, object) => Promise.resolve(created.push([path, object]))),
    'ns',
    'name',
  );
  await tell({ reason: 'Lowered', action: 'Looking', note: 'x'.repeat(2_000) });
  expect(created).toEqual([
    [
      '/apis/events.k8s.io/v1/namespaces/ns/events',
      {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { generateName: 'sigma-admission-', namespace: 'ns' },
        eventTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
        type: 'Warning',
        reason: 'Lowered',
        action: 'Looking',
        note: 'x'.repeat(1_024),
        reportingController: 'sigma-admission',
        reportingInstance: hostname(),
        regarding: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'ns', name: 'name' },
      },
    ],
  ]);
});

it('an Event that may not be written is an error of whoever writes it', async () => {
  const tell = createEvents(
    api(() => Promise.reject(new Error('forbidden'))),
    'ns',
    'name',
  );
  await expect(tell({ reason: 'Lowered', action: 'Looking', note: '' })).rejects.toThrow('forbidden');
});
