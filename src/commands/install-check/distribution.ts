import type { Distribution } from '../../registration/identities.ts';
import type { ClusterView } from './cluster-view.ts';
import { fail, ok, type CheckFinding } from './finding.ts';
import { notRead } from './object-read.ts';
import type { Node } from './objects.ts';

/** A distribution, and the version or label that it was recognized by. */
export interface Recognized {
  readonly distribution: Distribution;
  readonly by: string;
}

const VERSIONS = [
  [/-gke\./, 'gke'],
  [/-eks-/, 'eks'],
  [/\+k3s/, 'k3s'],
  [/\+rke2/, 'rke2'],
] as const;

const LABELS: readonly (readonly [string, Distribution])[] = [
  ['kubernetes.azure.com/', 'aks'],
  ['cloud.google.com/gke-', 'gke'],
  ['eks.amazonaws.com/', 'eks'],
  ['kops.k8s.io/', 'kops'],
];

/** The distribution of the cluster, if its version or nodes show it. */
export function recognize({
  version,
  nodes,
}: Pick<ClusterView, 'version' | 'nodes'>): Recognized | undefined {
  const { gitVersion } = version;
  const known = VERSIONS.find(([pattern]) => pattern.test(gitVersion));
  if (known !== undefined) return { distribution: known[1], by: `version ${gitVersion}` };
  for (const node of nodes.kind === 'found' ? nodes.value.items : []) {
    const found = recognizeNode(node);
    if (found !== undefined) return found;
  }
  return undefined;
}

function recognizeNode({ metadata: { name, labels = {} }, status }: Node): Recognized | undefined {
  for (const label of Object.keys(labels)) {
    const known = LABELS.find(([prefix]) => label.startsWith(prefix));
    if (known !== undefined) return { distribution: known[1], by: `the label ${label} of node ${name}` };
  }
  return status?.nodeInfo?.osImage?.startsWith('Talos') === true
    ? { distribution: 'talos', by: `the system of node ${name}` }
    : undefined;
}

const CHECK = 'exclusion';
const LABEL = 'admissions.enforcer/disabled';

/** Whether the distribution excludes kube-system from webhooks: AKS does, unless a label says not to; GKE only warns. */
export function checkExclusion(view: ClusterView): readonly CheckFinding[] {
  const { configuration, nodes, names } = view;
  if (configuration.kind !== 'found') return [];
  const { labels = {}, annotations = {} } = configuration.value.metadata;
  const isOptedOut = labels[LABEL] === 'true' || annotations[LABEL] === 'true';
  const recognized = recognize(view);
  const command = `kubectl label validatingwebhookconfiguration ${names.configuration} ${LABEL}=true`;
  switch (recognized?.distribution) {
    case 'aks':
      return isOptedOut
        ? [ok(CHECK, `AKS (${recognized.by}) is told by label to leave kube-system to us`)]
        : [
            fail(CHECK, `AKS (${recognized.by}) silently keeps kube-system from us`, {
              fix: 'label our configuration',
              command,
            }),
          ];
    case 'gke':
      return [
        ok(
          CHECK,
          `GKE (${recognized.by}) keeps nothing from us; it may show the insights K8S_ADMISSION_WEBHOOK_UNSAFE and _UNAVAILABLE, which are warnings`,
        ),
      ];
    default:
      if (isOptedOut || recognized !== undefined)
        return [ok(CHECK, 'no distribution keeps kube-system from us')];
      if (nodes.kind === 'unknown')
        return [
          notRead(CHECK, 'whether this is AKS, which would keep kube-system from us', {
            ...nodes,
            fix: `label our configuration ${LABEL}=true, or ${nodes.fix}`,
          }),
        ];
      return [ok(CHECK, `not AKS, which would keep kube-system from us without the label ${LABEL}`)];
  }
}
