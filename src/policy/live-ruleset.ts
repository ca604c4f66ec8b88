import { isDeepStrictEqual } from 'node:util';
import type { Problem } from '../sigma/errors.ts';
import { loadRuleset, parseAll, problemsOf } from './load-rules.ts';
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
  readonly onLoad: (ruleset: Ruleset) => void;
  /** Called once for each new thing that is wrong. */
  readonly onRefuse: (problems: readonly Problem[]) => void;
}

/** Loads the rules, or throws a SigmaError with everything that is wrong; then follows the source. */
export async function createLiveRuleset({
  source,
  onLoad,
  onRefuse,
  ...options
}: LiveRulesetOptions): Promise<LiveRuleset> {
  let refused: readonly Problem[] | undefined;
  // Followed before it is read, so that no change falls between the two.
  const first = Promise.withResolvers<void>();
  let loading = first.promise;
  const stopFollowing = source.onChange(() => {
    loading = loading.then(reload);
  });
  let documents: readonly NamedDocument[];
  let current: Ruleset;
  try {
    documents = await source.read();
    current = loadRuleset(parseAll(documents), options);
  } catch (error) {
    stopFollowing();
    throw error;
  }
  onLoad(current);

  async function reload(): Promise<void> {
    try {
      const read = await source.read();
      if (!isUnreadable(refused) && isDeepStrictEqual(read, documents)) return;
      documents = read;
      const next = loadRuleset(parseAll(documents), options);
      refused = undefined;
      if (next.digest === current.digest) return;
      current = next;
      onLoad(current);
    } catch (error) {
      const before = refused;
      refused = problemsOf(error);
      if (!isDeepStrictEqual(refused, before)) onRefuse(refused);
    }
  }
  first.resolve();
  return { current: () => current, refused: () => refused, close: stopFollowing };
}

/** Then what was read before is no answer. */
function isUnreadable(refused: readonly Problem[] | undefined): boolean {
  return refused?.some(({ code }) => code === 'unreadable') ?? false;
}
