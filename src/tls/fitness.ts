import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { KeyedCertificate } from './authority.ts';
import type { TlsCertificate } from './certificate-source.ts';
import type { ServingNames } from './serving-names.ts';

/** Why an authority cannot issue here. node-forge signs with RSA only. */
export function reasonNotToIssue({ certificatePem, keyPem }: KeyedCertificate): string | undefined {
  if (!new X509Certificate(certificatePem).ca) return 'not a certificate authority';
  const type = createPrivateKey(keyPem).asymmetricKeyType;
  return type === 'rsa' ? undefined : `only an RSA authority can issue here, and this one is ${type}`;
}

/** Why a certificate is to be made anew now: a third of its life is left for whatever keeps the next one from coming. */
export function reasonToRenew({ notBefore, notAfter }: TlsCertificate, now: number): string | undefined {
  const [from, to] = [notBefore.getTime(), notAfter.getTime()];
  if (now < from) return `not valid before ${notBefore.toISOString()}`;
  return now < from + (2 / 3) * (to - from)
    ? undefined
    : `past two thirds of its life, which ends ${notAfter.toISOString()}`;
}

/** Why a serving certificate, good in itself, is not the one that is needed. */
export function reasonNotToServe(
  serving: KeyedCertificate,
  authority: KeyedCertificate & { readonly file: string },
  { dnsNames, ipAddresses }: ServingNames,
): string | undefined {
  const leaf = new X509Certificate(serving.certificatePem);
  const issuer = new X509Certificate(authority.certificatePem);
  if (!leaf.checkIssued(issuer) || !leaf.verify(issuer.publicKey)) return `not issued by ${authority.file}`;
  const missing = [
    ...dnsNames.filter((name) => leaf.checkHost(name, { subject: 'never' }) === undefined),
    ...ipAddresses.filter((address) => leaf.checkIP(address) === undefined),
  ];
  return missing.length === 0 ? undefined : `not valid for ${missing.join(', ')}`;
}
