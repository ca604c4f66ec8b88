import { escapeUnseen } from '../../io/text.ts';
import { isMapping } from './mapping.ts';

/** Longer tokens are cut: a message is a line. */
const QUOTED_LENGTH = 60;

/** A token as a message quotes it: on one line, and with what cannot be seen escaped. */
export function quote(text: string): string {
  const cut = text.length > QUOTED_LENGTH ? `${text.slice(0, QUOTED_LENGTH)}…` : text;
  return escapeUnseen(JSON.stringify(cut));
}

/** What was found, where something else was expected: `the number 5`, `a list`. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return `the text ${quote(value)}`;
  if (typeof value === 'number') return `the number ${value}`;
  if (value instanceof Date) return 'a date';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  return isMapping(value) ? 'a map' : String(value);
}
