/** The ConfigMap whose creation, a dry run, the entry `probe` denies with the nonce it carries: so it is never there. */
export const PROBE_CONFIG_MAP = 'sigma-admission-probe';
/** Where it carries it, under `data`. */
export const PROBE_NONCE = 'nonce';
