import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Takes text. */
export interface TextSink {
  write(text: string): void;
}

/** Standard output, whose reader may be slow or gone. */
export interface Output extends TextSink {
  /** Resolves when the stream has room for more text, or is closed. */
  ready(): Promise<void>;
  /** Why the stream takes no more text, in a few words; undefined while it does. */
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
    closed ??= hasFailed ? `cannot write: ${message}` : 'the reader of the output has gone';
  });
  return {
    write(text) {
      if (closed === undefined) isFull = !stream.write(text);
    },
    async ready() {
      // An error of a write is emitted a moment after it.
      await new Promise(setImmediate);
      // The listener above handles an error.
      if (isFull && closed === undefined && stream.writableNeedDrain)
        await once(stream, 'drain').catch(() => {});
      isFull = false;
    },
    closed: () => closed,
    failed: () => hasFailed,
  };
}
