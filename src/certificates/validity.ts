import { createPrivateKey, X509Certificate } from 'node:crypto';
import { parseBundle } from './authority-bundle.ts';
import { certificatesIn } from './pem.ts';
import { SKEW_MS, type KeyedCertificate } from './authority.ts';
import type { TlsCertificate } from './certificate-source.ts';
import type { ServingNames } from './authority.ts';

/** Why an authority cannot issue here. node-forge signs with RSA only. */
export function reasonNotToIssue({ certificatePem, keyPem }: KeyedCertificate): string | undefined {
  if (!new X509Certificate(certificatePem).ca) return 'not a certificate authority';
  const type = createPrivateKey(keyPem).asymmetricKeyType;
  return type === 'rsa' ? undefined : `only an RSA authority can issue here, and this one is ${type}`;
}

/** Why a certificate is of no use at this moment. The clock of its issuer may be ahead of ours. */
export function reasonNotInForce({ notBefore, notAfter }: TlsCertificate, now: number): string | undefined {
  if (now < notBefore.getTime() - SKEW_MS) return `not valid before ${notBefore.toISOString()}`;
  return now < notAfter.getTime() ? undefined : `ended ${notAfter.toISOString()}`;
}

/** Why a certificate is to be made anew now: a third of its life is left for whatever keeps the next one from coming. */
export function reasonToRenew({ notBefore, notAfter }: TlsCertificate, now: number): string | undefined {
  const [from, to] = [notBefore.getTime(), notAfter.getTime()];
  if (now < from - SKEW_MS) return `not valid before ${notBefore.toISOString()}`;
  return now < from + (2 / 3) * (to - from)
    ? undefined
    : `past two thirds of its life, which ends ${notAfter.toISOString()}`;
}

/** Why a serving certificate, good in itself, is not the one that is needed. */
export function reasonNotToServe(
  serving: KeyedCertificate,
  authority: KeyedCertificate & { readonly file: string },
  names: ServingNames,
): string | undefined {
  return isIssuedBy(serving.certificatePem, authority.certificatePem)
    ? reasonNotForNames(serving, names)
    : `not issued by ${authority.file}`;
}

/** Whether a certificate (PEM) is by this authority, in name and by signature. */
export function isIssuedBy(certificatePem: string, authorityPem: string): boolean {
  return isBy(new X509Certificate(certificatePem), new X509Certificate(authorityPem));
}

function isBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** Whether a client that trusts a bundle (PEM) accepts a serving certificate (PEM, with what it is served with). Dates and names are not judged. */
export function isTrustedBy(certificatePem: string, bundlePem: string): boolean {
  const trusted = parseBundle(bundlePem).authorities.map((each) => new X509Certificate(each.certificatePem));
  const [leaf, ...between] = certificatesIn(certificatePem).map(({ pem }) => new X509Certificate(pem));
  let last = leaf;
  while (last !== undefined) {
    const one = last;
    if (trusted.some((each) => each.fingerprint256 === one.fingerprint256 || isBy(one, each))) return true;
    // Each is taken once: those that issued each other would have no end.
    const next = between.findIndex((each) => isBy(one, each));
    last = next < 0 ? undefined : between.splice(next, 1)[0];
  }
  return false;
}

/** Why a client that asks for these names would not accept the certificate. */
export function reasonNotForNames(
  { certificatePem }: KeyedCertificate,
  { dnsNames, ipAddresses }: ServingNames,
): string | undefined {
  const leaf = new X509Certificate(certificatePem);
  const missing = [
    ...dnsNames.filter((name) => leaf.checkHost(name, { subject: 'never' }) === undefined),
    ...ipAddresses.filter((address) => leaf.checkIP(address) === undefined),
  ];
  return missing.length === 0 ? undefined : `not valid for ${missing.join(', ')}`;
}
