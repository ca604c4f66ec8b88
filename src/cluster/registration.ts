import type { Subscription } from '../install/scope.ts';
import { ApiError, type ApiServer } from './api-server.ts';
import { caBundlePatch, type RegisteredEntry } from './ca-bundle.ts';
import { repeat } from './repeat.ts';

export interface RegistrationOptions {
  readonly api: ApiServer;
  /** The ValidatingWebhookConfiguration's name. */
  readonly name: string;
  readonly service: { readonly namespace: string; readonly name: string };
  /** What our certificate is to be trusted by (PEM); absent where somebody else sees to that. */
  readonly caBundle?: (() => string) | undefined;
  readonly everyMs?: number;
  /** It was read; the same list as before where nothing changed. */
  readonly onLook: (entries: readonly Subscription[]) => void;
  /** We put our CA into these entries. */
  readonly onPatch: (names: readonly string[]) => void;
  readonly onFailure: (error: Error) => void;
}

const EVERY_MS = 5_000;
const TRIES = 5;

/**
 * Looks at our webhook configuration every few seconds, and keeps `caBundle` in it, and nothing else, as it must be.
 * Returns what ends that.
 */
export function followRegistration({
  api,
  name,
  service,
  caBundle,
  everyMs = EVERY_MS,
  onLook,
  onPatch,
  onFailure,
}: RegistrationOptions): () => void {
  const path = `/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/${name}`;
  let resourceVersion: string | undefined;
  let entries: readonly Entry[] = [];

  async function look(): Promise<void> {
    const found = await trusted();
    if (found.metadata.resourceVersion !== resourceVersion) entries = entriesOf(found);
    resourceVersion = found.metadata.resourceVersion;
    onLook(entries);
  }
  /** The configuration, with our CA in it. Another replica may have been first: then it is read again. */
  async function trusted(tries = TRIES): Promise<Configuration> {
    const found = (await api.get(path)) as Configuration;
    const patch = caBundle === undefined ? undefined : caBundlePatch(entriesOf(found), caBundle(), service);
    if (patch === undefined) return found;
    try {
      // Refused if it changed since: an entry that is gone must not come back half.
      const { resourceVersion: seen } = found.metadata;
      const patched = await api.patch(path, { metadata: { resourceVersion: seen }, ...patch });
      onPatch(patch.webhooks.map((entry) => entry.name));
      return patched as Configuration;
    } catch (error) {
      if (tries > 1 && error instanceof ApiError && error.status === 409) return trusted(tries - 1);
      throw error;
    }
  }
  return repeat({ everyMs, task: look, onFailure });
}

type Entry = RegisteredEntry & Subscription;

/** As far as we read it. */
interface Configuration {
  readonly metadata: { readonly resourceVersion: string };
  readonly webhooks?: readonly Entry[];
}

function entriesOf({ webhooks = [] }: Configuration): readonly Entry[] {
  return webhooks;
}
