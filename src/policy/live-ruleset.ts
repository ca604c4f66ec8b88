import type { Problem } from '../sigma/errors.ts';
import { SigmaError } from '../sigma/errors.ts';
import { combine, parseSigma } from '../sigma/load.ts';
import type { RuleSource } from './rule-source.ts';
import { createRuleset, type Ruleset, type RulesetOptions } from './ruleset.ts';

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
  readonly onRefuse: (problems: readonly Problem[]) => void;
}

/** Loads the rules, or throws a SigmaError with everything that is wrong; then follows the source. */
export async function createLiveRuleset({
  source,
  onLoad,
  onRefuse,
  ...options
}: LiveRulesetOptions): Promise<LiveRuleset> {
  let current = await load(source, options);
  let refused: readonly Problem[] | undefined;
  let loading: Promise<void> = Promise.resolve();
  onLoad(current);

  async function reload(): Promise<void> {
    try {
      const next = await load(source, options);
      refused = undefined;
      if (next.digest === current.digest) return;
      current = next;
      onLoad(current);
    } catch (error) {
      refused = problemsOf(error);
      onRefuse(refused);
    }
  }
  const stopFollowing = source.onChange(() => {
    loading = loading.then(reload);
  });
  return { current: () => current, refused: () => refused, close: stopFollowing };
}

async function load(source: RuleSource, options: RulesetOptions): Promise<Ruleset> {
  const documents = await source.read();
  const parsed = combine(documents.map(({ name, text }) => parseSigma(name, text)));
  const { ruleset, problems } = createRuleset(parsed, options);
  if (ruleset === undefined) throw new SigmaError(problems.filter(({ severity }) => severity === 'error'));
  return ruleset;
}

/** A source that cannot be read is as good as a set that cannot be loaded. */
function problemsOf(error: unknown): readonly Problem[] {
  if (error instanceof SigmaError) return error.problems;
  const { message, path = '' } = error as NodeJS.ErrnoException;
  return [{ code: 'unreadable', severity: 'error', file: path, path: '', message }];
}
