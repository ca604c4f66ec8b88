import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import {
  createAuthority,
  issueCertificate,
  type KeyedCertificate,
} from '../../src/certificates/authority.ts';
import { createClientAuthority } from '../../src/webhook/client-authority.ts';
import { eventually } from '../lib/eventually.ts';

let directory: string;
let file: string;
let first: KeyedCertificate;
let second: KeyedCertificate;
let leaf: KeyedCertificate;
let refused: string[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'client-authority-'));
  file = join(directory, 'ca.crt');
  const now = Date.now();
  [first, second] = await Promise.all([createAuthority({ now }), createAuthority({ now })]);
  leaf = await issueCertificate({ authority: first, dnsNames: ['a'], ipAddresses: [], now });
});
afterAll(() => rm(directory, { recursive: true }));
beforeEach(() => {
  refused = [];
});

const create = () => createClientAuthority({ file, onRefuse: ({ message }) => refused.push(message) });

it('is what the file says, and follows it; one that is no good leaves the last good one', async () => {
  await writeFile(file, `# ours\n${first.certificatePem}`);
  const authority = await create();
  const seen: string[] = [];
  authority.onChange((pem) => seen.push(pem));
  const one = authority.current();
  expect(one).toBe(`${first.certificatePem.trim()}\n`);
  await writeFile(file, 'nothing');
  await eventually('it is refused', () => refused.length > 0);
  expect([authority.current(), refused]).toEqual([
    one,
    [`${file}: expected certificates in PEM, and nothing else`],
  ]);
  await writeFile(file, first.certificatePem + second.certificatePem);
  await eventually('both are in force', () => seen.length > 0);
  expect([seen, authority.current()]).toEqual([
    [`${first.certificatePem.trim()}\n${second.certificatePem.trim()}\n`],
    seen[0],
  ]);
  authority.close();
});

it.each<[string, () => string, string]>([
  ['nothing', () => '', 'expected certificates in PEM, and nothing else'],
  ['a key, too', () => first.certificatePem + first.keyPem, 'expected certificates in PEM, and nothing else'],
  [
    'half a certificate',
    () => first.certificatePem.slice(0, 200),
    'expected certificates in PEM, and nothing else',
  ],
  [
    'what is no certificate',
    () => '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
    'certificate 1 of 1: ',
  ],
  [
    'a leaf',
    () => first.certificatePem + leaf.certificatePem,
    'certificate 2 of 2: not a certificate authority',
  ],
])('of %s is an error', async (_what, text, problem) => {
  await writeFile(file, text().replaceAll('\r', ''));
  await expect(create()).rejects.toThrow(`${file}: ${problem}`);
});

it('that is not there is an error', async () => {
  await rm(file);
  await expect(create()).rejects.toThrow('ENOENT');
});
