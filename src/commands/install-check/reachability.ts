import type { ProbeOutcome } from '../../registration/probe-outcome.ts';
import { OURS, ourEntries, type ClusterView } from './cluster-view.ts';
import { shortName } from '../../registration/entry-name.ts';
import { fail, ok, unknown, type CheckFinding, type Fix } from './finding.ts';
import { allow } from './object-read.ts';
import type { Deployment, Service } from './objects.ts';

const CHECK = 'reachability';

/** Whether the API server reaches us, by the outcome of a probe; no finding where nothing is registered. */
export function checkReachability(
  view: ClusterView,
  outcome: ProbeOutcome | undefined,
): readonly CheckFinding[] {
  if (outcome === undefined) return [];
  const isTold = !['answered', 'not-allowed', 'not-registered'].includes(outcome.kind);
  const found = `${WORDS[outcome.kind]}${isTold ? `: ${outcome.detail}` : ''}`;
  if (outcome.kind === 'answered') return [ok(CHECK, found)];
  const result = outcome.kind === 'not-allowed' ? unknown : fail;
  return [result(CHECK, found, fixOf(outcome.kind, view))];
}

const WORDS: Readonly<Record<ProbeOutcome['kind'], string>> = {
  answered: 'a probe went through the API server to us and came back',
  refused: 'the connection of the API server to our Service is refused',
  'timed-out': 'the API server gets no answer from us in time',
  certificate: 'TLS between the API server and us fails',
  'no-endpoints': 'the API server finds no endpoint for our Service',
  'not-registered': 'the API server did not call our webhook',
  'not-allowed': 'not allowed to probe',
  other: 'the probe did not come back',
};

function fixOf(kind: Exclude<ProbeOutcome['kind'], 'answered'>, view: ClusterView): Fix {
  const { namespace } = view.names;
  const replicas = `-n ${namespace} -l app.kubernetes.io/name=${OURS}`;
  const pods = `kubectl get pods ${replicas}`;
  const port = targetPort(view);
  switch (kind) {
    case 'refused':
      return {
        fix: `see that replicas run and are ready; if they are, a firewall or network policy rejects TCP ${port} from the control plane`,
        command: pods,
      };
    case 'timed-out':
      return {
        fix: `let the control plane reach our pods on TCP ${port}: private GKE needs a firewall rule for it, EKS the security groups of nodes and pods; if it may, see whether replicas hang`,
        command: pods,
      };
    case 'certificate':
      return {
        fix: 'running replicas put the right caBundle in within seconds, unless --manage is none: see `certificate`, `rights` and their log',
        command: `kubectl logs ${replicas}`,
      };
    case 'no-endpoints':
      return {
        fix: `see that the Service ${OURS} exists, and that the replicas it selects run and are ready`,
        command: pods,
      };
    case 'not-registered':
      return { fix: whyNotAsked(view) };
    case 'not-allowed':
      return { fix: allow(`create configmaps -n ${namespace} (a dry run)`) };
    case 'other':
      if (isBeingDeleted(view))
        return { fix: `namespace ${namespace} is being deleted: install again when it is gone` };
      return { fix: 'see what the replicas log', command: `kubectl logs ${replicas}` };
  }
}

function isBeingDeleted({ namespace }: ClusterView): boolean {
  return namespace.kind === 'found' && namespace.value.metadata.deletionTimestamp !== undefined;
}

function whyNotAsked(view: ClusterView): string {
  const probe = ourEntries(view).find(({ name }) => shortName(name) === 'probe');
  if (view.configuration.kind === 'found' && probe === undefined)
    return 'the entry `probe` is missing: apply the manifests again';
  if (probe !== undefined && probe.failurePolicy !== 'Fail')
    return 'the entry `probe` is Ignore (by break-glass, perhaps), so it fails open: see `if-down` and the log of the replicas';
  return 'the API server notices a new entry within seconds: try again; then see that no ConfigMap has the name of the probe, and what `entries` says of `probe`';
}

/** The port that pods listen on, which a firewall must let through. */
function targetPort({ service, deployment }: ClusterView): string {
  const ports = service.kind === 'found' ? (service.value.spec.ports ?? []) : [];
  const { targetPort: target = HTTPS_PORT } = portOf(ports) ?? {};
  if (typeof target === 'number') return String(target);
  return String(deployment.kind === 'found' ? (containerPort(deployment.value, target) ?? target) : target);
}

const HTTPS_PORT = 8443;

function portOf(ports: NonNullable<Service['spec']['ports']>) {
  return ports.find(({ name }) => name === 'https') ?? ports[0];
}

function containerPort({ spec }: Deployment, named: string): number | undefined {
  return spec.template.spec.containers.flatMap(({ ports = [] }) => ports).find(({ name }) => name === named)
    ?.containerPort;
}
