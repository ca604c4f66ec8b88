import { addressOf } from '../../cluster/own-service.ts';
import { dial, DialError } from '../../cluster/dial.ts';
import { caBundleOf } from '../../registration/registered-webhook.ts';
import type { Dialled } from './certificate.ts';
import { OURS, ourEntries, type ClusterView } from './cluster-view.ts';

const TIMEOUT_MS = 3_000;

/** Connects to our Service as the API server does: to its address, for its name, trusting the registered `caBundle`. */
export async function dialService(view: ClusterView): Promise<Dialled> {
  const { service, names } = view;
  const [entry] = ourEntries(view);
  if (service.kind !== 'found' || entry === undefined) return { kind: 'not-reached' };
  const ca = caBundleOf(entry);
  if (ca === '') return { kind: 'not-reached' };
  const host = addressOf(service.value.spec);
  if (host === undefined) return { kind: 'not-reached' };
  const port = entry.clientConfig.service?.port ?? 443;
  const servername = `${OURS}.${names.namespace}.svc`;
  try {
    const { notAfter: until } = await dial({ host, port, servername, ca, timeoutMs: TIMEOUT_MS });
    return { kind: 'verified', until };
  } catch (error) {
    if (!(error instanceof DialError)) throw error;
    return error.kind === 'certificate'
      ? { kind: 'not-verified', why: error.message }
      : { kind: 'not-reached' };
  }
}
