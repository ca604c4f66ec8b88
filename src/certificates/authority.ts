import { randomBytes, sign } from 'node:crypto';
import forge from 'node-forge';

const { asn1, md, pki, util } = forge;

/** A certificate and its private key, as PEM. */
export interface KeyedCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** `now` is in milliseconds since the epoch, as everywhere. */
export interface AuthorityOptions {
  readonly now: number;
  readonly lifetimeMs?: number;
}

/** At least one name or address: a certificate that is valid for nothing is a mistake. */
export interface IssueOptions extends AuthorityOptions, ServingNames {
  readonly authority: KeyedCertificate;
}

/** What a serving certificate must be valid for. */
export interface ServingNames {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}

/** From this machine, and from an API server through a Service of that name. */
export function servingNames(service = 'sigma-admission', namespace = 'sigma-admission'): ServingNames {
  const name = `${service}.${namespace}.svc`;
  return { dnsNames: ['localhost', name, `${name}.cluster.local`], ipAddresses: ['127.0.0.1', '::1'] };
}

const DAY_MS = 24 * 60 * 60 * 1000;
export const AUTHORITY_LIFETIME_MS = 3650 * DAY_MS;
/** Also how long an authority is needed after its last certificate. */
export const SERVING_LIFETIME_MS = 365 * DAY_MS;
/** So far a clock may be off, ours or the API server's. */
export const SKEW_MS = 60 * 60 * 1000;
/** Ours may be that much ahead and the API server's that much behind, and still it takes what we made a moment ago. */
const BACKDATE_MS = 2 * SKEW_MS;
const RSA_BITS = 2048;

/**
 * Makes a certificate authority. Its name is as random as its serial: while two authorities stand in one bundle, a client
 * finds the right one by name.
 */
export async function createAuthority(options: AuthorityOptions): Promise<KeyedCertificate> {
  const keys = await generateKeyPair();
  const name = [{ shortName: 'CN', value: `sigma-admission CA ${randomBytes(8).toString('hex')}` }];
  const certificate = certificateFor(keys.publicKey, { lifetimeMs: AUTHORITY_LIFETIME_MS, ...options });
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.setExtensions([
    { name: 'basicConstraints', critical: true, cA: true, pathLenConstraint: 0 },
    { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
    { name: 'subjectKeyIdentifier' },
  ]);
  return signed(certificate, keys);
}

/**
 * Issues a serving certificate, which ends no later than its authority. Go reads the alternative names only, so its CN is
 * just for people.
 */
export async function issueCertificate({
  authority,
  dnsNames,
  ipAddresses,
  ...options
}: IssueOptions): Promise<KeyedCertificate> {
  if (dnsNames.length + ipAddresses.length === 0) throw new TypeError('a certificate without any name');
  const keys = await generateKeyPair();
  const issuer = pki.certificateFromPem(authority.certificatePem);
  const { now, lifetimeMs = SERVING_LIFETIME_MS } = options;
  const left = issuer.validity.notAfter.getTime() - now;
  const certificate = certificateFor(keys.publicKey, { now, lifetimeMs: Math.min(lifetimeMs, left) });
  certificate.setSubject([{ shortName: 'CN', value: 'sigma-admission' }]);
  certificate.setIssuer(issuer.subject.attributes);
  certificate.setExtensions([
    { name: 'basicConstraints', critical: true, cA: false },
    { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames: [...dnsNames.map(dnsName), ...ipAddresses.map(ipAddress)] },
    { name: 'subjectKeyIdentifier' },
    { name: 'authorityKeyIdentifier', keyIdentifier: keyIdentifierOf(issuer) },
  ]);
  return signed(certificate, keys, authority.keyPem);
}

/** With a callback forge leaves this to OpenSSL, on another thread; without one it would block everything. */
function generateKeyPair(): Promise<forge.pki.rsa.KeyPair> {
  return new Promise((resolve, reject) => {
    pki.rsa.generateKeyPair({ bits: RSA_BITS }, (error, keys) => (error ? reject(error) : resolve(keys)));
  });
}

function certificateFor(publicKey: forge.pki.PublicKey, { now, lifetimeMs }: Required<AuthorityOptions>) {
  const certificate = pki.createCertificate();
  certificate.publicKey = publicKey;
  certificate.serialNumber = randomSerial();
  certificate.validity.notBefore = new Date(now - BACKDATE_MS);
  certificate.validity.notAfter = new Date(now + lifetimeMs);
  return certificate;
}

/**
 * 16 octets, of at most 20 (RFC 5280, 4.1.2.2). The top bit is clear, or the number would be negative; the next is set, or
 * it could begin with a zero octet, which DER does not allow and Go refuses. 126 random bits are unique.
 */
function randomSerial(): string {
  const octets = randomBytes(16);
  octets[0] = ((octets[0] ?? 0) & 0x3f) | 0x40;
  return octets.toString('hex');
}

/** The issuer's own subjectKeyIdentifier, which need not be the hash that forge would compute. */
function keyIdentifierOf(issuer: forge.pki.Certificate): string {
  const stated = issuer.getExtension('subjectKeyIdentifier') as { subjectKeyIdentifier?: string } | undefined;
  return stated?.subjectKeyIdentifier === undefined
    ? issuer.generateSubjectKeyIdentifier().getBytes()
    : util.hexToBytes(stated.subjectKeyIdentifier);
}

/**
 * OpenSSL signs: forge's own arithmetic would block everything for some 20 ms. All that forge asks of a key is `sign`, once
 * it has put together what is to be signed.
 */
function signed(
  certificate: forge.pki.Certificate & { readonly tbsCertificate?: forge.asn1.Asn1 },
  keys: forge.pki.rsa.KeyPair,
  signerPem?: string,
): KeyedCertificate {
  const keyPem = pki.privateKeyToPem(keys.privateKey);
  const signer = {
    sign() {
      if (certificate.tbsCertificate === undefined) throw new TypeError('nothing to sign');
      const octets = asn1.toDer(certificate.tbsCertificate).getBytes();
      return sign('sha256', Buffer.from(octets, 'latin1'), signerPem ?? keyPem).toString('latin1');
    },
  };
  certificate.sign(signer as unknown as forge.pki.rsa.PrivateKey, md.sha256.create());
  return { certificatePem: pki.certificateToPem(certificate), keyPem };
}

/** subjectAltName's choices are numbered (RFC 5280, 4.2.1.6). */
function dnsName(value: string) {
  return { type: 2, value };
}

function ipAddress(ip: string) {
  return { type: 7, ip };
}
