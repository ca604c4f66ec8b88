import { LEVELS } from '../sigma/read/level.ts';
import type { Match } from './evaluate.ts';
import type { LoadedRule } from './ruleset.ts';
import { modeOf, type Mode, type Modes } from './mode.ts';

/** A match with its rule's mode. */
export interface DecidedMatch extends Match {
  readonly mode: Mode;
}

interface DecidedMatches {
  /** The matches that no filter accepts, most severe first. */
  readonly matches: readonly DecidedMatch[];
  /** Every match, also those that a filter accepts, in the order of the evaluation. Records and metrics list these. */
  readonly decided: readonly DecidedMatch[];
}

/** A refusal is a value; a fault is an exception. */
export type Decision =
  | (DecidedMatches & { readonly verdict: 'allow' | 'warn' })
  /** `by` is the match that refuses; the other matches become warnings. */
  | (DecidedMatches & { readonly verdict: 'deny'; readonly by: DecidedMatch });

/** The strictest mode among the matches that no filter accepts decides. */
export function decide(matches: readonly Match[], modes: Modes): Decision {
  const decided = matches.map((match) => ({ ...match, mode: modeOfRule(match.rule, modes) }));
  const unfiltered = decided.filter(({ filter }) => filter === undefined).toSorted(bySeverity);
  const by = unfiltered.find(({ mode }) => mode === 'enforce');
  if (by !== undefined) return { verdict: 'deny', by, matches: unfiltered, decided };
  const isWarned = unfiltered.some(({ mode }) => mode === 'warn');
  return { verdict: isWarned ? 'warn' : 'allow', matches: unfiltered, decided };
}

export function modeOfRule(rule: LoadedRule, modes: Modes): Mode {
  return modeOf(rule, rule.classification.class === 'approximate', modes);
}

function bySeverity(a: DecidedMatch, b: DecidedMatch): number {
  return LEVELS.indexOf(b.rule.level) - LEVELS.indexOf(a.rule.level);
}
