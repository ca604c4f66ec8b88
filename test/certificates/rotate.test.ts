import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { certificatesRotate } from '../../src/commands/certificates/rotate.ts';
import { ApiError, type ApiServer } from '../../src/cluster/api-server.ts';
import { createCertificateDirectory } from '../../src/certificates/certificate-directory.ts';
import { isIssuedBy } from '../../src/certificates/validity.ts';

const CONFIG = { secret: 'tls', namespace: 'n', reason: 'the key got out' };

async function rotate(
  config: Parameters<typeof certificatesRotate>[0],
  api: Pick<ApiServer, 'get' | 'replace'> = {
    get: () => Promise.reject(new Error('no cluster is asked')),
    replace: () => Promise.reject(new Error('no cluster is asked')),
  },
) {
  const said = { stdout: '', stderr: '' };
  const exitCode = await certificatesRotate(config, {
    stdout: { write: (text) => (said.stdout += text) },
    stderr: { write: (text) => (said.stderr += text) },
    connect: async () => api,
  });
  return { exitCode, ...said };
}

describe('certificates rotate, in a Secret', () => {
  /** A Secret that is there, of which the first so many writes come too late. */
  function secret(conflicts: number) {
    const replaced: unknown[] = [];
    const held = {
      metadata: { name: 'tls', resourceVersion: '7', annotations: { note: 'kept' } },
      data: { 'ca.crt': 'QQ==' },
    };
    const api: Pick<ApiServer, 'get' | 'replace'> = {
      get: async () => held,
      async replace(path, object) {
        replaced.push([path, object]);
        if (replaced.length <= conflicts) throw new ApiError(409, 'it was changed');
        return object;
      },
    };
    return { api, held, replaced };
  }

  it('asks by an annotation, and leaves the rest as it is', async () => {
    const { api, held, replaced } = secret(0);
    expect(await rotate(CONFIG, api)).toEqual({
      exitCode: 0,
      stdout: expect.stringMatching(/^asked for in secret n\/tls: the key got out\n/),
      stderr: '',
    });
    const annotations = { note: 'kept', 'sigma-admission/renew-authority': 'the key got out' };
    expect(replaced).toEqual([
      ['/api/v1/namespaces/n/secrets/tls', { ...held, metadata: { ...held.metadata, annotations } }],
    ]);
  });

  it('asks again where a replica wrote the Secret meanwhile', async () => {
    const { api, replaced } = secret(2);
    expect((await rotate(CONFIG, api)).exitCode).toBe(0);
    expect(replaced).toHaveLength(3);
  });

  it.each([
    ['there is no such Secret', { get: () => Promise.reject(new ApiError(404, 'secrets "tls" not found')) }],
    ['it may not', { replace: () => Promise.reject(new ApiError(403, 'secrets "tls" is forbidden')) }],
  ])('exits with 2, and says why, where %s', async (_, changes) => {
    const { exitCode, stdout, stderr } = await rotate(CONFIG, { ...secret(0).api, ...changes });
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^sigma-admission certificates rotate: secrets "tls" (not found|is forbidden)\n$/);
  });

  it('exits with 2 where every try comes too late', async () => {
    const { api } = secret(100);
    expect(await rotate(CONFIG, api)).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: 'sigma-admission certificates rotate: it was changed\n',
    });
  });
});

describe('certificates rotate, in a directory', () => {
  const NAMES = ['ca.crt', 'ca.key', 'tls.crt', 'tls.key'];
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'certs-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const open = () => createCertificateDirectory({ directory, onMake: () => {}, onRefuse: () => {} });
  async function contents(): Promise<readonly string[]> {
    return Promise.all(NAMES.map((name) => readFile(join(directory, name), 'utf8')));
  }

  it('makes a new authority and a certificate of it, which a server that runs serves', async () => {
    const source = await open();
    const before = await contents();
    const changed = new Promise((resolve) => source.onChange(resolve));
    expect((await rotate({ ...CONFIG, certsDir: directory })).exitCode).toBe(0);
    await changed;
    source.close();
    const after = await contents();
    expect(after.filter((text) => before.includes(text))).toEqual([]);
    expect(isIssuedBy(source.current().certificatePem, after[0]!)).toBe(true);
    expect((await readdir(directory)).toSorted()).toEqual(NAMES);
  });

  it('leaves alone what is not of our making', async () => {
    (await open()).close();
    const [, , certificate = ''] = await contents();
    await writeFile(join(directory, 'tls.crt'), certificate.slice(certificate.indexOf('-----BEGIN')));
    const before = await contents();
    const { exitCode, stderr } = await rotate({ ...CONFIG, certsDir: directory });
    expect([exitCode, stderr]).toEqual([
      2,
      `sigma-admission certificates rotate: ${directory}/tls.crt, ${directory}/tls.key: not made by sigma-admission, so not replaced\n`,
    ]);
    expect(await contents()).toEqual(before);
  });

  it.each([
    ['has no certificates', 'empty', /empty: no certificates to rotate\n$/],
    ['does not exist', 'missing', /ENOENT: .*missing/],
  ])('makes none in a directory that %s', async (_, name, message) => {
    await mkdir(join(directory, 'empty'));
    const { exitCode, stderr } = await rotate({ ...CONFIG, certsDir: join(directory, name) });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(message);
    expect(await readdir(directory)).toEqual(['empty']);
    expect(await readdir(join(directory, 'empty'))).toEqual([]);
  });
});
