import { LEVELS } from '../sigma/read/level.ts';
import type { Match } from './evaluate.ts';
import { modeOf, type Mode, type Modes } from './mode.ts';

/** A match nobody accepted, and what its mode does about it. */
export interface DecidedMatch extends Match {
  readonly mode: Mode;
}

/** Refused is a value; broken is an exception. `matches` are those no filter accepted, most severe first. */
export type Decision =
  | { readonly verdict: 'allow'; readonly matches: readonly DecidedMatch[] }
  | { readonly verdict: 'warn'; readonly matches: readonly DecidedMatch[] }
  /** `by` is the match that refuses; the others become warnings. */
  | { readonly verdict: 'deny'; readonly by: DecidedMatch; readonly matches: readonly DecidedMatch[] };

/** The strictest mode among the matches decides. */
export function decide(matches: readonly Match[], modes: Modes): Decision {
  const decided = matches
    .filter(({ filter }) => filter === undefined)
    .map((match) => ({ ...match, mode: modeOfMatch(match, modes) }))
    .toSorted(bySeverity);
  const by = decided.find(({ mode }) => mode === 'enforce');
  if (by !== undefined) return { verdict: 'deny', by, matches: decided };
  return { verdict: decided.some(({ mode }) => mode === 'warn') ? 'warn' : 'allow', matches: decided };
}

export function modeOfMatch({ rule: { rule, classification } }: Pick<Match, 'rule'>, modes: Modes): Mode {
  return modeOf(rule, classification.class === 'approximate', modes);
}

function bySeverity(a: DecidedMatch, b: DecidedMatch): number {
  return LEVELS.indexOf(b.rule.rule.level) - LEVELS.indexOf(a.rule.rule.level);
}
