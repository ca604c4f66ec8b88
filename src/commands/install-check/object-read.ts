import { ApiError, type ApiServer } from '../../cluster/api-server.ts';
import { unknown, type CheckFinding } from './finding.ts';

/** The answer to a read of an object. */
export type ObjectRead<T> =
  | { readonly kind: 'found'; readonly value: T }
  | { readonly kind: 'missing' }
  /** `fix` says how to make it readable. */
  | { readonly kind: 'unknown'; readonly why: string; readonly fix: string };

/** Reads the object at `path`; `right` is the right that the read needs, as `kubectl auth can-i` names it. Rejects where no API server answers. */
export async function read<T>(
  api: ApiServer,
  path: string,
  right: string,
  as?: 'text',
): Promise<ObjectRead<T>> {
  try {
    return { kind: 'found', value: (await api.get(path, undefined, as)) as T };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 404) return { kind: 'missing' };
    const isForbidden = error.status === 403 || error.status === 401;
    return isForbidden
      ? { kind: 'unknown', why: 'not allowed to look', fix: allow(right) }
      : { kind: 'unknown', why: error.message, fix: 'see what the API server logs, and try again' };
  }
}

/** The fix for a right that the user who runs the check does not have. */
export function allow(right: string): string {
  return `run the check as a user allowed to ${right}`;
}

/** The finding of a check whose object could not be read. */
export function notRead(
  check: string,
  what: string,
  { why, fix }: { why: string; fix: string },
): CheckFinding {
  return unknown(check, `${what}: ${why}`, { fix });
}
