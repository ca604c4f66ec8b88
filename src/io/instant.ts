const RFC_3339 =
  /^(\d{4}-\d\d-\d\d)(?:T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d))?$/;

/**
 * A time of RFC 3339, or a date, which begins in UTC, in ms since the epoch. Undefined where it is none, or the calendar does not
 * have it. A time without a zone is ambiguous, and none.
 */
export function parseInstant(text: string): number | undefined {
  const [, date] = RFC_3339.exec(text) ?? [];
  return date === undefined || !isDate(date) ? undefined : Date.parse(text);
}

/** `YYYY-MM-DD`, and a day that the calendar has: to Date, 30 February is 2 March. */
export function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.valueOf()) && date.toISOString().startsWith(text);
}
