import type { TextSink } from '../../io/output.ts';
import { connectToCluster, type ApiServer } from '../../cluster/api-server.ts';
import { kubeconfigOf } from '../../cluster/kubeconfig.ts';
import { sendProbe } from '../../cluster/probe.ts';
import type { InstallCheckConfig } from '../../settings/types.ts';
import { readCallers } from './callers.ts';
import { checkCertificate } from './certificate.ts';
import { viewCluster, type ClusterView } from './cluster-view.ts';
import type { ServeSettings } from './serve-settings.ts';
import { checkConditions } from './conditions.ts';
import { checkConfiguration, checkOwner } from './configuration.ts';
import { checkCoverage } from './coverage.ts';
import { dialService } from './dial-service.ts';
import { checkExclusion } from './distribution.ts';
import { checkEntries } from './entries.ts';
import type { CheckFinding } from './finding.ts';
import { checkIdentities } from './identities.ts';
import { checkIfDown } from './if-down.ts';
import type { Version } from './objects.ts';
import { checkOtherWebhooks } from './other-webhooks.ts';
import { findingsText } from './findings-text.ts';
import { checkReachability } from './reachability.ts';
import { checkBreakGlass, checkMode, checkReplicas } from './replicas.ts';
import { askRights, checkRights, requiredRights } from './rights.ts';
import { checkVersion } from './version.ts';
import { SigmaError } from '../../sigma/read/errors.ts';

/** The streams and environment of the process. */
export interface InstallCheckSurroundings {
  readonly stdin: AsyncIterable<Buffer>;
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Checks an installation and changes nothing: all requests are reads, dry runs and access reviews. Returns the exit code:
 * 0; 1 if a check failed; 2 if the API server cannot be reached.
 */
export async function installCheck(
  config: InstallCheckConfig,
  surroundings: InstallCheckSurroundings,
): Promise<0 | 1 | 2> {
  const { stdout, stderr, env } = surroundings;
  let findings: readonly CheckFinding[];
  try {
    const api = await connectToCluster({ kubeconfig: kubeconfigOf(config.kubeconfig, env), env });
    const version = (await api.get('/version')) as Version;
    findings = await check(api, await viewCluster(api, namesOf(config), version), config, surroundings);
  } catch (error) {
    stderr.write(`sigma-admission install check: ${problemOf(error)}\n`);
    return 2;
  }
  const failed = findings.some(({ verdict }) => verdict === 'failed');
  stdout.write(
    config.format === 'json' ? `${JSON.stringify({ failed, findings }, null, 2)}\n` : findingsText(findings),
  );
  return failed ? 1 : 0;
}

async function check(
  api: ApiServer,
  view: ClusterView,
  { auditLogs, ...config }: InstallCheckConfig,
  { stdin }: InstallCheckSurroundings,
): Promise<readonly CheckFinding[]> {
  const { names, configuration, deployment, settings } = view;
  const isSentTo =
    configuration.kind === 'unknown' ||
    (configuration.kind === 'found' && (configuration.value.webhooks ?? []).length > 0);
  const outcome = isSentTo ? await sendProbe(api, names.namespace) : undefined;
  const dialled = await dialService(view);
  const rights = requiredRights(names, settings.kind === 'found' ? settings.value : SHIPPED);
  const answer = deployment.kind === 'missing' ? undefined : await askRights(api, names.namespace, rights);
  const callers =
    auditLogs.length === 0 ? undefined : await readCallers({ logs: auditLogs, stdin, ...config });
  return [
    checkVersion(view.version),
    checkConfiguration(view),
    ...checkEntries(view),
    ...checkCoverage(view),
    ...checkConditions(view),
    ...checkReachability(view, outcome),
    ...checkCertificate(view, outcome, dialled, Date.now()),
    checkReplicas(view),
    ...checkMode(view),
    ...checkBreakGlass(view),
    ...checkIfDown(view),
    ...checkRights(view, answer),
    ...checkOwner(view),
    ...checkExclusion(view),
    checkOtherWebhooks(view),
    ...checkIdentities(view, callers),
  ];
}

/** The replicas' as shipped, where they cannot be read. */
const SHIPPED: Pick<ServeSettings, 'manage' | 'secret'> = { manage: 'all', secret: 'sigma-admission-tls' };

function namesOf({ namespace, webhookConfiguration }: InstallCheckConfig) {
  return { namespace, configuration: webhookConfiguration };
}

/** The reason why the cluster could not be checked. A bug of ours is thrown on. */
function problemOf(error: unknown): string {
  if (error instanceof SigmaError) return `the rules cannot be loaded\n${error.message}`;
  if (error instanceof TypeError || error instanceof RangeError) throw error;
  return `the cluster cannot be asked: ${(error as Error).message}`;
}
