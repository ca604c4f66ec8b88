import type { RegisteredWebhook } from '../../registration/registered-webhook.ts';
import { formatOutOfScope, outOfScope, type OutOfScope } from '../../registration/scope.ts';
import type { Ruleset } from '../../policy/ruleset.ts';

/** The rules in force compared with the requests that the API server is told to send. */
export interface RegisteredScope {
  /** Compares the rules in force with the entries registered now. */
  compare(entries: readonly RegisteredWebhook[]): void;
  /** The readiness check. It never fails: a rule that is not asked does not keep requests away. */
  check(): { readonly name: string; readonly ok: boolean; readonly detail: string };
}

export interface RegisteredScopeOptions {
  readonly ruleset: () => Ruleset;
  /** Called when the result changed. */
  readonly onChange: (found: readonly OutOfScope[]) => void;
}

/** Compares again where the rules or the entries are not those of the last time. */
export function createRegisteredScope({ ruleset, onChange }: RegisteredScopeOptions): RegisteredScope {
  let compared: { readonly ruleset: Ruleset; readonly entries: readonly RegisteredWebhook[] } | undefined;
  let found: readonly OutOfScope[] | undefined;
  return {
    compare(entries) {
      const current = ruleset();
      if (compared?.ruleset === current && compared.entries === entries) return;
      compared = { ruleset: current, entries };
      const before = JSON.stringify(found);
      found = outOfScope(current.rules, entries);
      if (JSON.stringify(found) !== before) onChange(found);
    },
    check() {
      if (found === undefined) return { name: 'registered', ok: true, detail: 'not looked at yet' };
      const detail = found.map(formatOutOfScope).join('; ');
      return {
        name: 'registered',
        ok: true,
        detail: detail === '' ? 'all that the rules are about' : detail,
      };
    },
  };
}
