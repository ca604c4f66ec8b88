import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';

/** What a look may say while it is too early. Void is not among them: a look that only expects returns what it saw. */
type NotYet = false | null | undefined;

type Attempt<Seen> = { readonly seen: Seen | NotYet } | { readonly error: unknown };

const INTERVAL_MS = 50;

/**
 * Looks again until `look` gives a value, and returns it. False, null, undefined and exceptions (a failed `expect` among
 * them) mean "not yet"; when time is up, the error shows the last of them.
 */
export async function eventually<Seen extends NonNullable<unknown>>(
  description: string,
  look: () => Promise<Seen | NotYet> | Seen | NotYet,
  timeoutMs = 20_000,
): Promise<Exclude<Seen, NotYet>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const last = await attempt(look);
    if ('seen' in last && isSeen(last.seen)) return last.seen;
    if (Date.now() >= deadline) throw tooLate(description, timeoutMs, last);
    await delay(INTERVAL_MS);
  }
}

async function attempt<Seen>(look: () => Promise<Seen | NotYet> | Seen | NotYet): Promise<Attempt<Seen>> {
  try {
    return { seen: await look() };
  } catch (error) {
    return { error };
  }
}

function isSeen<Seen>(value: Seen | NotYet): value is Exclude<Seen, NotYet> {
  return value !== false && value !== null && value !== undefined;
}

function tooLate(description: string, timeoutMs: number, last: Attempt<unknown>): Error {
  const within = `${description}: not within ${timeoutMs} ms;`;
  if ('seen' in last) return new Error(`${within} last seen: ${inspect(last.seen, { depth: 8 })}`);
  const message = last.error instanceof Error ? last.error.message : inspect(last.error);
  return new Error(`${within} last error: ${message}`, { cause: last.error });
}
