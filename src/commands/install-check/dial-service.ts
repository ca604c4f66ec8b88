import { addressOf } from '../../cluster/own-service.ts';
import { dial, DialError } from '../../cluster/dial.ts';
import { shortName } from '../../registration/entry-name.ts';
import { caBundleOf, type RegisteredWebhook } from '../../registration/registered-webhook.ts';
import type { Dialled } from './certificate.ts';
import { OURS, ourEntries, type ClusterView } from './cluster-view.ts';

const TIMEOUT_MS = 3_000;

/** Connects to our Service as the API server does for each entry: to its address, for its name, by what the entry trusts. */
export async function dialService(view: ClusterView): Promise<Dialled> {
  const { service, names } = view;
  const host = service.kind === 'found' ? addressOf(service.value.spec) : undefined;
  if (host === undefined) return NOT_REACHED;
  const servername = `${OURS}.${names.namespace}.svc`;
  const alike = Map.groupBy(ourEntries(view), ({ clientConfig: { service: called, caBundle } }) =>
    JSON.stringify([called?.port, caBundle]),
  );
  const all = await Promise.all([...alike.values()].map((entries) => dialFor(entries, host, servername)));
  const refused = all.filter((each) => each.kind === 'not-verified');
  if (refused[0] !== undefined) return { ...refused[0], entries: refused.flatMap(({ entries }) => entries) };
  return all.find((each) => each.kind === 'not-reached') ?? all[0] ?? NOT_REACHED;
}

/** Usual outside the cluster. */
const NOT_REACHED = { kind: 'not-reached' } as const;

/** Dials once for entries that call and trust the same. */
async function dialFor(
  entries: readonly RegisteredWebhook[],
  host: string,
  servername: string,
): Promise<Dialled> {
  const [entry] = entries;
  const ca = entry === undefined ? '' : caBundleOf(entry);
  if (ca === '') return NOT_REACHED;
  const port = entry?.clientConfig.service?.port ?? 443;
  try {
    const { notAfter: until } = await dial({ host, port, servername, ca, timeoutMs: TIMEOUT_MS });
    return { kind: 'verified', until };
  } catch (error) {
    if (!(error instanceof DialError)) throw error;
    if (error.kind !== 'certificate') return NOT_REACHED;
    return { kind: 'not-verified', entries: entries.map(({ name }) => shortName(name)), why: error.message };
  }
}
