import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiOptions, Json } from '../control-plane/api-client.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { describeWithControlPlane } from './lib/describe-with-control-plane.ts';
import { eventually } from '../lib/eventually.ts';
import { startKubelets } from './lib/kubelet.ts';
import type { Kubelets } from './lib/kubelet.ts';
import { mirrorPod } from './lib/mirror-pod.ts';
import { nodeUser } from '../control-plane/user.ts';

const PODS = '/api/v1/namespaces/kube-system/pods';
const DAEMON_SET_CONTROLLER = 'system:serviceaccount:kube-system:daemon-set-controller';

describeWithControlPlane('The control plane', (controlPlane) => {
  const { api, kubectl } = controlPlane;

  it('lets an admin create a pod in kube-system and delete it', async () => {
    const created = await api('POST', PODS, { body: pod('smoke-admin') });
    const deleted = await api('DELETE', `${PODS}/smoke-admin`, { body: { gracePeriodSeconds: 0 } });
    const read = await api('GET', `${PODS}/smoke-admin`);
    expect([created.status, deleted.status, read.status]).toEqual([201, 200, 404]);
  });

  it('says through kubectl what a client is told', async () => {
    const outcome = await kubectl(['-n', 'kube-system', 'delete', 'pod', 'smoke-nobody'], {
      user: { name: 'alice', groups: ['dev'] },
    });
    expect(outcome).toEqual({
      stdout: '',
      stderr:
        'Error from server (Forbidden): pods "smoke-nobody" is forbidden: ' +
        'User "alice" cannot delete resource "pods" in API group "" in the namespace "kube-system"\n',
      exitCode: 1,
    });
  });

  it('gives kubectl an object to read', async () => {
    const { stdout, exitCode } = await kubectl(['create', '--dry-run=server', '-o', 'name', '-f', '-'], {
      input: pod('smoke-input'),
    });
    expect([stdout, exitCode]).toEqual(['pod/smoke-input\n', 0]);
  });

  it('gives the texts of warnings', async () => {
    const body = { ...pod('smoke-warning'), colour: 'blue' };
    const { status, warnings } = await api('POST', `${PODS}?dryRun=All&fieldValidation=Warn`, { body });
    expect([status, warnings]).toEqual([201, ['unknown field "colour"']]);
  });

  it('lets an admin act as somebody else', async () => {
    const userInfo = await whoAmI(controlPlane, { headers: { 'impersonate-user': DAEMON_SET_CONTROLLER } });
    expect(userInfo).toEqual({
      username: DAEMON_SET_CONTROLLER,
      groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
    });
  });

  it('writes the audit event of a request, with its object and who asked as whom', async () => {
    const from = controlPlane.auditLogSize();
    const { auditId } = await api('POST', `${PODS}?dryRun=All`, {
      body: pod('smoke-audited'),
      headers: { 'impersonate-user': 'alice', 'impersonate-group': 'system:masters' },
    });
    const event = await eventually('the event is logged', () =>
      controlPlane.auditEvents(from).find((logged) => logged.auditID === auditId),
    );
    expect(event).toMatchObject({
      level: 'Request',
      stage: 'ResponseComplete',
      verb: 'create',
      user: { username: 'admin', groups: ['system:masters', 'system:authenticated'] },
      impersonatedUser: { username: 'alice' },
      objectRef: { resource: 'pods', namespace: 'kube-system', name: 'smoke-audited' },
      requestObject: { kind: 'Pod' },
      responseStatus: { code: 201 },
    });
  });

  describe('with two nodes more', () => {
    let kubelets: Kubelets;
    beforeAll(async () => {
      kubelets = await startKubelets(controlPlane, ['smoke-a', 'smoke-ab']);
    });
    afterAll(() => kubelets.stop());

    it('lets a node create its mirror pod', async () => {
      const body = await mirrorPod(controlPlane, 'smoke-a', 'etcd');
      const created = await api('POST', PODS, { user: nodeUser('smoke-a'), body });
      expect([created.status, created.body['metadata'].name]).toEqual([201, 'etcd-smoke-a']);
    });

    it("refuses another node's mirror pod", async () => {
      const body = await mirrorPod(controlPlane, 'smoke-ab', 'etcd');
      const refused = await api('POST', PODS, { user: nodeUser('smoke-a'), body });
      expect([refused.status, refused.body['message']]).toEqual([
        403,
        'pods "etcd-smoke-ab" is forbidden: node "smoke-a" can only create pods with spec.nodeName set to itself',
      ]);
    });

    it('makes a pod on a node Running, and lets it go when it is deleted', async () => {
      await api('POST', PODS, { body: pod('smoke-bound', { nodeName: 'smoke-ab' }) });
      await eventually('it is Running', async () => {
        const { body } = await api('GET', `${PODS}/smoke-bound`);
        return body['status'].phase === 'Running';
      });
      const deleted = await kubectl(['-n', 'kube-system', 'delete', 'pod', 'smoke-bound', '--timeout=10s']);
      expect(deleted.exitCode).toBe(0);
    });
  });
});

describeWithControlPlane(
  'The controllers',
  (controlPlane) => {
    const { api, kubectl } = controlPlane;
    const namespace = 'smoke-controllers';
    beforeAll(async () => {
      await api('POST', '/api/v1/namespaces', { body: { metadata: { name: namespace } } });
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts/default`;
      await eventually('it takes pods', async () => (await api('GET', path)).status === 200);
    });
    afterAll(async () => {
      await api('DELETE', `/api/v1/namespaces/${namespace}`);
      await eventually('its pods are gone', async () => {
        const { body } = await api('GET', `/api/v1/namespaces/${namespace}/pods`);
        return body['items'].length === 0;
      });
    });

    it.each<{ kind: string; resource: string; spec: Json; pods: number; phase: string }>([
      {
        kind: 'DaemonSet',
        resource: 'apis/apps/v1/daemonsets',
        spec: { selector: selector('DaemonSet'), template: template('DaemonSet') },
        pods: 1,
        phase: 'Running',
      },
      {
        kind: 'Deployment',
        resource: 'apis/apps/v1/deployments',
        spec: { replicas: 2, selector: selector('Deployment'), template: template('Deployment') },
        pods: 2,
        phase: 'Running',
      },
      {
        kind: 'StatefulSet',
        resource: 'apis/apps/v1/statefulsets',
        spec: {
          replicas: 3,
          serviceName: 'none',
          selector: selector('StatefulSet'),
          template: template('StatefulSet'),
        },
        pods: 3,
        phase: 'Running',
      },
      {
        kind: 'ReplicationController',
        resource: 'api/v1/replicationcontrollers',
        spec: {
          replicas: 1,
          selector: { app: 'ReplicationController' },
          template: template('ReplicationController'),
        },
        pods: 1,
        phase: 'Running',
      },
      {
        kind: 'Job',
        resource: 'apis/batch/v1/jobs',
        spec: { template: template('Job', { restartPolicy: 'Never' }) },
        pods: 1,
        phase: 'Succeeded',
      },
    ])('bring up the pods of a $kind', async ({ kind, resource, spec, pods, phase }) => {
      const path = resource.replace(/\/(?=[^/]+$)/, `/namespaces/${namespace}/`);
      const body = { metadata: { name: kind.toLowerCase() }, spec };
      const created = await api('POST', `/${path}`, { body });
      expect(created.status).toBe(201);
      await eventually(`its pods are ${phase}`, async () => {
        const phases = await phasesOf(kind);
        expect(phases).toEqual(Array.from({ length: pods }, () => phase));
        return phases;
      });
    });

    it('complete the Job of a CronJob', async () => {
      const jobTemplate = { spec: { template: template('CronJob', { restartPolicy: 'Never' }) } };
      await api('POST', `/apis/batch/v1/namespaces/${namespace}/cronjobs`, {
        body: { metadata: { name: 'cronjob' }, spec: { schedule: '0 0 1 1 *', jobTemplate } },
      });
      await kubectl(['-n', namespace, 'create', 'job', 'once', '--from=cronjob/cronjob']);
      const waited = await kubectl([
        '-n',
        namespace,
        'wait',
        '--for=condition=Complete',
        'job/once',
        '--timeout=20s',
      ]);
      expect([waited.stdout, await phasesOf('CronJob')]).toEqual([
        'job.batch/once condition met\n',
        ['Succeeded'],
      ]);
    });

    it('roll a Deployment out to its end', async () => {
      const restarted = await kubectl(['-n', namespace, 'rollout', 'restart', 'deployment/deployment']);
      const done = await kubectl([
        '-n',
        namespace,
        'rollout',
        'status',
        'deployment/deployment',
        '--timeout=20s',
      ]);
      expect([restarted.exitCode, done.exitCode]).toEqual([0, 0]);
    });

    it('have identities whose tokens work, bound to a pod or to nothing', async () => {
      const serviceAccount = 'daemon-set-controller';
      const created = await api('POST', PODS, { body: pod('smoke-thief', { serviceAccount }) });
      const { name, uid } = created.body['metadata'];
      const boundTo = { apiVersion: 'v1', kind: 'Pod', name, uid };
      const unbound = await bearerOf(serviceAccount);
      const bound = await bearerOf(serviceAccount, boundTo);
      await api('DELETE', `${PODS}/${name}`, { body: { gracePeriodSeconds: 0 } });
      expect(unbound).toEqual({
        username: DAEMON_SET_CONTROLLER,
        uid: expect.any(String),
        groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
        extra: { 'authentication.kubernetes.io/credential-id': [expect.stringMatching(/^JTI=/)] },
      });
      expect(bound).toMatchObject({
        username: DAEMON_SET_CONTROLLER,
        uid: unbound['uid'],
        extra: { 'authentication.kubernetes.io/pod-name': ['smoke-thief'] },
      });
    });

    /** Who its bearer is. */
    async function bearerOf(serviceAccount: string, boundTo?: Json): Promise<Json> {
      const token = await controlPlane.createToken('kube-system', serviceAccount, boundTo);
      return whoAmI(controlPlane, { user: { token } });
    }

    async function phasesOf(app: string): Promise<string[]> {
      const { body } = await api('GET', `/api/v1/namespaces/${namespace}/pods?labelSelector=app=${app}`);
      return body['items'].map((each: Json) => each['status'].phase);
    }
  },
  ['kube-controller-manager', 'kube-scheduler'],
);

function template(name: string, spec: Json = {}): Json {
  return { metadata: { labels: { app: name } }, spec: { ...pod(name)['spec'], ...spec } };
}

function selector(name: string): Json {
  return { matchLabels: { app: name } };
}

function pod(name: string, spec: Json = {}): Json {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'kube-system' },
    spec: { containers: [{ name: 'c', image: 'registry.example/smoke:1' }], ...spec },
  };
}

async function whoAmI({ api }: ControlPlane, options: ApiOptions): Promise<Json> {
  const { body } = await api('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    ...options,
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
  });
  return body['status'].userInfo;
}
