import { decisionRecord } from './decision-record.ts';
import type { LineQueue } from './line-queue.ts';
import type { Recorder } from './recorder.ts';

/** Writes one JSON line for each request with a match or something not judged. The others are only counted. */
export function createJsonLinesRecorder(queue: Pick<LineQueue, 'write'>): Recorder {
  return {
    record(judged) {
      const { matches, notJudged } = judged.evaluation;
      if (matches.length > 0 || notJudged.length > 0)
        queue.write(`${JSON.stringify(decisionRecord(judged))}\n`);
    },
  };
}
