import { megabytes } from './text.ts';
import { createJsonSplitter, type JsonSplitter } from './json-splitter.ts';

/** One document, or one member of the list that a document is. */
export interface JsonMember {
  readonly value: unknown;
  /** How its document begins, where a list says what its members are. */
  readonly head: string;
}

/** It is not JSON, or ends too early; the line is in the message. */
export class InvalidJson extends Error {
  override readonly name = 'InvalidJson';
}

/** No object of the API is larger than etcd takes (1.5 MiB); records of a scan come as one document. */
const MAX_BYTES = 512 * 1024 * 1024;
const HEAD_BYTES = 256;
const [NEWLINE, OPEN_OBJECT, OPEN_ARRAY] = [0x0a, 0x7b, 0x5b] as const;
/** Between documents. */
const SEPARATORS: readonly unknown[] = [0x20, 0x09, 0x0d, 0x2c, NEWLINE];

/**
 * The documents of a stream of JSON, one after another, however they are printed: one a line, or each over many. Of a
 * document with a list in `items` the members are given, one by one, so that a list of any length takes the memory of one.
 * Each piece of `chunks` needs to be good only until the next is asked for. What is not JSON is an InvalidJson, unless there
 * is an `onBad` to be told of it: then reading goes on with the next line.
 */
export async function* jsonDocuments(
  chunks: AsyncIterable<Buffer>,
  onBad: (problem: InvalidJson) => void = refuse,
): AsyncGenerator<JsonMember> {
  let splitter: JsonSplitter | undefined;
  let line = 1;
  let head = '';
  let members: JsonMember[] = [];
  let isPassingOver = false;
  const begin = () => {
    head = '';
    return createJsonSplitter({
      line,
      maxBytes: MAX_BYTES,
      onMember(bytes, at) {
        const value = parse(bytes);
        if (value === undefined) onBad(new InvalidJson(`line ${at}: not JSON`));
        else members.push({ value, head });
      },
      onTooLong: (length, at) => onBad(new InvalidJson(`line ${at}: ${megabytes(length)}, too long`)),
    });
  };
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      if (isPassingOver) {
        isPassingOver = chunk[at] !== NEWLINE;
        if (isPassingOver) at++;
        continue;
      }
      if (splitter === undefined) {
        if (SEPARATORS.includes(chunk[at])) {
          if (chunk[at++] === NEWLINE) line++;
        } else if (chunk[at] === OPEN_OBJECT || chunk[at] === OPEN_ARRAY) splitter = begin();
        else {
          onBad(new InvalidJson(`line ${line}: not JSON`));
          isPassingOver = true;
        }
        continue;
      }
      if (head.length < HEAD_BYTES) head += chunk.toString('latin1', at, at + HEAD_BYTES - head.length);
      const progress = splitter.read(chunk, at);
      line = splitter.line;
      at = progress.kind === 'open' ? chunk.length : progress.at;
      if (progress.kind !== 'open') splitter = undefined;
      if (progress.kind !== 'broken') continue;
      onBad(new InvalidJson(`line ${line}: ${progress.problem}`));
      // What broke off a document over several lines may be the next one.
      isPassingOver = chunk[at] !== OPEN_OBJECT;
    }
    yield* members;
    members = [];
  }
  if (splitter !== undefined) onBad(new InvalidJson(`line ${line}: it ends in the middle`));
}

function refuse(problem: InvalidJson): void {
  throw problem;
}

/** Undefined if it is not JSON. Without the reason: V8's quotes the text, which may be a Secret's. */
function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
