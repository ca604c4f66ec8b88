import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Takes text. */
export interface TextSink {
  write(text: string): void;
}

/** Standard output, whose reader may be slow, or gone. */
export interface Output extends TextSink {
  /** Resolves when there is room for more, or no use in it. */
  ready(): Promise<void>;
  /** Why it is no use to go on, in a few words. */
  closed(): string | undefined;
  /** Whether text was lost, other than because its reader went away. */
  failed(): boolean;
}

/** Takes over the errors of `stream`. */
export function createOutput(stream: Writable): Output {
  let closed: string | undefined;
  let hasFailed = false;
  let isFull = false;
  stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    hasFailed ||= code !== 'EPIPE';
    closed ??= hasFailed ? `cannot write: ${message}` : 'nobody reads the output any more';
  });
  return {
    write(text) {
      if (closed === undefined) isFull = !stream.write(text);
    },
    async ready() {
      // That the reader has gone shows a moment after writing.
      await new Promise(setImmediate);
      // An error is heard by the listener above.
      if (isFull && closed === undefined && stream.writableNeedDrain)
        await once(stream, 'drain').catch(() => {});
      isFull = false;
    },
    closed: () => closed,
    failed: () => hasFailed,
  };
}
