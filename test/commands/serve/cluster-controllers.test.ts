import { afterEach, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { ApiError, type ApiServer } from '../../../src/cluster/api-server.ts';
import type { Ruleset } from '../../../src/policy/ruleset.ts';
import { startClusterControllers } from '../../../src/commands/serve/cluster-controllers.ts';
import type { ServingCertificates } from '../../../src/commands/serve/serving-certificates.ts';
import type { Config } from '../../../src/settings/types.ts';
import { eventually } from '../../lib/eventually.ts';

let stop = () => {};
afterEach(() => stop());

it('that our Service is missing is an Event: nothing fails closed', async () => {
  const events: { readonly reason: string; readonly note: string }[] = [];
  const api: Partial<ApiServer> = {
    get: (path) =>
      /\/(deployments\/sigma-admission|namespaces\/name)$/.test(path)
        ? Promise.resolve({ metadata: { name: 'name', uid: 'uid' } })
        : Promise.reject(new ApiError(404, 'not found')),
    create(path, object) {
      if (!path.endsWith('/events')) return Promise.reject(new ApiError(403, 'forbidden'));
      return Promise.resolve(events.push(object as (typeof events)[number]));
    },
  };
  const config = {
    webhookConfiguration: 'name',
    namespace: 'name',
    manage: 'all',
    distribution: 'upstream',
    modes: { default: 'enforce', levels: {}, rules: {} },
  } as Partial<Config> as Config & { readonly webhookConfiguration: string };
  ({ stop } = startClusterControllers(config, {
    api: api as ApiServer,
    certificates: { kind: 'files', current: () => ({ certificatePem: '' }) } as ServingCertificates,
    ruleset: () => ({ rules: [] }) as Partial<Ruleset> as Ruleset,
    coverage: { loaded: () => {}, compare: () => {}, check: () => ({ name: 'coverage', state: 'ok' }) },
    registry: new Registry(),
    log: pino({ level: 'silent' }),
  }));
  const event = await eventually('it is told', () =>
    events.find(({ reason }) => reason === 'NothingFailsClosed'),
  );
  expect(event.note).toBe(
    'our Deployment, Namespace or Service is missing or being deleted: nothing fails closed',
  );
});
