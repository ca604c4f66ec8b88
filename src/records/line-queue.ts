import { write } from 'node:fs';

/** Where lines go. `write` queues: it neither waits nor throws. */
export interface LineQueue {
  write(line: string): void;
  /** Resolves when every queued line is written, or writing fails, or after two seconds. */
  close(): Promise<void>;
}

export interface LineQueueOptions {
  /** How many bytes may wait while the reader stalls; a line beyond them is dropped. */
  readonly maxBytes: number;
  /** Called for each dropped line. */
  readonly onDrop: () => void;
  /** Called once when writing begins to fail. */
  readonly onFailure?: (error: Error) => void;
}

/** The container runtime kills a process that does not end in time; a reader that stalls for so long will not read. */
const CLOSE_MS = 2000;
/** How long a full pipe is left alone before the next attempt. */
const RETRY_MS = 100;
/** One write takes as much as fits into an empty pipe. */
const MAX_WRITE_BYTES = 64 * 1024;

/**
 * Writes lines to a file descriptor in the background, one write at a time. After a failure, such as a full disk, the lines
 * stay queued and the next line tries again; after EPIPE, which no later write mends, every line is dropped.
 */
export function createLineQueue(fd: number, { maxBytes, onDrop, onFailure }: LineQueueOptions): LineQueue {
  let queued: Buffer[] = [];
  /** What the file descriptor has not taken yet of the lines that are being written. */
  let rest = Buffer.alloc(0);
  /** Bytes of `rest` and `queued`. */
  let waiting = 0;
  let isWriting = false;
  let failure: NodeJS.ErrnoException | undefined;
  /** Ends the wait of `close`. */
  let settle: (() => void) | undefined;

  function writeNext(): void {
    isWriting = waiting > 0;
    if (!isWriting) return settle?.();
    if (rest.length === 0) [rest, queued] = [Buffer.concat(queued), []];
    write(fd, rest, 0, Math.min(rest.length, MAX_WRITE_BYTES), null, onWritten);
  }
  function onWritten(error: NodeJS.ErrnoException | null, bytes: number): void {
    if (error?.code === 'EAGAIN') return void setTimeout(writeNext, RETRY_MS);
    if (error !== null) {
      if (failure === undefined) onFailure?.(error);
      failure = error;
      isWriting = false;
      return settle?.();
    }
    failure = undefined;
    rest = rest.subarray(bytes);
    waiting -= bytes;
    writeNext();
  }
  return {
    write(line) {
      const bytes = Buffer.from(line);
      const isClosed = settle !== undefined || failure?.code === 'EPIPE';
      if (isClosed || waiting + bytes.length > maxBytes) return onDrop();
      queued.push(bytes);
      waiting += bytes.length;
      if (!isWriting) writeNext();
    },
    async close() {
      const settled = Promise.withResolvers<void>();
      settle = settled.resolve;
      if (!isWriting) return;
      const timer = setTimeout(settle, CLOSE_MS);
      await settled.promise;
      clearTimeout(timer);
      // No further attempt: it would keep the process from ending.
      waiting = 0;
    },
  };
}
