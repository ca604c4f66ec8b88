import type { Level } from '../sigma/read/level.ts';
import type { Rule } from '../sigma/read/rule.ts';

/** What a match does: `audit` records it, `warn` also tells the caller, `enforce` refuses. Pod Security Admission's words. */
export const MODES = ['audit', 'warn', 'enforce'] as const;
export type Mode = (typeof MODES)[number];

/** The most specific wins: rule id, then level, then the default. */
export interface Modes {
  readonly default: Mode;
  readonly levels: Readonly<Partial<Record<Level, Mode>>>;
  /** By lower-case rule id. */
  readonly rules: Readonly<Record<string, Mode>>;
}

/** Our own rules carry this tag, and any rule may: their matches are common, so they start in audit mode. */
const AUDIT_TAG = 'sigma-admission.audit';

/**
 * The mode of one rule. Only its own id takes a rule that is experimental, informational or only approximately decided
 * above `warn`, and one with the tag `sigma-admission.audit` above `audit`.
 */
export function modeOf({ id, level, status, tags }: Rule, approximate: boolean, modes: Modes): Mode {
  const byId = Object.hasOwn(modes.rules, id) ? modes.rules[id] : undefined;
  if (byId !== undefined) return byId;
  if (tags.includes(AUDIT_TAG)) return 'audit';
  const mode = modes.levels[level] ?? modes.default;
  const capped = approximate || status === 'experimental' || level === 'informational';
  return capped ? atMostWarn(mode) : mode;
}

/** The modes of an entry whose callers heal a cluster: no default and no level denies them, only a rule's own id. */
export function onlyByRuleId(modes: Modes): Modes {
  const levels = Object.entries(modes.levels).map(([level, mode]) => [level, atMostWarn(mode)]);
  return { ...modes, default: atMostWarn(modes.default), levels: Object.fromEntries(levels) };
}

function atMostWarn(mode: Mode): Mode {
  return mode === 'enforce' ? 'warn' : mode;
}
