import { afterEach, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { ApiError, type ApiServer } from '../../../src/cluster/api-server.ts';
import type { AdmissionRequest } from '../../../src/kubernetes/admission-review.ts';
import { createLiveProvenance, type LiveProvenance } from '../../../src/commands/serve/live-provenance.ts';
import { createRuleset, type Ruleset } from '../../../src/policy/ruleset.ts';
import { combine, parseSigma } from '../../../src/sigma/read/load.ts';
import { eventually } from '../../lib/eventually.ts';

let provenance: LiveProvenance | undefined;
afterEach(() => provenance?.close());

/** A rule for each namespace, of any where it is undefined: whether a pod's owner is verified, or only who made it. */
function ruleset(field: string, ...namespaces: readonly (string | undefined)[]): Ruleset {
  const documents = (namespaces.length === 0 ? [undefined] : namespaces).map((namespace, index) => {
    const where = namespace === undefined ? {} : { 'objectRef.namespace': namespace };
    const selection = { verb: 'create', 'objectRef.resource': 'pods', [field]: '*', ...where };
    return {
      title: 'Rule',
      id: `00000000-0000-4000-8000-00000000000${index}`,
      logsource: { product: 'kubernetes', service: 'audit' },
      detection: { selection, condition: 'selection' },
    };
  });
  const parsed = combine(
    documents.map((document, index) => parseSigma(`rule${index}.yml`, JSON.stringify(document))),
  );
  const { ruleset: loaded } = createRuleset(parsed, { door: 'serve', subresources: 'resource' });
  if (loaded === undefined) throw new TypeError('one rule');
  return loaded;
}

/** An API server that has nothing, and whose watches live until they are let go; `open` says which do. */
function emptyCluster() {
  const open = new Set<string>();
  const api = {
    get: async (path: string) =>
      path === '/version' ? { minor: '36+' } : { metadata: { resourceVersion: '1' }, items: null },
    watch: (path: string, _: unknown, signal: AbortSignal) =>
      new Promise<void>((_resolve, reject) => {
        const [resource = ''] = path.split('?');
        open.add(resource);
        signal.addEventListener('abort', () => {
          open.delete(resource);
          reject(new Error('aborted'));
        });
      }),
  };
  return { api: api as unknown as ApiServer, open };
}

function live(api: ApiServer | undefined) {
  const registry = new Registry();
  provenance = createLiveProvenance({ api, registry, log: pino({ level: 'silent' }) });
  return { live: provenance, registry };
}

const SEEN = { atMs: expect.any(Number), goodForMs: Infinity };

it('watches what the rules need, follows them when they change, and lets all go in the end', async () => {
  const { api, open } = emptyCluster();
  const { live: found, registry } = live(api);
  found.follow(ruleset('provenance.mirrorPod'));
  expect([open.size, found.checks()]).toEqual([0, []]);
  found.follow(ruleset('provenance.owner.verified', 'kube-system'));
  expect(found.checks()).toEqual([
    {
      name: 'provenance',
      state: 'unknown',
      detail:
        '0 objects known of kube-system; not all yet, or not any more, of kube-system; the version of the API server is not known',
    },
  ]);
  await eventually('all are watched', () => open.size === 8);
  expect([...open].toSorted()).toEqual([
    '/api/v1/namespaces/kube-system/replicationcontrollers',
    '/api/v1/namespaces/kube-system/services',
    '/api/v1/nodes',
    '/apis/apps/v1/namespaces/kube-system/controllerrevisions',
    '/apis/apps/v1/namespaces/kube-system/daemonsets',
    '/apis/apps/v1/namespaces/kube-system/replicasets',
    '/apis/apps/v1/namespaces/kube-system/statefulsets',
    '/apis/batch/v1/namespaces/kube-system/jobs',
  ]);
  expect(found.checks()).toEqual([
    { name: 'provenance', state: 'ok', detail: '0 objects known of kube-system', seen: SEEN },
  ]);
  expect(await registry.metrics()).toContain('sigma_admission_provenance_objects{kind="DaemonSet"} 0');
  found.follow(ruleset('provenance.owner.verified'));
  await eventually(
    'those of every namespace are, and no others',
    () => open.size === 8 && open.has('/apis/batch/v1/jobs'),
  );
  expect(found.checks()).toEqual([
    { name: 'provenance', state: 'ok', detail: '0 objects known of every namespace', seen: SEEN },
  ]);
  found.follow(ruleset('provenance.mirrorPod'));
  expect([open.size, found.checks()]).toEqual([0, []]);
});

it('watches every namespace from the beginning where a rule names none', async () => {
  const { api, open } = emptyCluster();
  live(api).live.follow(ruleset('provenance.owner.verified'));
  await eventually('all are watched', () => open.size === 8);
  provenance?.close();
  expect(open.size).toBe(0);
});

it('says which right is missing where it may not list, and knows the rest', async () => {
  const { api, open } = emptyCluster();
  let isAllowed = false;
  const limited = {
    ...api,
    async get(path: string) {
      if (!isAllowed && /^\/apis\/(apps|batch)\/v1\/[a-z]+\?/.test(path))
        throw new ApiError(403, 'forbidden');
      return api.get(path);
    },
  } as ApiServer;
  const { live: found } = live(limited);
  found.follow(ruleset('provenance.owner.verified', 'kube-system', undefined));
  const detailOf = () => found.checks()[0]?.detail;
  await eventually('all that may be are watched, and the others were refused', () => {
    expect(open.size).toBe(7 + 3);
    expect(detailOf()).toBe(
      '0 objects known of every namespace, kube-system; not all yet, or not any more, of every namespace; ' +
        'not allowed to list and watch daemonsets.apps, replicasets.apps, jobs.batch, statefulsets.apps, ' +
        'controllerrevisions.apps in every namespace',
    );
    return true;
  });
  isAllowed = true;
  await eventually(
    'the right was given',
    () => detailOf() === '0 objects known of every namespace, kube-system',
    20_000,
  );
}, 30_000);

it('knows a controller’s name without a credential-id for no controller, though no rule asks for more than the creator', async () => {
  const { api } = emptyCluster();
  const { live: found } = live(api);
  found.follow(ruleset('provenance.creator', 'kube-system'));
  const impersonated = {
    ...{ operation: 'CREATE', namespace: 'kube-system', dryRun: false, uid: 'request', name: 'a' },
    requestResource: { group: '', version: 'v1', resource: 'pods' },
    userInfo: {
      username: 'system:serviceaccount:kube-system:daemon-set-controller',
      uid: 'uid-of-the-account',
      groups: ['system:serviceaccounts:kube-system'],
    },
    object: {},
  } as unknown as AdmissionRequest;
  await eventually('the version is known', async () => {
    const { creator } = await found.find(impersonated, Date.now() + 1000);
    return creator === 'impersonated-controller';
  });
  expect(found.checks()).toEqual([]);
});

it('asks nobody outside a cluster, and says so', () => {
  const { live: found } = live(undefined);
  found.follow(ruleset('provenance.owner.verified', 'kube-system'));
  expect(found.checks()).toEqual([
    {
      name: 'provenance',
      state: 'unknown',
      detail: 'unknown but for what a request itself shows: no cluster to ask',
    },
  ]);
});
