/** Keys of arrays whose members are events, or hold them: an EventList's, AKS's, CloudWatch's. */
export const EVENT_LISTS: ReadonlySet<string> = new Set(['items', 'records', 'logEvents', 'events']);

/** Deeper than any event is nested. What goes deeper is not read, because an open bracket costs memory too. */
const MAX_DEPTH = 1000;
/** No key in `EVENT_LISTS` is longer. */
const MAX_KEY = 16;

export interface SplitterOptions {
  /** The line the document begins at. If it goes on in the next, it must do so where pretty-printers break lines. */
  readonly line: number;
  /** A member longer than this is passed over. */
  readonly maxBytes: number;
  /** The document or, where it is a list, each of its members; and the line it begins at. */
  readonly onMember: (bytes: Buffer, line: number) => void;
  readonly onTooLong: (length: number, line: number) => void;
}

/** Whether the document goes on after what was read, ended before `at`, or stopped being JSON at `at`. */
export type ReadOutcome =
  | { readonly kind: 'open' }
  | { readonly kind: 'done'; readonly at: number }
  | { readonly kind: 'broken'; readonly at: number; readonly problem: string };

export type JsonSplitter = ReturnType<typeof createJsonSplitter>;

const NOT_JSON = 'not JSON';
const CUT_OFF = 'cut off: the line ends in the middle of it';

const [QUOTE, BACKSLASH, NEWLINE, COMMA, COLON] = [0x22, 0x5c, 0x0a, 0x2c, 0x3a] as const;
const [OPEN_ARRAY, OPEN_OBJECT, CLOSE_ARRAY, CLOSE_OBJECT] = [0x5b, 0x7b, 0x5d, 0x7d] as const;

/**
 * Cuts one JSON document that comes in pieces into what is parsed at once: the members of its event list, or all of it.
 * So a list of any length is read in the memory of one member. It knows just enough of the grammar to see where a cut-off
 * document ends and the next one begins; whether a member is JSON, JSON.parse says.
 */
export function createJsonSplitter({ line: firstLine, maxBytes, onMember, onTooLong }: SplitterOptions) {
  let line = firstLine;
  /** The brackets that are open. */
  const open: number[] = [];
  /** The token before, as far as it decides what may follow. */
  let before: 'nothing' | 'bracket' | 'comma' | 'colon' | 'value' = 'nothing';
  let within: 'string' | 'escape' | 'scalar' | undefined;
  let atLineStart = true;
  /** The last key of the outermost object, and whether it is being read. */
  let key = '';
  let readsKey = false;
  /** How many brackets are open around a member: none around a document that is no list; -1 between lists. */
  let membersAt = 0;
  const member = createMember(maxBytes);

  /** Says what is wrong, or nothing. */
  function readStructure(byte: number, at: number, bytes: Buffer): string | undefined {
    switch (byte) {
      case COMMA:
        if (before !== 'value') return NOT_JSON;
        before = 'comma';
        return undefined;
      case COLON:
        before = 'colon';
        return undefined;
      case QUOTE:
        if (before === 'value') return NOT_JSON;
        within = 'string';
        readsKey = open.length === 1 && open[0] === OPEN_OBJECT && before !== 'colon';
        if (readsKey) key = '';
        return undefined;
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        return openBracket(byte, at);
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        return closeBracket(byte, at, bytes);
      default:
        if (SCALAR[byte] !== 1 || before === 'value') return NOT_JSON;
        within = 'scalar';
        return undefined;
    }
  }

  function openBracket(byte: typeof OPEN_OBJECT | typeof OPEN_ARRAY, at: number): string | undefined {
    const isMember = open.length === membersAt;
    const isValue = open.at(-1) === OPEN_OBJECT ? before === 'colon' : before !== 'value';
    // Pretty-printers indent: an object at the start of a line is a new document, unless it is in a list of them.
    if (!isValue || (atLineStart && byte === OPEN_OBJECT && !isMember))
      return 'cut off: another document begins before it ends';
    if (open.length === MAX_DEPTH) return 'nested too deeply';
    const isList = byte === OPEN_ARRAY && (open.length === 0 || (open.length === 1 && EVENT_LISTS.has(key)));
    if (isMember) member.begin(at, line);
    open.push(byte);
    before = 'bracket';
    if (isList) {
      membersAt = open.length;
      member.drop();
    }
    return undefined;
  }

  function closeBracket(byte: number, at: number, bytes: Buffer): string | undefined {
    if (open.pop() !== (byte === CLOSE_OBJECT ? OPEN_OBJECT : OPEN_ARRAY)) return NOT_JSON;
    before = 'value';
    if (open.length === membersAt) member.end(bytes, at + 1, { onMember, onTooLong });
    else if (open.length < membersAt) membersAt = -1;
    return undefined;
  }

  function readText(byte: number): string | undefined {
    if (within === 'escape') within = 'string';
    else if (byte === BACKSLASH) within = 'escape';
    else if (byte === QUOTE) {
      within = undefined;
      before = 'value';
      return undefined;
    }
    if (byte === NEWLINE) return CUT_OFF;
    if (readsKey && key.length <= MAX_KEY) key += String.fromCharCode(byte);
    return undefined;
  }

  return {
    firstLine,
    /** The line that is being read. */
    get line(): number {
      return line;
    },
    /** Reads on in `bytes` from `from`. After `done` and `broken` it is of no more use. */
    read(bytes: Buffer, from: number): ReadOutcome {
      member.resume(from);
      for (let at = from; at < bytes.length; at++) {
        const byte = bytes[at]!;
        let problem: string | undefined;
        if (within === 'string' || within === 'escape') problem = readText(byte);
        else if (within !== 'scalar' || SCALAR[byte] !== 1) {
          if (within === 'scalar') before = 'value';
          within = undefined;
          if (SPACE[byte] !== 1) problem = readStructure(byte, at, bytes);
          atLineStart = byte === NEWLINE;
          if (atLineStart && line === firstLine && before !== 'bracket' && before !== 'comma')
            problem ??= CUT_OFF;
          else if (atLineStart) line++;
        }
        if (problem !== undefined) return { kind: 'broken', at, problem };
        if (open.length === 0 && before === 'value') return { kind: 'done', at: at + 1 };
      }
      member.suspend(bytes);
      return { kind: 'open' };
    },
  };
}

/** The bytes of one member, gathered over the pieces it comes in. */
function createMember(maxBytes: number) {
  let pieces: Buffer[] = [];
  let length = 0;
  let line = 0;
  /** Where it begins, or goes on, in the piece being read; undefined between members. */
  let start: number | undefined;

  function gather(piece: Buffer): void {
    length += piece.length;
    pieces = length > maxBytes ? [] : [...pieces, piece];
  }
  function drop(): void {
    pieces = [];
    length = 0;
    start = undefined;
  }
  return {
    begin(at: number, atLine: number): void {
      start = at;
      line = atLine;
    },
    drop,
    suspend(bytes: Buffer): void {
      // A copy: the piece is a large buffer, the member perhaps its last few bytes.
      if (start !== undefined) gather(Buffer.from(bytes.subarray(start)));
    },
    resume(from: number): void {
      if (start !== undefined) start = from;
    },
    end(
      bytes: Buffer,
      to: number,
      { onMember, onTooLong }: Pick<SplitterOptions, 'onMember' | 'onTooLong'>,
    ): void {
      gather(bytes.subarray(start, to));
      const [whole, total] = [pieces.length === 1 ? pieces[0] : Buffer.concat(pieces), length];
      drop();
      if (total > maxBytes || whole === undefined) onTooLong(total, line);
      else onMember(whole, line);
    },
  };
}

/** What numbers, true, false and null are written with. */
const SCALAR = bytesOf('+-.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ');
const SPACE = bytesOf(' \t\r\n');

function bytesOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const byte of Buffer.from(characters)) table[byte] = 1;
  return table;
}
