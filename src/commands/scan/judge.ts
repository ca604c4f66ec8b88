import type { Observation } from '../../kubernetes/audit-event.ts';
import { decide } from '../../policy/decision.ts';
import { evaluate, type Evaluation, type Match, type NotJudged } from '../../policy/evaluate.ts';
import type { Modes } from '../../policy/mode.ts';
import type { ListedObjects } from '../../provenance/objects-from-list.ts';
import type { Ruleset } from '../../policy/ruleset.ts';
import { decisionRecord, type DecisionRecord } from '../../records/decision-record.ts';
import { isExpired } from '../../sigma/read/filter.ts';
import { WorkLimitExceeded } from '../../sigma/match/work-meter.ts';
import { answerOf } from './possible-creators.ts';
import { originOf, type Found, type Origin } from './origin.ts';
import type { ScanRules } from './rules.ts';
import { observationOf, type ScannedObject } from './scanned-object.ts';

export const GROUPS = ['suspicious', 'undetermined', 'verified'] as const;
export type Group = (typeof GROUPS)[number];

/** One object, judged as the create it would have been. */
export interface Finding {
  readonly group: Group;
  /** Why it is in its group, for people. */
  readonly reason: string;
  readonly record: DecisionRecord;
  readonly origin: Origin;
  /** A rule matches it, or could not be decided; otherwise there is nothing to say of it. */
  readonly isOfInterest: boolean;
}

export interface JudgeOptions {
  readonly rules: ScanRules;
  readonly modes: Modes;
  readonly objects: ListedObjects;
}

/**
 * Puts each object into one of three groups.
 *
 * - *suspicious*: a rule matches on what is known of it, and is not in mode `audit` by its tag, level or id; and no filter
 *   would have accepted any of the users who may have made it.
 * - *verified*: not suspicious, and its owner is real: among the objects read, with the uid it names, and as
 *   `provenance.owner.verified` asks of a pod; or it mirrors a static pod of a Node that was read.
 * - *undetermined*: the rest. Who made it is not in an object; its owner was not read; or a filter accepts one of those who
 *   may have made it, and not another.
 *
 * Who may have made it, see `originOf`: a verified owner's pods are made by its controller, so that a rule which every pod
 * in kube-system matches is answered by the filter for controllers, as at admission. A pod without an owner was made by no
 * controller, so that filter answers nothing for it.
 */
export function createJudge({ rules, modes, objects }: JudgeOptions) {
  const { ruleset } = rules;
  return function judge(object: ScannedObject, found: Found): Finding {
    const observation = observationOf(object, found.fields);
    const origin = originOf(object, found, objects);
    const asked = tryEvaluate(observation, ruleset);
    const { noVerdict } = asked;
    const matches: Match[] = [];
    const notJudged: NotJudged[] = [...asked.notJudged];
    let byFilter = '';
    for (const match of asked.matches) {
      const answer =
        match.filter === undefined
          ? answerOf(
              match.verb,
              observation,
              origin.creators,
              match.rule.filtersByUser.filter(({ filter }) => !isExpired(filter, Date.now)),
            )
          : { kind: 'open' as const };
      if (answer.kind === 'open') matches.push(match);
      else if (answer.kind === 'accepted') matches.push({ ...match, filter: answer.filter });
      else {
        byFilter = answer.filter.filter.title;
        notJudged.push({ rule: match.rule, field: 'user.username' });
      }
    }
    const evaluation: Evaluation = { matches, notJudged };
    const decision = decide(matches, modes);
    const isVerified = origin.verified && noVerdict === undefined;
    const group = decision.verdict !== 'allow' ? 'suspicious' : isVerified ? 'verified' : 'undetermined';
    const reason =
      noVerdict ??
      (group === 'undetermined' && origin.root === undefined && byFilter !== ''
        ? `who made it is not in it, and filter "${byFilter}" accepts one user's`
        : origin.reason);
    const judged = { door: 'scan' as const, observation, evaluation, decision, ruleset };
    return {
      group,
      reason,
      record: { ...decisionRecord(judged), reason },
      origin,
      isOfInterest: matches.length > 0 || notJudged.length > 0 || noVerdict !== undefined,
    };
  };
}

/** What the rules say of an object; or why there is no verdict on it. */
function tryEvaluate(
  observation: Observation,
  ruleset: Ruleset,
): Evaluation & { readonly noVerdict?: string } {
  try {
    return evaluate(observation, ruleset);
  } catch (error) {
    if (!(error instanceof WorkLimitExceeded)) throw error;
    return { matches: [], notJudged: [], noVerdict: error.message };
  }
}
