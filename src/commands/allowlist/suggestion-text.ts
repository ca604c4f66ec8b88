import { number, plural } from '../../io/text.ts';
import { dump } from 'js-yaml';
import type { Counts, Principal } from './principals.ts';
import type { Suggestion } from './suggestions.ts';

/** Filters as a file holds them: each a document with comments above it, and comments on what was refused. */
export function suggestionText(suggestions: readonly Suggestion[], counts: Counts): string {
  const filters = suggestions.filter((each) => each.kind === 'filter');
  const refused = suggestions.filter((each) => each.kind === 'refused');
  const documents = filters.map(
    ({ principal, filter }) => `${commented(aboutPrincipal(principal))}${dump(filter, { lineWidth: -1 })}`,
  );
  const said = [
    ...commentsOn(counts, filters.length),
    ...refused.flatMap(({ principal, why }) => [
      '',
      `No filter for ${principal.username === '' ? '(no user)' : principal.username}: ${why}.`,
      ...aboutPrincipal(principal).map((line) => `  ${line}`),
    ]),
  ];
  return [commented(said), ...documents].join('---\n');
}

function commentsOn(
  { records, unfiltered, withoutUser, principalsLeftOut, others }: Counts,
  filters: number,
): readonly string[] {
  return [
    `From ${plural(records, 'record')}, ${number(unfiltered)} of them with a match that no filter accepts: ${plural(filters, 'filter')}.`,
    'Read each before it is loaded. A filter accepts every request of its user that it fits, also a later one.',
    ...(withoutUser === 0
      ? []
      : [
          `${plural(withoutUser, 'record')} of objects in a cluster: an object does not name the user that made it, so there is no user to accept.`,
          'A filter by name alone would accept an object of that name from any client.',
        ]),
    ...(principalsLeftOut === 0
      ? []
      : [`${plural(principalsLeftOut, 'record')} of more users than are kept, left out.`]),
    ...(others === 0 ? [] : [`${plural(others, 'line')} that hold no record, passed over.`]),
  ];
}

function aboutPrincipal({
  requests,
  first,
  last,
  rules,
  examples,
  namespaces,
  names,
}: Principal): readonly string[] {
  const more = examples.size < names.size || examples.size < namespaces.size ? ', …' : '';
  const when = first === '' ? '' : first === last ? `, ${first}` : `, ${first} to ${last}`;
  return [
    `${plural(requests, 'request')}${when}: ${[...examples].join(', ')}${more}`,
    ...[...rules].map(([id, title]) => `${id} ${title}`),
  ];
}

/** No text in it has a line break: records are made printable when they are read. */
function commented(lines: readonly string[]): string {
  return lines.map((line) => `${`# ${line}`.trimEnd()}\n`).join('');
}
