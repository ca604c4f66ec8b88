import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { followPaths, type Follow } from '../io/follow-paths.ts';
import type { KeyedCertificate } from './authority.ts';
import { watchReloadable, type Reloadable, type ReloadableOptions } from '../io/reloadable.ts';

/** A serving certificate (with its chain, if it has one) whose key fits it. */
export interface TlsCertificate extends KeyedCertificate {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Where the serving certificate comes from. It may be replaced at any time; one that is no good leaves the last good one. */
export type CertificateSource = Reloadable<TlsCertificate>;

/** What every kind of source is made of. */
export type CertificateSourceOptions = Omit<ReloadableOptions<TlsCertificate>, 'isSame'>;

/** Loads the certificate, or throws; then follows it. */
export function createCertificateSource(options: CertificateSourceOptions): Promise<CertificateSource> {
  return watchReloadable({
    ...options,
    isSame: (one, other) => one.certificatePem === other.certificatePem && one.keyPem === other.keyPem,
  });
}

export interface CertificateFilesOptions {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly onRefuse: (error: Error) => void;
  readonly follow?: Follow;
}

/**
 * A certificate and key that are made and renewed elsewhere: cert-manager's Secret, mounted. Their dates are not judged: the
 * clock that counts is the API server's.
 */
export function createCertificateFiles({
  certificateFile,
  keyFile,
  onRefuse,
  follow = followPaths([certificateFile, keyFile]),
}: CertificateFilesOptions): Promise<CertificateSource> {
  const load = async () =>
    parseCertificate(
      { name: certificateFile, text: await readFile(certificateFile, 'utf8') },
      { name: keyFile, text: await readFile(keyFile, 'utf8') },
    );
  return createCertificateSource({ load, follow, onRefuse });
}

/** A PEM text, and the name that errors call it by. */
export interface NamedPem {
  readonly name: string;
  readonly text: string;
}

/** Reads a certificate (the first of a chain) and its key, or throws naming the one that is wrong. */
export function parseCertificate(certificate: NamedPem, key: NamedPem): TlsCertificate {
  const leaf = naming(certificate, 'not a certificate in PEM', () => new X509Certificate(certificate.text));
  const privateKey = naming(key, 'not a private key in PEM', () => createPrivateKey(key.text));
  if (!leaf.checkPrivateKey(privateKey)) {
    throw new Error(`${key.name}: not the key of ${certificate.name}`);
  }
  // What TLS itself would refuse: a broken chain behind a good leaf, a key that is too short.
  naming(certificate, 'cannot be served', () =>
    createSecureContext({ cert: certificate.text, key: key.text }),
  );
  return {
    certificatePem: certificate.text,
    keyPem: key.text,
    notBefore: leaf.validFromDate,
    notAfter: leaf.validToDate,
  };
}

/** OpenSSL's messages say what it stumbled over, and never quote a key. */
function naming<T>({ name }: NamedPem, problem: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(`${name}: ${problem}: ${(error as Error).message}`, { cause: error });
  }
}
