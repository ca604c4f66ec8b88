import { isOfInput, logFiles, problemOf } from '../../io/input-files.ts';
import { jsonDocuments } from '../../io/json-documents.ts';
import type { TextSink } from '../../io/output.ts';
import { asObject } from '../../kubernetes/as-object.ts';

export type Record = Readonly<globalThis.Record<string, unknown>>;

export interface RecordsOptions {
  readonly stdin: AsyncIterable<Buffer>;
  readonly stderr: TextSink;
  readonly onRecord: (record: Record, matches: readonly Record[]) => void;
  /** A value that is no record, such as another line of a log. */
  readonly onOther: () => void;
}

/** Reads the records of any door in files, scan's report among them. Returns whether every file could be read; the others are said. */
export async function readRecords(
  names: readonly string[],
  { stdin, stderr, onRecord, onOther }: RecordsOptions,
): Promise<boolean> {
  let isWhole = true;
  const onUnreadable = (name: string, problem: string) => {
    isWhole = false;
    stderr.write(`${name}: ${problem}\n`);
  };
  function add(value: unknown): void {
    const record = asObject(value);
    const { door, matches, schemaVersion } = record ?? {};
    if (record === undefined || schemaVersion !== 1 || typeof door !== 'string' || !Array.isArray(matches))
      onOther();
    else
      onRecord(
        record,
        matches.map(asObject).filter((match) => match !== undefined),
      );
  }
  for (const file of await logFiles(names, stdin, onUnreadable)) {
    try {
      for await (const { value } of jsonDocuments(
        file.read(() => {}),
        onOther,
      ))
        addAll(value, add);
    } catch (error) {
      if (!isOfInput(error)) throw error;
      onUnreadable(file.name, problemOf(error));
    }
  }
  return isWhole;
}

/** A record, or what scan prints: records in lists. */
function addAll(value: unknown, add: (record: unknown) => void): void {
  const lists = ['suspicious', 'undetermined', 'verified'].map((group) => asObject(value)?.[group]);
  if (lists.every(Array.isArray)) lists.flat().forEach(add);
  else add(value);
}
