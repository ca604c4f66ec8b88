import { quote } from '../sigma/match/describe-value.ts';
import type { Problem } from '../sigma/read/errors.ts';
import { isExpired, type Filter } from '../sigma/read/filter.ts';

/** How long before its end a filter is warned of. */
const NOTICE_MS = 14 * 24 * 3_600_000;

/** The filters that have expired at a moment, and those that will within 14 days, each a warning. */
export function expiryProblems(filters: readonly Filter[], now: number): readonly Problem[] {
  return filters.flatMap((filter): Problem[] => {
    const hasExpired = isExpired(filter, () => now);
    if (!hasExpired && !isExpired(filter, () => now + NOTICE_MS)) return [];
    const { title, file, line, expires } = filter;
    const answers = responsibility(filter).join(', ');
    const end = `${expires?.text}${answers === '' ? '' : ` (${answers})`}`;
    return [
      {
        code: hasExpired ? 'filter-expired' : 'filter-expires-soon',
        severity: 'warning',
        file,
        line,
        path: 'expires',
        message: hasExpired
          ? `filter ${quote(title)} expired ${end}: it accepts nothing`
          : `filter ${quote(title)} expires ${end}`,
      },
    ];
  });
}

/** Until when a filter accepts, who answers for it and where it was asked for, as far as it says; empty where it does not. */
export function termsOf(filter: Filter, now: number): readonly string[] {
  const { expires } = filter;
  const end =
    expires === undefined ? [] : [`${isExpired(filter, () => now) ? 'expired' : 'until'} ${expires.text}`];
  return [...end, ...responsibility(filter)];
}

function responsibility({ owner, ticket }: Filter): readonly string[] {
  return [
    ...(owner === undefined ? [] : [`owner ${quote(owner)}`]),
    ...(ticket === undefined ? [] : [`ticket ${quote(ticket)}`]),
  ];
}
