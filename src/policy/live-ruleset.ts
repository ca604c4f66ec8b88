import { isDeepStrictEqual } from 'node:util';
import { watchReloadable } from '../io/reloadable.ts';
import { SigmaError, type Problem } from '../sigma/read/errors.ts';
import { loadRuleset, parseAll, problemsOf } from './load-rules.ts';
import { problemOfId, unresolvedIds } from './mode-ids.ts';
import type { Modes } from './mode.ts';
import type { NamedDocument, RuleSource } from './rule-source.ts';
import type { Ruleset, RulesetOptions } from './ruleset.ts';

/** The rules in force. A set is replaced whole; one that cannot be loaded leaves the last good one, and says so. */
export interface LiveRuleset {
  current(): Ruleset;
  /** What is wrong with the set that was refused last; undefined when the newest set is in force. */
  refused(): readonly Problem[] | undefined;
  close(): void;
}

export interface LiveRulesetOptions extends RulesetOptions {
  readonly source: RuleSource;
  /** A set in which one of these ids names a rule no more is refused; an id that never named one is not minded. */
  readonly modes: Pick<Modes, 'rules'>;
  readonly onLoad: (ruleset: Ruleset) => void;
  /** Called once for each new thing that is wrong. */
  readonly onRefuse: (problems: readonly Problem[]) => void;
}

/** Loads the rules, or throws a SigmaError with everything that is wrong; then follows the source. */
export async function createLiveRuleset({
  source,
  modes,
  onLoad,
  onRefuse,
  ...options
}: LiveRulesetOptions): Promise<LiveRuleset> {
  let known: readonly NamedDocument[] | undefined;
  let loaded: () => Ruleset;
  let inForce: () => Ruleset | undefined = () => undefined;

  /** Documents that are as they were are not parsed again: files are looked at every minute. */
  async function load(): Promise<Ruleset> {
    const documents = await source.read();
    if (!isDeepStrictEqual(documents, known)) {
      loaded = outcomeOf(() => loadRuleset(parseAll(documents), options));
      known = documents;
    }
    const next = loaded();
    refuseLostIds(next, inForce(), modes);
    return next;
  }
  const live = await watchReloadable({
    load,
    // Not by its digest: also a rule that is off, or a file's new name, is to be shown as it is now.
    isSame: (one, other) => one === other,
    follow: source.onChange,
    onRefuse: (error) => onRefuse(problemsOf(error)),
  });
  inForce = live.current;
  onLoad(live.current());
  live.onChange(onLoad);
  return {
    current: live.current,
    refused() {
      const error = live.refused();
      return error && problemsOf(error);
    },
    close: live.close,
  };
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
