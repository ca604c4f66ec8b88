import type { TimePart } from './tree.ts';

/** RFC 3339: date, time, fraction, and an offset from UTC that must be there. */
const RFC3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/;

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const WEEK = 7 * DAY;

/** A part of an RFC 3339 instant, in UTC; weeks are ISO 8601's. Undefined for any other text, and for a day no calendar has. */
export function timePartOf(text: string, part: TimePart): number | undefined {
  const instant = parseInstant(text);
  if (instant === undefined) return undefined;
  switch (part) {
    case 'minute':
      return instant.getUTCMinutes();
    case 'hour':
      return instant.getUTCHours();
    case 'day':
      return instant.getUTCDate();
    case 'week':
      return isoWeek(instant);
    case 'month':
      return instant.getUTCMonth() + 1;
    case 'year':
      return instant.getUTCFullYear();
  }
}

/** The values a part may have, first and last; a year may be any. */
export const TIME_RANGES: Readonly<Record<TimePart, readonly [first: number, last: number]>> = {
  minute: [0, 59],
  hour: [0, 23],
  day: [1, 31],
  week: [1, 53],
  month: [1, 12],
  year: [0, 9999],
};

function parseInstant(text: string): Date | undefined {
  const match = text.length > 64 ? null : RFC3339.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const [offsetHours, offsetMinutes] = [Number(match[8] ?? 0), Number(match[9] ?? 0)];
  // A leap second is the minute's last; Date knows none.
  const local = new Date(0);
  local.setUTCFullYear(year, month - 1, day);
  local.setUTCHours(hour, minute, Math.min(second, 59));
  const isValid =
    local.getUTCMonth() === month - 1 &&
    local.getUTCDate() === day &&
    hour < 24 &&
    minute < 60 &&
    second <= 60;
  if (!isValid || offsetHours > 23 || offsetMinutes > 59) return undefined;
  const offset = (offsetHours * 60 + offsetMinutes) * MINUTE;
  return new Date(local.getTime() - (match[7] === '-' ? -offset : offset));
}

/** The week of an instant's Thursday: week 1 is the one with the year's first Thursday. */
function isoWeek(instant: Date): number {
  const midnight = Math.floor(instant.getTime() / DAY) * DAY;
  const thursday = new Date(midnight + (4 - (instant.getUTCDay() || 7)) * DAY);
  const newYear = new Date(0);
  newYear.setUTCFullYear(thursday.getUTCFullYear(), 0, 1);
  return Math.floor((thursday.getTime() - newYear.getTime()) / WEEK) + 1;
}
