import type { Level } from '../sigma/read/level.ts';
import type { Rule } from '../sigma/read/rule.ts';

/** What a match does: `audit` records it, `warn` also tells the caller, `enforce` refuses. Pod Security Admission's words. */
export const MODES = ['audit', 'warn', 'enforce'] as const;
export type Mode = (typeof MODES)[number];

/** The most specific wins: rule id, then level, then the default. */
export interface Modes {
  readonly default: Mode;
  readonly levels: Readonly<Partial<Record<Level, Mode>>>;
  /** By lower-case rule id, or by its first eight digits or more. */
  readonly rules: Readonly<Record<string, Mode>>;
}

/** A rule, as far as its mode depends on it. */
type Moded = Pick<Rule, 'id' | 'level' | 'status' | 'tags'>;

/** The mode of one rule, and how it came about. */
export interface RuleMode {
  /** The mode that the settings ask for. */
  readonly wished: Mode;
  /** Whether they name the rule itself, not its level or all rules. */
  readonly isById: boolean;
  readonly inEffect: Mode;
  /** Why that is less than was wished: one clause. */
  readonly whyLess?: string;
}

/** Our own rules carry this tag, and any rule may: their matches are common, so they start in audit mode. */
const AUDIT_TAG = 'sigma-admission.audit';

/**
 * The mode of one rule. Only its own id takes a rule that is experimental, informational or only approximately decided
 * above `warn`, and one with the tag `sigma-admission.audit` above `audit`.
 */
export function ruleModeOf(rule: Moded, approximate: boolean, modes: Modes): RuleMode {
  const byId = modeById(rule.id, modes);
  const wished = byId ?? modes.levels[rule.level] ?? modes.default;
  const isById = byId !== undefined;
  const cap = isById ? undefined : capOf(rule, approximate);
  if (cap === undefined || MODES.indexOf(wished) <= MODES.indexOf(cap.mode))
    return { wished, isById, inEffect: wished };
  return { wished, isById, inEffect: cap.mode, whyLess: `${cap.why}: at most ${cap.mode} but by its id` };
}

export function modeOf(rule: Moded, approximate: boolean, modes: Modes): Mode {
  return ruleModeOf(rule, approximate, modes).inEffect;
}

/** The mode that the settings have for the rule itself. */
export function modeById(id: string, { rules }: Modes): Mode | undefined {
  if (Object.hasOwn(rules, id)) return rules[id];
  const short = Object.keys(rules).find((written) => namesRule(written, id));
  return short === undefined ? undefined : rules[short];
}

/** Enough of a UUID to name one rule. */
const MIN_PREFIX = 8;

/** Whether `written` is the id, or enough of its beginning. */
export function namesRule(written: string, id: string): boolean {
  return written === id || (written.length >= MIN_PREFIX && id.startsWith(written));
}

function capOf(
  { level, status, tags }: Moded,
  approximate: boolean,
): { mode: Mode; why: string } | undefined {
  if (tags.includes(AUDIT_TAG)) return { mode: 'audit', why: `tagged ${AUDIT_TAG}` };
  if (status === 'experimental') return { mode: 'warn', why: 'experimental' };
  if (level === 'informational') return { mode: 'warn', why: 'informational' };
  return approximate ? { mode: 'warn', why: 'only approximately decided' } : undefined;
}

/** The modes of an entry whose callers heal a cluster: no default and no level denies them, only a rule's own id. */
export function onlyByRuleId(modes: Modes): Modes {
  const levels = Object.entries(modes.levels).map(([level, mode]) => [level, atMostWarn(mode)]);
  return { ...modes, default: atMostWarn(modes.default), levels: Object.fromEntries(levels) };
}

function atMostWarn(mode: Mode): Mode {
  return mode === 'enforce' ? 'warn' : mode;
}
