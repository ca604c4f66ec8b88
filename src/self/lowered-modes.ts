import { isDeepStrictEqual } from 'node:util';
import { MODES, modeById, namesRule, type Mode, type Modes } from '../policy/mode.ts';
import type { NamedDocument } from '../policy/rule-source.ts';
import type { Ruleset } from '../policy/ruleset.ts';
import { weakenedBy } from '../policy/weakened.ts';

/** The effect of one change, in words; empty where the object is not ours, or nothing follows from it. */
export interface Effect {
  readonly lowers: readonly string[];
  readonly notable: readonly string[];
}

/** Settings that a replica would have, or what is wrong with them: it would not start. */
export type FoundSettings =
  | {
      readonly kind: 'read';
      readonly modes: Modes;
      /** By key in the settings file. */
      readonly others: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: 'problems'; readonly problems: readonly string[] };

/** The settings of this replica, were something else said to it. */
export interface OwnSettings {
  /** Were this the text of its settings file. */
  withFile(text: string): FoundSettings;
  /** Had its pod this `spec`, of whatever shape, and the settings file that it has. */
  withPod(spec: unknown): FoundSettings;
}

/**
 * The settings files that ship have under 800 bytes, and a mode for each of 50 rules adds 2,500. A file is parsed while
 * every other review waits.
 */
export const MAX_SETTINGS_FILE = 4 * 1024;

/** What another text of the settings file lowers, against the text before or else against `modes`, and what else it changes. */
export function loweredByFile(before: unknown, after: unknown, modes: Modes, settings: OwnSettings): Effect {
  const [was, is] = [before, after].map((text) => settingsOf(text, settings));
  if (is?.kind !== 'read') return { lowers: [], notable: is?.problems ?? [] };
  if (was?.kind !== 'read') return { lowers: lowered(modes, is.modes), notable: [] };
  const others = Object.keys({ ...was.others, ...is.others }).filter(
    (key) => !isDeepStrictEqual(was.others[key], is.others[key]),
  );
  return {
    lowers: lowered(was.modes, is.modes),
    notable: others.length === 0 ? [] : [`config.yaml: ${others.toSorted().join(', ')} changed`],
  };
}

/** Rules and filters that change are parsed while every other review waits. The 15 rules that ship have 21 KiB, in 15 files. */
const MAX_RULES = 16 * 1024;

/** What other texts of files of rules and filters lower in the set in force. */
export function loweredByRules(
  before: readonly NamedDocument[],
  after: readonly NamedDocument[],
  ruleset: Pick<Ruleset, 'rules' | 'door'>,
): Effect {
  const length = [...before, ...after].reduce((sum, { text }) => sum + text.length, 0);
  return length > MAX_RULES
    ? { lowers: [], notable: [`rules and filters of over ${MAX_RULES} characters: not read`] }
    : { lowers: weakenedBy(before, after, ruleset), notable: [] };
}

function settingsOf(text: unknown, settings: OwnSettings): FoundSettings {
  if (typeof text !== 'string') return { kind: 'problems', problems: ['config.yaml: no text'] };
  if (text.length <= MAX_SETTINGS_FILE) return settings.withFile(text);
  return { kind: 'problems', problems: [`config.yaml: over ${MAX_SETTINGS_FILE} characters: not read`] };
}

/** What is less strict by `after` than by `before`: the default mode, a level's, a rule's. */
export function lowered(before: Modes, after: Modes): readonly string[] {
  const levels = new Set([...Object.keys(before.levels), ...Object.keys(after.levels)]) as Set<
    keyof Modes['levels']
  >;
  const written = new Set([...Object.keys(before.rules), ...Object.keys(after.rules)]);
  // An id may be written short in one of the two.
  const ids = [...written].filter(
    (id) => ![...written].some((other) => other !== id && namesRule(id, other)),
  );
  return [
    ...ifLower('mode', before.default, after.default),
    ...[...levels].flatMap((level) =>
      ifLower(`level ${level}`, modeOfLevel(level, before), modeOfLevel(level, after)),
    ),
    ...ids.flatMap((id) => loweredRule(id, before, after)),
  ];
}

function modeOfLevel(level: keyof Modes['levels'], { levels, default: otherwise }: Modes): Mode {
  return levels[level] ?? otherwise;
}

/** A rule without a mode of its own has its level's, and which level that is cannot be told from here. */
function loweredRule(id: string, before: Modes, after: Modes): readonly string[] {
  const [was, is] = [modeById(id, before), modeById(id, after)];
  if (was !== undefined && is !== undefined) return ifLower(`rule ${id}`, was, is);
  // Some rules are kept from `enforce` until it is said for them by id.
  if (is === undefined) return was === 'audit' ? [] : [`rule ${id} from ${was} to what its level has`];
  const strictest = MODES.findLast((mode) =>
    [before.default, ...Object.values(before.levels)].includes(mode),
  );
  return rank(is) < rank(strictest ?? 'audit') ? [`rule ${id} from what its level has to ${is}`] : [];
}

function ifLower(what: string, before: Mode, after: Mode): readonly string[] {
  return rank(after) < rank(before) ? [`${what} from ${before} to ${after}`] : [];
}

function rank(mode: Mode): number {
  return MODES.indexOf(mode);
}
