import { isDeepStrictEqual } from 'node:util';
import { loadAll } from 'js-yaml';
import { SETTINGS } from '../settings/settings.ts';
import { asObject } from '../kubernetes/as-object.ts';
import { MODES, type Mode, type Modes } from '../policy/mode.ts';

/** What there is to say of one change; nothing where it is none of ours, or of no consequence. */
export interface Finding {
  readonly lowers: readonly string[];
  readonly notable: readonly string[];
}

/**
 * The settings files that ship have under 800 bytes, and a mode for each of 50 rules adds 2,500. A file is parsed while
 * every other review waits.
 */
const MAX_FILE = 4 * 1024;
/** Aliases multiply: a kilobyte of them can stand for gigabytes. No setting needs one, or more than two levels. */
const LIMITS = { maxAliases: 0, maxDepth: 8 };

/** What a settings file would lower, were it in force instead of `modes`, and what else changed in it. */
export function loweredByFile(before: unknown, after: unknown, modes: Modes): Finding {
  const [old, next] = [settingsIn(before), settingsIn(after)];
  if (typeof next === 'string') return { lowers: [], notable: [`config.yaml: ${next}`] };
  const problems: string[] = [];
  const read = <K extends 'mode' | 'levels' | 'rules'>(key: K) => {
    // A key whose values are all commented out is null.
    const value = SETTINGS[key].read(next[key] ?? SETTINGS[key].default, (expected, _, at = '') => {
      problems.push(`config.yaml: ${key}${at}: not ${expected}`);
      return undefined;
    });
    return (value ?? SETTINGS[key].default) as ReturnType<(typeof SETTINGS)[K]['read']> & {};
  };
  const then: Modes = { default: read('mode'), levels: read('levels'), rules: read('rules') };
  // What cannot be read is not loaded, so it lowers nothing.
  if (problems.length > 0) return { lowers: [], notable: problems };
  const others =
    before === undefined || typeof old === 'string'
      ? []
      : [...new Set([...Object.keys(old), ...Object.keys(next)])].filter(
          (key) => !['mode', 'levels', 'rules'].includes(key) && !isDeepStrictEqual(old[key], next[key]),
        );
  return {
    lowers: lowered(modes, then),
    notable: others.length === 0 ? [] : [`config.yaml: ${others.toSorted().join(', ')} changed`],
  };
}

/** The settings, or why they cannot be read, without a word of what is in them. */
function settingsIn(text: unknown): Readonly<Record<string, unknown>> | string {
  if (typeof text !== 'string') return 'no text';
  if (text.length > MAX_FILE) return `over ${MAX_FILE} characters: not read`;
  try {
    // A file whose settings are all commented out has no document at all.
    const [document = {}, ...more] = loadAll(text, LIMITS);
    return (more.length === 0 ? asObject(document) : undefined) ?? 'not one map of settings';
  } catch {
    return `not read: not YAML, or YAML with aliases or more than ${LIMITS.maxDepth} levels`;
  }
}

/** What is less strict by `after` than by `before`: the default mode, a level's, a rule's. */
export function lowered(before: Modes, after: Modes): readonly string[] {
  const levels = new Set([...Object.keys(before.levels), ...Object.keys(after.levels)]) as Set<
    keyof Modes['levels']
  >;
  const ids = new Set([...Object.keys(before.rules), ...Object.keys(after.rules)]);
  return [
    ...ifLower('mode', before.default, after.default),
    ...[...levels].flatMap((level) =>
      ifLower(`level ${level}`, modeOfLevel(level, before), modeOfLevel(level, after)),
    ),
    ...[...ids].flatMap((id) => loweredRule(id, before, after)),
  ];
}

function modeOfLevel(level: keyof Modes['levels'], { levels, default: otherwise }: Modes): Mode {
  return levels[level] ?? otherwise;
}

/** A rule without a mode of its own has its level's, and which level that is cannot be told from here. */
function loweredRule(id: string, before: Modes, after: Modes): readonly string[] {
  const [was, is] = [before.rules[id], after.rules[id]];
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
