import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { followPaths, type Follow } from '../io/follow-paths.ts';
import { blocksIn, certificatesIn } from '../certificates/pem.ts';
import { watchReloadable, type Reloadable } from '../io/reloadable.ts';

/** Whose client certificates count: the authorities in a file (PEM). */
export type ClientAuthority = Omit<Reloadable<string>, 'refused'>;

export interface ClientAuthorityOptions {
  readonly file: string;
  /** Called once for each new thing that is wrong. */
  readonly onRefuse: (error: Error) => void;
  readonly follow?: Follow;
}

/** Reads the file, or throws; then follows it. */
export function createClientAuthority({
  file,
  onRefuse,
  follow = followPaths([file]),
}: ClientAuthorityOptions): Promise<ClientAuthority> {
  const load = async () => parseAuthorities(file, await readFile(file, 'utf8'));
  return watchReloadable({ load, isSame: (one, other) => one === other, follow, onRefuse });
}

/** TLS would pass over what it cannot read, and then trust fewer than were meant. */
function parseAuthorities(file: string, text: string): string {
  const found = certificatesIn(text).map(({ pem }) => pem.trimEnd());
  if (found.length === 0 || found.length !== blocksIn(text)) {
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
