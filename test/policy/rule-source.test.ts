import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { directorySource, fixedSource, sourceUnion } from '../../src/policy/rule-source.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rules-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** As the kubelet lays a ConfigMap out: files through `..data`, which is swapped whole. */
async function mountConfigMap(version: string, text: string): Promise<void> {
  await mkdir(join(directory, `..${version}`));
  await writeFile(join(directory, `..${version}`, 'rule.yml'), text);
  await symlink(`..${version}`, join(directory, '..data_tmp'));
  await rename(join(directory, '..data_tmp'), join(directory, '..data'));
}

describe('a directory of rules', () => {
  it('gives its YAML files in order, and nothing else', async () => {
    await mkdir(join(directory, '..2026'));
    await mkdir(join(directory, 'presets'));
    for (const name of [
      'b.yaml',
      'a.yml',
      '..hidden.yml',
      'kustomization.yaml',
      'README.md',
      'presets/c.yml',
    ]) {
      await writeFile(join(directory, name), name);
    }
    expect(await directorySource([directory]).read()).toEqual([
      { name: join(directory, 'a.yml'), text: 'a.yml' },
      { name: join(directory, 'b.yaml'), text: 'b.yaml' },
    ]);
  });

  it.each([
    ['/dev/zero', 'a device'],
    ['.', 'a directory'],
  ])('holds regular files only: a link to %s is an error that names it', async (target, kind) => {
    await symlink(target, join(directory, 'link.yml'));
    await expect(directorySource([directory]).read()).rejects.toThrow(
      `${join(directory, 'link.yml')}: ${kind}, not a regular file`,
    );
  });

  it('is not read at a pipe in it, which may never be written to', async () => {
    execFileSync('mkfifo', [join(directory, 'pipe.yml')]);
    await expect(directorySource([directory]).read()).rejects.toThrow('pipe.yml: a pipe, not a regular file');
  });

  it('may be a file', async () => {
    await writeFile(join(directory, 'one.yml'), 'title: one');
    const file = join(directory, 'one.yml');
    expect(await directorySource([file]).read()).toEqual([{ name: file, text: 'title: one' }]);
  });

  it('that does not exist is an error that names it', async () => {
    await expect(directorySource([join(directory, 'nowhere')]).read()).rejects.toThrow(/ENOENT.*nowhere/);
  });

  it('tells when a ConfigMap is swapped', async () => {
    await mountConfigMap('1', 'first');
    await symlink('..data/rule.yml', join(directory, 'rule.yml'));
    const source = directorySource([directory]);
    const changed = new Promise<void>((resolve) => {
      const stop = source.onChange(() => {
        stop();
        resolve();
      });
    });
    expect((await source.read()).map(({ text }) => text)).toEqual(['first']);
    await mountConfigMap('2', 'second');
    await changed;
    expect((await source.read()).map(({ text }) => text)).toEqual(['second']);
  });
});

describe('several sources', () => {
  it('are one, in order', async () => {
    const [a, b] = ['a', 'b'].map((name) => ({ name, text: '' }));
    expect(await sourceUnion([fixedSource([a!]), fixedSource([b!])]).read()).toEqual([a, b]);
  });
});
