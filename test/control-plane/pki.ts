import { constants, privateEncrypt, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import forge from 'node-forge';

const { pki, md } = forge;
const DAY_MS = 24 * 60 * 60 * 1000;

/** The files of a control plane's PKI. */
export interface PkiFiles {
  readonly authority: string;
  readonly authorityKey: string;
  readonly server: string;
  /** RSA keys take time: the API server, all clients and the service accounts' tokens share one. */
  readonly key: string;
  readonly publicKey: string;
}

/** A client's certificate and key, as PEM. */
export interface ClientCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** Signs a client certificate for a subject (CN and Os); its key is the shared one. */
export type SignClient = (name: string, groups: readonly string[]) => ClientCertificate;

/** Where the files are in a control plane's directory. */
export function pkiFiles(directory: string): PkiFiles {
  const file = (name: string) => join(directory, 'pki', name);
  return {
    authority: file('ca.crt'),
    authorityKey: file('ca.key'),
    server: file('kube-apiserver.crt'),
    key: file('shared.key'),
    publicKey: file('shared.pub'),
  };
}

/** Makes the authority and the API server's certificate. */
export async function createPki(directory: string): Promise<void> {
  const files = pkiFiles(directory);
  const [authorityKeys, keys] = await Promise.all([generateKeyPair(), generateKeyPair()]);
  const issuer = {
    name: [{ shortName: 'CN', value: 'e2e' }],
    keyPem: pki.privateKeyToPem(authorityKeys.privateKey),
  };
  const authorityPem = sign(issuer, authorityKeys.publicKey, issuer.name, [
    { name: 'basicConstraints', critical: true, cA: true },
    { name: 'keyUsage', critical: true, keyCertSign: true },
  ]);
  const serverPem = sign(
    issuer,
    keys.publicKey,
    [{ shortName: 'CN', value: 'kube-apiserver' }],
    [
      { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  );
  mkdirSync(join(directory, 'pki'), { mode: 0o700 });
  writeFileSync(files.authority, authorityPem);
  writeFileSync(files.authorityKey, issuer.keyPem);
  writeFileSync(files.server, serverPem);
  writeFileSync(files.key, pki.privateKeyToPem(keys.privateKey));
  writeFileSync(files.publicKey, pki.publicKeyToPem(keys.publicKey));
}

/** Reads the authority back, to sign clients with. */
export function clientSigner(directory: string): SignClient {
  const files = pkiFiles(directory);
  const authority = pki.certificateFromPem(readFileSync(files.authority, 'utf8'));
  const issuer = { name: authority.subject.attributes, keyPem: readFileSync(files.authorityKey, 'utf8') };
  const keyPem = readFileSync(files.key, 'utf8');
  const publicKey = pki.publicKeyFromPem(readFileSync(files.publicKey, 'utf8'));
  return (name, groups) => {
    const subject = [...groups.map((value) => ({ shortName: 'O', value })), { shortName: 'CN', value: name }];
    const certificatePem = sign(issuer, publicKey, subject, [
      { name: 'keyUsage', critical: true, digitalSignature: true },
      { name: 'extKeyUsage', clientAuth: true },
    ]);
    return { certificatePem, keyPem };
  };
}

/** With a callback forge leaves this to OpenSSL, on a thread of its own. */
function generateKeyPair(): Promise<forge.pki.rsa.KeyPair> {
  return new Promise((resolve, reject) => {
    pki.rsa.generateKeyPair({ bits: 2048 }, (error, keys) => (error ? reject(error) : resolve(keys)));
  });
}

interface Issuer {
  readonly name: forge.pki.CertificateField[];
  readonly keyPem: string;
}

function sign(
  issuer: Issuer,
  publicKey: forge.pki.PublicKey,
  subject: forge.pki.CertificateField[],
  extensions: object[],
): string {
  const certificate = pki.createCertificate();
  certificate.publicKey = publicKey;
  certificate.serialNumber = `40${randomBytes(15).toString('hex')}`;
  certificate.validity.notBefore = new Date(Date.now() - DAY_MS);
  certificate.validity.notAfter = new Date(Date.now() + DAY_MS);
  certificate.setSubject(subject);
  certificate.setIssuer(issuer.name);
  certificate.setExtensions(extensions);
  certificate.sign(opensslKey(issuer.keyPem), md.sha256.create());
  return pki.certificateToPem(certificate);
}

/** What precedes a SHA-256 digest in a PKCS #1 v1.5 signature (RFC 8017, 9.2, note 1). */
const SHA256_DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/** Forge's own RSA takes a second for one signature inside jest's realm; OpenSSL's takes a millisecond. */
function opensslKey(keyPem: string): forge.pki.rsa.PrivateKey {
  const signDigest = (digest: forge.md.MessageDigest) => {
    const encoded = Buffer.concat([SHA256_DIGEST_INFO, Buffer.from(digest.digest().getBytes(), 'binary')]);
    const key = { key: keyPem, padding: constants.RSA_PKCS1_PADDING };
    return privateEncrypt(key, encoded).toString('binary');
  };
  return { sign: signDigest } as unknown as forge.pki.rsa.PrivateKey;
}
