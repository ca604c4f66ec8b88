import { Counter, Gauge, type Registry } from 'prom-client';

const PREFIX = 'sigma_admission_';

/** A user who may edit our webhook configuration chooses a name. */
const MAX_MANAGERS = 20;

export type ClusterMetrics = ReturnType<typeof createClusterMetrics>;

/** Our place in a cluster. Outside one there is nothing to say, and no zero that would look like trouble. */
export function createClusterMetrics(registry: Registry) {
  const registers = [registry];
  const configured = new Gauge({
    name: `${PREFIX}webhook_configuration_exists`,
    help: 'Whether our webhook configuration exists: without it the API server does not ask us.',
    registers,
  });
  const guardLowered = new Gauge({
    name: `${PREFIX}guard_lowered`,
    help: 'Whether guard fails open, though we are told to enforce and its owner is to see to that.',
    registers,
  });
  const reversions = new Counter({
    name: `${PREFIX}webhook_configuration_reversions_total`,
    help: 'Changes of our webhook configuration by others that were undone, and the field manager they claim to be.',
    labelNames: ['what', 'manager'],
    registers,
  });
  const contested = new Gauge({
    name: `${PREFIX}webhook_configuration_contested`,
    help: 'Whether our webhook configuration was changed so often that it is let be.',
    registers,
  });
  const deferrals = new Counter({
    name: `${PREFIX}webhook_configuration_deferrals_total`,
    help: 'Times that other content of our webhook configuration was left in place because it says that it is newer.',
    registers,
  });
  const breakGlass = new Gauge({
    name: `${PREFIX}break_glass`,
    help: 'Whether everything fails open because an annotation on our Deployment says so.',
    registers,
  });
  const reached = new Gauge({
    name: `${PREFIX}reached`,
    help: 'What became of the last probe through the API server (1 for its outcome).',
    labelNames: ['outcome'],
    registers,
  });
  const dialled = new Gauge({
    name: `${PREFIX}dial_succeeded`,
    help: 'Whether our own Service can be dialled by the CA that the API server holds.',
    registers,
  });
  const bounded = firstFew(MAX_MANAGERS);
  return {
    observeRegistered: (exists: boolean) => configured.set(Number(exists)),
    observeGuardLowered: (is: boolean) => guardLowered.set(Number(is)),
    observeReversion: (what: 'deleted' | 'edited', manager: string | undefined) =>
      reversions.inc({ what, manager: bounded(manager ?? '') }),
    observeContested: (is: boolean) => contested.set(Number(is)),
    observeDeferral: () => deferrals.inc(),
    observeBreakGlass: (is: boolean) => breakGlass.set(Number(is)),
    observeConnectivity(outcome: string, dials: boolean): void {
      reached.reset();
      reached.set({ outcome }, 1);
      dialled.set(Number(dials));
    },
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
