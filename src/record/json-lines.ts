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

/** A file descriptor written in the background, with a bounded queue. `onDrop` is told of each record lost. */
export function createQueue(fd: number, onDrop: () => void): LineQueue & { flushSync(): void } {
  const queue = pino.destination({ fd, sync: false, maxLength: MAX_QUEUED_BYTES });
  queue.on('drop', onDrop);
  return queue;
}
