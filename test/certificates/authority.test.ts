import { createPrivateKey, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import forge from 'node-forge';
import {
  createAuthority,
  issueCertificate,
  type KeyedCertificate,
} from '../../src/certificates/authority.ts';

const NOW = Date.parse('2026-11-24T12:00:00Z');
let authority: KeyedCertificate;
let serving: KeyedCertificate;

beforeAll(async () => {
  authority = await createAuthority({ now: NOW });
  const names = { dnsNames: ['localhost', 'a.b.svc'], ipAddresses: ['127.0.0.1', '::1'] };
  serving = await issueCertificate({ authority, ...names, now: NOW });
});

/** Extensions as forge reads them back, without their encoding. */
function extensionsOf({ certificatePem }: KeyedCertificate) {
  const { extensions } = forge.pki.certificateFromPem(certificatePem);
  return Object.fromEntries(
    extensions.map(({ name, id: _id, value: _value, ...content }) => [name, content]),
  ) as Record<string, Record<string, unknown>>;
}

describe('an authority', () => {
  it('lasts ten years, and began two hours ago: an hour for each clock that is off', () => {
    const { validFromDate, validToDate } = new X509Certificate(authority.certificatePem);
    expect([validFromDate, validToDate]).toEqual([
      new Date('2026-11-24T10:00:00Z'),
      new Date('2036-11-21T12:00:00Z'),
    ]);
  });

  it('may sign certificates and lists of revoked ones, and nothing below another authority', () => {
    const { basicConstraints, keyUsage } = extensionsOf(authority);
    expect(basicConstraints).toEqual({ critical: true, cA: true, pathLenConstraint: 0 });
    expect(keyUsage).toMatchObject({
      critical: true,
      keyCertSign: true,
      cRLSign: true,
      digitalSignature: false,
    });
  });

  it('signed itself, with a key that is given as PEM', () => {
    const certificate = new X509Certificate(authority.certificatePem);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(authority.keyPem))).toBe(true);
    expect(certificate.publicKey.asymmetricKeyDetails?.modulusLength).toBe(2048);
  });

  it('shares neither name nor serial with another', async () => {
    const [one, other] = [authority, await createAuthority({ now: NOW })].map(
      ({ certificatePem }) => new X509Certificate(certificatePem),
    );
    expect(one?.subject).toMatch(/^CN=sigma-admission CA [\da-f]{16}$/);
    expect(one?.subject).not.toBe(other?.subject);
    expect(one?.serialNumber).not.toBe(other?.serialNumber);
  });

  it('lasts as long as it is told, past the year 2050 too', async () => {
    const { certificatePem } = await createAuthority({
      now: NOW,
      lifetimeMs: 30 * 365.25 * 24 * 3600 * 1000,
    });
    expect(new X509Certificate(certificatePem).validToDate).toEqual(new Date('2056-11-24T00:00:00Z'));
  });
});

describe('a serving certificate', () => {
  it('lasts one year, and began two hours ago', () => {
    const { validFromDate, validToDate } = new X509Certificate(serving.certificatePem);
    expect([validFromDate, validToDate]).toEqual([
      new Date('2026-11-24T10:00:00Z'),
      new Date('2027-11-24T12:00:00Z'),
    ]);
  });

  it('is for servers, for its names and addresses, and no authority', () => {
    const { basicConstraints, keyUsage, extKeyUsage } = extensionsOf(serving);
    expect(new X509Certificate(serving.certificatePem).subjectAltName).toBe(
      'DNS:localhost, DNS:a.b.svc, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    );
    expect(basicConstraints).toEqual({ critical: true, cA: false });
    expect(keyUsage).toMatchObject({ critical: true, digitalSignature: true, keyEncipherment: true });
    expect(keyUsage).toMatchObject({ keyCertSign: false, cRLSign: false });
    expect(extKeyUsage).toMatchObject({ serverAuth: true });
  });

  it('is by its authority, in name, key identifier and signature', () => {
    const [leaf, issuer] = [serving, authority].map(
      ({ certificatePem }) => new X509Certificate(certificatePem),
    );
    expect(leaf?.issuer).toBe(issuer?.subject);
    expect(leaf?.checkIssued(issuer!)).toBe(true);
    expect(leaf?.verify(issuer!.publicKey)).toBe(true);
    expect(leaf?.checkPrivateKey(createPrivateKey(serving.keyPem))).toBe(true);
    const authorityKey = forge.pki
      .certificateFromPem(authority.certificatePem)
      .generateSubjectKeyIdentifier()
      .getBytes();
    expect(extensionsOf(authority)['subjectKeyIdentifier']).toEqual({
      critical: false,
      subjectKeyIdentifier: forge.util.bytesToHex(authorityKey),
    });
    const stated = forge.pki
      .certificateFromPem(serving.certificatePem)
      .getExtension('authorityKeyIdentifier');
    // [0] keyIdentifier of 20 octets (RFC 5280, 4.2.1.1)
    expect((stated as { value: string }).value).toBe(`\x30\x16\x80\x14${authorityKey}`);
  });

  it('has a serial of its own: positive, and in the shortest form', async () => {
    const issued = await Promise.all(
      Array.from({ length: 8 }, () =>
        issueCertificate({ authority, dnsNames: ['localhost'], ipAddresses: [], now: NOW }),
      ),
    );
    const serials = issued.map(({ certificatePem }) => new X509Certificate(certificatePem).serialNumber);
    expect(new Set(serials).size).toBe(8);
    expect(serials.filter((serial) => !/^[4-7][\dA-F]{31}$/.test(serial))).toEqual([]);
  });

  it('ends no later than its authority', async () => {
    const short = await createAuthority({ now: NOW, lifetimeMs: 1000 });
    const issued = await issueCertificate({
      authority: short,
      dnsNames: ['localhost'],
      ipAddresses: [],
      now: NOW,
    });
    expect(new X509Certificate(issued.certificatePem).validToDate).toEqual(new Date('2026-11-24T12:00:01Z'));
  });

  it('for nothing is a mistake of ours', async () => {
    await expect(issueCertificate({ authority, dnsNames: [], ipAddresses: [], now: NOW })).rejects.toThrow(
      TypeError,
    );
  });
});
