import type { Writable } from 'node:stream';

/** One line on a terminal that says, now and then, how far a command is. */
export interface Progress {
  /** Writes what `line` gives, if the last line is old enough; it is told the milliseconds since the command began. */
  show(line: (elapsedMs: number) => string): void;
  /** Makes room for other text. */
  clear(): void;
}

const EVERY_MS = 250;
const CLEAR_LINE = '\r\u001b[K';

/** Shows nothing where there is no terminal. */
export function createProgress(
  terminal: Writable | undefined,
  now: () => number = () => performance.now(),
): Progress {
  const began = now();
  let shownAt = began;
  return {
    show(line) {
      const at = now();
      if (terminal === undefined || at - shownAt < EVERY_MS) return;
      shownAt = at;
      terminal.write(`${CLEAR_LINE}${line(at - began)}`);
    },
    clear() {
      if (terminal !== undefined && shownAt !== began) terminal.write(CLEAR_LINE);
    },
  };
}
