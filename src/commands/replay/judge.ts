import type { AuditEvent, Observation } from '../../kubernetes/audit-event.ts';
import { rebuildAdmission } from '../../kubernetes/rebuilt-admission.ts';
import { withLoggedProvenance } from '../../provenance/logged-provenance.ts';
import { decide } from '../../policy/decision.ts';
import { evaluate } from '../../policy/evaluate.ts';
import { onlyByRuleId, type Modes } from '../../policy/mode.ts';
import { loadRuleset } from '../../policy/load-rules.ts';
import type { LoadedRule, Ruleset, RulesetOptions } from '../../policy/ruleset.ts';
import type { Judgement } from '../../records/recorder.ts';
import { SigmaError } from '../../sigma/read/errors.ts';
import type { ParsedSigma } from '../../sigma/read/load.ts';
import { itemsOf } from '../../sigma/match/partial-evaluation.ts';
import type { Tree } from '../../sigma/match/tree.ts';

export interface JudgeOptions extends Omit<RulesetOptions, 'door'> {
  readonly modes: Modes;
  /** Whether the event's user is an identity that keeps a cluster running: only a rule's own id denies it a request. */
  readonly heals: (event: AuditEvent) => boolean;
}

/** Judges logged events. Each answer is undefined where there is nothing to say. */
export interface Judge {
  readonly ruleset: Ruleset;
  /** Why there is no forecast: what is wrong with the rules at admission, though not here. */
  readonly noForecast: SigmaError | undefined;
  /** Of all rules that are asked, here or for the forecast. */
  readonly trees: readonly Tree[];
  /** A request as it ended. One that did not, as far as it came. */
  request(observation: Observation): Judgement | undefined;
  /** An event of an earlier stage, by the rules that name a stage: they see every line. */
  earlyStage(observation: Observation): Judgement | undefined;
  /** What `enforce` would have refused. */
  forecast(observation: Observation): Judgement | undefined;
}

/** Loads the rules for a log and for the forecast, or throws a SigmaError with all that is wrong. */
export function createJudge(
  parsed: ParsedSigma,
  { modes, heals, subresources, minLevel }: JudgeOptions,
): Judge {
  const options = { subresources, minLevel };
  const ruleset = loadRuleset(parsed, { ...options, door: 'replay' });
  const byStage = part(ruleset, parsed, options, namesStage);
  const byRequest =
    byStage === undefined ? ruleset : part(ruleset, parsed, options, (rule) => !namesStage(rule));
  const admission = tryLoad(parsed, { ...options, door: 'serve' });
  const enforce: Modes = { ...modes, default: 'enforce' };

  function judge(logged: Observation, rules: Ruleset | undefined, by: Modes): Judgement | undefined {
    if (rules === undefined) return undefined;
    const observation = withLoggedProvenance(logged);
    const evaluation = evaluate(observation, rules);
    if (evaluation.matches.length === 0 && evaluation.notJudged.length === 0) return undefined;
    const decision = decide(evaluation.matches, by);
    return { door: rules.door, observation, evaluation, decision, ruleset: rules };
  }

  return {
    ruleset,
    noForecast: admission instanceof SigmaError ? admission : undefined,
    trees: [ruleset, ...(admission instanceof SigmaError ? [] : [admission])].flatMap(({ rules }) =>
      rules.filter(isAsked).map(({ tree }) => tree),
    ),
    request: (observation) => judge(observation, hasEnded(observation) ? ruleset : byRequest, modes),
    earlyStage: (observation) => judge(observation, byStage, modes),
    forecast(observation) {
      if (admission instanceof SigmaError) return undefined;
      const request = rebuildAdmission(observation);
      if (request === undefined) return undefined;
      const judged = judge(request, admission, heals(request.event) ? onlyByRuleId(enforce) : enforce);
      return judged?.decision.verdict === 'deny' ? judged : undefined;
    },
  };
}

/** Without a stage it was not judged before. */
function hasEnded({ event: { stage } }: Observation): boolean {
  return stage !== 'RequestReceived' && stage !== 'ResponseStarted';
}

function isAsked({ disabledReason }: LoadedRule): boolean {
  return disabledReason === undefined;
}

function namesStage({ tree }: LoadedRule): boolean {
  return itemsOf(tree).some(({ paths }) => paths.includes('stage'));
}

/** The asked rules that `belongs` takes, as a set of their own under the name of the whole; undefined if there are none. */
function part(
  whole: Ruleset,
  parsed: ParsedSigma,
  options: Omit<RulesetOptions, 'door'>,
  belongs: (rule: LoadedRule) => boolean,
): Ruleset | undefined {
  const ids = new Set(whole.rules.filter((rule) => isAsked(rule) && belongs(rule)).map(({ id }) => id));
  const rules = parsed.rules.filter(({ id }) => ids.has(id));
  if (rules.length === 0) return undefined;
  return { ...loadRuleset({ ...parsed, rules }, { ...options, door: whole.door }), digest: whole.digest };
}

function tryLoad(parsed: ParsedSigma, options: RulesetOptions): Ruleset | SigmaError {
  try {
    return loadRuleset(parsed, options);
  } catch (error) {
    if (error instanceof SigmaError) return error;
    throw error;
  }
}
