import { randomUUID } from 'node:crypto';
import { probeOutcome, type ProbeOutcome } from '../registration/probe-outcome.ts';
import { PROBE_CONFIG_MAP, PROBE_NONCE } from '../registration/probe.ts';
import { ApiError, type ApiServer } from './api-server.ts';

/** Sends a probe through the API server: a dry run of a ConfigMap that our entry `probe` refuses, repeating the nonce. */
export async function sendProbe(
  api: ApiServer,
  namespace: string,
  nonce: string = randomUUID(),
): Promise<ProbeOutcome> {
  try {
    await api.create(`/api/v1/namespaces/${namespace}/configmaps?dryRun=All`, {
      metadata: { name: PROBE_CONFIG_MAP, namespace },
      data: { [PROBE_NONCE]: nonce },
    });
    return probeOutcome(201, '', nonce);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // What we asked stands before what was answered.
    return probeOutcome(error.status, error.message.replace(/^POST \S+: \d+: /, ''), nonce);
  }
}
