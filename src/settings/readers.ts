import { parseInstant } from '../io/instant.ts';
import { isObject } from '../kubernetes/as-object.ts';
import { MODES, type Mode } from '../policy/mode.ts';

/** Says what was expected, what was found, and where within the value: `.critical`, `[0]`. */
export type Refuse = (expected: string, found: unknown, at?: string) => undefined;

/** Reads a text from the command line or environment, or a value of the file. What it refuses is not used. */
export type Read<T> = (value: unknown, refuse: Refuse) => T | undefined;

export function oneOf<const Choice extends string>(choices: readonly Choice[]): Read<Choice> {
  return (value, refuse) =>
    choices.find((choice) => choice === value) ?? refuse(`one of ${choices.join(', ')}`, value);
}

export function textOf(what: string): Read<string> {
  return (value, refuse) => (typeof value === 'string' && value !== '' ? value : refuse(what, value));
}

export function listOf(what: string): Read<readonly string[]> {
  const member = textOf(what);
  return (value, refuse) => {
    if (!Array.isArray(value)) return refuse(`a list, each ${what}`, value);
    return value.flatMap((found, index) => member(found, within(refuse, `[${index}]`)) ?? []);
  };
}

/** On the command line a switch has no value. */
export function yesOrNo(value: unknown, refuse: Refuse): boolean | undefined {
  if (value === '' || value === true || value === 'true') return true;
  return value === false || value === 'false' ? false : refuse('true or false', value);
}

export function portNumber(value: unknown, refuse: Refuse): number | undefined {
  const port = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  const isPort = typeof port === 'number' && Number.isInteger(port) && port >= 0 && port <= 65_535;
  return isPort ? port : refuse('a port, 0 to 65535', value);
}

const MS_OF_UNIT = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);
/** Timers hold 2^31 - 1 ms, a little under 25 days, and beyond that fire at once. */
const MAX_DURATION_MS = 24 * 3_600_000;

/** A number without a unit, but 0, could be seconds or milliseconds, so it is refused. */
export function duration(value: unknown, refuse: Refuse): number | undefined {
  if (value === 0 || value === '0') return 0;
  const [, number, unit = ''] = /^(\d+)(ms|s|m|h)$/.exec(String(value)) ?? [];
  const ms = Number(number) * (MS_OF_UNIT.get(unit) ?? NaN);
  return ms <= MAX_DURATION_MS ? ms : refuse('a duration such as 15s, 500ms or 1m, at most 24h', value);
}

const DAY_MS = 24 * 3_600_000;
const MS_OF_LONGER_UNIT = new Map([...MS_OF_UNIT, ['d', DAY_MS]]);

/** A point in time, in ms since the epoch. Times without a zone are ambiguous, so they are refused; dates are UTC. */
export function instant(value: unknown, refuse: Refuse): number | undefined {
  const text = String(value);
  const [, number, unit = ''] = /^(\d+)(m|h|d)$/.exec(text) ?? [];
  if (number !== undefined) return Date.now() - Number(number) * (MS_OF_LONGER_UNIT.get(unit) ?? NaN);
  return parseInstant(text) ?? refuse('a time such as 2026-11-24T08:00:00Z, 2026-11-24 or 7d', value);
}

/** The end of a filter as a filter has it: a date, where it is said in days from now. */
export function endOfFilter(value: unknown, refuse: Refuse): string | undefined {
  const text = String(value);
  const [, days] = /^(\d{1,4})d$/.exec(text) ?? [];
  if (days !== undefined) return new Date(Date.now() + Number(days) * DAY_MS).toISOString().slice(0, 10);
  return parseInstant(text) === undefined
    ? refuse('a date such as 2026-12-31, a time such as 2026-12-31T18:00:00Z, or 30d', value)
    : text;
}

/** `keyOf` gives a key as we write it, or nothing where it is none. */
export function modesBy(
  what: string,
  keyOf: (written: string) => string | undefined,
): Read<Record<string, Mode>> {
  return (value, refuse) => {
    if (!isObject(value)) return refuse(`a map from ${what} to a mode`, value);
    const modes: Record<string, Mode> = {};
    for (const [written, found] of Object.entries(value)) {
      const refuseMember = within(refuse, `.${written}`);
      const key = keyOf(written);
      const mode = oneOf(MODES)(found, refuseMember);
      if (key === undefined) refuseMember(isNumber(written) ? quoted(what) : what, written);
      else if (Object.hasOwn(modes, key)) refuseMember('each only once', written);
      else if (mode !== undefined) modes[key] = mode;
    }
    return modes;
  };
}

/** Whether a key is as YAML gives a number: `12345e10` becomes `123450000000000`. */
function isNumber(key: string): boolean {
  return String(Number(key)) === key;
}

function quoted(what: string): string {
  return what.replace(/\)$/, '; in quotes, where YAML reads a number)');
}

function within(refuse: Refuse, at: string): Refuse {
  return (expected, found) => refuse(expected, found, at);
}
