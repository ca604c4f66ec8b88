import type { LineFilter } from '../kubernetes/audit-log.ts';
import type { Tree } from '../sigma/tree.ts';
import { createLiteralSearch } from './literal-search.ts';
import { requiredLiterals, type Frequency } from './required-literals.ts';

/** The first position from `from` on, or `to`. */
type Find = (bytes: Buffer, from: number, to: number) => number;

/** What literals are chosen by. */
const SAMPLE_BYTES = 64 * 1024;

/**
 * Leaves out lines on which no tree can be true, because none of the literals that matching lines contain stands in them.
 * It lets too many through, never too few. On the first few MiB it measures whether looking costs less than it spares;
 * `off` says why it leaves nothing out.
 */
export function createLineFilter(
  trees: readonly Tree[],
  now: () => number = () => performance.now(),
): LineFilter & { readonly off: string | undefined } {
  const meter = createMeter(now);
  let find: Find | undefined;
  let off: string | undefined;

  function learn(sample: Buffer): Find {
    const literals = requiredLiterals(trees, frequencyIn(sample));
    if (literals !== undefined) {
      return firstOf([createLiteralSearch(literals), ...HIDING].map(remembering));
    }
    off = 'a rule can match without any text that could be looked for';
    return (_bytes, from) => from;
  }

  return {
    get off(): string | undefined {
      return off;
    },
    next(bytes, from, to) {
      if (off !== undefined) return from;
      find ??= learn(bytes.subarray(from, Math.min(to, from + SAMPLE_BYTES)));
      meter.beginFinding(to - from);
      const at = find(bytes, from, to);
      meter.endFinding();
      return at;
    },
    done(parsedBytes) {
      if (!meter.paysAfter(parsedBytes))
        off = 'looking for the texts of these rules took longer than parsing';
    },
  };
}

/** How often a literal stands in a sample. */
function frequencyIn(sample: Buffer): Frequency {
  const text = sample.toString('latin1').toLowerCase();
  const known = new Map<string, number>();
  return (literal) => {
    const count = known.get(literal) ?? text.split(literal).length - 1;
    known.set(literal, count);
    return count;
  };
}

/** Until then the code is not compiled, and shows nothing. */
const WARM_UP_BYTES = 1024 * 1024;
const MEASURED_BYTES = 4 * 1024 * 1024;

/** Compares what finding lines costs with what parsing the others would. */
function createMeter(now: () => number) {
  let isMeasuring = true;
  let [bytes, parsedBytes, findingMs, parsingMs] = [0, 0, 0, 0];
  /** When the run of lines began that is being read, and the last search in it. */
  let runBegan: number | undefined;
  let findingBegan = 0;
  let findingInRun = 0;
  return {
    beginFinding(length: number): void {
      if (!isMeasuring) return;
      findingBegan = now();
      if (runBegan !== undefined) return;
      runBegan = findingBegan;
      bytes += length;
    },
    endFinding(): void {
      if (isMeasuring) findingInRun += now() - findingBegan;
    },
    /** False once, if it is clear that finding costs more than it spares. */
    paysAfter(parsed: number): boolean {
      if (!isMeasuring || runBegan === undefined) return true;
      parsedBytes += parsed;
      findingMs += findingInRun;
      parsingMs += now() - runBegan - findingInRun;
      runBegan = undefined;
      findingInRun = 0;
      isMeasuring = bytes < WARM_UP_BYTES + MEASURED_BYTES;
      if (bytes < WARM_UP_BYTES) [parsedBytes, findingMs, parsingMs] = [0, 0, 0];
      const spared =
        parsedBytes === 0 ? Infinity : (parsingMs * (bytes - WARM_UP_BYTES - parsedBytes)) / parsedBytes;
      return isMeasuring || findingMs < spared;
    },
  };
}

function firstOf(finds: readonly Find[]): Find {
  return (bytes, from, to) => finds.reduce((first, find) => Math.min(first, find(bytes, from, to)), to);
}

/** What was found stays the first until it is passed. Each piece of a log is a Buffer of its own, if not of memory. */
function remembering(find: Find): Find {
  let seen: Buffer | undefined;
  let end = 0;
  let at = 0;
  return (bytes, from, to) => {
    if (bytes !== seen || to !== end || at < from) at = find(bytes, from, to);
    [seen, end] = [bytes, to];
    return at;
  };
}

/** An escape that may stand for a character of a literal or, in a text within a text, for the backslash of one. */
function findUnicodeEscape(bytes: Buffer, from: number, to: number): number {
  let at = UNICODE_ESCAPE(bytes, from, to);
  while (at < to && !mayBeInLiteral(bytes.toString('latin1', at + 2, at + 6)))
    at = UNICODE_ESCAPE(bytes, at + 2, to);
  return at;
}

function finder(text: string): Find {
  const needle = Buffer.from(text);
  return (bytes, from, to) => {
    const at = bytes.indexOf(needle, from);
    return at === -1 ? to : Math.min(at, to);
  };
}

const UNICODE_ESCAPE = finder('\\u');
/** Go writes it in one line of six; literals have none of these characters. */
const GO_ESCAPES = ['0026', '003c', '003e'];

function mayBeInLiteral(digits: string): boolean {
  const code = Number.parseInt(digits, 16);
  const isPrintable = code >= 0x20 && code < 0x7f && !GO_ESCAPES.includes(digits.toLowerCase());
  // Space stands before a number, and within a text it may be escaped.
  const isSpace = code === 0x09 || code === 0x0a || code === 0x0d;
  return isPrintable || isSpace || code === LONG_S || code === KELVIN;
}

/** The only characters beyond ASCII that case folding turns into one of it: ſ into s, K into k. */
const LONG_S = 0x17f;
const KELVIN = 0x212a;

/** What may hide a literal from a search for its bytes. */
const HIDING = [
  findUnicodeEscape,
  finder('\\/'),
  finder(String.fromCharCode(LONG_S)),
  finder(String.fromCharCode(KELVIN)),
];
