import { loadAll, YAMLException } from 'js-yaml';
import { InvalidJson, jsonDocuments } from '../../io/json-documents.ts';
import { asObject } from '../../kubernetes/as-object.ts';
import { isOfInput, problemOf, type LogFile } from '../../io/input-files.ts';
import { scannedObject, type ScannedObject } from './scanned-object.ts';

export interface ObjectVisitor {
  readonly onObject: (object: ScannedObject) => void;
  /** No object, or of a kind that scan does not read. */
  readonly onOther: () => void;
  readonly onUnreadable: (from: string, problem: string) => void;
}

/** Reads what `kubectl get -o json` or `-o yaml` printed: lists, single objects, several documents. */
export async function readObjects(
  file: LogFile,
  { onObject, onOther, onUnreadable }: ObjectVisitor,
): Promise<void> {
  let [values, found] = [0, 0];
  /** A list may be empty. */
  let hasList = false;
  function onValue(value: unknown, listKind?: string): void {
    values++;
    const items = asObject(value)?.['items'];
    if (Array.isArray(items)) {
      hasList = true;
      const kind = asObject(value)?.['kind'];
      for (const item of items) onValue(item, typeof kind === 'string' ? kind : undefined);
      return;
    }
    if (asObject(asObject(value)?.['metadata']) !== undefined) found++;
    const object = scannedObject(value, listKind);
    if (object === undefined) onOther();
    else onObject(object);
  }
  try {
    const { isJson, chunks } = await peek(file.read(() => {}));
    if (isJson) {
      for await (const { value, head } of jsonDocuments(chunks)) onValue(value, listKindOf(head));
    } else {
      const pieces: Buffer[] = [];
      for await (const chunk of chunks) pieces.push(Buffer.from(chunk));
      for (const document of loadAll(Buffer.concat(pieces).toString('utf8'))) {
        if (document !== null && document !== undefined) onValue(document);
      }
    }
    if (found === 0 && !hasList && (values > 0 || !isJson))
      onUnreadable(file.name, 'no Kubernetes object in it');
  } catch (error) {
    onUnreadable(file.name, explain(error));
  }
}

/** Of a list as an API server or a kubelet prints it, which leave it out of the members. */
function listKindOf(head: string): string | undefined {
  return /^\s*\{\s*(?:"apiVersion"\s*:\s*"[^"]*"\s*,\s*)?"kind"\s*:\s*"(\w+List)"/.exec(head)?.[1];
}

/** JSON begins with a bracket; what does not is read as YAML. */
async function peek(
  bytes: AsyncIterable<Buffer>,
): Promise<{ isJson: boolean; chunks: AsyncIterable<Buffer> }> {
  const source = bytes[Symbol.asyncIterator]();
  const begun: Buffer[] = [];
  for (;;) {
    const { done, value } = await source.next();
    if (done === true) return { isJson: false, chunks: again(begun, source) };
    begun.push(Buffer.from(value));
    const start = value
      .toString('utf8')
      .replace(/^\ufeff/, '')
      .trimStart();
    if (start !== '') return { isJson: /^[{[]/.test(start), chunks: again(begun, source) };
  }
}

async function* again(begun: readonly Buffer[], rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield* begun;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

function explain(error: unknown): string {
  if (error instanceof InvalidJson) return error.message;
  if (error instanceof YAMLException)
    return `not YAML: ${error.mark === undefined ? '' : `line ${error.mark.line + 1}: `}${error.reason}`;
  if (isOfInput(error)) return problemOf(error);
  throw error;
}
