import { megabytes } from '../io/text.ts';
import { isUtf8 } from 'node:buffer';
import { UnreadableLog } from '../io/input-files.ts';
import { createJsonSplitter, type JsonSplitter } from '../io/json-splitter.ts';
import type { Observation } from './audit-event.ts';
import { InvalidAuditEvent, parseAuditEvent } from './logged-event.ts';
import { isEvent, unwrap, type RawEvent } from './log-wrappers.ts';

/** What is found in an audit log, in order. Lines are counted from 1. */
export interface AuditLogVisitor {
  readonly onEvent: (event: Observation, line: number) => void;
  /** Something could not be read. Reading goes on. */
  readonly onBadLine: (line: number, problem: string) => void;
  /** Lines that the filter left out. */
  readonly onSkippedLines: (count: number) => void;
}

/** Says which lines must be parsed. */
export interface LineFilter {
  /** The first position in `bytes` from `from` on whose line must be; `to` if there is none before it. */
  next(bytes: Buffer, from: number, to: number): number;
  /** Called when the lines asked about are dealt with. */
  done(parsedBytes: number): void;
}

/** Reads bytes as they come; `end` says that there are no more. Throws UnreadableLog where it is no use to go on. */
export interface AuditLogReader {
  /** Whether the log gave an audit event, be it on a line that the filter left out. */
  readonly hasEvent: () => boolean;
  read(chunk: Buffer): void;
  end(): void;
}

/**
 * An event is two bodies of at most 1.5 MiB, whose `<`, `>` and `&` the API server writes sixfold, and what is around them:
 * 18 MiB and a little. A list of events may have any length.
 */
const MAX_BYTES = 32 * 1024 * 1024;

const [NEWLINE, CARRIAGE_RETURN] = [0x0a, 0x0d] as const;
const [OPEN_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x7b, 0x7d] as const;
/** Between the documents of one line. */
const SEPARATORS: readonly unknown[] = [0x20, 0x09, 0x0d, 0x2c];
/** How an API server begins an event. */
const EVENT = Buffer.from('{"kind":"Event"');
const UTF8_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Reads an audit log: a document a line, several on one, or documents printed over many lines. What a document may be, see
 * `unwrap`. A line is parsed at once; only where that fails it is looked at byte by byte. Until the log has given an event, the
 * lines that the filter leaves out are parsed too: a log of another kind must not pass for one that no rule can match.
 */
export function createAuditLogReader(
  visitor: AuditLogVisitor,
  { filter, maxBytes = MAX_BYTES }: { filter?: LineFilter | undefined; maxBytes?: number } = {},
): AuditLogReader {
  let isFirst = true;
  let hasEvent = false;
  /** Whether the line is one that the filter leaves out. */
  let isLeftOut = false;
  let mode: 'lines' | 'split' | 'pass over' = 'lines';
  /** The line being read. */
  let line = 1;
  /** Its beginning, while its end has not come. */
  let begun: Buffer[] = [];
  let begunBytes = 0;
  /** Absent between two documents. */
  let splitter: JsonSplitter | undefined;
  let isUtf8Chunk = true;

  function consume(bytes: Buffer, from = 0): void {
    for (let at = from; at < bytes.length;) {
      if (mode === 'lines') at = readLines(bytes, at);
      else if (mode === 'split') at = split(bytes, at);
      else at = passOver(bytes, at);
    }
  }

  function readLines(bytes: Buffer, from: number): number {
    if (begun.length > 0) {
      const end = bytes.indexOf(NEWLINE, from) + 1;
      if (end === 0) return keep(bytes, from);
      begun.push(bytes.subarray(from, end));
      readBegun();
      return end;
    }
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    return end <= from ? keep(bytes, from) : readWholeLines(bytes, from, end);
  }

  /** Keeps the beginning of a line, as long as it may be one event. */
  function keep(bytes: Buffer, from: number): number {
    begun.push(Buffer.from(bytes.subarray(from)));
    begunBytes += bytes.length - from;
    if (begunBytes > maxBytes) {
      mode = 'split';
      readBegun();
    }
    return bytes.length;
  }

  function readBegun(): void {
    const bytes = Buffer.concat(begun);
    begun = [];
    begunBytes = 0;
    consume(bytes, mode === 'lines' ? readWholeLines(bytes, 0, bytes.length) : 0);
  }

  /** Reads up to `to`, or to a line that is more, or less, than one document. */
  function readWholeLines(bytes: Buffer, from: number, to: number): number {
    let next = filter?.next(bytes, from, to) ?? from;
    let [at, parsed, skipped] = [from, 0, 0];
    while (at < to && mode === 'lines') {
      const newline = bytes.indexOf(NEWLINE, at);
      const end = newline === -1 ? to : newline;
      isLeftOut = next > end && endsDocument(bytes, end);
      if (!isLeftOut || !hasEvent) {
        parsed += end - at;
        if (!readLine(bytes, at, end)) mode = 'split';
        else if (next <= end) next = filter?.next(bytes, end + 1, to) ?? end + 1;
      }
      if (mode === 'lines') {
        if (isLeftOut && hasEvent) skipped++;
        line++;
        at = end + 1;
      }
      isLeftOut = false;
    }
    if (skipped > 0) visitor.onSkippedLines(skipped);
    filter?.done(parsed);
    return at;
  }

  /** False if it must be looked at more closely. */
  function readLine(bytes: Buffer, from: number, to: number): boolean {
    const text = bytes.toString('utf8', from, to);
    let document = parse(text);
    if (document === undefined) {
      const trimmed = text.trim();
      if (trimmed === '') return true;
      if (/^[{[]/.test(trimmed)) return false;
      document = parse(withoutPrefix(trimmed));
    }
    if (document === undefined) visitor.onBadLine(line, 'not JSON');
    else if (isUtf8Chunk || isUtf8(bytes.subarray(from, to))) report(document, line);
    else visitor.onBadLine(line, 'not UTF-8');
    return true;
  }

  function readMember(bytes: Buffer, at: number): void {
    const document = parse(bytes.toString('utf8'));
    if (document === undefined) visitor.onBadLine(at, 'not JSON');
    else if (isUtf8(bytes)) report(document, at);
    else visitor.onBadLine(at, 'not UTF-8');
  }

  function report(document: unknown, at: number): void {
    if (isEvent(document)) readEvent(document, at);
    else unwrapped(document, at);
  }

  function readEvent(event: RawEvent, at: number): void {
    let observation: Observation;
    try {
      observation = parseAuditEvent(event);
    } catch (error) {
      if (!(error instanceof InvalidAuditEvent)) throw error;
      visitor.onBadLine(at, `not an audit event: ${error.message}`);
      return;
    }
    hasEvent = true;
    if (!isLeftOut) visitor.onEvent(observation, at);
  }

  function unwrapped(document: unknown, at: number): void {
    unwrap(document, {
      onEvent: (event) => readEvent(event, at),
      onOther: (problem) => visitor.onBadLine(at, problem),
    });
  }

  /** Reads documents that are printed over several lines, stand on one line together, or are too long to be kept. */
  function split(bytes: Buffer, from: number): number {
    let at = from;
    if (splitter === undefined) {
      while (SEPARATORS.includes(bytes[at])) at++;
      if (at === bytes.length) return at;
      if (bytes[at] === NEWLINE) return passOver(bytes, at);
      if (bytes[at] !== OPEN_OBJECT && bytes[at] !== OPEN_ARRAY) {
        visitor.onBadLine(line, 'not JSON');
        return passOver(bytes, at);
      }
      splitter = createJsonSplitter({
        line,
        maxBytes,
        onMember: readMember,
        onTooLong: (length, begins) =>
          visitor.onBadLine(begins, `${megabytes(length)}, too long for an event`),
      });
    }
    const progress = splitter.read(bytes, at);
    const { firstLine, line: lastLine } = splitter;
    line = lastLine;
    if (progress.kind === 'open') return bytes.length;
    splitter = undefined;
    if (progress.kind === 'done') return progress.at;
    visitor.onBadLine(firstLine, `${progress.problem}${firstLine === lastLine ? '' : ` (line ${lastLine})`}`);
    return firstLine === lastLine ? recover(bytes, at, progress.at) : restart(bytes, progress.at);
  }

  /** An API server that was killed in the middle of a line goes on in that line when it is back. */
  function recover(bytes: Buffer, from: number, brokenAt: number): number {
    const newline = bytes.indexOf(NEWLINE, brokenAt);
    const end = newline === -1 ? bytes.length : newline;
    const start = bytes.indexOf(EVENT, from + 1);
    const document = start === -1 || start > end ? undefined : parse(bytes.toString('utf8', start, end));
    if (document !== undefined) report(document, line);
    return passOver(bytes, brokenAt);
  }

  /** What broke off a document over several lines may be the next document. */
  function restart(bytes: Buffer, brokenAt: number): number {
    if (bytes[brokenAt] !== OPEN_OBJECT) return passOver(bytes, brokenAt);
    mode = 'lines';
    return brokenAt;
  }

  /** The rest of the line is of no use. */
  function passOver(bytes: Buffer, from: number): number {
    const newline = bytes.indexOf(NEWLINE, from);
    mode = newline === -1 ? 'pass over' : 'lines';
    if (newline === -1) return bytes.length;
    line++;
    return newline + 1;
  }

  return {
    hasEvent: () => hasEvent,
    read(chunk) {
      const from = isFirst ? afterMark(chunk) : 0;
      isFirst = false;
      // A chunk that ends within a character is none; its lines are looked at one by one.
      isUtf8Chunk = begun.length === 0 && isUtf8(chunk);
      consume(chunk, from);
    },
    end() {
      isUtf8Chunk = false;
      if (begun.length > 0) readBegun();
      if (splitter !== undefined)
        visitor.onBadLine(splitter.firstLine, 'cut off: the log ends in the middle of it');
    },
  };
}

function afterMark(chunk: Buffer): number {
  const mark = chunk.length > 1 ? chunk.readUInt16BE(0) : 0;
  if (mark === 0xfffe || mark === 0xfeff) {
    throw new UnreadableLog('it is UTF-16; turn it into UTF-8, for instance with iconv -f UTF-16 -t UTF-8');
  }
  return chunk.subarray(0, UTF8_MARK.length).equals(UTF8_MARK) ? UTF8_MARK.length : 0;
}

/** Otherwise the line is cut off, or its document goes on: never left out. */
function endsDocument(bytes: Buffer, end: number): boolean {
  const last = bytes[end - 1] === CARRIAGE_RETURN ? bytes[end - 2] : bytes[end - 1];
  return last === CLOSE_OBJECT;
}

/** Something may stand before a document: the time, in CloudWatch's exports and a container's log. */
function withoutPrefix(text: string): string {
  const start = text.search(/[{[]/);
  return start === -1 ? '' : text.slice(start);
}

/** Undefined if it is not JSON. Without the reason: V8's quotes the text, which may be a Secret's. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
