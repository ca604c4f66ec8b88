import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import forge from 'node-forge';
import {
  createAuthority,
  issueCertificate,
  type KeyedCertificate,
} from '../../src/certificates/authority.ts';
import {
  createCertificateFiles,
  type CertificateSource,
  type TlsCertificate,
} from '../../src/certificates/certificate-source.ts';

const NOW = Date.parse('2026-11-24T12:00:00Z');
let authority: KeyedCertificate;
let first: KeyedCertificate;
let second: KeyedCertificate;

let directory: string;
let source: CertificateSource | undefined;
let refused: string[];
let onRefused: () => void;

beforeAll(async () => {
  authority = await createAuthority({ now: NOW });
  const names = { dnsNames: ['localhost'], ipAddresses: [], now: NOW };
  [first, second] = await Promise.all([
    issueCertificate({ authority, ...names }),
    issueCertificate({ authority, ...names }),
  ]);
});
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tls-'));
  refused = [];
  onRefused = () => {};
});
afterEach(async () => {
  source?.close();
  source = undefined;
  await rm(directory, { recursive: true });
});

const CERTIFICATE = 'tls.crt';
const KEY = 'tls.key';

async function open(): Promise<CertificateSource> {
  source = await createCertificateFiles({
    certificateFile: join(directory, CERTIFICATE),
    keyFile: join(directory, KEY),
    onRefuse: (error) => {
      refused.push(error.message.replaceAll(`${directory}/`, ''));
      onRefused();
    },
  });
  return source;
}

async function put(name: string, text: string): Promise<void> {
  await writeFile(join(directory, `.${name}`), text);
  await rename(join(directory, `.${name}`), join(directory, name));
}

async function putPair({ certificatePem, keyPem }: KeyedCertificate): Promise<void> {
  await put(CERTIFICATE, certificatePem);
  await put(KEY, keyPem);
}

/** As the kubelet mounts a Secret: files go through `..data`, which is swapped whole. */
async function mountSecret(version: string, { certificatePem, keyPem }: KeyedCertificate): Promise<void> {
  await mkdir(join(directory, `..${version}`));
  await writeFile(join(directory, `..${version}`, CERTIFICATE), certificatePem);
  await writeFile(join(directory, `..${version}`, KEY), keyPem);
  await symlink(`..${version}`, join(directory, '..data_tmp'));
  await rename(join(directory, '..data_tmp'), join(directory, '..data'));
}

const encrypted = ({ keyPem }: KeyedCertificate) =>
  forge.pki.encryptRsaPrivateKey(forge.pki.privateKeyFromPem(keyPem), 'secret', { algorithm: 'aes256' });

const nextOf = (from: CertificateSource) =>
  new Promise<TlsCertificate>((resolve) => {
    const stop = from.onChange((certificate) => {
      stop();
      resolve(certificate);
    });
  });
const nextRefusal = () =>
  new Promise<void>((resolve) => {
    onRefused = resolve;
  });

describe('a certificate and key in files', () => {
  it('are given with their dates', async () => {
    await putPair(first);
    expect((await open()).current()).toEqual({
      ...first,
      notBefore: new Date('2026-11-24T10:00:00Z'),
      notAfter: new Date('2027-11-24T12:00:00Z'),
    });
  });

  it('may be a chain', async () => {
    await put(CERTIFICATE, first.certificatePem + authority.certificatePem);
    await put(KEY, first.keyPem);
    expect((await open()).current().certificatePem).toBe(first.certificatePem + authority.certificatePem);
  });

  it('are loaded again when they are replaced', async () => {
    await putPair(first);
    const opened = await open();
    const next = nextOf(opened);
    await putPair(second);
    expect(await next).toMatchObject(second);
    expect(opened.current()).toMatchObject(second);
  });

  it('are loaded again when a mounted Secret is swapped', async () => {
    await mountSecret('1', first);
    for (const name of [CERTIFICATE, KEY]) await symlink(`..data/${name}`, join(directory, name));
    const opened = await open();
    expect(opened.current()).toMatchObject(first);
    const next = nextOf(opened);
    await mountSecret('2', second);
    expect(await next).toMatchObject(second);
    expect(refused).toEqual([]);
  });

  it('that became broken leave the last good ones, until they are mended', async () => {
    await putPair(first);
    const opened = await open();
    const refusal = nextRefusal();
    await put(KEY, second.keyPem);
    await refusal;
    expect(refused).toEqual(['tls.key: not the key of tls.crt']);
    expect(opened.refused()?.message).toBe(`${directory}/tls.key: not the key of ${directory}/tls.crt`);
    expect(opened.current()).toMatchObject(first);
    const next = nextOf(opened);
    await put(CERTIFICATE, second.certificatePem);
    expect(await next).toMatchObject(second);
    expect(opened.refused()).toBeUndefined();
  });

  it('that are gone leave the last good ones', async () => {
    await putPair(first);
    const opened = await open();
    const refusal = nextRefusal();
    await rm(join(directory, CERTIFICATE));
    await refusal;
    expect(refused).toEqual([expect.stringMatching(/^ENOENT: .*tls\.crt'$/)]);
    expect(opened.current()).toMatchObject(first);
  });

  it('are not followed once closed', async () => {
    await putPair(first);
    const opened = await open();
    const witness = await createCertificateFiles({
      certificateFile: join(directory, CERTIFICATE),
      keyFile: join(directory, KEY),
      onRefuse: () => {},
    });
    opened.close();
    const seen = nextOf(witness);
    await putPair(second);
    await seen;
    witness.close();
    expect(opened.current()).toMatchObject(first);
  });
});

describe('files that cannot be served', () => {
  it.each<[string, string, () => string, () => string]>([
    ['no certificate', 'tls.crt: not a certificate in PEM: ', () => 'hello', () => first.keyPem],
    ['an empty certificate', 'tls.crt: not a certificate in PEM: ', () => '', () => first.keyPem],
    ['no key', 'tls.key: not a private key in PEM: ', () => first.certificatePem, () => 'hello'],
    [
      'an encrypted key',
      'tls.key: not a private key in PEM: ',
      () => first.certificatePem,
      () => encrypted(first),
    ],
    ['another key', 'tls.key: not the key of tls.crt', () => first.certificatePem, () => second.keyPem],
    [
      'a chain in the wrong order',
      'tls.key: not the key of tls.crt',
      () => authority.certificatePem + first.certificatePem,
      () => first.keyPem,
    ],
    [
      'a broken chain',
      'tls.crt: cannot be served: ',
      () => `${first.certificatePem}${authority.certificatePem.slice(0, 200)}\n-----END CERTIFICATE-----\n`,
      () => first.keyPem,
    ],
  ])('are an error from the start that names them: %s', async (_what, problem, certificate, key) => {
    await putPair({ certificatePem: certificate(), keyPem: key() });
    const error = await open().then(
      () => undefined,
      (thrown: Error) => thrown.message.replaceAll(`${directory}/`, ''),
    );
    expect(error?.slice(0, problem.length)).toBe(problem);
  });

  it('because they do not exist are an error that names them', async () => {
    await expect(open()).rejects.toThrow(/ENOENT.*tls\.crt/);
  });
});
