import { isDeepStrictEqual } from 'node:util';
import { watchReloadable } from '../io/reloadable.ts';
import { SigmaError, type Problem } from '../sigma/read/errors.ts';
import { loadRuleset, parseAll, problemsOf } from './load-rules.ts';
import { problemOfId, unresolvedIds } from './mode-ids.ts';
import type { Modes } from './mode.ts';
import { isOptional, type NamedDocument, type RuleSource } from './rule-source.ts';
import type { Ruleset, RulesetOptions } from './ruleset.ts';

/** The rules in force. A set is replaced whole; one that cannot be loaded leaves the last good one, and says so. */
export interface LiveRuleset {
  current(): Ruleset;
  /** What is wrong with the set that was refused last; undefined when the newest set is in force. */
  refused(): readonly Problem[] | undefined;
  /** The errors in the optional files that are not part of it. */
  leftOut(): readonly Problem[];
  close(): void;
}

export interface LiveRulesetOptions extends RulesetOptions {
  readonly source: RuleSource;
  /** A set in which one of these ids names a rule no more is refused; an id that never named one is not minded. */
  readonly modes: Pick<Modes, 'rules'>;
  readonly onLoad: (ruleset: Ruleset, leftOut: readonly Problem[]) => void;
  /** Called once for each new thing that is wrong. */
  readonly onRefuse: (problems: readonly Problem[]) => void;
}

/** A set, and the errors in the files that were left out of it. */
interface Loaded {
  readonly ruleset: Ruleset;
  readonly leftOut: readonly Problem[];
}

/**
 * Loads the rules, or throws a SigmaError with everything that is wrong; then follows the source. An optional file that is wrong
 * is left out where nothing of it is in force: without its filters more is refused, never less, and a change for the worse takes
 * nothing away.
 */
export async function createLiveRuleset({
  source,
  modes,
  onLoad,
  onRefuse,
  ...options
}: LiveRulesetOptions): Promise<LiveRuleset> {
  let known: readonly NamedDocument[] | undefined;
  let loaded: () => Loaded;
  let inForce: () => Ruleset | undefined = () => undefined;

  /** Documents that are as they were are not parsed again: files are looked at every minute. */
  async function load(): Promise<Loaded> {
    const documents = await source.read();
    if (!isDeepStrictEqual(documents, known)) {
      loaded = outcomeOf(() => loadWithout(documents, inForce(), options));
      known = documents;
    }
    const next = loaded();
    refuseLostIds(next.ruleset, inForce(), modes);
    return next;
  }
  const live = await watchReloadable({
    load,
    // Not by its digest: also a rule that is off, or a file's new name, is to be shown as it is now.
    isSame: (one, other) => one === other,
    follow: source.onChange,
    onRefuse: (error) => onRefuse(problemsOf(error)),
  });
  inForce = () => live.current().ruleset;
  const tell = ({ ruleset, leftOut }: Loaded) => onLoad(ruleset, leftOut);
  tell(live.current());
  live.onChange(tell);
  return {
    current: () => live.current().ruleset,
    leftOut: () => live.current().leftOut,
    refused() {
      const error = live.refused();
      return error && problemsOf(error);
    },
    close: live.close,
  };
}

/** Loads what can be loaded, or throws where an error is in a file that may not be left out. */
function loadWithout(
  documents: readonly NamedDocument[],
  inForce: Ruleset | undefined,
  options: RulesetOptions,
  leftOut: readonly Problem[] = [],
): Loaded {
  try {
    return { ruleset: loadRuleset(parseAll(documents), options), leftOut };
  } catch (error) {
    const errors = problemsOf(error).filter(({ severity }) => severity === 'error');
    const found = errors.filter(({ file }) => isOptional(file) && !isInForce(file, inForce));
    const wrong = new Set(found.map(({ file }) => file));
    const others = documents.filter(({ name }) => !wrong.has(name));
    if (others.length === documents.length || found.length < errors.length) throw error;
    return loadWithout(others, inForce, options, [...leftOut, ...found]);
  }
}

function isInForce(name: string, ruleset: Ruleset | undefined): boolean {
  return [...(ruleset?.rules ?? []), ...(ruleset?.filters ?? [])].some(({ file }) => file === name);
}

/** A rule that is gone while the settings still name it would end its enforcement in silence. */
function refuseLostIds(next: Ruleset, inForce: Ruleset | undefined, modes: Pick<Modes, 'rules'>): void {
  if (inForce === undefined) return;
  const known = unresolvedIds(modes, inForce.rules).map(({ id }) => id);
  const lost = unresolvedIds(modes, next.rules).filter(({ id }) => !known.includes(id));
  if (lost.length > 0) throw new SigmaError(lost.map((each) => problemOfId(each)));
}

/** Does it once; returns or throws what came of that as often as it is asked. */
function outcomeOf<T>(make: () => T): () => T {
  try {
    const made = make();
    return () => made;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
