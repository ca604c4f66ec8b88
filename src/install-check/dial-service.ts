import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import type { Dialled } from './certificate.ts';
import { pemOf } from './certificate.ts';
import { OURS, ourEntries, type ClusterView } from './cluster-view.ts';

const TIMEOUT_MS = 2_000;

/** Dials our Service as the API server does: by its address, for its name, trusting what is registered. */
export async function dialService(view: ClusterView): Promise<Dialled> {
  const { service, names } = view;
  const [entry] = ourEntries(view);
  const ca = pemOf(entry);
  if (service.kind !== 'seen' || ca === '') return { kind: 'not-reached' };
  const { type, externalName, clusterIP } = service.value.spec;
  const host = type === 'ExternalName' ? externalName : clusterIP;
  const port = entry?.clientConfig.service?.port ?? 443;
  if (host === undefined || host === 'None') return { kind: 'not-reached' };
  const servername = `${OURS}.${names.namespace}.svc`;
  let socket: TLSSocket | undefined;
  try {
    // A bundle that TLS cannot read throws here.
    socket = connect({ host, port, servername, ca, rejectUnauthorized: false });
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const { authorizationError: why } = socket;
    if (!socket.authorized) return { kind: 'not-verified', why: String(why) };
    return { kind: 'verified', until: new Date(socket.getPeerCertificate().valid_to) };
  } catch {
    return { kind: 'not-reached' };
  } finally {
    socket?.destroy();
  }
}
