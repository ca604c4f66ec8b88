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

const NAMESPACE = '/api/v1/namespaces/name';
const DEPLOYMENT = '/apis/apps/v1/namespaces/name/deployments/sigma-admission';
const CONFIGURATION = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/name';
const METADATA = { name: 'name', uid: 'uid' };
const THEIRS = {
  metadata: METADATA,
  webhooks: [
    {
      name: 'guard.sigma-admission.svc',
      clientConfig: { service: { namespace: 'theirs', name: 'sigma-admission' } },
    },
  ],
};

it.each<[string, Readonly<Record<string, object>>, string, string]>([
  [
    'our Service is missing',
    { [NAMESPACE]: { metadata: METADATA }, [DEPLOYMENT]: { metadata: METADATA } },
    'ServiceMissing',
    'our Service is missing: the API server reaches no replica. Apply the manifests again',
  ],
  [
    'our Deployment is missing',
    { [NAMESPACE]: { metadata: METADATA } },
    'NothingFailsClosed',
    'our Deployment is missing: nothing fails closed, nothing is restored',
  ],
  [
    'our Deployment is held by a finalizer',
    {
      [NAMESPACE]: { metadata: METADATA },
      [DEPLOYMENT]: { metadata: { ...METADATA, deletionTimestamp: 'now', finalizers: ['a'] } },
    },
    'NothingFailsClosed',
    'our Deployment is being deleted, and is held by its finalizers a: nothing fails closed, nothing is restored',
  ],
  [
    'another release has the webhook configuration',
    { [NAMESPACE]: { metadata: METADATA }, [DEPLOYMENT]: { metadata: METADATA }, [CONFIGURATION]: THEIRS },
    'OtherRelease',
    'the webhook configuration is another release’s, with the Service theirs/sigma-admission: it is left alone, and no request comes to us. A cluster has one release',
  ],
])('an Event says that %s', async (_, held, reason, note) => {
  const events: { readonly reason: string; readonly note: string }[] = [];
  const api: Partial<ApiServer> = {
    get: (path) =>
      held[path] === undefined ? Promise.reject(new ApiError(404, 'not found')) : Promise.resolve(held[path]),
    create(path, object) {
      if (!path.endsWith('/events')) return Promise.reject(new ApiError(403, 'forbidden'));
      return Promise.resolve(events.push(object as (typeof events)[number]));
    },
    apply: () => Promise.reject(new ApiError(403, 'forbidden')),
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
  const event = await eventually('it is told', () => events.find((each) => each.reason === reason));
  expect(event.note).toBe(note);
});
