import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
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

describe('a pipe without a reader', () => {
  it('takes the lines there is room for; each further line is dropped and counted', () => {
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

  it.each([1000, 16_384, MIB])(
    'gets every line once, in order, whole, where it is read again in time: %d bytes at once',
    async (bytes) => {
      const fd = openPipe();
      const queue = queueTo(fd);
      const lines = Array.from({ length: 300 }, (_, line) => LINE.replace('xxx', `${line}`.padStart(3, '0')));
      queue.write(lines[0]!);
      expect(await readFrom(fd, LINE.length, bytes)).toBe(lines[0]);
      for (const line of lines.slice(1, 200)) queue.write(line);
      const next = lines.join('').slice(LINE.length, 70_000);
      expect(await readFrom(fd, next.length, bytes)).toBe(next);
      for (const line of lines.slice(200)) queue.write(line);
      const closed = queue.close();
      expect(await readFrom(fd, 300 * LINE.length - 70_000, bytes)).toBe(lines.join('').slice(70_000));
      await closed;
      expect(() => readSync(fd, Buffer.alloc(1))).toThrow('EAGAIN');
      expect([dropped, failures]).toEqual([0, []]);
    },
  );
});

/** The next `length` bytes of a pipe, at most `atOnce` with each read. */
async function readFrom(fd: number, length: number, atOnce: number): Promise<string> {
  const buffer = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    try {
      read += readSync(fd, buffer, read, Math.min(atOnce, length - read), null);
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('EAGAIN');
      await turn();
    }
  }
  return buffer.toString('latin1');
}

it('drops every line once the reader is gone for good, and says so once', async () => {
  const path = join(directory, 'pipe');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const queue = queueTo(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
  closeSync(reader);
  queue.write(LINE);
  while (failures.length === 0) await turn();
  queue.write(LINE);
  await queue.close();
  expect([dropped, failures]).toEqual([1, ['EPIPE']]);
});

it('writes every line once, in order, whole, into the pipe of a process whose reader stalls', async () => {
  const module = import.meta.resolve('../../src/records/line-queue.ts');
  const script = `
    import { createLineQueue } from '${module}';
    const queue = createLineQueue(1, { maxBytes: ${MIB}, onDrop: () => process.exit(3), onFailure: () => process.exit(4) });
    for (let line = 0; line < 500; line += 1) queue.write(String(line).padEnd(1023, 'x') + '\\n');
    await queue.close();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let read = '';
  for await (const chunk of child.stdout) {
    read += String(chunk);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(read).toBe(Array.from({ length: 500 }, (_, line) => `${String(line).padEnd(1023, 'x')}\n`).join(''));
  expect(await exited).toEqual([0, null]);
});
