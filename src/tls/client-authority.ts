import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { followPaths, type Follow } from '../follow-paths.ts';

/** Whose client certificates count: the authorities in a file (PEM). One that is no good leaves the last good one. */
export interface ClientAuthority {
  current(): string;
  /** Calls `listener` with each new content. Returns what ends that. */
  onChange(listener: (pem: string) => void): () => void;
  close(): void;
}

export interface ClientAuthorityOptions {
  readonly file: string;
  /** Called once for each new thing that is wrong. */
  readonly onRefuse: (error: Error) => void;
  readonly follow?: Follow;
}

/** Reads the file, or throws; then follows it. */
export async function createClientAuthority({
  file,
  onRefuse,
  follow = followPaths([dirname(file)]),
}: ClientAuthorityOptions): Promise<ClientAuthority> {
  const listeners = new Set<(pem: string) => void>();
  const load = async () => parseAuthorities(file, await readFile(file, 'utf8'));
  let refused = '';
  // Followed before it is read, so that no change falls between the two.
  const first = Promise.withResolvers<void>();
  let loading = first.promise;
  const stopFollowing = follow(() => {
    loading = loading.then(reload);
  });
  let current: string;
  try {
    current = await load();
  } catch (error) {
    stopFollowing();
    throw error;
  }

  async function reload(): Promise<void> {
    try {
      const next = await load();
      refused = '';
      if (next === current) return;
      current = next;
      for (const listener of listeners) listener(next);
    } catch (error) {
      const { message } = error as Error;
      if (message !== refused) onRefuse(error as Error);
      refused = message;
    }
  }
  first.resolve();
  return {
    current: () => current,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      stopFollowing();
      listeners.clear();
    },
  };
}

/** TLS would pass over what it cannot read, and then trust fewer than were meant. */
function parseAuthorities(file: string, text: string): string {
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (found.length === 0 || found.length !== text.split('-----BEGIN ').length - 1) {
    throw new Error(`${file}: expected certificates in PEM, and nothing else`);
  }
  for (const [index, pem] of found.entries()) {
    const which = `${file}: certificate ${index + 1} of ${found.length}`;
    let certificate: X509Certificate;
    try {
      certificate = new X509Certificate(pem);
    } catch (error) {
      throw new Error(`${which}: ${(error as Error).message}`, { cause: error });
    }
    if (!certificate.ca) throw new Error(`${which}: not a certificate authority`);
  }
  return `${found.join('\n')}\n`;
}
