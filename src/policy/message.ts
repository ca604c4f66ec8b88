import type { AuditEvent } from '../kubernetes/audit-event.ts';
import { lengthOf, printable, shorten } from '../io/text.ts';
import type { Rule } from '../sigma/read/rule.ts';

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
