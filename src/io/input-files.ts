import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { whyNotRegular } from './regular-file.ts';

/** A log that is no audit log and cannot be read as one; what to do instead is in the message. */
export class UnreadableLog extends Error {
  override readonly name = 'UnreadableLog';
}

/** One log to read. */
export interface LogFile {
  readonly name: string;
  /** On disk; absent for what is read from a pipe. */
  readonly size?: number;
  /**
   * Its bytes, unpacked if they are gzip, whatever the name is. Each piece is good until the next is asked for. `onBytes`
   * is told how many were read, packed as they are.
   */
  readonly read: (onBytes: (count: number) => void) => AsyncIterable<Buffer>;
}

/** Large enough that what is done once a piece does not count, small enough for a processor's cache. */
const CHUNK_BYTES = 256 * 1024;
const STDIN = '-';

/**
 * The logs that are named, in order: files, `-` for standard input, and directories, of which all logs are read, the oldest
 * rotation first. A file that is named twice is read once. What cannot be read, or is no regular file, is reported and left out.
 */
export async function logFiles(
  paths: readonly string[],
  stdin: AsyncIterable<Buffer>,
  onUnreadable: (name: string, problem: string) => void,
): Promise<readonly LogFile[]> {
  const seen = new Set<string>();
  const files: LogFile[] = [];
  for (const path of paths) {
    let names: readonly string[] = [];
    try {
      names = await namesOf(path);
    } catch (error) {
      onUnreadable(path, problemOf(error));
    }
    for (const name of names) {
      try {
        const { id, file } = name === STDIN ? standardInput(stdin) : await regularFile(name);
        if (!seen.has(id)) files.push(file);
        seen.add(id);
      } catch (error) {
        onUnreadable(name, problemOf(error));
      }
    }
  }
  return files;
}

function standardInput(stdin: AsyncIterable<Buffer>): { id: string; file: LogFile } {
  return { id: STDIN, file: { name: STDIN, read: (onBytes) => unpackStream(stdin, onBytes) } };
}

/** Throws UnreadableLog for another kind of file: to open a pipe waits for a writer, and a device may never end. */
async function regularFile(name: string): Promise<{ id: string; file: LogFile }> {
  const stats = await stat(name);
  const problem = whyNotRegular(stats);
  if (problem !== undefined)
    throw new UnreadableLog(`${problem}${stats.isFIFO() ? '; pipe it in, as -' : ''}`);
  const { dev, ino, size } = stats;
  return { id: `${dev}:${ino}`, file: { name, size, read: (onBytes) => readFile(name, onBytes) } };
}

async function namesOf(path: string): Promise<readonly string[]> {
  if (path === STDIN || !(await stat(path)).isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => !entry.isDirectory() && LOG_NAME.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  if (names.length === 0)
    throw new UnreadableLog(
      'the directory holds no file that is named like a log (*.log, *.json, rotated, .gz)',
    );
  return names.toSorted(byRotation);
}

/** `audit.log`, `PT1H.json`, `audit-2026-11-24T03-33-25.762.log.gz`, `audit.log.2.gz`, `audit.log-20261124`. */
const LOG_NAME = /^[^.].*\.(log|json|ndjson|jsonl|txt)([.-]\d+)*(\.gz)?$|^[^.].*\.gz$/;

/** What the API server puts into the name of a rotated file. */
const ROTATED_AT = /-(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3})(?=\.[^.]+$)/;

/**
 * Files of one log stand together, the oldest first and the one being written last. The API server names a file for the
 * time it was rotated; logrotate counts upwards with age, or appends the date.
 */
function byRotation(one: string, other: string): number {
  const [a, b] = [rotationOf(one), rotationOf(other)];
  return (
    compare(a.log, b.log) || compare(a.rotatedAt, b.rotatedAt) || b.count - a.count || compare(one, other)
  );
}

/** Sorts after every date. */
const NOT_YET = '~';

function rotationOf(path: string): { log: string; rotatedAt: string; count: number } {
  const plain = path.replace(/\.gz$/, '');
  const [, base = plain, suffix = ''] = /^(.*\.\D+)[.-](\d+)$/.exec(plain) ?? [];
  const isDate = suffix.length >= 8;
  const rotatedAt = ROTATED_AT.exec(base)?.[1] ?? (isDate ? suffix : NOT_YET);
  return {
    log: base.replace(ROTATED_AT, ''),
    rotatedAt,
    count: isDate || suffix === '' ? 0 : Number(suffix),
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** How compressed files begin. */
const MAGIC = {
  gzip: '1f8b',
  zstd: '28b52ffd',
  bzip2: '425a68',
  xz: 'fd377a585a00',
  zip: '504b0304',
} as const;

/** The longest of them. */
const MAGIC_BYTES = 6;

async function* readFile(name: string, onBytes: (count: number) => void): AsyncGenerator<Buffer> {
  const file = await open(name);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC_BYTES), 0, MAGIC_BYTES, 0);
    const start = buffer.subarray(0, bytesRead);
    const stream = () => file.createReadStream({ start: 0, highWaterMark: CHUNK_BYTES, autoClose: false });
    if (isGzip(start)) yield* gunzip(counted(stream(), onBytes));
    else yield* readPlain(file, onBytes);
  } finally {
    await file.close();
  }
}

/** Into the same memory again and again: new memory for each piece would cost a third of the time. */
async function* readPlain(file: FileHandle, onBytes: (count: number) => void): AsyncGenerator<Buffer> {
  const buffer = Buffer.alloc(CHUNK_BYTES);
  for (let position = 0; ;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    onBytes(bytesRead);
    yield buffer.subarray(0, bytesRead);
  }
}

/** A pipe cannot be read twice: its first piece decides. */
async function* unpackStream(
  bytes: AsyncIterable<Buffer>,
  onBytes: (count: number) => void,
): AsyncGenerator<Buffer> {
  const source = counted(bytes, onBytes);
  const { done, value: first } = await source.next();
  if (done === true) return;
  const whole = prepend(first, source);
  yield* isGzip(first) ? gunzip(whole) : whole;
}

/** Throws UnreadableLog for other packings. */
function isGzip(start: Buffer): boolean {
  const hex = start.subarray(0, MAGIC_BYTES).toString('hex');
  const packing = Object.entries(MAGIC).find(([, magic]) => hex.startsWith(magic))?.[0];
  if (packing === undefined || packing === 'gzip') return packing === 'gzip';
  throw new UnreadableLog(`it is packed with ${packing}; only gzip is read. Unpack it and pipe it in, as -`);
}

async function* counted(
  bytes: AsyncIterable<Buffer>,
  onBytes: (count: number) => void,
): AsyncGenerator<Buffer> {
  for await (const chunk of bytes) {
    onBytes(chunk.length);
    yield chunk;
  }
}

async function* prepend(first: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield first;
    yield* rest;
  } finally {
    // A reader that stops at the first piece never came to the rest, which holds its source open.
    await rest.return(undefined);
  }
}

async function* gunzip(packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const unpack = createGunzip({ chunkSize: CHUNK_BYTES });
  // What fails is thrown where `unpack` is read; the source is closed when its reader stops.
  pipeline(packed, unpack, () => {});
  yield* unpack as AsyncIterable<Buffer>;
}

/** Whether an error is about what was to be read, not a mistake of ours. What the system and zlib report has a number. */
export function isOfInput(error: unknown): boolean {
  return error instanceof UnreadableLog || (typeof error === 'object' && error !== null && 'errno' in error);
}

/** What went wrong with a file, for people. */
export function problemOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return PROBLEMS[code ?? ''] ?? message;
}

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  Z_BUF_ERROR: 'the gzip data ends too early: the file was cut off; what it still held was read',
  Z_DATA_ERROR: 'the gzip data is damaged; what came before was read',
};
