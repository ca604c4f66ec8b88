import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { logFiles, problemOf } from '../../src/io/input-files.ts';

let directory = '';
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'logs-'))));
afterEach(() => rmSync(directory, { recursive: true }));

function write(name: string, content: string | Buffer = name): string {
  const path = join(directory, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

async function* pipe(...pieces: readonly (string | Buffer)[]) {
  for (const piece of pieces) yield Buffer.from(piece);
}

/** The names below the directory, then what could not be read. */
async function found(...paths: readonly string[]): Promise<readonly string[]> {
  const problems: string[] = [];
  const files = await logFiles(paths, pipe(), (name, problem) => problems.push(`${name}: ${problem}`));
  return [...files.map(({ name }) => name), ...problems].map((text) => text.replace(`${directory}/`, ''));
}

async function contents(paths: readonly string[], stdin = pipe()): Promise<string> {
  let text = '';
  for (const file of await logFiles(paths, stdin, () => {})) {
    for await (const piece of file.read(() => {})) text += piece.toString();
  }
  return text;
}

describe('the logs that are named', () => {
  it('are read in the order given, each once', async () => {
    const [a, b] = [write('a.log'), write('b')];
    symlinkSync(a, join(directory, 'c.log'));
    expect(await found(b, a, '-', join(directory, 'c.log'), b, '-')).toEqual(['b', 'a.log', '-']);
  });

  it('are regular files: what else a directory holds is reported, and never opened', async () => {
    write('audit.log');
    execFileSync('mkfifo', [join(directory, 'fifo.log')]);
    symlinkSync('/dev/zero', join(directory, 'zero.log'));
    symlinkSync('/dev/null', join(directory, 'null.log.gz'));
    symlinkSync(join(directory, 'nowhere'), join(directory, 'broken.log'));
    mkdirSync(join(directory, 'sub.log'));
    symlinkSync(join(directory, 'sub.log'), join(directory, 'linked.log'));
    const problems = [
      'broken.log: there is no such file',
      'fifo.log: a pipe, not a regular file; pipe it in, as -',
      'linked.log: a directory, not a regular file',
      'null.log.gz: a device, not a regular file',
      'zero.log: a device, not a regular file',
    ];
    const told = await found(directory);
    expect([told[0], told.slice(1).toSorted()]).toEqual(['audit.log', problems]);
    expect((await found(join(directory, 'fifo.log'), join(directory, 'zero.log'))).toSorted()).toEqual([
      'fifo.log: a pipe, not a regular file; pipe it in, as -',
      'zero.log: a device, not a regular file',
    ]);
  });

  it('may be a directory: its logs are read from the oldest to the one being written', async () => {
    const names = [
      'audit-2026-11-22T08-00-00.000.log.gz',
      'audit-2026-11-23T08-00-00.000.log.gz',
      'audit-2026-11-23T09-00-00.000.log',
      'audit.log',
      'kube.log-20261101',
      'kube.log-20261102.gz',
      'kube.log',
      'other.log.10.gz',
      'other.log.2',
      'other.log.1',
      'other.log',
      'y=2026/m=11/d=22/PT1H.json',
      'y=2026/m=11/d=23/PT1H.json',
    ];
    for (const name of [...names.toReversed(), 'policy.yaml', '.hidden.log', 'README']) write(name);
    expect(await found(directory)).toEqual(names);
  });

  it('are named where they cannot be read', async () => {
    write('none/README');
    expect(await found(join(directory, 'none'), join(directory, 'missing.log'))).toEqual([
      'none: the directory holds no file that is named like a log (*.log, *.json, rotated, .gz)',
      'missing.log: there is no such file',
    ]);
  });
});

describe('the bytes of a log', () => {
  it('are those of its file', async () => {
    const long = 'x'.repeat(700_000);
    expect(await contents([write('a.log', long), write('b.log', ''), write('c.log', 'c')])).toBe(`${long}c`);
  });

  it('are unpacked if they are gzip, whatever the name says, several archives in a row too', async () => {
    const members = Buffer.concat([gzipSync('one,'), gzipSync('two,')]);
    const packed = gzipSync('three');
    const paths = [write('a.log', members), write('b.gz', 'plain,'), '-'];
    expect(await contents(paths, pipe(packed.subarray(0, 9), packed.subarray(9)))).toBe(
      'one,two,plain,three',
    );
  });

  it.each([
    ['zstd', '28b52ffd00'],
    ['bzip2', '425a6839'],
    ['xz', 'fd377a585a00'],
    ['zip', '504b0304'],
  ])('are refused if they are %s', async (packing, start) => {
    const message = `it is packed with ${packing}; only gzip is read. Unpack it and pipe it in, as -`;
    await expect(contents([write('a.log', Buffer.from(start, 'hex'))])).rejects.toThrow(message);
    await expect(contents(['-'], pipe(Buffer.from(start, 'hex')))).rejects.toThrow(message);
  });

  it('are not asked for any more once their reader stops, packed or not', async () => {
    const packed = gzipSync(Buffer.alloc(3_000_000));
    for (const piece of [packed, Buffer.from('plain\n'.repeat(1000))]) {
      const closed = Promise.withResolvers<void>();
      async function* endless() {
        try {
          for (;;) yield piece;
        } finally {
          closed.resolve();
        }
      }
      const [file] = await logFiles(['-'], endless(), () => {});
      for await (const bytes of file?.read(() => {}) ?? []) if (bytes.length > 0) break;
      await expect(closed.promise).resolves.toBeUndefined();
    }
  });

  it('are reported as far as they came where their source fails, packed or not', async () => {
    const packed = gzipSync('packed');
    for (const piece of [packed, Buffer.from('plain')]) {
      async function* failing() {
        yield piece.subarray(0, 12);
        throw new Error('the source is gone');
      }
      await expect(contents(['-'], failing())).rejects.toThrow('the source is gone');
    }
  });

  it('are read as far as an archive goes that was cut off', async () => {
    const text = Array.from({ length: 100_000 }, (_, index) => `line ${index}\n`).join('');
    const whole = gzipSync(text);
    let read = '';
    let error: unknown;
    const [file] = await logFiles(
      [write('a.log.gz', whole.subarray(0, whole.length - 50))],
      pipe(),
      () => {},
    );
    try {
      for await (const piece of file?.read(() => {}) ?? []) read += piece.toString();
    } catch (caught) {
      error = caught;
    }
    expect(problemOf(error)).toBe(
      'the gzip data ends too early: the file was cut off; what it still held was read',
    );
    expect(text.startsWith(read)).toBe(true);
    expect(read.length).toBeGreaterThan(text.length * 0.9);
  });

  it('are counted as they are on disk', async () => {
    const packed = gzipSync('x'.repeat(1000));
    let count = 0;
    const [file] = await logFiles([write('a.log.gz', packed)], pipe(), () => {});
    for await (const piece of file?.read((bytes) => void (count += bytes)) ?? [])
      expect(piece.toString()).toBe('x'.repeat(1000));
    expect([count, file?.size]).toEqual([packed.length, packed.length]);
  });
});
