import { table } from '../../io/table.ts';
import { number, plural } from '../../io/text.ts';
import type { Summary } from './summary.ts';

/** How many principals, namespaces and forecasts people are shown; JSON has all. */
const SHOWN = 10;

/** The summary for people. */
export function summaryText(summary: Summary): string {
  const { read, rules, requests, matches, notJudged } = summary;
  const sections = [
    [
      `read       ${plural(read.files, 'file')}, ${plural(read.events, 'event')}, ${plural(requests.judged, 'request')} judged${aside(requestNotes(summary))}`,
      `rules      ${number(rules.asked)} asked${rules.off.length === 0 ? '' : `, ${number(rules.off.length)} off`}`,
      ...skippedNotes(summary),
      ...badNotes(summary),
    ],
    [
      `matched    ${plural(requests.matched, 'request')}${requests.filtered > 0 ? `, ${number(requests.filtered)} of them accepted by filters` : ''}`,
      ...columns(
        ['requests', 'filtered', 'level', 'rule'],
        matches.byRule,
        ({ requests: all, filtered, level, title, id }) => [
          ...[number(all), number(filtered), level, `${title} (${id.slice(0, 8)})`],
        ],
      ),
    ],
    columns(['requests', 'filtered', 'principal'], matches.byPrincipal, (each) => [
      ...[number(each.requests), number(each.filtered), each.username || '(unknown)'],
    ]),
    columns(['requests', 'filtered', 'namespace'], matches.byNamespace, (each) => [
      ...[number(each.requests), number(each.filtered), each.namespace || '(none)'],
    ]),
    columns(['accepted', 'by filter', 'of rule'], matches.byFilter, ({ requests: all, filter, rule }) => [
      ...[number(all), filter.title, rule.title],
    ]),
    notJudged.length === 0
      ? []
      : [
          'not judged by some rule',
          ...notJudged.map(({ reason, requests: all }) => `  ${reason}: ${plural(all, 'request')}`),
        ],
    forecastLines(summary),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n');
}

function requestNotes({ requests }: Summary): readonly string[] {
  const { unfinished, evicted, repeatedEvents, eventsOutsideTime } = requests;
  return [
    ...(unfinished === 0 ? [] : [`${number(unfinished)} that the log ends before`]),
    ...(evicted === 0 ? [] : [`${number(evicted)} before their end, because too many waited for it`]),
    ...(repeatedEvents === 0 ? [] : [`${plural(repeatedEvents, 'event')} of requests already judged`]),
    ...(eventsOutsideTime === 0 ? [] : [`${plural(eventsOutsideTime, 'event')} outside --since and --until`]),
  ];
}

function skippedNotes({ read: { skippedLines, lineFilterOff } }: Summary): readonly string[] {
  if (skippedLines > 0) {
    return [
      `skipped    ${plural(skippedLines, 'line')} that no rule can match: not parsed, and not checked (--check-lines does)`,
    ];
  }
  return lineFilterOff === undefined ? [] : [`skipped    no line: ${lineFilterOff}`];
}

function badNotes({ read, badLines, empty, unreadable }: Summary): readonly string[] {
  const more = read.badLines - badLines.length;
  return [
    ...empty.map((file) => `empty      ${file}`),
    ...unreadable.map(({ file, problem }) => `unreadable ${file}: ${problem}`),
    ...(read.badLines === 0 ? [] : [`bad        ${plural(read.badLines, 'line')}`]),
    ...badLines.map(({ file, line, problem }) => `  ${file}:${line}: ${problem}`),
    ...(more > 0 ? [`  and ${number(more)} more`] : []),
  ];
}

function forecastLines({
  requests: { judged },
  forecast: { impossible, denied, dryRuns, byRuleAndPrincipal },
}: Summary): readonly string[] {
  if (judged === 0) return ['forecast   none: no request was judged'];
  if (impossible !== undefined) return [`forecast   none: ${impossible}`];
  return [
    `forecast   enforce would have denied ${plural(denied, 'request')}${dryRuns === 0 ? '' : ` and ${plural(dryRuns, 'dry run')}`}`,
    ...columns(['denied', 'dry runs', 'principal', 'rule', 'for example'], byRuleAndPrincipal, (each) => [
      ...[
        number(each.denied),
        number(each.dryRuns),
        each.username || '(unknown)',
        each.rule.title,
        exampleText(each.example),
      ],
    ]),
  ];
}

function exampleText({
  file,
  line,
  time,
  verb,
  resource,
  namespace,
  name,
}: Summary['forecast']['byRuleAndPrincipal'][number]['example']) {
  const object = [resource, [namespace, name].filter(Boolean).join('/')].filter(Boolean).join(' ');
  return `${[verb, object, time].filter(Boolean).join(' ')} (${file}:${line})`;
}

function columns<Row>(
  heads: readonly string[],
  rows: readonly Row[],
  cellsOf: (row: Row) => readonly string[],
): readonly string[] {
  if (rows.length === 0) return [];
  const lines = table([heads, ...rows.slice(0, SHOWN).map(cellsOf)], { wrapped: 'none', numbers: 'right' });
  return rows.length > SHOWN ? [...lines, `  and ${number(rows.length - SHOWN)} more`] : lines;
}

function aside(notes: readonly string[]): string {
  return notes.length === 0 ? '' : ` (${notes.join('; ')})`;
}
