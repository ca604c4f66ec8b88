import type { RegisteredWebhook } from '../../registration/registered-webhook.ts';
import { formatOutOfScope, outOfScope, type OutOfScope } from '../../registration/coverage.ts';
import type { Ruleset } from '../../policy/ruleset.ts';
import type { Check } from '../../webhook/readiness.ts';

/** The rules in force compared with the requests that the API server is told to send. */
export interface RegisteredScope {
  /** Compares the rules in force with the entries registered now. */
  compare(entries: readonly RegisteredWebhook[]): void;
  /** The readiness check. It never fails: a rule that is not asked does not keep requests away. */
  check(): Check;
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
      const name = 'registered';
      if (found === undefined) return { name, state: 'unknown', detail: 'not looked at yet' };
      if (found.length === 0) return { name, state: 'ok', detail: 'all that the rules are about' };
      return { name, state: 'wrong', detail: found.map(formatOutOfScope).join('; ') };
    },
  };
}
