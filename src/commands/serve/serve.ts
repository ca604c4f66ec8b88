import { join } from 'node:path';
import { pino, type Logger } from 'pino';
import { connectToCluster } from '../../cluster/api-server.ts';
import { ownSettings } from '../../settings/own-settings.ts';
import type { Sources } from '../../settings/read-settings.ts';
import type { Config } from '../../settings/types.ts';
import { timeoutSecondsOf } from '../../registration/webhook-configuration.ts';
import { formatCoverage, type Coverage } from '../../registration/coverage.ts';
import { startClusterControllers, type ClusterControllers } from './cluster-controllers.ts';
import { createLiveProvenance } from './live-provenance.ts';
import { onlyByRuleId } from '../../policy/mode.ts';
import { createProbe } from '../../webhook/probe.ts';
import { createJsonLinesRecorder } from '../../records/json-lines.ts';
import { createLineQueue, type LineQueue } from '../../records/line-queue.ts';
import { createMetrics, type Metrics } from '../../records/metrics.ts';
import { union } from '../../records/recorder.ts';
import { createServingCoverage, logCoverage } from './serving-coverage.ts';
import { createOwnChanges } from './own-changes.ts';
import { createReviewer } from '../../webhook/review.ts';
import { followFilterExpiry } from './filter-expiry.ts';
import { createSelfReview } from '../../webhook/self-review.ts';
import { createServer } from '../../webhook/server.ts';
import { certificateCheck, createServingCertificates } from './serving-certificates.ts';
import { createServingRules } from './serving-rules.ts';
import { warmUp } from './warm-up.ts';
import { createLimit } from '../../io/limit.ts';
import { DeadlineExceeded } from '../../webhook/refusal.ts';
import { createClientAuthority } from '../../webhook/client-authority.ts';

/** The process's streams: decision records go to `stdoutFd`, the log and the greeting to `stderrFd`. */
export interface ServeSurroundings {
  /** package.json's. */
  readonly version: string;
  readonly stdoutFd: number;
  readonly stderrFd: number;
  /** Where `config` was said: what a change of our Deployment or settings file lowers is told by it. */
  readonly sources: Sources;
  /** Prints commands to try; absent in a cluster. */
  readonly greet?: ((text: string) => void) | undefined;
  /** Resolves when the process is asked to stop. */
  readonly stopped: Promise<void>;
}

/** Runs the webhook until it is asked to stop; resolves when the last answer is out. */
export async function serve(
  config: Config,
  { version, stdoutFd, stderrFd, ...surroundings }: ServeSurroundings,
): Promise<void> {
  const metrics = createMetrics(version);
  const logLines = createLineQueue(stderrFd, {
    maxBytes: MAX_LOG_BYTES,
    onDrop: () => metrics.logDropped.inc(),
  });
  const log = pino(
    { level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    logLines,
  );
  const records = createLineQueue(stdoutFd, {
    maxBytes: MAX_RECORD_BYTES,
    onDrop: () => metrics.dropped.inc(),
    onFailure: (error) => log.error(error, 'decision records cannot be written'),
  });
  try {
    await serveUntilStopped(config, { ...surroundings, log, metrics, records });
  } finally {
    await Promise.all([records.close(), logLines.close()]);
  }
}

/** What may wait to be written while its reader stalls, of decision records and of our own log. */
const MAX_RECORD_BYTES = 16 * 1024 * 1024;
const MAX_LOG_BYTES = 1024 * 1024;

interface Kept extends Pick<ServeSurroundings, 'sources' | 'greet' | 'stopped'> {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly records: LineQueue;
}

async function serveUntilStopped(
  config: Config,
  { sources, greet, stopped, log, metrics, records }: Kept,
): Promise<void> {
  const lines = createJsonLinesRecorder(records);
  const api = asksCluster(config)
    ? await connectToCluster({ kubeconfig: config.kubeconfig, env: sources.env })
    : undefined;
  const provenance = createLiveProvenance({ api, registry: metrics.registry, log });
  let controllers: ClusterControllers | undefined;
  let toldUnknown = '';
  const coverage = createServingCoverage({
    modes: config.modes,
    onChange(found) {
      metrics.observeCoverage(found);
      logCoverage(found, log);
      const unknown = unknownIds(found);
      if (controllers === undefined || unknown === toldUnknown) return;
      if (unknown !== '') controllers.recordEvent('UnknownRule', 'Loading', unknown);
      toldUnknown = unknown;
    },
  });
  const stopping = new AbortController();
  void stopped.then(() => stopping.abort());
  const begun = await Promise.all([
    createServingRules(config, {
      log,
      metrics,
      onLoad(ruleset) {
        provenance.follow(ruleset);
        coverage.loaded(ruleset);
      },
    }),
    loadClientAuthority(config, log),
    createServingCertificates(config, {
      api,
      log,
      signal: stopping.signal,
      onChange({ kind, why }) {
        metrics.certificateChanges.inc({ kind });
        if (kind === 'restored') controllers?.recordEvent('CertificateRestored', 'Restoring', why);
      },
    }),
  ]).catch((error: unknown) => {
    if (!stopping.signal.aborted || error !== stopping.signal.reason) throw error;
  });
  if (begun === undefined) {
    provenance.close();
    log.info('stopped before the first certificate');
    return;
  }
  const [rules, clientAuthority, certificates] = begun;
  metrics.followCertificates(certificates);

  // A client can cause faults as often as it likes: each kind is logged once a minute.
  const faults = createLimit({
    burst: 1,
    onLeftOut: (fault, count) =>
      log.error({ fault, leftOut: count }, 'more faults of this kind were not logged one by one'),
  });
  const onRecorderFault = (error: unknown) => {
    metrics.recorderFaults.inc();
    if (faults.admits('not recorded'))
      log.error({ err: error }, 'a request could not be recorded: a fault of our own');
  };
  const entry = (name: string, modes: Config['modes']) =>
    createReviewer({
      ruleset: rules.current,
      modes,
      provenance: provenance.find,
      recorder: union([lines, metrics.recorderFor(name)], onRecorderFault),
    });
  const server = createServer({
    entries: {
      guard: entry('guard', config.modes),
      observe: entry('observe', onlyByRuleId(config.modes)),
      other: entry('other', config.modes),
      'other-observe': entry('other-observe', onlyByRuleId(config.modes)),
      probe: createProbe(config.namespace),
      self: createSelfReview({
        modes: config.modes,
        ruleset: rules.current,
        namespace: config.namespace,
        settings: ownSettings(sources, config.namespace),
        onOwnChange: createOwnChanges({ metrics, log, onClaim: (by) => controllers?.suspect(by) }),
      }),
    },
    timeoutSeconds: timeoutSecondsOf,
    certificates,
    callers: clientAuthority && { authority: clientAuthority, names: config.clientNames ?? [] },
    checks: () => [
      ...rules.checks(),
      certificateCheck(certificates),
      ...provenance.checks(),
      ...(controllers?.checks() ?? [coverage.check()]),
    ],
    metrics,
    onFault(error) {
      if (error instanceof DeadlineExceeded) {
        if (faults.admits('late'))
          log.error({ budgetMs: error.budgetMs }, 'a request got no verdict in time');
      } else if (faults.admits('no verdict')) {
        log.error({ err: error }, 'a request got no verdict: a fault of our own');
      }
    },
    onHandshakeFailure: (error) => log.debug(error, 'a connection that could not be agreed on'),
  });
  await warmUp({ ruleset: rules.current, modes: config.modes }).catch((error: unknown) =>
    log.error({ err: error }, 'an example review got no verdict: a fault of our own'),
  );
  const address = await server.listen(config);
  log.info({ ...address, mode: config.modes.default, ruleset: rules.current().digest }, 'serving');
  const { webhookConfiguration } = config;
  controllers =
    api === undefined || webhookConfiguration === undefined
      ? undefined
      : startClusterControllers(
          { ...config, webhookConfiguration },
          { api, certificates, ruleset: rules.current, coverage, registry: metrics.registry, log },
        );
  const stopFilterExpiry = followFilterExpiry({
    filters: () => rules.current().filters,
    log,
    recordEvent: (...event) => controllers?.recordEvent(...event),
  });
  if (greet !== undefined && hasOwnCertificate(config)) greet(tryOut(address.port, config.certsDir));
  await stopped;
  log.info({ drainMs: config.drainMs }, 'asked to stop: not ready from now on, still serving');
  // A replica that is about to end must not undo changes of the webhook configuration while its last answers go out.
  controllers?.stop();
  stopFilterExpiry();
  await server.drain(config.drainMs);
  provenance.close();
  rules.close();
  certificates.close();
  clientAuthority?.close();
  log.info('stopped');
}

function asksCluster({ secret, webhookConfiguration, kubeconfig }: Config): boolean {
  return secret !== undefined || webhookConfiguration !== undefined || kubeconfig !== undefined;
}

function hasOwnCertificate({ secret, tlsCert }: Config): boolean {
  return secret === undefined && tlsCert === undefined;
}

async function loadClientAuthority({ clientCa: file }: Config, log: Logger) {
  if (file === undefined) return undefined;
  const onRefuse = (error: Error) =>
    log.error(error, 'no new authority for client certificates: the one in force stays');
  return createClientAuthority({ file, onRefuse });
}

/** The ids in the settings that name no rule, for an Event; empty where there are none. */
function unknownIds(found: readonly Coverage[]): string {
  return found
    .filter(({ rule }) => rule.title === undefined)
    .map(formatCoverage)
    .join('; ');
}

/** Two reviews to send, ready to paste: one that earns a warning, one that is fine. */
function tryOut(port: number, certsDir: string): string {
  const curl = (entry: string, example: string) =>
    `  curl --cacert ${join(certsDir, 'ca.crt')} -H 'Content-Type: application/json' --data @examples/${example} https://localhost:${port}/${entry}\n`;
  return `
A user creates a pod in kube-system that is named like one of kube-proxy's. It gets a warning (in enforce, a denial):

${curl('guard', 'pod-by-alice.json')}
Its controller creates the real pod. It passes without a warning:

${curl('observe', 'pod-by-daemon-set-controller.json')}
`;
}
