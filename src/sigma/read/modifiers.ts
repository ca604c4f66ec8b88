import { quote } from '../match/describe-value.ts';
import {
  base64Offsets,
  BYTE_ORDER_MARK,
  bytesOf,
  encodeUtf16,
  FEWEST_OFFSET_BYTES,
  type Encoding,
} from './encodings.ts';
import { fieldNameProblem } from './field-name.ts';
import { ModifierError } from './modifier-error.ts';
import { networkProblem } from '../match/network.ts';
import { joinPatterns, literalOf, withWildcards } from '../match/pattern.ts';
import { TIME_RANGES } from '../match/time-part.ts';
import type { Pattern, Predicate, TimePart } from '../match/tree.ts';
import { windashVariants } from './windash.ts';

/** What a chain has made of a value so far. Bytes become text again by base64. */
export type Draft =
  Predicate | { readonly kind: 'bytes'; readonly pattern: Pattern; readonly cased: boolean };

/**
 * What the modifiers before made of a value, as far as it matters to those that may follow. `value` is as written; `negated`
 * too, but some modifiers must be the very first.
 */
export type State = 'value' | 'negated' | 'text' | 'bytes' | 'encoded' | 'regex' | 'field' | 'comparison';

export const UNTOUCHED: readonly State[] = ['value', 'negated'];
const TEXT: readonly State[] = [...UNTOUCHED, 'text'];
const STRING: readonly State[] = [...TEXT, 'bytes', 'encoded'];
const ANY: readonly State[] = [...STRING, 'regex', 'field', 'comparison'];

export interface Modifier {
  /** Where it may stand. */
  readonly after: readonly State[];
  /** What is there after it. `negated` and `text` leave what was touched before as it is; absent, it changes nothing. */
  readonly gives?: State;
  /** What a value written under it must be. */
  readonly takes?: 'text' | 'number' | 'boolean';
  /** It would mean something else the second time. */
  readonly once?: true;
  /** Not for keywords. */
  readonly needsField?: true;
  /** A value may become several, any one of which is enough, even under `all`. */
  readonly apply?: (draft: Draft, written: string) => readonly Draft[];
}

/** Each modifier of the specification's appendix, in its order. They are applied from left to right. */
export const MODIFIERS: ReadonlyMap<string, Modifier> = new Map<string, Modifier>([
  // Generic. `all` and `neq` are about the item, not about a value.
  ['all', { after: ANY }],
  ['startswith', wildcards('startswith')],
  ['endswith', wildcards('endswith')],
  ['contains', wildcards('contains')],
  ['exists', { after: ['value'], gives: 'comparison', takes: 'boolean', needsField: true, apply: exists }],
  ['cased', { after: STRING, gives: 'text', takes: 'text', apply: cased }],
  ['neq', { after: ANY, gives: 'negated', once: true }],
  // Texts.
  ['windash', { after: TEXT, gives: 'text', takes: 'text', once: true, apply: windash }],
  ['wide', utf16('utf16le')],
  ['utf16le', utf16('utf16le')],
  ['utf16be', utf16('utf16be')],
  ['utf16', utf16('utf16')],
  ['base64', base64((bytes) => [bytes.toString('base64')])],
  ['base64offset', base64(offsets)],
  // Regular expressions: the value is not read for wildcards, so `re` must know first.
  ['re', { after: ['value'], gives: 'regex', takes: 'text' }],
  ['i', flag('i')],
  ['ignorecase', flag('i')],
  ['m', flag('m')],
  ['multiline', flag('m')],
  ['s', flag('s')],
  ['dotall', flag('s')],
  // Numbers.
  ['lt', compare('lt')],
  ['lte', compare('lte')],
  ['gt', compare('gt')],
  ['gte', compare('gte')],
  // Instants.
  ['minute', timePart('minute')],
  ['hour', timePart('hour')],
  ['day', timePart('day')],
  ['week', timePart('week')],
  ['month', timePart('month')],
  ['year', timePart('year')],
  // Addresses.
  ['cidr', { after: ['value'], gives: 'comparison', takes: 'text', apply: cidr }],
  // Specific. Placeholders are written out before anything else, so that `contains|expand` is `expand|contains`.
  ['expand', { after: [...TEXT, 'regex'], gives: 'text', takes: 'text' }],
  ['fieldref', { after: UNTOUCHED, gives: 'field', takes: 'text', needsField: true, apply: fieldref }],
]);

type Position = 'contains' | 'startswith' | 'endswith';

/** An expression is searched for anywhere, so wildcards around it change nothing. */
function wildcards(position: Position): Modifier {
  const before = position !== 'startswith';
  const after = position !== 'endswith';
  return {
    after: [...STRING, 'regex', 'field'],
    gives: 'text',
    takes: 'text',
    apply(draft) {
      if (draft.kind === 'fieldref') {
        const isFirst = draft.comparison === 'equals' || draft.comparison === position;
        return [{ ...draft, comparison: isFirst ? position : 'contains' }];
      }
      if (draft.kind !== 'string' && draft.kind !== 'bytes') return [draft];
      return [{ ...draft, pattern: withWildcards(draft.pattern, { before, after }) }];
    },
  };
}

function exists(draft: Draft): readonly Draft[] {
  return draft.kind === 'boolean' ? [{ kind: 'exists', value: draft.value }] : [draft];
}

function cased(draft: Draft): readonly Draft[] {
  return draft.kind === 'string' || draft.kind === 'bytes' ? [{ ...draft, cased: true }] : [draft];
}

function windash(draft: Draft, written: string): readonly Draft[] {
  if (draft.kind !== 'string') return [draft];
  return windashVariants(draft.pattern, written).map((pattern) => ({ ...draft, pattern }));
}

/** Wildcards stay where they are; each stands for any bytes. */
function utf16(encoding: Encoding): Modifier {
  return {
    after: [...TEXT, 'encoded'],
    gives: 'bytes',
    takes: 'text',
    apply(draft) {
      if (draft.kind !== 'string') return [draft];
      const encoded = draft.pattern.map((part) =>
        typeof part === 'string' ? encodeUtf16(part, encoding) : part,
      );
      const mark = encoding === 'utf16' ? [BYTE_ORDER_MARK] : [];
      return [{ kind: 'bytes', pattern: joinPatterns(mark, encoded), cased: draft.cased }];
    },
  };
}

function base64(encode: (bytes: Buffer, written: string) => readonly string[]): Modifier {
  return {
    after: STRING,
    gives: 'encoded',
    takes: 'text',
    apply(draft, written) {
      if (draft.kind !== 'string' && draft.kind !== 'bytes') return [draft];
      const text = literalOf(draft.pattern);
      if (text === undefined) {
        const message = `wildcards in ${quote(written)} cannot be encoded; expected text, a literal "*" or "?" as "\\*" or "\\?", and "contains" after the encoding`;
        throw new ModifierError('wildcard-not-allowed', message);
      }
      const encoded = encode(bytesOf(text, draft.kind === 'bytes'), written);
      return encoded.map((each) => ({ kind: 'string', pattern: [each], cased: draft.cased }));
    },
  };
}

function offsets(bytes: Buffer, written: string): readonly string[] {
  if (bytes.length < FEWEST_OFFSET_BYTES) {
    const message = `${quote(written)} is ${bytes.length} bytes, too few to be found in base64; expected at least ${FEWEST_OFFSET_BYTES}`;
    throw new ModifierError('base64offset-too-short', message);
  }
  return base64Offsets(bytes);
}

function flag(letter: 'i' | 'm' | 's'): Modifier {
  return {
    after: ['regex'],
    apply: (draft) =>
      draft.kind === 'regex' && !draft.flags.includes(letter)
        ? [{ ...draft, flags: draft.flags + letter }]
        : [draft],
  };
}

function compare(operator: 'lt' | 'lte' | 'gt' | 'gte'): Modifier {
  return {
    after: UNTOUCHED,
    gives: 'comparison',
    takes: 'number',
    needsField: true,
    apply: (draft) =>
      draft.kind === 'number' ? [{ kind: 'compare', operator, value: draft.value }] : [draft],
  };
}

/** A fraction is cut off, as pySigma does. */
function timePart(part: TimePart): Modifier {
  const [first, last] = TIME_RANGES[part];
  return {
    after: UNTOUCHED,
    gives: 'comparison',
    takes: 'number',
    needsField: true,
    apply(draft, written) {
      if (draft.kind !== 'number') return [draft];
      const value = Math.trunc(draft.value);
      if (value < first || value > last) {
        const message = `no instant has the ${part} ${quote(written)}; expected ${first} to ${last}`;
        throw new ModifierError('time-part-range', message);
      }
      return [{ kind: 'time', part, value }];
    },
  };
}

function cidr(_: Draft, network: string): readonly Draft[] {
  const problem = networkProblem(network);
  if (problem !== undefined) throw new ModifierError('invalid-network', problem);
  return [{ kind: 'cidr', network }];
}

function fieldref(draft: Draft, written: string): readonly Draft[] {
  if (draft.kind !== 'string') return [draft];
  const field = literalOf(draft.pattern);
  if (field === undefined) {
    const message = `a field's name has no wildcards, ${quote(written)} does; expected one field's name`;
    throw new ModifierError('wildcard-not-allowed', message);
  }
  const problem = fieldNameProblem(field);
  if (problem !== undefined) throw new ModifierError('invalid-field', problem);
  return [{ kind: 'fieldref', field, paths: [field], comparison: 'equals' }];
}
