import { megabytes } from './text.ts';
import type { Writable } from 'node:stream';
import type { LogFile } from './input-files.ts';

/** One line on a terminal that says, now and then, how far it is. */
export interface Progress {
  /** `bytes` as they are on disk. */
  show(bytes: number, matched: number): void;
  /** Makes room for other text. */
  clear(): void;
}

const EVERY_MS = 250;
const CLEAR_LINE = '\r\u001b[K';

/** Shows nothing where there is no terminal. */
export function createProgress(
  terminal: Writable | undefined,
  files: readonly LogFile[],
  now: () => number = () => performance.now(),
): Progress {
  const total = files.reduce((sum, { size = NaN }) => sum + size, 0);
  const began = now();
  let shownAt = began;
  return {
    show(bytes, matched) {
      const at = now();
      if (terminal === undefined || at - shownAt < EVERY_MS) return;
      shownAt = at;
      const of = total > 0 ? ` of ${megabytes(total)} (${Math.floor((100 * bytes) / total)} %)` : '';
      const rate = ((bytes / (at - began)) * 1000) / 1e6;
      terminal.write(
        `${CLEAR_LINE}${megabytes(bytes)}${of}, ${rate.toFixed(0)} MB/s, ${matched} requests matched`,
      );
    },
    clear() {
      if (terminal !== undefined && shownAt !== began) terminal.write(CLEAR_LINE);
    },
  };
}
