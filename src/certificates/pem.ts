/** A certificate as a PEM text holds it, not yet read. */
export interface CertificateBlock {
  /** From its `BEGIN` line to its `END` line, and the line break after that. */
  readonly pem: string;
  /** The text between it and the block before. OpenSSL and Go take that for a comment. */
  readonly comment: string;
}

/** The certificates in a PEM text, in its order. Their number is at most that of `blocksIn`: others were cut off, or are keys. */
export function certificatesIn(text: string): readonly CertificateBlock[] {
  let end = 0;
  return [...text.matchAll(CERTIFICATE)].map(({ 0: pem, index }) => {
    const comment = text.slice(end, index);
    end = index + pem.length;
    return { pem, comment };
  });
}

/** How many blocks of whatever kind begin in a PEM text. */
export function blocksIn(text: string): number {
  return text.split('-----BEGIN').length - 1;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----(?:\r?\n)?/g;
