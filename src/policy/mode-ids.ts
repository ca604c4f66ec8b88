import { didYouMean } from '../io/did-you-mean.ts';
import type { Problem } from '../sigma/read/errors.ts';
import { namesRule, type Mode, type Modes } from './mode.ts';

/** An id in the settings' `rules` that does not name one rule. */
export interface UnresolvedId {
  /** As the settings have it, in lower case. */
  readonly id: string;
  readonly mode: Mode;
  readonly code: 'unknown-rule' | 'ambiguous-rule';
  /** One clause. */
  readonly why: string;
}

interface Identified {
  readonly id: string;
  readonly title: string;
}

/** The ids among the settings' `rules` that name no loaded rule, or more than one. */
export function unresolvedIds(
  { rules: modes }: Pick<Modes, 'rules'>,
  rules: readonly Identified[],
): readonly UnresolvedId[] {
  return Object.entries(modes).flatMap(([id, mode]): UnresolvedId[] => {
    const named = rules.filter((rule) => namesRule(id, rule.id));
    if (named.length === 1) return [];
    if (named.length === 0) {
      return [{ id, mode, code: 'unknown-rule', why: `no loaded rule has this id${nearest(id, rules)}` }];
    }
    const why = `more than one loaded rule has such an id: ${named.map((rule) => rule.id).join(', ')}`;
    return [{ id, mode, code: 'ambiguous-rule', why }];
  });
}

/** What is wrong with the settings in `file`; `''` where they need no name. */
export function problemOfId({ id, code, why }: UnresolvedId, file = ''): Problem {
  return { code, severity: 'error', file, path: `rules.${id}`, message: why };
}

/** A short id is compared with as much of the others. */
function nearest(written: string, rules: readonly Identified[]): string {
  return didYouMean(
    written,
    rules.map(({ id }) => id.slice(0, written.length)),
  );
}
