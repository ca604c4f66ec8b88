import { setTimeout as delay } from 'node:timers/promises';
import type { Json, WatchEvent } from '../../control-plane/api-client.ts';
import type { ControlPlane } from '../../control-plane/control-plane.ts';
import { nodeUser } from '../../control-plane/user.ts';

/** The kubelets of some nodes, as far as the API can see them. */
export interface Kubelets {
  readonly nodes: readonly string[];
  /** Stops them, and removes their nodes and the pods on these. A second call does nothing more. */
  stop(): Promise<void>;
}

const REOPEN_MS = 100;
const PODS_PER_NODE = '500';

/**
 * Stands in for the kubelets of these nodes, with each node's own identity: registers the Node, says that its pods are
 * Running and Ready (a Job's pods: Succeeded), and confirms deletions. Nothing runs.
 */
export async function startKubelets(controlPlane: ControlPlane, nodes: readonly string[]): Promise<Kubelets> {
  const stopping = new AbortController();
  await Promise.all(nodes.map((node) => registerNode(controlPlane, node)));
  const running = nodes.map((node) => tendPods(controlPlane, node, stopping.signal));
  let stopped: Promise<void> | undefined;

  async function stop(): Promise<void> {
    stopping.abort();
    await Promise.all(running);
    await Promise.all(nodes.map((node) => removeNode(controlPlane, node)));
  }

  return { nodes, stop: () => (stopped ??= stop()) };
}

/** Without allocatable and a Ready condition the scheduler binds nothing to a node, nor with the taint it is born with. */
async function registerNode({ api }: ControlPlane, node: string): Promise<void> {
  const room = { cpu: '64', memory: '256Gi', 'ephemeral-storage': '1Ti', pods: PODS_PER_NODE };
  const metadata = {
    name: node,
    labels: { 'kubernetes.io/hostname': node, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' },
  };
  const status = {
    capacity: room,
    allocatable: room,
    addresses: [{ type: 'Hostname', address: node }],
    conditions: [
      { ...condition('Ready', 'True', 'KubeletReady'), lastHeartbeatTime: new Date().toISOString() },
    ],
  };
  const body = { apiVersion: 'v1', kind: 'Node', metadata, status };
  const created = await api('POST', '/api/v1/nodes', { user: nodeUser(node), body });
  if (created.status === 409) await api('PATCH', `/api/v1/nodes/${node}/status`, { body: { status } });
  else if (created.status !== 201) throw new Error(`node ${node}: ${created.body['message']}`);
  // The node lifecycle controller would take the taint away; no node may do so itself.
  await api('PATCH', `/api/v1/nodes/${node}`, { body: { spec: { taints: null } } });
}

/** A watch without a resourceVersion begins with what there is, so a new one also makes up for what the last one lost. */
async function tendPods(controlPlane: ControlPlane, node: string, signal: AbortSignal): Promise<void> {
  const user = nodeUser(node);
  const onEvent = ({ type, object: pod }: WatchEvent) => {
    if (type === 'ADDED' || type === 'MODIFIED') tend(controlPlane, node, pod).catch(ignoreUnreachable);
  };
  while (!signal.aborted) {
    await controlPlane
      .watch(`/api/v1/pods?fieldSelector=spec.nodeName=${node}`, onEvent, { user, signal })
      .catch(ignoreUnreachable);
    await delay(REOPEN_MS, undefined, { signal }).catch(ignoreUnreachable);
  }
}

/** The next watch begins again with every pod. */
function ignoreUnreachable(): void {}

async function tend({ api }: ControlPlane, node: string, pod: Json): Promise<void> {
  const { namespace, name, uid, deletionTimestamp } = pod['metadata'];
  const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
  if (deletionTimestamp !== undefined) {
    const body = { gracePeriodSeconds: 0, preconditions: { uid } };
    await api('DELETE', path, { user: nodeUser(node), body });
  } else if (pod['status'].phase === 'Pending') {
    const body = { metadata: { uid }, status: statusOf(pod) };
    const contentType = 'application/strategic-merge-patch+json';
    await api('PATCH', `${path}/status`, { user: nodeUser(node), body, contentType });
  }
}

function statusOf(pod: Json): Json {
  const isJobs = (pod['metadata'].ownerReferences ?? []).some((owner: Json) => owner['kind'] === 'Job');
  const startedAt = new Date().toISOString();
  const ready = isJobs ? 'False' : 'True';
  const state = isJobs
    ? { terminated: { exitCode: 0, reason: 'Completed', startedAt, finishedAt: startedAt } }
    : { running: { startedAt } };
  return {
    phase: isJobs ? 'Succeeded' : 'Running',
    startTime: startedAt,
    podIP: '10.244.0.2',
    podIPs: [{ ip: '10.244.0.2' }],
    conditions: [
      condition('Initialized', 'True'),
      condition('Ready', ready),
      condition('ContainersReady', ready),
    ],
    containerStatuses: pod['spec'].containers.map(({ name, image }: Json) => ({
      name,
      image,
      imageID: image,
      ready: !isJobs,
      restartCount: 0,
      state,
    })),
  };
}

function condition(type: string, status: string, reason?: string): Json {
  return { type, status, lastTransitionTime: new Date().toISOString(), ...(reason && { reason }) };
}

async function removeNode({ api }: ControlPlane, node: string): Promise<void> {
  const { body } = await api('GET', `/api/v1/pods?fieldSelector=spec.nodeName=${node}`);
  await api('DELETE', `/api/v1/nodes/${node}`);
  const pods = body['items'].map(({ metadata: { namespace, name } }: Json) =>
    api('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}`, { body: { gracePeriodSeconds: 0 } }),
  );
  await Promise.all(pods);
}
