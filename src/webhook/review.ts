import { allowed, denied, type Remarks } from '../kubernetes/admission-response.ts';
import type { AdmissionRequest, AdmissionReview } from '../kubernetes/admission-review.ts';
import { auditEventFromAdmission, type Observation } from '../kubernetes/audit-event.ts';
import { decide, type DecidedMatch, type Decision } from '../policy/decision.ts';
import { evaluate } from '../policy/evaluate.ts';
import { MAX_MESSAGE, matchMessage } from '../policy/message.ts';
import type { Modes } from '../policy/mode.ts';
import { provenanceRemarks } from '../policy/provenance-remarks.ts';
import type { Ruleset } from '../policy/ruleset.ts';
import type { Recorder } from '../records/recorder.ts';

export interface ReviewerOptions {
  /** The set in force now; it may be replaced between two requests, never within one. */
  readonly ruleset: () => Ruleset;
  readonly modes: Modes;
  /** What can be found out, before `deadline`, about who made the object: the fields of `provenance.*`. */
  readonly provenance: (
    request: AdmissionRequest,
    deadline: number,
  ) => Readonly<Record<string, unknown>> | Promise<Readonly<Record<string, unknown>>>;
  readonly recorder: Recorder;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** Answers one AdmissionReview with another, before `deadline` (ms since the epoch). Knows nothing of HTTP. */
export function createReviewer({ ruleset, modes, provenance, recorder, now = Date.now }: ReviewerOptions) {
  return async function review(
    request: AdmissionRequest,
    deadline: number,
    delivered: Promise<boolean>,
  ): Promise<AdmissionReview> {
    const receivedAt = now();
    const observation = auditEventFromAdmission(
      request,
      await provenance(request, deadline),
      new Date(receivedAt).toISOString(),
    );
    const rules = ruleset();
    const evaluation = evaluate(observation, rules, () => receivedAt);
    const decision = decide(evaluation.matches, modes);
    const judged = {
      door: 'serve',
      request,
      observation,
      evaluation,
      decision,
      ruleset: rules,
    } as const;
    void delivered.then((isDelivered) => recorder.record({ ...judged, delivered: isDelivered }));
    return admissionReview(observation, decision);
  };
}

/** At most this many warnings; the rest are counted. */
const MAX_WARNINGS = 5;
/** A denial is shown to people and copied into Events. */
const MAX_DENIAL = 1024;
/** Each of the two things there may be to say of who made an object. */
const MAX_REMARK = 300;
/** Audit annotations have no limit of their own; the log has. */
const MAX_ANNOTATION = 2048;

function admissionReview(observation: Observation, decision: Decision): AdmissionReview {
  const { uid, event } = observation;
  if (decision.matches.length === 0) return allowed(uid);
  const refusing = decision.verdict === 'deny' ? decision.by : undefined;
  const warning = decision.matches.filter((match) => match.mode !== 'audit' && match !== refusing);
  const remarks: Remarks = {
    ...(warning.length === 0 ? {} : { warnings: warnings(warning, observation) }),
    auditAnnotations: { uid, matches: idsWithin(MAX_ANNOTATION, decision.matches) },
  };
  if (refusing === undefined) return allowed(uid, remarks);
  const { rule } = refusing;
  const allow = `To allow it, an administrator adds a Sigma filter for this user, or sets rule ${rule.id} to warn.`;
  const found = provenanceRemarks(rule, event, MAX_REMARK).map((remark) => ` ${remark}.`);
  const rest = `.${found.join('')} ${allow}`;
  return denied(uid, `${matchMessage(rule, event, MAX_DENIAL - rest.length)}${rest}`, remarks);
}

/** One line a match, and where there is room after it what was found out of who made the object; each of these once. */
function warnings(matches: readonly DecidedMatch[], { event }: Observation): readonly string[] {
  const shown = matches.slice(0, MAX_WARNINGS);
  let room = MAX_WARNINGS - shown.length;
  const said = new Set<string>();
  const lines = shown.flatMap(({ rule }) => {
    const remarks = provenanceRemarks(rule, event, MAX_MESSAGE).filter((remark) => !said.has(remark));
    const fitting = remarks.slice(0, room);
    room -= fitting.length;
    for (const remark of fitting) said.add(remark);
    return [matchMessage(rule, event), ...fitting];
  });
  return matches.length > MAX_WARNINGS ? [...lines, `and ${matches.length - MAX_WARNINGS} more`] : lines;
}

/** A JSON array of rule ids, most severe first, as many as fit. */
function idsWithin(limit: number, matches: readonly DecidedMatch[]): string {
  const ids = matches.map(({ rule }) => rule.id);
  while (Buffer.byteLength(JSON.stringify(ids)) > limit) ids.pop();
  return JSON.stringify(ids);
}
