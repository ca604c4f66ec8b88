import type { AllowlistSuggestConfig } from '../../settings/types.ts';
import type { TextSink } from '../../io/output.ts';
import { asObject } from '../../kubernetes/as-object.ts';
import { readRules } from '../../policy/load-rules.ts';
import { ruleSourceWithOptionalFilters } from '../../policy/rule-source.ts';
import { isExpired } from '../../sigma/read/filter.ts';
import { createPrincipals } from './principals.ts';
import { readRecords } from './read-records.ts';
import { suggestionsFor } from './suggestions.ts';
import { suggestionText } from './suggestion-text.ts';

/** What the process hands in. */
export interface SuggestSurroundings {
  readonly stdin: AsyncIterable<Buffer>;
  readonly stdout: TextSink;
  readonly stderr: TextSink;
}

/**
 * Writes filters for the principals whose requests no filter accepted, or only one that has ended since. Gives the exit code: 0; 2
 * if a file could not be read. What else stands among records, such as other lines of a log, is counted and passed over.
 */
export async function allowlistSuggest(
  { records, expires, ...settings }: AllowlistSuggestConfig,
  { stdin, stdout, stderr }: SuggestSurroundings,
): Promise<0 | 2> {
  const source = ruleSourceWithOptionalFilters({ rulesDirs: [], allowUsers: [], ...settings });
  const { filters } = await readRules(source);
  const expired = new Set<unknown>(
    filters.filter((filter) => isExpired(filter, Date.now)).map(({ id }) => id),
  );
  const principals = createPrincipals();
  const isWhole = await readRecords(records, {
    stdin,
    stderr,
    onOther: () => void principals.counts.others++,
    onRecord: (record, matches) =>
      principals.add(
        record,
        matches.filter(({ filter }) => filter === undefined || expired.has(asObject(filter)?.['id'])),
      ),
  });
  stdout.write(suggestionText(suggestionsFor(principals.all(), expires), principals.counts));
  return isWhole ? 0 : 2;
}
