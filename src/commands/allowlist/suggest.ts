import type { AllowlistSuggestConfig } from '../../settings/types.ts';
import { jsonDocuments } from '../../io/json-documents.ts';
import { asObject } from '../../kubernetes/as-object.ts';
import { isOfInput, logFiles, problemOf } from '../../io/input-files.ts';
import type { TextSink } from '../../io/output.ts';
import { createPrincipals } from './principals.ts';
import { suggestionsFor } from './suggestions.ts';
import { suggestionText } from './suggestion-text.ts';

/** What the process hands in. */
export interface SuggestSurroundings {
  readonly stdin: AsyncIterable<Buffer>;
  readonly stdout: TextSink;
  readonly stderr: TextSink;
}

/**
 * Writes filters for the principals whose requests no filter accepted. Gives the exit code: 0; 2 if a file could not be
 * read. What else stands among records, such as other lines of a log, is counted and passed over.
 */
export async function allowlistSuggest(
  { records }: AllowlistSuggestConfig,
  { stdin, stdout, stderr }: SuggestSurroundings,
): Promise<0 | 2> {
  const principals = createPrincipals();
  let hasFailed = false;
  const onUnreadable = (name: string, problem: string) => {
    hasFailed = true;
    stderr.write(`${name}: ${problem}\n`);
  };
  for (const file of await logFiles(records, stdin, onUnreadable)) {
    try {
      for await (const { value } of jsonDocuments(
        file.read(() => {}),
        principals.onOther,
      ))
        addAll(value, principals.add);
    } catch (error) {
      if (!isOfInput(error)) throw error;
      onUnreadable(file.name, problemOf(error));
    }
  }
  stdout.write(suggestionText(suggestionsFor(principals.all()), principals.counts));
  return hasFailed ? 2 : 0;
}

/** A record, or what scan prints: records in lists. */
function addAll(value: unknown, add: (record: unknown) => void): void {
  const lists = ['suspicious', 'undetermined', 'verified'].map((group) => asObject(value)?.[group]);
  if (lists.every(Array.isArray)) lists.flat().forEach(add);
  else add(value);
}
