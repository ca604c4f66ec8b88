import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLineQueue, type LineQueue } from '../../src/records/line-queue.ts';

const MIB = 1024 * 1024;
const LINE = `${'x'.repeat(1023)}\n`;

let directory: string;
let dropped: number;
let failures: (string | undefined)[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'line-queue-'));
  [dropped, failures] = [0, []];
});
afterEach(() => rm(directory, { recursive: true }));

function queueTo(fd: number, maxBytes = MIB): LineQueue {
  return createLineQueue(fd, {
    maxBytes,
    onDrop: () => (dropped += 1),
    onFailure: (error: NodeJS.ErrnoException) => failures.push(error.code),
  });
}

/** A pipe that holds 64 KiB, and both of its ends. */
function openPipe(): number {
  const path = join(directory, 'pipe');
  execFileSync('mkfifo', [path]);
  return openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
}

it('writes every line before it is closed, and lends the descriptor back', async () => {
  const fd = openSync(join(directory, 'file'), 'a');
  const queue = queueTo(fd);
  for (const line of ['a\n', '\u{1f512}\n', 'b\n']) queue.write(line);
  await queue.close();
  writeSync(fd, 'c\n');
  closeSync(fd);
  expect(readFileSync(join(directory, 'file'), 'utf8')).toBe('a\n\u{1f512}\nb\nc\n');
  expect([dropped, failures]).toEqual([0, []]);
});

it('has nothing to wait for where nothing was written', async () => {
  const queue = queueTo(openPipe());
  await queue.close();
  queue.write('late\n');
  expect([dropped, failures]).toEqual([1, []]);
});

it('outlives a full disk: it says so once, and neither throws nor waits', async () => {
  const queue = queueTo(openSync('/dev/full', 'w'));
  queue.write('{"a":1}\n');
  while (failures.length === 0) await turn();
  queue.write('{"a":2}\n');
  await queue.close();
  expect(failures).toEqual(['ENOSPC']);
});

it('closes on a disk that fills with the last lines', async () => {
  const queue = queueTo(openSync('/dev/full', 'w'));
  queue.write('{"a":1}\n');
  queue.write('{"a":2}\n');
  await queue.close();
  expect(failures).toEqual(['ENOSPC']);
});

describe('a pipe that nobody reads', () => {
  it('takes what there is room for; beyond it each line is dropped and counted', () => {
    const queue = queueTo(openPipe(), 10 * LINE.length);
    for (let line = 0; line < 50; line += 1) queue.write(LINE);
    expect(dropped).toBeGreaterThanOrEqual(39);
    expect(dropped).toBeLessThan(50);
  });

  it('is given up when it is closed, and tried no more', async () => {
    const fd = openPipe();
    const queue = queueTo(fd);
    for (let line = 0; line < 200; line += 1) queue.write(LINE);
    await queue.close();
    queue.write(LINE);
    expect([dropped, failures]).toEqual([1, []]);
  });

  it('gets all that waits where it is read again in time', async () => {
    const fd = openPipe();
    const queue = queueTo(fd);
    const lines = Array.from({ length: 200 }, (_, line) => LINE.replace('xxx', `${line}`.padStart(3, '0')));
    for (const line of lines) queue.write(line);
    const closed = queue.close();
    let read = '';
    const buffer = Buffer.alloc(MIB);
    while (!read.endsWith(lines[199]!)) {
      try {
        read += buffer.toString('latin1', 0, readSync(fd, buffer));
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toBe('EAGAIN');
        await turn();
      }
    }
    await closed;
    expect(lines.filter((line) => !read.includes(line))).toEqual([]);
    expect([dropped, failures]).toEqual([0, []]);
  });
});
