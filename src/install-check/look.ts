import { ApiError, type ApiServer } from '../cluster/api-server.ts';
import type { Finding } from './finding.ts';

/** What became of a look at an object. */
export type Look<T> =
  | { readonly kind: 'seen'; readonly value: T }
  | { readonly kind: 'missing' }
  /** `fix` is what would make it seen. */
  | { readonly kind: 'unknown'; readonly why: string; readonly fix: string };

/** Looks at what is at `path`; `right` names what that takes, as `kubectl auth can-i` does. Rejects where nobody answers. */
export async function lookAt<T>(api: ApiServer, path: string, right: string): Promise<Look<T>> {
  try {
    return { kind: 'seen', value: (await api.get(path)) as T };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 404) return { kind: 'missing' };
    const isForbidden = error.status === 403 || error.status === 401;
    return isForbidden
      ? { kind: 'unknown', why: 'not allowed to look', fix: allow(right) }
      : { kind: 'unknown', why: error.message, fix: 'see what the API server logs, and try again' };
  }
}

/** What to do about a right that whoever runs the check does not have. */
export function allow(right: string): string {
  return `run it as somebody who may: ${right}`;
}

/** The finding of a check whose object could not be looked at. */
export function notSeen(check: string, what: string, { why, fix }: { why: string; fix: string }): Finding {
  return { check, verdict: 'unknown', found: `${what}: ${why}`, fix };
}
