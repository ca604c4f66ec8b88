import { pino } from 'pino';
import { decisionRecord } from './decision-record.ts';
import type { Recorder } from './recorder.ts';

/** What waits to be written when its reader stalls; beyond it records are dropped and counted, never waited for. */
const MAX_QUEUED_BYTES = 16 * 1024 * 1024;

/** Where lines go. `write` queues: it neither waits nor throws. */
export interface LineQueue {
  write(line: string): void;
}

/** Writes one JSON line for each request with a match or something not judged. The others are only counted. */
export function createJsonLinesRecorder(queue: LineQueue): Recorder {
  return {
    record(judged) {
      const { matches, notJudged } = judged.evaluation;
      if (matches.length > 0 || notJudged.length > 0)
        queue.write(`${JSON.stringify(decisionRecord(judged))}\n`);
    },
  };
}

/**
 * A file descriptor written in the background, with a bounded queue. `onDrop` is told of each record lost, `onFailure` once
 * when writing begins to fail. A full disk is tried again with the next record; what stood in the queue stays there.
 */
export function createQueue(
  fd: number,
  { onDrop, onFailure }: { readonly onDrop: () => void; readonly onFailure: (error: Error) => void },
): LineQueue & { close(): void } {
  const queue = pino.destination({ fd, sync: false, maxLength: MAX_QUEUED_BYTES });
  let failure: NodeJS.ErrnoException | undefined;
  queue.on('drop', onDrop);
  queue.on('write', () => {
    failure = undefined;
  });
  // Without a listener an error ends the process, and its end waits for a last write that cannot be.
  queue.on('error', (error: NodeJS.ErrnoException) => {
    if (failure === undefined) onFailure(error);
    failure = error;
  });
  return {
    write(line) {
      // Whoever read them is gone for good, and pino throws away what comes.
      if (failure?.code === 'EPIPE') onDrop();
      else queue.write(line);
    },
    /** Writes what waits, unless writing fails: it would be tried for ever. */
    close() {
      if (failure === undefined) queue.flushSync();
      else queue.destroy();
    },
  };
}
