import { printable, plural } from '../../io/text.ts';
import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { ifThere } from '../../cluster/api-server.ts';
import type { ScanConfig } from '../../settings/types.ts';
import { KINDS } from '../../kubernetes/objects.ts';
import { logFiles } from '../../io/input-files.ts';
import { expiryProblems } from '../../policy/filter-expiry.ts';
import type { RuleSource } from '../../policy/rule-source.ts';
import type { Output } from '../../io/output.ts';
import { createProgress, type Progress } from '../../io/progress.ts';
import { readRules } from '../../policy/load-rules.ts';
import { createFindings, type Findings } from './findings.ts';
import { createExaminer } from './examiner.ts';
import type { Finding } from './judge.ts';
import { scanReportText } from './scan-report-text.ts';
import { listObjects, type Lister } from './read-cluster.ts';
import { readObjects } from './read-files.ts';
import { loadScanRules, type ScanRules } from './rules.ts';
import { isJudged, SCANNED_KINDS, type ScannedObject } from './scanned-object.ts';
import { formatProblem, SigmaError } from '../../sigma/read/errors.ts';

/** What the process hands in. */
export interface ScanSurroundings {
  readonly stdin: AsyncIterable<Buffer>;
  readonly stdout: Output;
  readonly stderr: Writable;
  /** Whether `stderr` is a terminal, which shows progress. */
  readonly isTerminal: boolean;
  readonly source: RuleSource;
  /** The cluster to scan where no files are named. */
  readonly connect: () => Promise<Lister>;
  /** How long to wait for what the garbage collector is about to remove. */
  readonly removedWithinMs?: number;
}

/**
 * Judges the objects of a cluster, or those in files. Gives the exit code: 0; 1 if anything is suspicious; 2 if the
 * rules, the cluster or a file could not be read.
 */
export async function scan(config: ScanConfig, surroundings: ScanSurroundings): Promise<0 | 1 | 2> {
  const { stdout: output, stderr, isTerminal } = surroundings;
  const rules = await load(config, surroundings);
  if (rules === undefined) return 2;
  const findings = createFindings(rules);
  const progress = createProgress(isTerminal ? stderr : undefined);
  const run = { config, rules, findings, progress };
  if (config.objects.length > 0) await scanFiles(run, surroundings.stdin);
  else await scanCluster(run, surroundings);
  progress.clear();

  const report = findings.report();
  if (config.format === 'json') output.write(`${JSON.stringify(report, null, 2)}\n`);
  else output.write(scanReportText(report, findings.groups()));
  for (const { from, problem } of report.unreadable) stderr.write(`${from}: ${problem}\n`);
  if (report.unreadable.length > 0) return 2;
  return report.suspicious.length > 0 ? 1 : 0;
}

/** Undefined, and said why, if there are no rules to judge by. */
async function load(
  config: ScanConfig,
  { source, stderr }: ScanSurroundings,
): Promise<ScanRules | undefined> {
  try {
    const rules = loadScanRules(await readRules(source, config.onlyRules), config);
    const { warnings, filters } = rules.ruleset;
    for (const warning of [...warnings, ...expiryProblems(filters, Date.now())])
      stderr.write(`${formatProblem(warning)}\n`);
    return rules;
  } catch (error) {
    if (!(error instanceof SigmaError)) throw error;
    stderr.write(`${error.message}\n`);
    return undefined;
  }
}

interface Run {
  readonly config: ScanConfig;
  readonly rules: ScanRules;
  readonly findings: Findings;
  readonly progress: Progress;
}

/** What is in files is all there is to see: an owner that is not among it may well exist. */
async function scanFiles(
  { config, rules, findings, progress }: Run,
  stdin: AsyncIterable<Buffer>,
): Promise<void> {
  const { read, unreadable } = findings;
  const pods: ScannedObject[] = [];
  const objects: ScannedObject[] = [];
  const onUnreadable = (from: string, problem: string) =>
    void unreadable.push({ from: printable(from), problem: printable(problem) });
  for (const file of await logFiles(config.objects, stdin, onUnreadable)) {
    await readObjects(file, {
      onUnreadable,
      onOther: () => void read.others++,
      onObject(object) {
        const { kind, namespace } = object;
        const isCovered = kind === 'Node' || (rules.namespaces?.includes(namespace) ?? true);
        if (!isCovered) read.elsewhere++;
        else if (kind === 'Pod') pods.push(object);
        else objects.push(object);
      },
    });
  }
  const examiner = createExaminer({ rules, modes: config.modes, objects, complete: () => false });
  for (const object of [...objects.filter(({ kind }) => isJudged(kind)), ...pods]) {
    findings.add(object, (await examiner.examine(object)).finding);
    progress.show(() => plural(read.pods, 'pod'));
  }
}

/** The garbage collector removes a pod within about a second after its owner. */
const REMOVED_WITHIN_MS = 3000;
/** Looked at again one by one. */
const MAX_SUSPECTS = 200;

async function scanCluster(
  { config, rules, findings, progress }: Run,
  { connect, removedWithinMs = REMOVED_WITHIN_MS }: ScanSurroundings,
): Promise<void> {
  const { read, unreadable } = findings;
  const onFailure = (from: string, error: unknown) => {
    if (error instanceof TypeError || error instanceof RangeError) throw error;
    unreadable.push({
      from: printable(from),
      problem: printable(error instanceof Error ? error.message : String(error)),
    });
  };
  let api: Lister;
  try {
    api = await connect();
  } catch (error) {
    onFailure('cluster', error);
    return;
  }
  const objects: ScannedObject[] = [];
  for (const kind of SCANNED_KINDS.filter((each) => each !== 'Pod')) {
    try {
      for await (const page of listObjects(api, kind, rules.namespaces)) objects.push(...page);
    } catch (error) {
      onFailure(KINDS[kind].resource, error);
    }
  }
  const isComplete = unreadable.length === 0;
  const examiner = createExaminer({
    rules,
    modes: config.modes,
    objects,
    complete: () => isComplete,
    get: (path) => ifThere(api.get(path)),
    onFailure,
  });
  const suspects: { readonly pod: ScannedObject; readonly finding: Finding }[] = [];
  try {
    for (const object of objects.filter(({ kind }) => isJudged(kind)))
      findings.add(object, (await examiner.examine(object)).finding);
    // What pods are held against is kept trimmed; whole, the old ReplicaSets of a large cluster would fill the memory.
    objects.length = 0;
    for await (const page of listObjects(api, 'Pod', rules.namespaces)) {
      for (const pod of page) {
        const { finding, isDoubted } = await examiner.examine(pod);
        if (isDoubted && finding.group === 'suspicious' && suspects.length < MAX_SUSPECTS)
          suspects.push({ pod, finding });
        else findings.add(pod, finding);
      }
      progress.show(() => plural(read.pods, 'pod'));
    }
    if (suspects.length > 0) await delay(removedWithinMs);
    for (const { pod, finding } of suspects) {
      if (await examiner.stillExists(pod)) findings.add(pod, finding);
      else read.gone++;
    }
  } catch (error) {
    onFailure('pods', error);
  }
}
