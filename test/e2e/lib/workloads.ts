import type { Json } from '../../control-plane/api-client.ts';
import type { ControlPlane } from '../../control-plane/control-plane.ts';
import { eventually } from '../../lib/eventually.ts';

const LABELS = { app: 'sigma-e2e' };
const TEMPLATE = {
  metadata: { labels: LABELS },
  spec: { containers: [{ name: 'c', image: 'busybox:1' }] },
};
const JOB = { template: { ...TEMPLATE, spec: { ...TEMPLATE.spec, restartPolicy: 'Never' } } };
const selector = { matchLabels: LABELS };

/** One workload of each kind that makes pods, in kube-system; how many pods each makes; and where it is. */
const WORKLOADS: readonly { readonly path: string; readonly pods: number; readonly object: Json }[] = [
  {
    path: 'apis/apps/v1/namespaces/kube-system/daemonsets',
    pods: 1,
    object: { metadata: { name: 'e2e-ds' }, spec: { selector, template: TEMPLATE } },
  },
  {
    path: 'apis/apps/v1/namespaces/kube-system/deployments',
    pods: 2,
    object: { metadata: { name: 'e2e-deploy' }, spec: { replicas: 2, selector, template: TEMPLATE } },
  },
  {
    path: 'apis/apps/v1/namespaces/kube-system/statefulsets',
    pods: 3,
    object: {
      metadata: { name: 'e2e-sts' },
      spec: { serviceName: 'e2e', replicas: 3, selector, template: TEMPLATE },
    },
  },
  {
    path: 'apis/batch/v1/namespaces/kube-system/jobs',
    pods: 1,
    object: { metadata: { name: 'e2e-job' }, spec: JOB },
  },
  {
    path: 'api/v1/namespaces/kube-system/replicationcontrollers',
    pods: 1,
    object: { metadata: { name: 'e2e-rc' }, spec: { replicas: 1, selector: LABELS, template: TEMPLATE } },
  },
  {
    path: 'apis/batch/v1/namespaces/kube-system/cronjobs',
    pods: 1,
    object: { metadata: { name: 'e2e-cron' }, spec: { schedule: '0 0 1 1 *', jobTemplate: { spec: JOB } } },
  },
];

/** Makes them all, runs the CronJob once, waits until every pod has come up, and removes them again. Returns how many came. */
export async function bringUpWorkloads(controlPlane: ControlPlane): Promise<number> {
  const { api, kubectl } = controlPlane;
  for (const { path, object } of WORKLOADS) {
    const { status, body } = await api('POST', `/${path}`, { body: labelled(object) });
    if (status !== 201) throw new Error(`${path}: ${body['message']}`);
  }
  await kubectl(['-n', 'kube-system', 'create', 'job', 'e2e-cron-once', '--from=cronjob/e2e-cron']);
  const expected = WORKLOADS.reduce((sum, { pods }) => sum + pods, 0);
  const listPods = async () =>
    (await api('GET', '/api/v1/namespaces/kube-system/pods')).body['items'] as Json[];
  const ours = (pod: Json) => String(pod['metadata'].name).startsWith('e2e-');
  try {
    return await eventually(
      `${expected} pods are up`,
      async () => {
        const up = (await listPods())
          .filter(ours)
          .filter((pod) => ['Running', 'Succeeded'].includes(pod['status'].phase));
        return new Set(up.map((pod) => pod['metadata'].name)).size >= expected && up.length;
      },
      40_000,
    );
  } finally {
    await kubectl(['-n', 'kube-system', 'delete', 'job', 'e2e-cron-once', '--wait=false']);
    for (const { path, object } of WORKLOADS) {
      await api('DELETE', `/${path}/${object['metadata'].name}?propagationPolicy=Background`);
    }
    await eventually('their pods are gone', async () => !(await listPods()).some(ours), 40_000);
  }
}

/** Each workload selects its own pods only. */
function labelled(object: Json): Json {
  return JSON.parse(JSON.stringify(object).replaceAll('"sigma-e2e"', `"${object['metadata'].name}"`)) as Json;
}
