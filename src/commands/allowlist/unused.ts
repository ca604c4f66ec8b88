import { printable, plural } from '../../io/text.ts';
import { table } from '../../io/table.ts';
import type { TextSink } from '../../io/output.ts';
import { withoutUndefined } from '../../io/without-undefined.ts';
import { asObject } from '../../kubernetes/as-object.ts';
import { termsOf } from '../../policy/filter-expiry.ts';
import { readRules } from '../../policy/load-rules.ts';
import { ruleSourceWithOptionalFilters } from '../../policy/rule-source.ts';
import { shortId } from '../../policy/short-id.ts';
import type { AllowlistUnusedConfig } from '../../settings/types.ts';
import type { Filter } from '../../sigma/read/filter.ts';
import { isUuid } from '../../sigma/read/metadata.ts';
import { readRecords } from './read-records.ts';

/** What the process hands in. */
export interface UnusedSurroundings {
  readonly stdin: AsyncIterable<Buffer>;
  readonly stdout: TextSink;
  readonly stderr: TextSink;
}

interface Counts {
  count: number;
  /** Values that are no record. */
  others: number;
  /** Of the records; empty where none has a time. */
  first: string;
  last: string;
}

/**
 * Lists the filters that no record names as the one that accepted a match. Gives the exit code: 0; 2 if a file could not be read, or
 * there is no record to tell by.
 */
export async function allowlistUnused(
  { records, format, ...settings }: AllowlistUnusedConfig,
  { stdin, stdout, stderr }: UnusedSurroundings,
): Promise<0 | 2> {
  const { filters } = await readRules(ruleSourceWithOptionalFilters(settings));
  const counts: Counts = { count: 0, others: 0, first: '', last: '' };
  const used = new Set<string>();
  const isWhole = await readRecords(records, {
    stdin,
    stderr,
    onOther: () => void counts.others++,
    onRecord({ time }, matches) {
      counts.count++;
      const at = typeof time === 'string' ? printable(time) : '';
      if (at !== '' && (counts.first === '' || at < counts.first)) counts.first = at;
      if (at > counts.last) counts.last = at;
      for (const match of matches) {
        const { id, title } = asObject(match['filter']) ?? {};
        if (typeof id === 'string' && typeof title === 'string') used.add(keyOf({ id, title }));
      }
    },
  });
  if (counts.count === 0) {
    stderr.write(
      `no record among ${plural(counts.others, 'line')}: what no filter accepted cannot be told\n`,
    );
    return 2;
  }
  const unused = filters.filter((filter) => !used.has(keyOf(filter)));
  const text =
    format === 'json'
      ? JSON.stringify(jsonOf(unused, filters.length, counts), null, 2)
      : textOf(unused, filters.length, counts).join('\n');
  stdout.write(`${text}\n`);
  return isWhole ? 0 : 2;
}

/** A filter without an id has its file in its place, which is called otherwise where the record was written. */
function keyOf({ id, title }: Pick<Filter, 'id' | 'title'>): string {
  return isUuid(id) ? id.toLowerCase() : title;
}

function jsonOf(unused: readonly Filter[], loaded: number, { first, last, ...counts }: Counts): object {
  return {
    records: { ...counts, ...(first === '' ? {} : { first, last }) },
    filters: loaded,
    unused: unused.map(({ id, title, file, line, expires, owner, ticket }) =>
      withoutUndefined({ id, title, file, line, expires: expires?.text, owner, ticket }),
    ),
  };
}

function textOf(
  unused: readonly Filter[],
  loaded: number,
  { count, first, last }: Counts,
): readonly string[] {
  const when = first === '' ? '' : `, ${first} to ${last}`;
  const found = `${plural(count, 'record')}${when}: of ${plural(loaded, 'filter')}, ${unused.length} accepted nothing.`;
  const now = Date.now();
  const rows = unused.map((filter) => [
    isUuid(filter.id) ? shortId(filter.id) : '',
    filter.title,
    termsOf(filter, now).join(', '),
    `${filter.file}:${filter.line}`,
  ]);
  return rows.length === 0 ? [found] : [found, '', ...table([['FILTER', 'TITLE', 'TERMS', 'FILE'], ...rows])];
}
