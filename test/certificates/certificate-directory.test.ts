import { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createAuthority, issueCertificate, servingNames } from '../../src/certificates/authority.ts';
import {
  createCertificateDirectory,
  writeAll,
  type CertificateDirectoryOptions,
} from '../../src/certificates/certificate-directory.ts';
import type { Follow } from '../../src/io/follow-paths.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const NAMES = ['ca.crt', 'ca.key', 'tls.crt', 'tls.key'];

let parent: string;
let directory: string;
let now: number;
/** What was made, and why, without the directory's name. */
let made: [files: readonly string[], why: string][];

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'certs-'));
  directory = join(parent, 'certs');
  now = Date.parse('2026-11-24T12:00:00Z');
  made = [];
});
afterEach(() => rm(parent, { recursive: true }));

const relative = (text: string) => text.replaceAll(`${directory}/`, '');

/** Opens the directory; by default nothing is followed. */
function open(options: Partial<CertificateDirectoryOptions> = {}) {
  return createCertificateDirectory({
    directory,
    now: () => now,
    onMake: (files, why) => made.push([files.map(relative), relative(why)]),
    onRefuse: () => {},
    follow: () => () => {},
    ...options,
  });
}

async function contents(): Promise<Record<string, string>> {
  const names = await readdir(directory);
  return Object.fromEntries(
    await Promise.all(
      names.map(async (name) => [name, await readFile(join(directory, name), 'utf8')] as const),
    ),
  );
}

const write = (name: string, text: string) => writeFile(join(directory, name), text);

/** Takes our mark away, as if somebody else had put the file there. */
async function claim(...names: string[]): Promise<void> {
  for (const name of names) {
    const text = await readFile(join(directory, name), 'utf8');
    await write(name, text.slice(text.indexOf('-----BEGIN')));
  }
}

describe('a directory of certificates', () => {
  it('is made where there is none, with keys only we can read', async () => {
    const { certificatePem, keyPem } = (await open()).current();
    expect(made).toEqual([[NAMES, 'ca.crt: does not exist']]);
    const files = await contents();
    expect(Object.keys(files).toSorted()).toEqual(NAMES);
    expect([files['tls.crt'], files['tls.key']]).toEqual([certificatePem, keyPem]);
    const modes = await Promise.all(
      NAMES.map(async (name) => (await stat(join(directory, name))).mode & 0o777),
    );
    expect(modes.map((mode) => mode.toString(8))).toEqual(['644', '600', '644', '600']);
  });

  it('serves localhost and the names a Service has', async () => {
    const leaf = new X509Certificate((await open()).current().certificatePem);
    expect(leaf.subjectAltName).toBe(
      'DNS:localhost, DNS:sigma-admission.sigma-admission.svc, ' +
        'DNS:sigma-admission.sigma-admission.svc.cluster.local, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    );
    const issuer = new X509Certificate((await contents())['ca.crt']!);
    expect(leaf.verify(issuer.publicKey)).toBe(true);
  });

  it('is reused while it is valid', async () => {
    const first = (await open()).current();
    const files = await contents();
    now += 200 * DAY_MS;
    expect((await open()).current()).toEqual(first);
    expect(await contents()).toEqual(files);
    expect(made).toHaveLength(1);
  });

  it('is made once when two processes start at the same moment', async () => {
    const sources = await Promise.all([open(), open(), open()]);
    const { 'tls.crt': certificate } = await contents();
    expect(sources.map((source) => source.current().certificatePem)).toEqual(Array(3).fill(certificate));
    expect(made).toEqual([[NAMES, 'ca.crt: does not exist']]);
  });

  it('is made although a process died while it made it', async () => {
    await mkdir(directory);
    await write('.lock', '');
    await utimes(join(directory, '.lock'), new Date(), new Date(Date.now() - 60_000));
    await open();
    expect(Object.keys(await contents()).toSorted()).toEqual(NAMES);
  });

  it.each([
    [
      'past two thirds of its life',
      250 * DAY_MS,
      'tls.crt: past two thirds of its life, which ends 2027-11-24T12:00:00.000Z',
    ],
    ['expired', 400 * DAY_MS, 'tls.crt: past two thirds of its life, which ends 2027-11-24T12:00:00.000Z'],
  ])('has a serving certificate made anew that is %s', async (_what, laterMs, why) => {
    const first = (await open()).current();
    const { 'ca.crt': authority } = await contents();
    now += laterMs;
    const next = (await open()).current();
    expect(made[1]).toEqual([['tls.crt', 'tls.key'], why]);
    expect(next.notAfter).toEqual(new Date(now + 365 * DAY_MS));
    expect(next.keyPem).not.toBe(first.keyPem);
    expect((await contents())['ca.crt']).toBe(authority);
  });

  it.each([
    [
      'is past two thirds of its life',
      2500 * DAY_MS,
      'ca.crt: past two thirds of its life, which ends 2036-11-21T12:00:00.000Z',
    ],
    ['was made by a clock that was ahead', -1 * DAY_MS, 'ca.crt: not valid before 2026-11-24T10:00:00.000Z'],
  ])('has everything made anew when the authority %s', async (_what, laterMs, why) => {
    await open();
    const before = await contents();
    now += laterMs;
    await open();
    expect(made[1]).toEqual([NAMES, why]);
    const after = await contents();
    expect(NAMES.filter((name) => before[name] === after[name])).toEqual([]);
  });

  it('is reused though its maker’s clock is three hours ahead, which is two of backdating and one of patience', async () => {
    const first = (await open()).current();
    now -= 3 * 60 * 60 * 1000;
    expect((await open()).current()).toEqual(first);
    now -= 1;
    expect((await open()).current()).not.toEqual(first);
  });

  it('has a serving certificate made anew that lacks a name', async () => {
    await open();
    const names = servingNames('sigma-admission', 'security');
    await open({ names: { ...names, ipAddresses: [...names.ipAddresses, '10.0.0.7'] } });
    expect(made[1]).toEqual([
      ['tls.crt', 'tls.key'],
      'tls.crt: not valid for sigma-admission.security.svc, sigma-admission.security.svc.cluster.local, 10.0.0.7',
    ]);
  });

  it.each([
    ['tls.key', ['tls.crt', 'tls.key'], 'tls.key: does not exist'],
    ['ca.key', NAMES, 'ca.key: does not exist'],
  ])('has what belongs to %s made anew when that is gone', async (name, files, why) => {
    await open();
    await rm(join(directory, name));
    await open();
    expect(made[1]).toEqual([files, why]);
  });

  it('repairs what it made itself', async () => {
    await open();
    const { 'tls.key': key } = await contents();
    await write('tls.key', key!.slice(0, 200));
    await open();
    await write('tls.key', key!);
    await open();
    expect(made.slice(1)).toEqual([
      [['tls.crt', 'tls.key'], expect.stringMatching(/^tls\.key: not a private key in PEM: /)],
      [['tls.crt', 'tls.key'], 'tls.key: not the key of tls.crt'],
    ]);
  });

  it('issues anew when the authority is another', async () => {
    const first = (await open()).current();
    const { 'tls.crt': certificate, 'tls.key': key } = await contents();
    for (const name of NAMES) await rm(join(directory, name));
    await open();
    await write('tls.crt', certificate!);
    await write('tls.key', key!);
    const next = (await open()).current();
    expect(made[2]).toEqual([['tls.crt', 'tls.key'], 'tls.crt: not issued by ca.crt']);
    expect(next).not.toEqual(first);
  });
});

describe('what somebody else put there', () => {
  it('is used as it is, whatever its names and dates', async () => {
    const authority = await createAuthority({ now: now - 9 * DAY_MS, lifetimeMs: DAY_MS });
    const theirs = await issueCertificate({
      authority,
      dnsNames: ['elsewhere.example'],
      ipAddresses: [],
      now: now - 9 * DAY_MS,
      lifetimeMs: DAY_MS,
    });
    await open();
    await write('tls.crt', theirs.certificatePem + authority.certificatePem);
    await write('tls.key', theirs.keyPem);
    await rm(join(directory, 'ca.key'));
    const { certificatePem, keyPem } = (await open()).current();
    expect({ certificatePem, keyPem }).toEqual({
      certificatePem: theirs.certificatePem + authority.certificatePem,
      keyPem: theirs.keyPem,
    });
    expect(made).toHaveLength(1);
  });

  it('may be the authority: ours is then issued by it', async () => {
    const { certificatePem, keyPem } = await createAuthority({ now });
    await open();
    await write('ca.crt', certificatePem);
    await write('ca.key', keyPem);
    const leaf = new X509Certificate((await open()).current().certificatePem);
    expect(made[1]).toEqual([['tls.crt', 'tls.key'], 'tls.crt: not issued by ca.crt']);
    expect(leaf.verify(new X509Certificate(certificatePem).publicKey)).toBe(true);
    expect((await contents())['ca.crt']).toBe(certificatePem);
  });

  const LEFT =
    'sigma-admission did not make it, so it is not replaced: mend it, or remove both files to have new ones made';

  it.each([
    ['tls.crt', 'not a certificate in PEM'],
    ['tls.key', 'not a private key in PEM'],
    ['ca.crt', 'not a certificate in PEM'],
    ['ca.key', 'not a private key in PEM'],
  ])('and is broken (%s) is an error that names it, and stays', async (name, problem) => {
    await open();
    await write(name, 'PRECIOUS');
    const files = await contents();
    await expect(open()).rejects.toThrow(new RegExp(`/${name}: ${problem}: .*\\. ${LEFT}$`));
    expect(await contents()).toEqual(files);
  });

  it('and does not fit is an error that names both, and stays', async () => {
    const { keyPem } = await createAuthority({ now });
    await open();
    await write('tls.key', keyPem);
    const files = await contents();
    await expect(open()).rejects.toThrow(
      `${directory}/tls.key: not the key of ${directory}/tls.crt. ${LEFT}`,
    );
    expect(await contents()).toEqual(files);
  });

  it('and is half of a pair is an error that names the other half', async () => {
    await open();
    await claim('tls.key');
    await rm(join(directory, 'tls.crt'));
    await expect(open()).rejects.toThrow(`${directory}/tls.crt: does not exist. ${LEFT}`);
  });

  it('and is no authority is an error that says so', async () => {
    await open();
    await claim('tls.crt', 'tls.key');
    const { 'tls.crt': certificate, 'tls.key': key } = await contents();
    await write('ca.crt', certificate!);
    await write('ca.key', key!);
    await rm(join(directory, 'tls.crt'));
    await rm(join(directory, 'tls.key'));
    await expect(open()).rejects.toThrow(`${directory}/ca.crt: not a certificate authority. ${LEFT}`);
  });
});

describe('while it serves', () => {
  let look: () => void;
  const byHand: Follow = (changed) => {
    look = changed;
    return () => {};
  };

  it('renews in time, and tells', async () => {
    const source = await open({
      follow: byHand,
    });
    const first = source.current();
    const renewed = new Promise((resolve) => source.onChange(resolve));
    now += 250 * DAY_MS;
    look();
    expect(await renewed).toBe(source.current());
    expect(source.current().keyPem).not.toBe(first.keyPem);
    expect(source.current().notAfter).toEqual(new Date(now + 365 * DAY_MS));
  });

  it('has one that is not valid yet made anew when the clock is put back', async () => {
    const source = await open({ follow: byHand });
    const before = source.current();
    const changed = new Promise((resolve) => source.onChange(resolve));
    now -= 4 * 60 * 60 * 1000;
    look();
    await changed;
    expect(made[1]).toEqual([NAMES, 'ca.crt: not valid before 2026-11-24T10:00:00.000Z']);
    expect(source.current().notBefore).toEqual(new Date(now - 2 * 60 * 60 * 1000));
    expect(source.current().keyPem).not.toBe(before.keyPem);
  });

  it('keeps the last good certificate when somebody breaks it, and says so once', async () => {
    const onRefuse = jest.fn<(error: Error) => void>();
    const source = await open({
      onRefuse,
      follow: byHand,
    });
    const good = source.current();
    await write('tls.crt', 'BROKEN');
    const said = new Promise((resolve) => onRefuse.mockImplementationOnce(resolve));
    look();
    look();
    await said;
    expect(source.current()).toBe(good);
    expect(relative(source.refused()!.message)).toMatch(/^tls\.crt: not a certificate in PEM: /);
    await write('tls.crt', good.certificatePem);
    const changed = new Promise((resolve) => source.onChange(resolve));
    now += 250 * DAY_MS;
    look();
    await changed;
    expect(source.refused()).toBeUndefined();
    expect(onRefuse).toHaveBeenCalledTimes(1);
  });

  it('notices by itself that its files are gone', async () => {
    const source = await createCertificateDirectory({ directory, onMake: () => {}, onRefuse: () => {} });
    const changed = new Promise((resolve) => source.onChange(resolve));
    await rm(join(directory, 'tls.key'));
    await changed;
    source.close();
    expect((await contents())['tls.key']).toBe(source.current().keyPem);
  });
});

describe('a directory that cannot be written', () => {
  it('or made is an error that says why, and where', async () => {
    await writeFile(directory, 'a file');
    await expect(open()).rejects.toThrow(/EEXIST.*certs/);
  });

  it('or made inside of what is not a directory is an error that says so', async () => {
    await writeFile(directory, 'a file');
    await expect(open({ directory: join(directory, 'deep', 'deeper') })).rejects.toThrow(/ENOTDIR.*certs/);
  });

  it('is made with all that leads to it', async () => {
    await open({ directory: join(directory, 'deep', 'deeper') });
    expect((await readdir(join(directory, 'deep', 'deeper'))).toSorted()).toEqual(NAMES);
  });

  it('is an error that says which certificate is due, and what the file system says', async () => {
    await mkdir(join(directory, '.lock'), { recursive: true });
    await utimes(join(directory, '.lock'), new Date(0), new Date(0));
    await expect(open()).rejects.toThrow(
      /^a certificate is due \(.*ca\.crt: does not exist\), and cannot be written: EISDIR: .*\.lock/,
    );
  });

  it('to the end is written in no part: no key stays without its certificate', async () => {
    await mkdir(directory);
    await write('ca.key', 'before');
    const texts = ['ca.key', 'ca.crt', 'gone/tls.key'].map((name) => ({
      file: join(directory, name),
      text: 'after',
      mode: 0o600,
    }));
    await expect(writeAll(texts)).rejects.toThrow(/ENOENT.*tls\.key/);
    expect(await contents()).toEqual({ 'ca.key': 'before' });
  });

  it('but need not be is no error', async () => {
    const good = (await open()).current();
    await mkdir(join(directory, '.lock'));
    expect((await open()).current()).toEqual(good);
  });
});
