import type { Stats } from 'node:fs';

const KINDS: readonly (readonly [string, (stats: Stats) => boolean])[] = [
  ['a directory', (stats) => stats.isDirectory()],
  ['a pipe', (stats) => stats.isFIFO()],
  ['a socket', (stats) => stats.isSocket()],
];

/** What a file is that is no regular file, and is not read: opening a pipe waits for a writer, and a device may never end. */
export function whyNotRegular(stats: Stats): string | undefined {
  if (stats.isFile()) return undefined;
  const kind = KINDS.find(([, isOf]) => isOf(stats))?.[0] ?? 'a device';
  return `${kind}, not a regular file`;
}
