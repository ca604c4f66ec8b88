import type { LineFilter } from '../../kubernetes/audit-log.ts';
import type { Tree } from '../../sigma/match/tree.ts';
import { createLiteralSearch } from './literal-search.ts';
import { requiredLiterals, type Frequency } from './required-literals.ts';

/** The first position from `from` on, or `to`. */
type Find = (bytes: Buffer, from: number, to: number) => number;

/** What literals are chosen by. */
const SAMPLE_BYTES = 64 * 1024;

/** Looking costs a third of what parsing does: it is worth while if it spares a third of the first MiB. */
const MEASURED_BYTES = 4 * 1024 * 1024;
const WORTHWHILE_SHARE = 2 / 3;

/**
 * Leaves out lines on which no tree can be true, because none of the literals that matching lines contain stands in them.
 * It lets too many through, never too few. Where it lets most of the first MiB through, it leaves nothing out any more, and `off`
 * says why. What it does depends on rules and log alone, not on the clock.
 */
export function createLineFilter(trees: readonly Tree[]): LineFilter & { readonly off: string | undefined } {
  let [askedBytes, parsedBytes] = [0, 0];
  /** Whether `next` was called since `done`: then for a part of what is counted already. */
  let isAsking = false;
  let isMeasured = false;
  let find: Find | undefined;
  let off: string | undefined;

  function learn(sample: Buffer): Find {
    const literals = requiredLiterals(trees, frequencyIn(sample));
    if (literals !== undefined) {
      return firstOf([createLiteralSearch(literals), ...ESCAPES].map(memoizeLast));
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
      if (!isAsking) askedBytes += to - from;
      isAsking = true;
      return find(bytes, from, to);
    },
    done(bytes) {
      isAsking = false;
      if (isMeasured) return;
      parsedBytes += bytes;
      isMeasured = askedBytes > MEASURED_BYTES;
      if (isMeasured && parsedBytes > askedBytes * WORTHWHILE_SHARE)
        off = 'most lines hold the texts of these rules';
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

function firstOf(finds: readonly Find[]): Find {
  return (bytes, from, to) => finds.reduce((first, find) => Math.min(first, find(bytes, from, to)), to);
}

/** What was found stays the first until it is passed. Each piece of a log is a Buffer of its own, if not of memory. */
function memoizeLast(find: Find): Find {
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
const ESCAPES = [
  findUnicodeEscape,
  finder('\\/'),
  finder(String.fromCharCode(LONG_S)),
  finder(String.fromCharCode(KELVIN)),
];
