import type { AdmissionRequest } from '../kubernetes/admission-review.ts';
import type { Observation } from '../kubernetes/audit-event.ts';
import type { Decision } from '../policy/decision.ts';
import type { Door } from '../policy/door.ts';
import type { Evaluation } from '../policy/evaluate.ts';
import type { Ruleset } from '../policy/ruleset.ts';

/** One request, judged: all that a recorder may want to say of it. */
export interface Judgement {
  readonly door: Door;
  /** At admission only. */
  readonly request?: AdmissionRequest;
  /** Of a log only: where the event stands. */
  readonly logged?: { readonly file: string; readonly line: number };
  /** At admission only: false where the answer came too late, or the client had hung up. The API server then decided. */
  readonly delivered?: boolean;
  readonly observation: Observation;
  readonly evaluation: Evaluation;
  readonly decision: Decision;
  readonly ruleset: Ruleset;
}

/** Takes note of what was decided, after the answer. It queues, so that it delays no other. */
export interface Recorder {
  record(judged: Judgement): void;
}

/** All of them. A fault in one is told, and neither thrown nor the others'. */
export function union(recorders: readonly Recorder[], onFault: (error: unknown) => void): Recorder {
  return {
    record(judged) {
      for (const recorder of recorders) {
        try {
          recorder.record(judged);
        } catch (error) {
          onFault(error);
        }
      }
    },
  };
}
