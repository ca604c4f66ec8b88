import { RE2JS, RE2JSException, RE2JSSyntaxException } from 're2js';
import { quote } from './describe-value.ts';
import { UNMETERED, type WorkMeter } from './work-meter.ts';

const FLAGS: Readonly<Record<string, number>> = {
  i: RE2JS.CASE_INSENSITIVE,
  m: RE2JS.MULTILINE,
  s: RE2JS.DOTALL,
};

/** Instructions of a program. A counted repetition is written out; the largest public rules stay below a thousand. */
const MAX_PROGRAM = 10_000;

/**
 * A search in linear time: RE2 syntax, unanchored. Not the language's own expressions, because those backtrack, and the text
 * is the client's to choose. Linear is not little: a program of 1,000 instructions may take 1,000 steps a character, so what
 * it does is metered. Throws RE2JSException; the loader has tried it before.
 */
export function compileRegex(
  source: string,
  flags: string,
  meter: WorkMeter = UNMETERED,
): (text: string) => boolean {
  const regex = compile(source, flags);
  meterSearches(regex, meter);
  return (text) => {
    meter.spend(text.length / CHARACTERS_A_STEP);
    return regex.test(text);
  };
}

function compile(source: string, flags: string): RE2JS {
  const bits = [...flags].reduce((all, flag) => all | (FLAGS[flag] ?? 0), 0);
  return RE2JS.compile(source, bits);
}

/** Steps in the time that a state takes to make: so many for each instruction, and so many beside. */
const STEPS_A_STATE = 6;
const STEPS_BESIDE = 32;

/** Characters that an automaton reads in the time of a step, where it knows its way. */
const CHARACTERS_A_STEP = 4;

/**
 * RE2 walks an automaton whose states it makes as it meets them, each out of up to a whole program; where they become too
 * many it gives up and runs the program itself at each character. Neither is announced by its interface, so both are met
 * where they happen. (A test holds expressions against their cost, so that a change in the library is noticed.)
 */
function meterSearches(regex: RE2JS, meter: WorkMeter): void {
  const size = regex.programSize();
  const { dfa } = regex.re2();
  const makeState = dfa.stepOrReset.bind(dfa);
  dfa.stepOrReset = (...args) => {
    meter.spend(size * STEPS_A_STATE + STEPS_BESIDE);
    return makeState(...args);
  };
  const match = dfa.match.bind(dfa);
  dfa.match = (input: { endPos(): number }, position, anchor) => {
    const found: unknown = match(input, position, anchor);
    if (found === null) meter.spend(size * input.endPos());
    return found;
  };
}

/** The text as an expression that matches only it. */
export function quoteRegex(text: string): string {
  return RE2JS.quote(text);
}

export interface RegexProblem {
  readonly code: 'regex-syntax' | 'regex-unsupported' | 'regex-too-large';
  readonly message: string;
}

/** What is wrong with an expression; undefined if it compiles. What PCRE has and RE2 has not is called by its name. */
export function regexProblem(source: string): RegexProblem | undefined {
  try {
    const size = compile(source, '').programSize();
    if (size <= MAX_PROGRAM) return undefined;
    const message = `${quote(source)} is a program of ${size} instructions, repetitions written out; expected at most ${MAX_PROGRAM}`;
    return { code: 'regex-too-large', message };
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    const description = error instanceof RE2JSSyntaxException ? error.getDescription() : error.message;
    const token = (error instanceof RE2JSSyntaxException && error.getPattern()) || '';
    const { name, expected } = UNSUPPORTED.find(({ is }) => is(token, source)) ?? {};
    if (name !== undefined) {
      const message = `${quote(token)} is ${name}, which RE2 syntax has not; expected ${expected}`;
      return { code: 'regex-unsupported', message };
    }
    const found = token === '' ? quote(source) : quote(token);
    return {
      code: 'regex-syntax',
      message: `${description}: ${found}; expected an expression in RE2 syntax`,
    };
  }
}

interface Unsupported {
  readonly is: (token: string, source: string) => boolean;
  readonly name: string;
  readonly expected: string;
}

const CONDITION = 'a second search identifier and a condition such as "selection and not filter"';
const GROUP = 'a group "(?:…)"';

/** By the token the parser stopped at. */
const UNSUPPORTED: readonly Unsupported[] = [
  { is: startsWith('(?=', '(?!', '(?<=', '(?<!'), name: 'a look-around', expected: CONDITION },
  { is: isBackReference, name: 'a back-reference', expected: 'what it would repeat, written out' },
  { is: startsWith('(?>'), name: 'an atomic group', expected: GROUP },
  {
    is: (token) => /^([*+?]|\{\d+(,\d*)?\})\+/.test(token),
    name: 'a possessive quantifier',
    expected: 'it without "+": RE2 never backtracks',
  },
  {
    is: (token) => /^\(\?[a-zA-Z-]*x/.test(token),
    name: 'extended mode',
    expected: 'the expression without spaces and comments',
  },
  { is: startsWith('(?#'), name: 'a comment', expected: 'a comment in YAML' },
  { is: startsWith('(?|', '(?('), name: 'a conditional or branch reset', expected: GROUP },
  { is: (token) => /^\(\?([R&+\d-]|P>)/.test(token), name: 'a recursion', expected: GROUP },
  { is: startsWith('\\Z'), name: 'an anchor', expected: '"\\z" or "$"' },
  { is: startsWith('\\G', '\\K'), name: 'an anchor', expected: '"^", "$", "\\b" or none' },
  { is: startsWith('\\h', '\\H'), name: 'a class', expected: '"[ \\t]" or "[^ \\t]"' },
  { is: startsWith('\\R', '\\N', '\\V', '\\X'), name: 'a class', expected: '"\\r?\\n", "[^\\n]" or "."' },
  {
    is: startsWith('\\u', '\\U', '\\c', '\\e', '\\N'),
    name: 'an escape',
    expected: 'the character itself, or its code as "\\x{0041}"',
  },
  {
    is: repeatsTooOften,
    name: 'a repetition of more than 1,000',
    expected: 'at most 1,000, nested ones multiplied',
  },
];

function startsWith(...beginnings: readonly string[]): (token: string) => boolean {
  return (token) => beginnings.some((beginning) => token.startsWith(beginning));
}

function isBackReference(token: string, source: string): boolean {
  return /^\\[1-9kg]/.test(token) || (token === '(?P' && source.includes('(?P='));
}

/** `{2,1}` is no repetition at all. */
function repeatsTooOften(token: string): boolean {
  const [, least, most] = /^\{(\d+)(?:,(\d*))?\}$/.exec(token) ?? [];
  return least !== undefined && !(Number(most || least) < Number(least));
}
