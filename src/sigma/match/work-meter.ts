/**
 * Steps that the texts of one event may take to search, beyond reading them. A step is an instruction of an expression's
 * program at one character and takes 10 to 20 ns, all of them less than a quarter of a second. A text of 1.5 MiB, the most that
 * a cluster stores of an object, can be searched for twenty expressions that are no counted repetitions.
 */
const MAX_STEPS = 2 ** 23;

/** An event whose texts would take longer to search than one may. It has no verdict, and is not `unknown`: padding would make it so. */
export class WorkLimitExceeded extends Error {
  override readonly name = 'WorkLimitExceeded';

  constructor() {
    super(
      'no verdict: searching its texts with the regular expressions and field references of the rules takes too long',
    );
  }
}

/** Counts what is done for one event at a time. */
export interface WorkMeter {
  /** Throws a WorkLimitExceeded where it is more than one event may take. */
  spend(steps: number): void;
  /** Another event begins. */
  reset(): void;
}

export function createWorkMeter(limit: number = MAX_STEPS): WorkMeter {
  let spent = 0;
  return {
    spend(steps) {
      spent += steps;
      if (spent > limit) throw new WorkLimitExceeded();
    },
    reset() {
      spent = 0;
    },
  };
}

/** For what was searched before, or is short and our own. */
export const UNMETERED: WorkMeter = { spend: () => {}, reset: () => {} };
