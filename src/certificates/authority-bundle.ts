import { X509Certificate } from 'node:crypto';
import { blocksIn, certificatesIn } from './pem.ts';

/** An authority that certificates are to be checked by. */
export interface TrustedAuthority {
  readonly certificatePem: string;
  /** When the last certificate of it is over (ms since the epoch); absent while it issues, or where the bundle does not say. */
  readonly until?: number;
}

/** What a bundle (PEM) holds, in its order, each authority once; and what is wrong with the rest of it. */
export interface AuthorityBundle {
  readonly authorities: readonly TrustedAuthority[];
  readonly problem?: string;
}

/** Said in front of a block: how long it stays. */
const UNTIL = '# until ';
const UNTIL_LINE = /(?:^|\n)# until (\S+)\r?\n$/;

/** Reads what can be read of it. */
export function parseBundle(text: string): AuthorityBundle {
  const authorities: TrustedAuthority[] = [];
  for (const { pem, comment } of certificatesIn(text)) {
    const certificatePem = `${pem.trimEnd()}${pem.endsWith('\r\n') ? '\r\n' : '\n'}`;
    if (!isCertificate(certificatePem)) continue;
    const until = Date.parse(UNTIL_LINE.exec(comment)?.[1] ?? '');
    authorities.push(Number.isNaN(until) ? { certificatePem } : { certificatePem, until });
  }
  const unreadable = blocksIn(text) - authorities.length;
  const problem =
    unreadable > 0
      ? `${unreadable} of its certificates cannot be read`
      : text.trim() !== '' && authorities.length === 0
        ? 'not a certificate in PEM'
        : undefined;
  return { authorities: distinct(authorities), ...(problem === undefined ? {} : { problem }) };
}

/** As it is kept: with what is said of each. */
export function formatBundle(authorities: readonly TrustedAuthority[]): string {
  return authorities
    .map(({ certificatePem, until }) =>
      until === undefined ? certificatePem : `${UNTIL}${new Date(until).toISOString()}\n${certificatePem}`,
    )
    .join('');
}

/** As it is published: certificates and nothing else. */
export function pemOf(authorities: readonly TrustedAuthority[]): string {
  return authorities.map(({ certificatePem }) => certificatePem).join('');
}

/** Each once; of two that are the same the first counts. */
export function distinct(authorities: readonly TrustedAuthority[]): readonly TrustedAuthority[] {
  const seen = new Set<string>();
  return authorities.filter(({ certificatePem }) => {
    const fingerprint = fingerprintOf(certificatePem);
    return !seen.has(fingerprint) && seen.add(fingerprint);
  });
}

/** What a certificate (PEM) is told apart by, however it is written down. */
export function fingerprintOf(certificatePem: string): string {
  return new X509Certificate(certificatePem).fingerprint256;
}

/** An API server checks authorities' dates, too. */
export function endOf({ certificatePem }: TrustedAuthority): number {
  return new X509Certificate(certificatePem).validToDate.getTime();
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).fingerprint256 !== '';
  } catch {
    return false;
  }
}
