import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { ApiServer } from '../../cluster/api-server.ts';
import { createEvents } from '../../cluster/events.ts';
import { followLowering } from '../../cluster/lowering.ts';
import {
  CONFIRMED_EVERY_MS,
  isRight,
  probeLoop,
  type ConnectivityState,
} from '../../cluster/connectivity.ts';
import { followRegistration, type RegistrationListener } from '../../cluster/registration.ts';
import type { Config } from '../../settings/types.ts';
import { wantedConfiguration } from '../../registration/wanted-configuration.ts';
import { GUARD, type WebhookConfiguration } from '../../registration/webhook-configuration.ts';
import { createLimit } from '../../io/limit.ts';
import type { Ruleset } from '../../policy/ruleset.ts';
import { createClusterMetrics, type ClusterMetrics } from '../../records/cluster-metrics.ts';
import type { ServingCoverage } from './serving-coverage.ts';
import { createRegistered } from './registered-state.ts';
import type { Check } from '../../webhook/readiness.ts';
import { SERVICE, type ServingCertificates } from './serving-certificates.ts';

/** The controllers that keep the webhook registered, trusted and reachable. */
export interface ClusterControllers {
  checks(): readonly Check[];
  /** Records an Event for an operator. */
  recordEvent(reason: string, action: string, note: string): void;
  /** A review says that our own objects were changed, and who did it. What is so by now is read. */
  suspect(by: string): void;
  stop(): void;
}

export interface ClusterControllersOptions {
  readonly api: ApiServer;
  readonly certificates: ServingCertificates;
  readonly ruleset: () => Ruleset;
  readonly coverage: ServingCoverage;
  readonly registry: Registry;
  readonly log: Logger;
}

/** Starts the controllers. The server must listen by then: the API server may call it at once. */
export function startClusterControllers(
  config: Config & { readonly webhookConfiguration: string },
  { api, certificates, ruleset, coverage, registry, log }: ClusterControllersOptions,
): ClusterControllers {
  const { webhookConfiguration: name, namespace, manage } = config;
  const metrics = createClusterMetrics(registry);
  const service = { namespace, name: SERVICE };
  const event = createEvents(api, namespace, SERVICE);
  const limit = createLimit({
    onLeftOut: (reason, count) => log.warn({ reason, leftOut: count }, `${count} Events were not written`),
  });
  const recordEvent: ClusterControllers['recordEvent'] = (reason, action, note) => {
    if (!limit.admits(reason)) return;
    event({ reason, action, note }).catch((error: unknown) => log.warn(error, 'an Event cannot be written'));
  };
  const content = contentOf(config, ruleset);
  // Where the replicas write the CA alone, the manifest sets the port.
  const isToFailClosed = () =>
    manage === 'ca' &&
    content(443).content.webhooks.some((entry) => entry.failurePolicy === 'Fail' && entry.name === GUARD);
  const registered = createRegistered({
    name,
    service,
    wanted: manage === 'all' ? undefined : () => content(443).content.webhooks,
    isToFailClosed,
    certificates,
    coverage,
    metrics,
    log,
    recordEvent,
  });
  const reach = probeLoop({
    api,
    service,
    registered: registered.authorities,
    onChange(state, before) {
      metrics.observeConnectivity(
        state.probe.kind,
        state.dials?.every(({ problem }) => problem === undefined),
      );
      logConnectivity(state, before, log);
    },
    onFailure: (error) => log.error(error, 'whether the API server reaches us cannot be found out'),
  });
  const stopRegistration = followRegistration({
    api,
    name,
    manage,
    service,
    content,
    confirmed: reach.confirmed,
    holder: hostname(),
    ownerReference: !config.noOwnerReference,
    reconcile: registered.look,
    on: { ...listener({ metrics, log, recordEvent }), looked: registered.compare },
    onFailure(error) {
      log.error(error, 'the webhook configuration cannot be read or written');
      registered.unseen(error);
    },
  });
  const lowering = followLowering({
    api,
    deployment: service,
    modes: config.modes,
    onLowered(lowers, by) {
      const who = by === undefined ? '' : `; a review named ${by}`;
      log.error(
        { lowers, by },
        `what is asked of us is less than what is in force: ${lowers.join('; ')}${who}`,
      );
      recordEvent(
        'Lowered',
        'Looking',
        `${lowers.join(', ')}, as our Deployment and its ConfigMap are now${who}`,
      );
    },
    onFailure: (error) => log.warn(error, 'what our Deployment and its ConfigMap ask for cannot be read'),
  });
  return {
    checks: () => [
      registered.check(),
      { ...coverage.check(), ...registered.seenAt() },
      connectivityCheck(reach.current()),
    ],
    recordEvent,
    suspect: lowering.suspect,
    stop() {
      stopRegistration();
      lowering.stop();
      reach.stop();
    },
  };
}

/** What we want registered: the same as before while the rules are, and since then. */
function contentOf(config: Config & { readonly webhookConfiguration: string }, ruleset: () => Ruleset) {
  let known: {
    readonly of: Ruleset;
    readonly port: number;
    readonly content: WebhookConfiguration;
    readonly since: number;
  };
  return (port: number) => {
    const of = ruleset();
    if (known?.of === of && known.port === port) return known;
    const content = wantedConfiguration(
      { ...config, name: config.webhookConfiguration, service: SERVICE, port },
      of,
    );
    const same = JSON.stringify(known?.content) === JSON.stringify(content);
    known = { of, port, content, since: same ? known.since : Date.now() };
    return known;
  };
}

function listener({
  metrics,
  log,
  recordEvent,
}: Pick<ClusterControllersOptions, 'log'> &
  Pick<ClusterControllers, 'recordEvent'> & { readonly metrics: ClusterMetrics }): Omit<
  RegistrationListener,
  'looked'
> {
  return {
    written(differences) {
      log.info({ differences }, 'the webhook configuration was brought up to date');
    },
    reverted(what, by, differences) {
      const who =
        by === undefined ? 'the API server does not say by whom' : `field manager ${by}, as it calls itself`;
      metrics.observeReversion(what, by);
      log.warn({ what, by, differences }, `the webhook configuration was ${what} (${who}): restored`);
      recordEvent(
        'WebhookConfigurationRestored',
        'Restoring',
        `it was ${what} (${who}): ${differences.join(', ')}`,
      );
    },
    deferred(is) {
      if (!is) return log.info('the webhook configuration no longer has newer content than ours');
      metrics.observeDeferral();
      const what = 'a replica that was told something else later has claimed it';
      log.warn(`the webhook configuration is left as it is for up to ten minutes: ${what}`);
      recordEvent(
        'WebhookConfigurationDeferred',
        'LettingBe',
        `left as it is for up to ten minutes: ${what}`,
      );
    },
    contested(is, differences) {
      metrics.observeContested(is);
      if (!is) return log.info('no other client changes the webhook configuration any more');
      log.error(
        { differences },
        'the webhook configuration was changed five times in ten minutes: it is let be',
      );
      recordEvent(
        'WebhookConfigurationContested',
        'LettingBe',
        `changed five times in ten minutes: ${differences.join(', ')}`,
      );
    },
    breakGlass(reason) {
      metrics.observeBreakGlass(reason !== undefined);
      if (reason === undefined) return log.warn('break-glass has ended: what failed closed does again');
      log.error({ reason }, 'BREAK GLASS: nothing fails closed while the annotation is on our Deployment');
      recordEvent('BreakGlass', 'Lowering', `failurePolicy is Ignore everywhere: ${reason}`);
    },
    ending(why) {
      if (why === undefined) return log.info('our Deployment, Namespace and Service are back');
      const what = `${why}: nothing fails closed, nothing is restored`;
      log.warn(what);
      recordEvent('NothingFailsClosed', 'Lowering', what);
    },
    serviceMissing(is) {
      if (!is) return log.info('our Service is there');
      const what = 'our Service is missing: the API server reaches no replica. Apply the manifests again';
      log.error(what);
      recordEvent('ServiceMissing', 'Looking', what);
    },
    otherRelease(other) {
      if (other === undefined) return log.info('the webhook configuration is no other release’s any more');
      const what = `the webhook configuration is another release’s, with the Service ${other}: it is left alone, and no request comes to us. A cluster has one release`;
      log.error(what);
      recordEvent('OtherRelease', 'LettingBe', what);
    },
  };
}

function logConnectivity(
  { probe, dials, port }: ConnectivityState,
  before: ConnectivityState | undefined,
  log: Logger,
): void {
  const firewall =
    probe.kind === 'timed-out'
      ? ` Is a firewall between the control plane and our pods? It must let port 8443 through, which is what the Service’s port ${port ?? ''} leads to.`
      : '';
  if (probe.kind === before?.probe.kind) {
    // Only what was dialled is another.
  } else if (probe.kind === 'answered')
    log.info('a probe came back through the API server: it reaches and trusts us');
  else
    log.warn(
      { outcome: probe.kind, detail: probe.detail },
      `a probe did not come back through the API server.${firewall}`,
    );
  const [problems, problemsBefore] = [problemsOf(dials), problemsOf(before?.dials)];
  if (problems === problemsBefore) return;
  if (problems === '') log.info('our Service can be dialled by the CA of each entry again');
  else log.warn(`our Service, dialled by the CA that the API server holds: ${problems}`);
}

function connectivityCheck(state: ConnectivityState | undefined): Check {
  if (state === undefined) return { name: 'reached', state: 'unknown', detail: 'not looked at yet' };
  const { probe, dials, atMs } = state;
  const probed =
    probe.kind === 'answered'
      ? 'a probe came back through the API server'
      : `probe ${probe.kind}: ${probe.detail}`;
  const problems = problemsOf(dials);
  const facts = [
    probed,
    ...(dials === undefined ? ['our entries were not read yet'] : []),
    ...(problems === '' ? [] : [`dialled: ${problems}`]),
  ];
  return {
    name: 'reached',
    state: isRight(state) ? 'ok' : isUnseen(state) ? 'unknown' : 'wrong',
    detail: facts.join('; '),
    seen: { atMs, goodForMs: REACHED_GOOD_FOR_MS },
  };
}

/** While all is right it is looked at once a minute; a look may take some seconds. */
const REACHED_GOOD_FOR_MS = 1.5 * CONFIRMED_EVERY_MS;

/** Nothing that was seen is wrong: a probe that RBAC refuses shows nothing about us. */
function isUnseen({ probe, dials = [] }: ConnectivityState): boolean {
  return (probe.kind === 'answered' || probe.kind === 'not-allowed') && problemsOf(dials) === '';
}

/** `guard: it carries no CA`, entries with the same problem together; empty where there is none. */
function problemsOf(dials: ConnectivityState['dials'] = []): string {
  const failed = dials.filter(({ problem }) => problem !== undefined);
  return [...Map.groupBy(failed, ({ problem }) => problem)]
    .map(([problem, of]) => `${of.map(({ entry }) => entry).join(', ')}: ${problem}`)
    .join('; ');
}
