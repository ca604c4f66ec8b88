import { Counter, Gauge, type GaugeConfiguration, type Registry } from 'prom-client';

const PREFIX = 'sigma_admission_';

/** A user who may edit our webhook configuration chooses a name. */
const MAX_MANAGERS = 20;

export type ClusterMetrics = ReturnType<typeof createClusterMetrics>;

/** Our place in a cluster. Outside one there is nothing to say, and no zero that would look like trouble. */
export function createClusterMetrics(registry: Registry) {
  const registers = [registry];
  const gauge = lateGauges(registry);
  const configured = gauge({
    name: `${PREFIX}webhook_configuration_exists`,
    help: 'Whether our webhook configuration exists: without it the API server does not ask us.',
  });
  const guardLowered = gauge({
    name: `${PREFIX}guard_lowered`,
    help: 'Whether guard fails open, though we are told to enforce and its owner is to see to that.',
  });
  const trusting = gauge({
    name: `${PREFIX}entry_trusts_certificate`,
    help: 'Whether an entry of our webhook configuration trusts, by its own caBundle, the certificate that is served.',
    labelNames: ['entry'],
  });
  const reversions = new Counter({
    name: `${PREFIX}webhook_configuration_reversions_total`,
    help: 'Changes of our webhook configuration by others that were undone, and the field manager they claim to be.',
    labelNames: ['what', 'manager'],
    registers,
  });
  const contested = gauge({
    name: `${PREFIX}webhook_configuration_contested`,
    help: 'Whether our webhook configuration was changed so often that it is let be.',
  });
  const deferrals = new Counter({
    name: `${PREFIX}webhook_configuration_deferrals_total`,
    help: 'Times that other content of our webhook configuration was left in place because it says that it is newer.',
    registers,
  });
  const breakGlass = gauge({
    name: `${PREFIX}break_glass`,
    help: 'Whether everything fails open because an annotation on our Deployment says so.',
  });
  const reached = gauge({
    name: `${PREFIX}reached`,
    help: 'What became of the last probe through the API server (1 for its outcome).',
    labelNames: ['outcome'],
  });
  const dialled = gauge({
    name: `${PREFIX}dial_succeeded`,
    help: 'Whether our own Service can be dialled by the CA that the API server holds for each of our entries.',
  });
  const bounded = firstFew(MAX_MANAGERS);
  return {
    observeRegistered: (exists: boolean) => configured().set(Number(exists)),
    observeGuardLowered: (is: boolean) => guardLowered().set(Number(is)),
    /** Whether each of our entries trusts what is served. */
    observeTrust(entries: ReadonlyMap<string, boolean>): void {
      trusting().reset();
      for (const [entry, trusts] of entries) trusting().set({ entry }, Number(trusts));
    },
    /** The configuration and our Deployment were read: from then on it is known that nothing is wrong, too. */
    observeCompared(): void {
      contested();
      breakGlass();
    },
    observeReversion: (what: 'deleted' | 'edited', manager: string | undefined) =>
      reversions.inc({ what, manager: bounded(manager ?? '') }),
    observeContested: (is: boolean) => contested().set(Number(is)),
    observeDeferral: () => deferrals.inc(),
    observeBreakGlass: (is: boolean) => breakGlass().set(Number(is)),
    /** `dials` is absent where the entries were not read. */
    observeConnectivity(outcome: string, dials: boolean | undefined): void {
      reached().reset();
      reached().set({ outcome }, 1);
      if (dials !== undefined) dialled().set(Number(dials));
    },
  };
}

/** Gauges that are scraped once they were looked for: a zero before that would be an answer. */
function lateGauges(registry: Registry) {
  return function late<Label extends string>(configuration: GaugeConfiguration<Label>): () => Gauge<Label> {
    let made: Gauge<Label> | undefined;
    return () => (made ??= new Gauge({ ...configuration, registers: [registry] }));
  };
}

/** A label of values that others choose: so many of them, and `other` for the rest. */
function firstFew(limit: number): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    if (known.size < limit) known.add(value);
    return known.has(value) ? value : 'other';
  };
}
