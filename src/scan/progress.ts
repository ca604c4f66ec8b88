import type { Writable } from 'node:stream';

/** One line on a terminal that says, now and then, how far scan is. */
export interface ScanProgress {
  show(pods: number): void;
  /** Makes room for other text. */
  clear(): void;
}

const EVERY_MS = 250;
const CLEAR_LINE = '\r\u001b[K';

/** Shows nothing where there is no terminal. */
export function createScanProgress(
  terminal: Writable | undefined,
  now: () => number = () => performance.now(),
): ScanProgress {
  const began = now();
  let shownAt = began;
  return {
    show(pods) {
      const at = now();
      if (terminal === undefined || at - shownAt < EVERY_MS) return;
      shownAt = at;
      terminal.write(`${CLEAR_LINE}${pods.toLocaleString('en-US')} pods`);
    },
    clear() {
      if (terminal !== undefined && shownAt !== began) terminal.write(CLEAR_LINE);
    },
  };
}
