import { createConditionParser } from './condition.ts';
import { describeValue } from '../match/describe-value.ts';
import type { Placeholders } from './detection.ts';
import type { SigmaDocument } from './documents.ts';
import type { Path, Reporter } from './errors.ts';
import { LEVELS, type Level } from './level.ts';
import { parseLogSource, type LogSource } from './log-source.ts';
import { isMapping, ownValue, type Mapping } from '../match/mapping.ts';
import { parseMetadata, parseWord } from './metadata.ts';
import { parseSearchIdentifiers, warnOfUnused } from './search-identifiers.ts';
import type { Tree } from '../match/tree.ts';

const STATUSES = ['stable', 'test', 'experimental', 'deprecated', 'unsupported'] as const;
export type RuleStatus = (typeof STATUSES)[number];

/** A Sigma detection rule, checked. Field names are as the rule spells them; no mapping is applied yet. */
export interface Rule {
  /** Lower-case UUID; where a rule has none, its file and title stand in so that every rule can be named. */
  readonly id: string;
  readonly name?: string;
  readonly title: string;
  /** `test` where absent. */
  readonly status: RuleStatus;
  /** `medium` where absent. */
  readonly level: Level;
  readonly description?: string;
  readonly author?: string;
  readonly date?: string;
  readonly tags: readonly string[];
  readonly references: readonly string[];
  readonly falsepositives: readonly string[];
  readonly logsource: LogSource;
  /** Each search identifier by name. The record has no prototype, so that `constructor` is a name like any other. */
  readonly searchIdentifiers: Readonly<Record<string, Tree>>;
  /** A list of conditions is linked by OR, but each member is classified on its own. */
  readonly conditions: readonly { readonly text: string; readonly tree: Tree }[];
  /** Where it came from: `rules/exec.yml`, and the line its document starts at. */
  readonly file: string;
  readonly line: number;
}

/** Reads a detection rule. Everything wrong with it is reported; undefined if no rule is left to speak of. */
export function parseRule(
  { value: document, position }: SigmaDocument,
  file: string,
  reporter: Reporter,
  placeholders: Placeholders,
): Rule | undefined {
  const metadata = parseMetadata(document, file, reporter);
  const status = parseWord(document, 'status', STATUSES, reporter) ?? 'test';
  const level = parseWord(document, 'level', LEVELS, reporter) ?? 'medium';
  const logsource = parseLogSource(document, reporter);
  const detection = parseDetectionSection(document, reporter, placeholders);
  if (logsource === undefined || detection === undefined) return undefined;
  return { ...metadata, status, level, logsource, ...detection, file, line: position.line };
}

const RESERVED = ['condition'];

function parseDetectionSection(
  document: Mapping,
  reporter: Reporter,
  placeholders: Placeholders,
): Pick<Rule, 'searchIdentifiers' | 'conditions'> | undefined {
  const detection = ownValue(document, 'detection') ?? undefined;
  if (detection === undefined) {
    reporter.error('missing-field', ['detection'], 'no detection; a rule needs one');
    return undefined;
  }
  if (!isMapping(detection)) {
    const message = `expected a map of search identifiers and a condition, found ${describeValue(detection)}`;
    reporter.error('invalid-type', ['detection'], message);
    return undefined;
  }
  const trees = parseSearchIdentifiers(detection, 'detection', RESERVED, reporter, placeholders);
  const texts = conditionTexts(detection, reporter);
  const parseCondition = createConditionParser(trees, reporter);
  const conditions = texts.flatMap(({ text, path }) => {
    const tree = parseCondition(text, path);
    return tree === undefined ? [] : [{ text, tree }];
  });
  if (conditions.length === 0 || conditions.length < texts.length) return undefined;
  warnOfUnused(
    trees,
    conditions.map(({ tree }) => tree),
    'detection',
    reporter,
  );
  return { searchIdentifiers: Object.assign(Object.create(null), Object.fromEntries(trees)), conditions };
}

/** The specification allows a list, linked by OR; its JSON schema only a text. The specification wins. */
function conditionTexts(
  detection: Mapping,
  reporter: Reporter,
): readonly { readonly text: string; readonly path: Path }[] {
  const path = ['detection', 'condition'];
  const condition = ownValue(detection, 'condition') ?? undefined;
  if (condition === undefined || (Array.isArray(condition) && condition.length === 0)) {
    reporter.error('missing-field', path, 'no condition; expected one such as "selection"');
    return [];
  }
  const listed = Array.isArray(condition)
    ? condition.map((text: unknown, index) => ({ text, path: [...path, index] }))
    : [{ text: condition, path }];
  return listed.flatMap(({ text, path: at }) => {
    if (typeof text === 'string') return [{ text, path: at }];
    reporter.error('invalid-type', at, `expected a condition, found ${describeValue(text)}`);
    return [];
  });
}
