import { createHash } from 'node:crypto';
import type { Json } from '../../control-plane/api-client.ts';
import type { ControlPlane } from '../../control-plane/control-plane.ts';

/** The mirror pod that this node's kubelet would make of a static pod in kube-system; the Node must exist. */
export async function mirrorPod({ api }: ControlPlane, node: string, staticPod: string): Promise<Json> {
  const { body } = await api('GET', `/api/v1/nodes/${node}`);
  const { uid } = body['metadata'];
  const hash = createHash('md5').update(`${staticPod} on ${node}`).digest('hex');
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: 'kube-system',
      name: `${staticPod}-${node}`,
      annotations: {
        'kubernetes.io/config.hash': hash,
        'kubernetes.io/config.mirror': hash,
        'kubernetes.io/config.seen': new Date().toISOString(),
        'kubernetes.io/config.source': 'file',
      },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: node, uid, controller: true }],
    },
    spec: {
      nodeName: node,
      containers: [{ name: staticPod, image: 'registry.example/static:1' }],
      tolerations: [{ operator: 'Exists', effect: 'NoExecute' }],
    },
  };
}
