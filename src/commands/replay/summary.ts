import { printable } from '../../io/text.ts';
import type { AuditEvent } from '../../kubernetes/audit-event.ts';
import { askedAndOff, type LoadedRule } from '../../policy/ruleset.ts';
import type { Judgement } from '../../records/recorder.ts';
import type { Level } from '../../sigma/read/level.ts';
import type { Judge } from './judge.ts';
import { whyNotLogged } from './not-logged.ts';
import type { Logged } from './requests.ts';
import { createTally, OTHERS } from './tally.ts';

/** What replay found, as `--format json` prints it. */
export interface Summary {
  readonly schemaVersion: 1;
  /** The digest of the rules and filters that judged. */
  readonly ruleset: string;
  readonly rules: { readonly asked: number; readonly off: readonly (RuleName & { readonly why: string })[] };
  readonly read: Read;
  readonly requests: Requests;
  /** Requests by what matched; `filtered` are those of them that a filter accepts. */
  readonly matches: {
    readonly byRule: readonly (RuleName & { readonly level: Level } & Counts)[];
    readonly byPrincipal: readonly ({ readonly username: string } & Counts)[];
    readonly byNamespace: readonly ({ readonly namespace: string } & Counts)[];
    readonly byFilter: readonly (Accepted & { readonly requests: number })[];
  };
  /** Requests that a rule could not decide, by the reason. One may have several. */
  readonly notJudged: readonly { readonly reason: string; readonly requests: number }[];
  readonly forecast: Forecast;
  /** The first of them. */
  readonly badLines: readonly BadLine[];
  /** Logs without a byte. */
  readonly empty: readonly string[];
  readonly unreadable: readonly { readonly file: string; readonly problem: string }[];
}

interface Read {
  readonly files: number;
  /** As they are on disk. */
  readonly bytes: number;
  readonly events: number;
  readonly badLines: number;
  /** Lines on which no rule can match: left out unparsed, and so not checked. */
  readonly skippedLines: number;
  /** Why no lines were left out, or no more. */
  readonly lineFilterOff?: string;
}

interface Requests {
  readonly judged: number;
  /** The log ends before they do; judged as far as they had come. */
  readonly unfinished: number;
  /** Judged before their end, because too many waited for it. */
  readonly evicted: number;
  /** Events of requests that were judged already. */
  readonly repeatedEvents: number;
  /** Events before `--since` or after `--until`. */
  readonly eventsOutsideTime: number;
  readonly matched: number;
  /** Of these, accepted by filters in every match. */
  readonly filtered: number;
}

/** What `enforce` would have denied. */
interface Forecast {
  /** Why there is none. */
  readonly impossible?: string;
  readonly denied: number;
  /** Dry runs it would have denied, not among `denied`. */
  readonly dryRuns: number;
  readonly byRuleAndPrincipal: readonly ForecastEntry[];
}

interface ForecastEntry {
  readonly rule: RuleName;
  readonly username: string;
  readonly denied: number;
  readonly dryRuns: number;
  readonly example: Example;
}

interface Example {
  readonly uid: string;
  readonly time: string;
  readonly file: string;
  readonly line: number;
  readonly verb: string;
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
}

interface BadLine {
  readonly file: string;
  readonly line: number;
  readonly problem: string;
}

interface RuleName {
  readonly id: string;
  readonly title: string;
}

interface Accepted {
  readonly rule: RuleName;
  readonly filter: RuleName;
}

interface Counts {
  readonly requests: number;
  readonly filtered: number;
}

/** The counts of the reading: of the logs, their events and requests. */
export type ReadingCounts = Omit<Read, 'badLines' | 'lineFilterOff'> & Omit<Requests, 'matched' | 'filtered'>;

export type SummaryBuilder = ReturnType<typeof createSummary>;

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Bad lines, of which a log may be full, are all counted, and the first are shown. */
const SHOWN_BAD_LINES = 20;

/** Counts what replay finds. */
export function createSummary({ ruleset, noForecast }: Pick<Judge, 'ruleset' | 'noForecast'>) {
  let badLineCount = 0;
  let matched = 0;
  let filtered = 0;
  const forecast = { denied: 0, dryRuns: 0 };
  const badLines: BadLine[] = [];
  const empty: string[] = [];
  const unreadable: { file: string; problem: string }[] = [];
  const rules = createTally<RuleName & { level: Level } & Writable<Counts>>();
  const principals = createTally<{ username: string } & Writable<Counts>>();
  const namespaces = createTally<{ namespace: string } & Writable<Counts>>();
  const filters = createTally<Accepted & { requests: number }>();
  const reasons = createTally<{ reason: string; requests: number }>();
  const forecasts = createTally<Writable<ForecastEntry>>();

  function countMatches({ observation: { event }, evaluation: { matches }, decision }: Judgement): void {
    const isFiltered = decision.matches.length === 0;
    matched++;
    if (isFiltered) filtered++;
    count(
      principals.at(usernameOf(event), (username) => ({ username, ...NONE })),
      isFiltered,
    );
    count(
      namespaces.at(printable(event.objectRef?.namespace ?? ''), (namespace) => ({ namespace, ...NONE })),
      isFiltered,
    );
    for (const { rule, filter } of matches) {
      const { id, title, level } = rule;
      count(
        rules.at(id, () => ({ id, title, level, ...NONE })),
        filter !== undefined,
      );
      if (filter === undefined) continue;
      const accepted = { rule: nameOf(rule), filter: { id: filter.filter.id, title: filter.filter.title } };
      filters.at(`${id} ${filter.filter.id}`, () => ({ ...accepted, requests: 0 })).requests++;
    }
  }

  return {
    /** The requests that matched so far. */
    matched: () => matched,
    onBadLine(file: string, line: number, problem: string): void {
      badLineCount++;
      if (badLines.length < SHOWN_BAD_LINES) {
        badLines.push({ file: printable(file), line, problem: printable(problem) });
      }
    },
    onUnreadable(file: string, problem: string): void {
      unreadable.push({ file: printable(file), problem: printable(problem) });
    },
    onEmpty(file: string): void {
      empty.push(printable(file));
    },
    /** A request with a match, or with something not judged. */
    onJudged(judged: Judgement): void {
      const { evaluation, observation } = judged;
      if (evaluation.matches.length > 0) countMatches(judged);
      const whys = evaluation.notJudged.map(({ field }) => whyNotLogged(field, observation.event));
      for (const reason of new Set(whys)) reasons.at(reason, () => ({ reason, requests: 0 })).requests++;
    },
    /** A request that `enforce` would have denied. */
    onDenied({ observation, decision }: Judgement, logged: Logged): void {
      if (decision.verdict !== 'deny') return;
      const key = observation.dryRun ? 'dryRuns' : 'denied';
      const rule = nameOf(decision.by.rule);
      const username = usernameOf(observation.event);
      forecast[key]++;
      const entry = forecasts.at(`${rule.id} ${username}`, (of) => ({
        ...(of === OTHERS ? { rule: { id: '', title: OTHERS }, username: OTHERS } : { rule, username }),
        denied: 0,
        dryRuns: 0,
        example: exampleOf(logged),
      }));
      entry[key]++;
    },
    summary: (
      { files, bytes, events, skippedLines, ...requests }: ReadingCounts,
      lineFilterOff?: string,
    ): Summary => ({
      schemaVersion: 1,
      ruleset: ruleset.digest,
      rules: askedAndOff(ruleset),
      read: {
        ...{ files, bytes, events, badLines: badLineCount, skippedLines },
        ...(lineFilterOff === undefined ? {} : { lineFilterOff }),
      },
      requests: { ...requests, matched, filtered },
      matches: {
        byRule: mostFirst(rules.entries()),
        byPrincipal: mostFirst(principals.entries()),
        byNamespace: mostFirst(namespaces.entries()),
        byFilter: mostFirst(filters.entries()),
      },
      notJudged: mostFirst(reasons.entries()),
      forecast: {
        ...(noForecast === undefined
          ? {}
          : { impossible: `the rules do not load at admission: ${noForecast.message}` }),
        ...forecast,
        byRuleAndPrincipal: forecasts
          .entries()
          .toSorted((a, b) => b.denied - a.denied || b.dryRuns - a.dryRuns),
      },
      badLines,
      empty,
      unreadable,
    }),
  };
}

const NONE = { requests: 0, filtered: 0 };

function count(entry: Writable<Counts>, isFiltered: boolean): void {
  entry.requests++;
  if (isFiltered) entry.filtered++;
}

function mostFirst<Entry extends { readonly requests: number }>(entries: readonly Entry[]): readonly Entry[] {
  return entries.toSorted((a, b) => b.requests - a.requests);
}

function nameOf({ id, title }: LoadedRule): RuleName {
  return { id, title };
}

function usernameOf({ user }: AuditEvent): string {
  return typeof user?.username === 'string' ? printable(user.username) : '';
}

/** As the log has it, so that it can be found there. */
function exampleOf({ observation: { uid, receivedAt, event }, file, line }: Logged): Example {
  const { resource, subresource, namespace, name } = event.objectRef ?? {};
  const text = (value: unknown) => (typeof value === 'string' ? printable(value) : '');
  return {
    uid: printable(uid),
    time: printable(receivedAt),
    file: printable(file),
    line,
    verb: printable(event.verb),
    resource: [resource, subresource].map(text).filter(Boolean).join('/'),
    ...(text(namespace) === '' ? {} : { namespace: text(namespace) }),
    ...(text(name) === '' ? {} : { name: text(name) }),
  };
}
