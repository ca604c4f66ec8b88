import { dirname } from 'node:path';
import { expandCollections } from './collections.ts';
import { quote } from '../match/describe-value.ts';
import type { Placeholders } from './detection.ts';
import { parseDocuments, type SigmaDocument } from './documents.ts';
import { createReporter, type Problem, type Reporter } from './errors.ts';
import { parseFilter, type Filter } from './filter.ts';
import { contains, notForOurLog, parseLogSource, type LogSource } from './log-source.ts';
import { ownValue } from '../match/mapping.ts';
import { isUuid } from './metadata.ts';
import { lineOf } from './position.ts';
import { parseRule, type Rule } from './rule.ts';

/** What documents hold. A rule or filter with an error is not among them; the error is. */
export interface ParsedSigma {
  readonly rules: readonly Rule[];
  readonly filters: readonly Filter[];
  readonly problems: readonly Problem[];
}

export interface ParseOptions {
  /** The values of `%name%`, for the modifier `expand`. */
  readonly placeholders?: Placeholders;
  /** The log that rules must be for. One for another is a warning, whatever else is wrong with it, and not among the rules. */
  readonly log?: LogSource;
}

/** Reads one file of Sigma documents, named `file` in what is reported. It never throws: everything wrong is among `problems`. */
export function parseSigma(
  file: string,
  text: string,
  { placeholders = {}, log }: ParseOptions = {},
): ParsedSigma {
  const parsed = parseDocuments(file, text);
  const expanded = expandCollections(file, parsed.documents);
  const problems = [...parsed.problems, ...expanded.problems];
  const rules: Rule[] = [];
  const filters: Filter[] = [];
  if (expanded.documents.length === 0 && !problems.some(isError)) {
    const message = 'no Sigma document in it';
    problems.push({ code: 'empty-file', severity: 'warning', file, path: '', message });
  }
  for (const document of expanded.documents) {
    const found: Problem[] = [];
    const reporter = createReporter(file, lineOf(document.position), found);
    const elsewhere = log === undefined ? undefined : otherLogOf(document, log);
    if (elsewhere !== undefined) {
      const title = ownValue(document.value, 'title');
      createReporter(file, () => document.position.line, problems).warning(
        'logsource-not-applicable',
        ['logsource'],
        notForOurLog(typeof title === 'string' ? title : '', elsewhere),
      );
      continue;
    }
    const { rule, filter } = parseDocument(document, file, reporter, placeholders);
    for (const problem of found) problems.push(problem);
    if (document.broken || found.some(isError)) continue;
    if (rule !== undefined) rules.push(rule);
    if (filter !== undefined) filters.push(filter);
  }
  return { rules, filters, problems };
}

/** The log that a rule is for, if it can be read and is not `log`. */
function otherLogOf({ value }: SigmaDocument, log: LogSource): LogSource | undefined {
  if (!Object.hasOwn(value, 'detection')) return undefined;
  const logsource = parseLogSource(value, { error: () => {}, warning: () => {} });
  return logsource === undefined || contains(logsource, log) ? undefined : logsource;
}

function isError({ severity }: Problem): boolean {
  return severity === 'error';
}

function parseDocument(
  document: SigmaDocument,
  file: string,
  reporter: Reporter,
  placeholders: Placeholders,
): { readonly rule?: Rule | undefined; readonly filter?: Filter | undefined } {
  const { value } = document;
  const sections = ['detection', 'filter', 'correlation'].filter((section) => Object.hasOwn(value, section));
  if (sections.length > 1) {
    const message = `a document has one of detection, filter and correlation; this one has ${sections.join(' and ')}`;
    reporter.error('ambiguous-document', [], message);
    return {};
  }
  if (sections[0] === 'filter') return { filter: parseFilter(document, file, reporter, placeholders) };
  if (sections[0] !== 'correlation') return { rule: parseRule(document, file, reporter, placeholders) };
  const name = ownValue(value, 'title') ?? ownValue(value, 'name') ?? ownValue(value, 'id');
  const called = typeof name === 'string' ? ` ${quote(name)}` : '';
  const message = `correlation${called} is not loaded: correlations are not yet supported; the rules it refers to are loaded on their own`;
  reporter.warning('correlation-unsupported', ['correlation'], message);
  return {};
}

/** What several files hold, together. Whatever is loaded must be the only one of its id. */
export function combine(parsed: readonly ParsedSigma[]): ParsedSigma {
  const problems = parsed.flatMap((each) => each.problems);
  const rules = withoutDuplicates(
    parsed.flatMap((each) => each.rules),
    ({ logsource, conditions }) => [logsource, conditions.map(({ tree }) => tree)],
    problems,
  );
  const filters = withoutDuplicates(
    parsed.flatMap((each) => each.filters),
    (filter) => [filter.logsource, filter.rules, filter.condition.tree, filter.expires?.text],
    problems,
  );
  return { rules, filters, problems };
}

/**
 * The first of each id. Another that means the same is left out with a warning, because the same directory may be named twice
 * by two ways; within one directory it is an error, or a file that sorts first could replace a rule with another level. One
 * that means something else is an error: modes and filters go by id, and must not be about two things.
 */
function withoutDuplicates<Each extends Rule | Filter>(
  all: readonly Each[],
  meaningOf: (each: Each) => unknown,
  problems: Problem[],
): readonly Each[] {
  const firsts = new Map<string, Each>();
  for (const each of all) {
    const first = firsts.get(each.id);
    if (first === undefined) {
      firsts.set(each.id, each);
      continue;
    }
    const reporter = createReporter(each.file, () => each.line, problems);
    const place = `${first.file}:${first.line}`;
    if (JSON.stringify(meaningOf(first)) === JSON.stringify(meaningOf(each))) {
      const isWithin =
        dirname(first.file) === dirname(each.file) && (first.file !== each.file || first.line !== each.line);
      reporter[isWithin ? 'error' : 'warning'](
        'duplicate-document',
        ['id'],
        `${nameOf(each)} is the same as at ${place}; ${isWithin ? 'one directory holds it once' : 'it is loaded once'}`,
      );
    } else {
      reporter.error('duplicate-id', ['id'], `${nameOf(each)} is also at ${place}, with another meaning`);
    }
  }
  return [...firsts.values()];
}

function nameOf({ id, title }: Rule | Filter): string {
  return isUuid(id) ? quote(id) : `${quote(title)}, without an id,`;
}
