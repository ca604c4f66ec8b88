import { pino, type DestinationStream } from 'pino';
import { decisionRecord } from './decision-record.ts';
import type { Recorder } from './recorder.ts';

/** What waits to be written when its reader stalls; beyond it records are dropped and counted, never waited for. */
const MAX_QUEUED_BYTES = 16 * 1024 * 1024;

/** Writes one JSON line for each request with a match or something not judged. The others are only counted. */
export function createJsonLinesRecorder(destination: DestinationStream): Recorder {
  const lines = pino({ base: null, timestamp: false, formatters: { level: () => ({}) } }, destination);
  return {
    record(judged) {
      const { matches, notJudged } = judged.evaluation;
      if (matches.length > 0 || notJudged.length > 0) lines.info(decisionRecord(judged));
    },
  };
}

/** A file descriptor written in the background, with a bounded queue. `onDrop` is told of each record lost. */
export function createQueue(fd: number, onDrop: () => void): DestinationStream & { flushSync(): void } {
  const queue = pino.destination({ fd, sync: false, maxLength: MAX_QUEUED_BYTES });
  queue.on('drop', onDrop);
  return queue;
}
