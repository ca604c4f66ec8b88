import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DecisionRecord } from '../../src/records/decision-record.ts';
import { parseSigma } from '../../src/sigma/read/load.ts';
import { corpusFiles, corpusText, describeWithCorpus } from '../corpus.ts';
import type { Json } from '../control-plane/api-client.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { describeWithControlPlane } from './lib/describe-with-control-plane.ts';
import { eventually } from '../lib/eventually.ts';
import { pod, startWebhook, type Webhook } from './lib/webhook.ts';

/** The sixteen rules, by what differs of their names, with their ids and titles. */
const RULES = Object.fromEntries(
  corpusFiles('sigma-rules', '.yml').flatMap((file) =>
    parseSigma(file, corpusText(file)).rules.map((rule) => [
      shortName(file),
      { ...rule, text: corpusText(file) },
    ]),
  ),
);

function shortName(file: string): string {
  return basename(file, '.yml').replace('kubernetes_audit_', '');
}

const IN_DEFAULT = '/api/v1/namespaces/default';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';

const deployment: Json = {
  metadata: { name: 'watched' },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: 'watched' } },
    template: {
      metadata: { labels: { app: 'watched' } },
      spec: { containers: [{ name: 'c', image: 'busybox:1' }] },
    },
  },
};
const job = {
  template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox:1' }] } },
};

/** What makes each rule fire that can be decided: a request, and the audit verbs it is caught as. */
const FIRING: readonly {
  rule: string;
  verb: string;
  request: readonly [method: string, path: string, body?: Json];
}[] = [
  {
    rule: 'cronjob_modification',
    verb: 'create',
    request: [
      'POST',
      '/apis/batch/v1/namespaces/default/cronjobs',
      { metadata: { name: 'nightly' }, spec: { schedule: '0 0 * * *', jobTemplate: { spec: job } } },
    ],
  },
  { rule: 'deployment_deleted', verb: 'delete', request: ['DELETE', `${DEPLOYMENTS}/watched`] },
  {
    rule: 'exec_into_container',
    verb: 'create',
    request: ['GET', `${IN_DEFAULT}/pods/watched/exec?command=id`],
  },
  {
    rule: 'hostpath_mount',
    verb: 'create',
    request: [
      'POST',
      `${IN_DEFAULT}/pods`,
      pod('host', 'default', { spec: { volumes: [{ name: 'h', hostPath: { path: '/' } }] } }),
    ],
  },
  {
    rule: 'pod_in_system_namespace',
    verb: 'create',
    request: ['POST', '/api/v1/namespaces/kube-system/pods', pod('kube-proxy-bv61v', 'kube-system')],
  },
  {
    rule: 'privileged_pod_creation',
    verb: 'create',
    request: [
      'POST',
      `${IN_DEFAULT}/pods`,
      pod('capable', 'default', {
        spec: {
          initContainers: [
            { name: 'i', image: 'busybox:1', securityContext: { capabilities: { add: ['SYS_ADMIN'] } } },
          ],
        },
      }),
    ],
  },
  {
    rule: 'rolebinding_modification',
    verb: 'create',
    request: [
      'POST',
      `${RBAC}/clusterrolebindings`,
      {
        metadata: { name: 'backdoor' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'mallory' }],
      },
    ],
  },
  {
    rule: 'secrets_modified_or_deleted',
    verb: 'create',
    request: [
      'POST',
      `${IN_DEFAULT}/secrets`,
      { metadata: { name: 'hidden' }, stringData: { password: 'hunter2' } },
    ],
  },
  {
    rule: 'serviceaccount_creation',
    verb: 'create',
    request: ['POST', `${IN_DEFAULT}/serviceaccounts`, { metadata: { name: 'robot' } }],
  },
  {
    rule: 'sidecar_injection',
    verb: 'patch',
    request: ['PATCH', `${DEPLOYMENTS}/watched`, { spec: { replicas: 0, paused: true } }],
  },
];

const OFF: Readonly<Record<string, string>> = {
  change_admission_controller:
    'never-subscribed: a webhook must not or cannot receive mutatingwebhookconfigurations, validatingwebhookconfigurations',
  events_deleted: 'never-subscribed: a webhook must not or cannot receive events',
  potential_enumeration_activity: 'dead: responseStatus.code is an integer in every audit event',
  rbac_permisions_listing: 'never-subscribed: a webhook must not or cannot receive selfsubjectrulesreviews',
  secrets_enumeration: 'offline-only: reads never reach admission',
  unauthorized_unauthenticated_actions: 'offline-only: serve never shows responseStatus.code',
};

const CONFIGURATION = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/sigmahq';

/** Two entries for whatever the rules are about; nobody is let by. */
async function register({ api }: ControlPlane, { url, authorityPem }: Webhook): Promise<void> {
  const entry = (
    name: string,
    rules: readonly (readonly [group: string, resources: string[], operations: string[]])[],
  ) => ({
    name: `${name}.sigmahq.svc`,
    clientConfig: { url: `${url}/${name}`, caBundle: Buffer.from(authorityPem).toString('base64') },
    rules: rules.map(([group, resources, operations]) => ({
      apiGroups: [group],
      apiVersions: ['*'],
      operations,
      resources,
    })),
    failurePolicy: 'Ignore',
    sideEffects: 'NoneOnDryRun',
    admissionReviewVersions: ['v1'],
    timeoutSeconds: 3,
  });
  const webhooks = [
    entry('guard', [['', ['pods'], ['CREATE']]]),
    entry('other', [
      ['batch', ['cronjobs', 'jobs'], ['*']],
      ['apps', ['deployments'], ['*']],
      ['rbac.authorization.k8s.io', ['rolebindings', 'clusterrolebindings'], ['*']],
      ['', ['secrets', 'serviceaccounts'], ['*']],
      ['', ['pods/exec'], ['CONNECT']],
    ]),
  ];
  const { status, body } = await api('POST', CONFIGURATION.replace(/\/sigmahq$/, ''), {
    body: { metadata: { name: 'sigmahq' }, webhooks },
  });
  if (status !== 201) throw new Error(JSON.stringify(body));
}

describeWithCorpus('SigmaHQ’s rules beside ours', () => {
  describeWithControlPlane('on a real API server', (controlPlane) => {
    let directory: string;
    let webhook: Webhook;

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'sigma-admission-sigmahq-'));
      for (const [name, { text }] of Object.entries(RULES))
        writeFileSync(join(directory, `${name}.yml`), text);
      webhook = await startWebhook('warn', [], ['rules', directory]);
      await register(controlPlane, webhook);
      await eventually('both entries are asked', async () => {
        const name = `sentinel-${Math.random().toString(36).slice(2)}`;
        await send(['POST', `${IN_DEFAULT}/secrets`, { metadata: { name } }], true);
        await send(['POST', `${IN_DEFAULT}/pods`, pod(name, 'default')], true);
        return webhook.records.filter((record) => record.name === name).length === 2;
      });
      await send(['POST', DEPLOYMENTS, deployment], false);
      await send(['POST', `${IN_DEFAULT}/pods`, pod('watched', 'default')], false);
    });
    afterAll(async () => {
      await controlPlane.api('DELETE', CONFIGURATION);
      await controlPlane.api('DELETE', `${DEPLOYMENTS}/watched`);
      await controlPlane.api('DELETE', `${IN_DEFAULT}/pods/watched?gracePeriodSeconds=0`);
      await webhook.stop();
      rmSync(directory, { recursive: true });
    });

    /** Dry, so that every request can be sent again; but nothing is dry about a connection. */
    function send([method, path, body]: (typeof FIRING)[number]['request'], isDryRun: boolean) {
      const options = isDryRun && !path.includes('?') ? '?dryRun=All' : '';
      return controlPlane.api(method, `${path}${options}`, body === undefined ? {} : { body });
    }

    it('are sixteen, of which ten fire here', () => {
      expect([...FIRING.map(({ rule }) => rule), ...Object.keys(OFF)].toSorted()).toEqual(
        Object.keys(RULES).toSorted(),
      );
      expect(Object.keys(RULES)).toHaveLength(16);
    });

    it('that cannot fire are off, and the log of the start says why', () => {
      const line = webhook.log.find((each) => each.includes('"msg":"rules loaded"')) ?? '{}';
      const { off } = JSON.parse(line) as { off: readonly string[] };
      expect(off.toSorted()).toEqual(
        Object.entries(OFF)
          .map(([name, why]) => `${RULES[name]?.title}: ${why}`)
          .toSorted(),
      );
    });

    it('of which one is ours too, are loaded once', () => {
      const warnings = webhook.log.filter((line) => line.includes('"duplicate-document"'));
      expect(warnings).toEqual([expect.stringContaining('it is loaded once')]);
      expect(warnings[0]).toContain(RULES['pod_in_system_namespace']?.id);
    });

    it.each(FIRING)(
      '$rule fires as $verb, and the client is warned',
      async ({ rule: name, verb, request }) => {
        const { id = '', title = '' } = RULES[name] ?? {};
        const before = webhook.records.length;
        const { warnings } = await send(request, true);
        const match = await eventually(`a record of ${name}`, () =>
          webhook.records
            .slice(before)
            .flatMap(({ matches }) => matches)
            .find((each) => each.id === id),
        );
        expect(match).toMatchObject({ id, title, mode: 'warn', verb } satisfies Partial<
          DecisionRecord['matches'][number]
        >);
        expect(match.evidence.length).toBeGreaterThan(0);
        expect(warnings).toEqual(
          expect.arrayContaining([expect.stringContaining(`(Sigma ${id.slice(0, 8)}, `)]),
        );
      },
    );

    it('never show what is in a Secret', () => {
      expect(JSON.stringify(webhook.records)).not.toMatch(/hunter2|aHVudGVyMg/);
      expect(webhook.log.join()).not.toMatch(/hunter2|aHVudGVyMg/);
    });
  });
});
