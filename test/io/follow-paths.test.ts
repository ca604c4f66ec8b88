import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { followPaths } from '../../src/io/follow-paths.ts';

let directory: string;
let stop: () => void;
let heard: PromiseWithResolvers<string>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'follow-'));
  stop = () => {};
});
afterEach(async () => {
  stop();
  jest.useRealTimers();
  await rm(directory, { recursive: true });
});

const at = (...names: string[]) => join(directory, ...names);

function follow(...paths: string[]): void {
  heard = Promise.withResolvers();
  stop = followPaths(paths)(() => heard.resolve('changed'));
}

/** Does something, and waits until it is noticed. */
async function noticed(change: () => Promise<void>): Promise<string> {
  heard = Promise.withResolvers();
  await change();
  return heard.promise;
}

async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

describe('a file that is named', () => {
  it('is followed when it is written in place, again and again', async () => {
    await writeFile(at('a.yml'), '1');
    follow(at('a.yml'));
    expect(await noticed(() => writeFile(at('a.yml'), '2'))).toBe('changed');
    expect(await noticed(() => writeFile(at('a.yml'), '3'))).toBe('changed');
  });

  it('is followed when another is put in its place, again and again', async () => {
    await writeFile(at('a.yml'), '1');
    follow(at('a.yml'));
    for (const text of ['2', '3', '4']) {
      expect(await noticed(() => replace(at('a.yml'), text))).toBe('changed');
    }
  });

  it('is followed when it is written in place after another was put there', async () => {
    await writeFile(at('a.yml'), '1');
    follow(at('a.yml'));
    await noticed(() => replace(at('a.yml'), '2'));
    expect(await noticed(() => writeFile(at('a.yml'), '3'))).toBe('changed');
  });

  it('is followed when it is removed and made again', async () => {
    await writeFile(at('a.yml'), '1');
    follow(at('a.yml'));
    await noticed(() => rm(at('a.yml')));
    expect(await noticed(() => writeFile(at('a.yml'), '2'))).toBe('changed');
  });

  it('is followed when it is made later', async () => {
    follow(at('a.yml'));
    expect(await noticed(() => writeFile(at('a.yml'), '1'))).toBe('changed');
  });

  it('is followed through a link, also after that leads elsewhere', async () => {
    await mkdir(at('elsewhere'));
    await writeFile(at('elsewhere', '1.yml'), '1');
    await writeFile(at('elsewhere', '2.yml'), '2');
    await symlink('elsewhere/1.yml', at('a.yml'));
    follow(at('a.yml'));
    await noticed(() => writeFile(at('elsewhere', '1.yml'), '1!'));
    await noticed(async () => {
      await symlink('elsewhere/2.yml', at('a.new'));
      await rename(at('a.new'), at('a.yml'));
    });
    expect(await noticed(() => writeFile(at('elsewhere', '2.yml'), '2!'))).toBe('changed');
  });

  it('is followed when the volume that it is mounted from is swapped', async () => {
    const swap = async (version: string) => {
      await mkdir(at(`..${version}`));
      await writeFile(at(`..${version}`, 'a.yml'), version);
      await symlink(`..${version}`, at('..data_tmp'));
      await rename(at('..data_tmp'), at('..data'));
    };
    await swap('1');
    await symlink('..data/a.yml', at('a.yml'));
    follow(at('a.yml'));
    expect(await noticed(() => swap('2'))).toBe('changed');
    expect(await noticed(() => swap('3'))).toBe('changed');
  });

  it('is not concerned by what happens beside it', async () => {
    await writeFile(at('a.yml'), '1');
    const heardOf: string[] = [];
    stop = followPaths([at('a.yml')])(() => heardOf.push('a'));
    const stopBeside = followPaths([directory])(() => heard.resolve('beside'));
    expect(await noticed(() => writeFile(at('b.yml'), '1'))).toBe('beside');
    stopBeside();
    expect(heardOf).toEqual([]);
  });
});

describe('a directory', () => {
  it('is followed when something in it is made, changed, or removed', async () => {
    follow(directory);
    await noticed(() => writeFile(at('a.yml'), '1'));
    await noticed(() => writeFile(at('a.yml'), '2'));
    expect(await noticed(() => rm(at('a.yml')))).toBe('changed');
  });

  it('is followed when it is removed and made again, again and again', async () => {
    await mkdir(at('rules'));
    follow(at('rules'));
    for (const text of ['1', '2']) {
      await noticed(() => rm(at('rules'), { recursive: true }));
      await noticed(() => mkdir(at('rules')));
      expect(await noticed(() => writeFile(at('rules', 'a.yml'), text))).toBe('changed');
    }
  });

  it('is followed when another is put in its place', async () => {
    await mkdir(at('rules'));
    await mkdir(at('next'));
    follow(at('rules'));
    await noticed(async () => {
      await rename(at('rules'), at('before'));
      await rename(at('next'), at('rules'));
    });
    expect(await noticed(() => writeFile(at('rules', 'a.yml'), '1'))).toBe('changed');
  });
});

it('looks every minute, and then follows what a path means by then', async () => {
  jest.useFakeTimers();
  follow(at('home', 'rules'));
  await mkdir(at('home', 'rules'), { recursive: true });
  jest.advanceTimersByTime(60_000);
  expect(await heard.promise).toBe('changed');
  jest.useRealTimers();
  expect(await noticed(() => writeFile(at('home', 'rules', 'a.yml'), '1'))).toBe('changed');
});

it('says nothing more once it is ended', async () => {
  jest.useFakeTimers();
  const heardOf: string[] = [];
  followPaths([directory])(() => heardOf.push('changed'))();
  jest.advanceTimersByTime(600_000);
  expect(heardOf).toEqual([]);
});
