import type { Writable } from 'node:stream';
import type { ReplayConfig } from '../../settings/types.ts';
import type { AuditEvent } from '../../kubernetes/audit-event.ts';
import { logFiles } from '../../io/input-files.ts';
import { expiryProblems } from '../../policy/filter-expiry.ts';
import type { RuleSource } from '../../policy/rule-source.ts';
import { createJudge, type Judge } from './judge.ts';
import { createLineFilter } from './line-filter.ts';
import type { Output } from '../../io/output.ts';
import { createProgress } from '../../io/progress.ts';
import { progressLine } from './progress-line.ts';
import { createReading } from './reading.ts';
import { readRules } from '../../policy/load-rules.ts';
import { createSummary } from './summary.ts';
import { summaryText } from './summary-text.ts';
import { formatProblem, SigmaError } from '../../sigma/read/errors.ts';

/** The process's streams, and the rules to judge by. */
export interface ReplaySurroundings {
  readonly stdin: AsyncIterable<Buffer>;
  readonly stdout: Output;
  readonly stderr: Writable;
  /** Whether `stderr` is a terminal. */
  readonly isTerminal: boolean;
  readonly source: RuleSource;
  /** Whether the user of an event is one of the identities that heal a cluster; see JudgeOptions. */
  readonly heals: (event: AuditEvent) => boolean;
}

/**
 * Judges the requests of audit logs. Returns the exit code: 0; 1 if `failOnMatch` is set and a request matched that no
 * filter accepts; 2 if the rules or a log could not be read.
 */
export async function replay(config: ReplayConfig, surroundings: ReplaySurroundings): Promise<0 | 1 | 2> {
  const { stdin, stdout: output, stderr, isTerminal } = surroundings;
  const judge = await load(config, surroundings);
  if (judge === undefined) return 2;
  const summary = createSummary(judge);
  const files = await logFiles(config.logs, stdin, summary.onUnreadable);
  const progress = createProgress(isTerminal ? stderr : undefined);
  const lineOf = progressLine(files);
  const onProgress = (bytes: number, matched: number) =>
    progress.show((elapsedMs) => lineOf(bytes, matched, elapsedMs));
  const filter = config.checkLines ? undefined : createLineFilter(judge.trees);
  const reading = createReading({ ...config, judge, filter, summary, output, onProgress });
  for (const file of files) if (output.closed() === undefined) await reading.read(file);
  const counts = reading.end();
  progress.clear();

  const found = summary.summary(counts, filter?.off);
  if (config.format === 'json') output.write(`${JSON.stringify(found, null, 2)}\n`);
  else if (config.format === 'table') output.write(summaryText(found));
  else if (output.closed() === undefined) stderr.write(summaryText(found));
  for (const { file, problem } of found.unreadable) stderr.write(`${file}: ${problem}\n`);
  if (found.unreadable.length > 0) return 2;
  return config.failOnMatch && found.requests.matched > found.requests.filtered ? 1 : 0;
}

/** Undefined if the rules do not load; `stderr` then has the reason. */
async function load(config: ReplayConfig, surroundings: ReplaySurroundings): Promise<Judge | undefined> {
  const { stderr, source } = surroundings;
  try {
    const judge = createJudge(await readRules(source, config.onlyRules), { ...config, ...surroundings });
    const { warnings, filters } = judge.ruleset;
    for (const warning of [...warnings, ...expiryProblems(filters, Date.now())])
      stderr.write(`${formatProblem(warning)}\n`);
    return judge;
  } catch (error) {
    if (!(error instanceof SigmaError)) throw error;
    stderr.write(`${error.message}\n`);
    return undefined;
  }
}
