import { createAuditLogReader, type LineFilter } from '../../kubernetes/audit-log.ts';
import type { Observation } from '../../kubernetes/audit-event.ts';
import { isOfInput, problemOf, UnreadableLog, type LogFile } from '../../io/input-files.ts';
import { parseAuditEvent } from '../../kubernetes/logged-event.ts';
import { decisionRecord } from '../../records/decision-record.ts';
import type { Judgement } from '../../records/recorder.ts';
import { WorkLimitExceeded } from '../../sigma/match/work-meter.ts';
import type { Judge } from './judge.ts';
import type { Output } from '../../io/output.ts';
import { createRequests, type Logged } from './requests.ts';
import type { ReadingCounts, SummaryBuilder } from './summary.ts';

export interface ReadingOptions {
  readonly judge: Judge;
  readonly filter: LineFilter | undefined;
  readonly summary: SummaryBuilder;
  readonly output: Output;
  /** Called with the bytes read so far, as they are on disk, and the number of requests that matched. */
  readonly onProgress?: (bytes: number, matched: number) => void;
  readonly format: 'table' | 'json' | 'ndjson';
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

/** Reads logs one after another, as one: a request may begin in one file and end in the next. */
export function createReading(options: ReadingOptions) {
  const { judge, filter, summary, output, onProgress, format, since = -Infinity, until = Infinity } = options;
  const counts = { files: 0, bytes: 0, events: 0, skippedLines: 0, judged: 0, eventsOutsideTime: 0 };
  const requests = createRequests({
    onRequest(logged) {
      counts.judged++;
      withVerdict(logged, () => {
        report(judge.request(logged.observation), logged);
        const denied = judge.forecast(logged.observation);
        if (denied !== undefined) summary.onDenied(denied, logged);
      });
    },
    onEarlyStage: (logged) => withVerdict(logged, () => report(judge.earlyStage(logged.observation), logged)),
    isOfInterest: (logged) => isOfInterest(logged.observation),
    onOther: () => void counts.judged++,
    parse: parseAuditEvent,
  });

  /** Counts an event that exceeds the work limit as a bad line. */
  function withVerdict({ file, line }: Logged, judgeIt: () => void): void {
    try {
      judgeIt();
    } catch (error) {
      if (!(error instanceof WorkLimitExceeded)) throw error;
      summary.onBadLine(file, line, error.message);
    }
  }

  function isOfInterest(observation: Observation): boolean {
    try {
      return judge.request(observation) !== undefined || judge.forecast(observation) !== undefined;
    } catch (error) {
      if (!(error instanceof WorkLimitExceeded)) throw error;
      return true;
    }
  }

  function report(judged: Judgement | undefined, { file, line }: Logged): void {
    if (judged === undefined) return;
    summary.onJudged(judged);
    if (format === 'ndjson')
      output.write(`${JSON.stringify(decisionRecord({ ...judged, logged: { file, line } }))}\n`);
  }

  function onEvent(observation: Observation, file: string, line: number): void {
    counts.events++;
    if (isWithin(observation, since, until)) requests.add({ observation, file, line });
    else counts.eventsOutsideTime++;
  }

  return {
    async read(file: LogFile): Promise<void> {
      const { name } = file;
      let firstProblem = '';
      const reader = createAuditLogReader(
        {
          onEvent: (event, line) => onEvent(event, name, line),
          onBadLine(line, problem) {
            if (firstProblem === '') firstProblem = `; line ${line}: ${problem}`;
            summary.onBadLine(name, line, problem);
          },
          onSkippedLines: (count) => void (counts.skippedLines += count),
        },
        { filter },
      );
      counts.files++;
      let isEmpty = true;
      let failure: unknown;
      try {
        for await (const chunk of file.read((count) => void (counts.bytes += count))) {
          isEmpty = false;
          reader.read(chunk);
          onProgress?.(counts.bytes, summary.matched());
          await output.ready();
          if (output.closed() !== undefined) return;
        }
      } catch (error) {
        failure = error;
      }
      try {
        if (!(failure instanceof UnreadableLog)) reader.end();
        if (failure === undefined && !isEmpty && !reader.hasEvent())
          throw new UnreadableLog(`no audit event in it${firstProblem}`);
      } catch (error) {
        failure ??= error;
      }
      if (failure === undefined) {
        if (isEmpty) summary.onEmpty(name);
      } else if (isOfInput(failure)) summary.onUnreadable(name, problemOf(failure));
      else throw failure;
    },
    /** Judges the requests that are still open, and returns the counts of all logs. */
    end(): ReadingCounts {
      requests.end();
      const { unfinished, evicted, repeated: repeatedEvents } = requests.counts;
      return { ...counts, unfinished, evicted, repeatedEvents };
    },
  };
}

/** An event without a readable time counts as within. */
function isWithin({ receivedAt }: Observation, since: number, until: number): boolean {
  if (since === -Infinity && until === Infinity) return true;
  const time = Date.parse(receivedAt);
  return Number.isNaN(time) || (time >= since && time <= until);
}
