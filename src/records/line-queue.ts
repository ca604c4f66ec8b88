import { pino } from 'pino';

/** Where lines go. `write` queues: it neither waits nor throws. */
export interface LineQueue {
  write(line: string): void;
  /** Resolves when what waits is written, or cannot be, or after two seconds. */
  close(): Promise<void>;
}

export interface LineQueueOptions {
  /** What may wait to be written when its reader stalls; beyond it lines are dropped. */
  readonly maxBytes: number;
  /** Told of each line lost. */
  readonly onDrop: () => void;
  /** Told once when writing begins to fail. */
  readonly onFailure?: (error: Error) => void;
}

/** A container's runtime kills what does not end in time; a reader that stalls for so long will not read. */
const CLOSE_MS = 2000;

/**
 * A file descriptor written in the background. A full disk is tried again with the next line; what stood in the queue stays
 * there.
 */
export function createLineQueue(fd: number, { maxBytes, onDrop, onFailure }: LineQueueOptions): LineQueue {
  let failure: NodeJS.ErrnoException | undefined;
  let isGivenUp = false;
  let waiting = 0;
  const settled = Promise.withResolvers<void>();
  const settleIf = (isSettled: boolean) => {
    if (isSettled) settled.resolve();
  };
  let isClosing = false;
  // A pipe that is full is tried every 100 ms, for as long as it is.
  const queue = pino.destination({ fd, sync: false, maxLength: maxBytes, retryEAGAIN: () => !isGivenUp });
  queue.on('drop', (line: string) => {
    waiting -= Buffer.byteLength(line);
    onDrop();
  });
  queue.on('write', (bytes: number) => {
    failure = undefined;
    waiting -= bytes;
    settleIf(isClosing && waiting === 0);
  });
  // Without a listener an error ends the process.
  queue.on('error', (error: NodeJS.ErrnoException) => {
    if (failure === undefined && !isGivenUp) onFailure?.(error);
    failure = error;
    settleIf(isClosing);
  });
  return {
    write(line) {
      // Its reader is gone for good, and pino throws away what comes.
      if (isClosing || failure?.code === 'EPIPE') return onDrop();
      waiting += Buffer.byteLength(line);
      queue.write(line);
    },
    async close() {
      isClosing = true;
      settleIf(waiting === 0 || failure !== undefined);
      const timer = setTimeout(settled.resolve, CLOSE_MS);
      await settled.promise;
      clearTimeout(timer);
      if (waiting === 0) return;
      // Not to be tried once more as the process ends, which would wait for it.
      isGivenUp = true;
      queue.destroy();
    },
  };
}
