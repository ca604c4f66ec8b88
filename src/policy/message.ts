import type { AuditEvent } from '../kubernetes/audit-event.ts';
import type { Rule } from '../sigma/rule.ts';

/** The API server passes 4,096 characters of warnings from everybody, and advises 120 for one. */
export const MAX_MESSAGE = 120;

const SHORTEST = 8;

/**
 * One line a person can act on: `<title>: <resource> <namespace>/<name> by <user> (Sigma <id>, <level>, <technique>)`.
 * Where it is longer than `limit` the middle of the user goes first, then the name's, then the title's end; never the id.
 */
export function matchMessage(
  { id, title, level, tags }: Rule,
  event: AuditEvent,
  limit = MAX_MESSAGE,
): string {
  const { resource = '', subresource, namespace, name = '' } = event.objectRef ?? {};
  const what = subresource === undefined ? resource : `${resource}/${subresource}`;
  const where = namespace === undefined ? '' : `${printable(namespace)}/`;
  const rule = [`Sigma ${id.slice(0, 8)}`, level, ...techniques(tags).slice(0, 1)].join(', ');
  const compose = (parts: { title: string; name: string; user: string }) =>
    `${parts.title}: ${printable(what)} ${where}${parts.name} by ${parts.user} (${rule})`;
  const parts = {
    title: printable(title),
    name: printable(name),
    user: printable(event.user?.username ?? 'unknown'),
  };
  for (const key of ['user', 'name', 'title'] as const) {
    const excess = lengthOf(compose(parts)) - limit;
    if (excess > 0) parts[key] = shorten(parts[key], Math.max(SHORTEST, lengthOf(parts[key]) - excess));
  }
  return compose(parts);
}

/** ATT&CK techniques among the tags, as people write them: `T1036.005`. */
export function techniques(tags: readonly string[]): readonly string[] {
  return tags
    .filter((tag) => /^attack\.t\d{4}(\.\d{3})?$/i.test(tag))
    .map((tag) => tag.slice(7).toUpperCase());
}

/** Text of a client's choosing, made safe to show: the API server silently drops a warning with control characters. */
export function printable(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  return text.toWellFormed().replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{fffd}');
}

/** Keeps both ends: controllers differ at the end of their names, people at the beginning. */
export function shorten(text: string, length: number): string {
  if (text.length <= length) return text;
  // A character is at most two units, so what is far from both ends is never shown.
  const isLong = text.length > 4 * length;
  const characters = isLong ? [...text.slice(0, 2 * length), ...text.slice(-2 * length)] : [...text];
  if (characters.length <= length) return text;
  const head = Math.ceil((length - 1) / 2);
  const tail = length - 1 - head;
  return `${characters.slice(0, head).join('')}…${tail === 0 ? '' : characters.slice(-tail).join('')}`;
}

function lengthOf(text: string): number {
  return /[\ud800-\udbff]/.test(text) ? [...text].length : text.length;
}
