/** The ConfigMap of the probe. It is created by dry run only, and the entry `probe` denies it and repeats its nonce. */
export const PROBE_CONFIG_MAP = 'sigma-admission-probe';
/** The key under `data` that holds the nonce. */
export const PROBE_NONCE = 'nonce';
