import { isDate, parseInstant } from '../../io/instant.ts';
import { withoutUndefined } from '../../io/without-undefined.ts';
import { createConditionParser, negates } from './condition.ts';
import { describeValue, quote } from '../match/describe-value.ts';
import type { Placeholders } from './detection.ts';
import type { SigmaDocument } from './documents.ts';
import type { Reporter } from './errors.ts';
import { contains, parseLogSource, type LogSource } from './log-source.ts';
import { isMapping, ownValue, type Mapping } from '../match/mapping.ts';
import { isUuid, parseMetadata, readText } from './metadata.ts';
import type { Rule } from './rule.ts';
import { parseSearchIdentifiers, warnOfUnused } from './search-identifiers.ts';
import type { Tree } from '../match/tree.ts';

/**
 * A Sigma filter document, checked. Its condition is ANDed onto the rules it names **as written**: one that suppresses says
 * `condition: not selection` (the specification's own example contradicts itself here; pySigma does the same as we).
 */
export interface Filter {
  /** Lower-case UUID; where a filter has none, its file and title stand in. */
  readonly id: string;
  readonly title: string;
  readonly logsource: LogSource;
  /** Ids (lower case) and names; `any` is every rule. */
  readonly rules: 'any' | readonly string[];
  readonly condition: { readonly text: string; readonly tree: Tree };
  /** Absent for a filter without an end. */
  readonly expires?: {
    /** As written. */
    readonly text: string;
    /** The first moment at which the filter accepts nothing, in ms since the epoch. */
    readonly at: number;
  };
  /** Who answers for it, and where it was asked for. */
  readonly owner?: string;
  readonly ticket?: string;
  readonly file: string;
  readonly line: number;
}

/** Whether a filter accepts nothing any more at a moment, in ms since the epoch, or at one that is not known. */
export function isExpired({ expires }: Filter, when: () => number): boolean {
  return expires !== undefined && !(when() < expires.at);
}

/** Whether a filter is for a rule: it names it, by id or by name, and its log source is as wide as the rule's. */
export function appliesTo({ logsource, rules }: Filter, rule: Rule): boolean {
  if (!contains(logsource, rule.logsource)) return false;
  return rules === 'any' || rules.includes(rule.id) || (rule.name !== undefined && rules.includes(rule.name));
}

/** Reads a filter. Everything wrong with it is reported; undefined if no filter is left to speak of. */
export function parseFilter(
  { value: document, position }: SigmaDocument,
  file: string,
  reporter: Reporter,
  placeholders: Placeholders,
): Filter | undefined {
  const { id, title } = parseMetadata(document, file, reporter);
  const logsource = parseLogSource(document, reporter);
  const own = withoutUndefined({
    expires: parseExpires(document, reporter),
    owner: readText(document, 'owner', reporter),
    ticket: readText(document, 'ticket', reporter),
  });
  const filter = ownValue(document, 'filter');
  if (!isMapping(filter)) {
    const message = `expected a map of rules, search identifiers and a condition, found ${describeValue(filter)}`;
    reporter.error('invalid-type', ['filter'], message);
    return undefined;
  }
  const rules = parseRules(filter, reporter);
  const condition = parseCondition(filter, reporter, placeholders);
  if (logsource === undefined || rules === undefined || condition === undefined) return undefined;
  return { id, title, logsource, rules, condition, ...own, file, line: position.line };
}

const DAY_MS = 24 * 3_600_000;

/** A date ends with its day in UTC. */
function parseExpires(document: Mapping, reporter: Reporter): Filter['expires'] {
  const written = ownValue(document, 'expires') ?? undefined;
  if (written === undefined) return undefined;
  const text = typeof written === 'string' ? written : '';
  const from = parseInstant(text);
  if (from !== undefined) return { text, at: isDate(text) ? from + DAY_MS : from };
  const expected = 'a date like 2026-12-31, or a time like 2026-12-31T18:00:00Z';
  reporter.error('invalid-expires', ['expires'], `expected ${expected}, found ${describeValue(written)}`);
  return undefined;
}

/**
 * Ids or names, one or a list of them; `any` and an empty list are every rule (pySigma, and the next specification). Any
 * must be asked for: a filter without `rules` would be a way to disarm every rule by leaving something out.
 */
function parseRules(filter: Mapping, reporter: Reporter): Filter['rules'] | undefined {
  const path = ['filter', 'rules'];
  const rules = ownValue(filter, 'rules') ?? undefined;
  if (rules === undefined) {
    reporter.error('missing-field', path, 'no rules; expected ids or names of rules, or any');
    return undefined;
  }
  if (typeof rules === 'string' && isAny(rules)) return 'any';
  const listed: readonly unknown[] = Array.isArray(rules) ? rules : [rules];
  if (listed.length === 0) return 'any';
  for (const [index, rule] of listed.entries()) {
    const at = Array.isArray(rules) ? [...path, index] : path;
    if (typeof rule !== 'string' || rule === '') {
      reporter.error('invalid-type', at, `expected the id or name of a rule, found ${describeValue(rule)}`);
    } else if (isAny(rule)) {
      const message = '"any" in a list is the name of a rule; for every rule write rules: any';
      reporter.warning('filter-any-in-list', at, message);
    }
  }
  const names = listed.filter((rule) => typeof rule === 'string');
  return names.map((name) => (isUuid(name) ? name.toLowerCase() : name));
}

function isAny(text: string): boolean {
  return text.toLowerCase() === 'any';
}

const RESERVED = ['rules', 'condition'];

/** The keys of a filter's terms, which stand at the top of the document. */
const TERMS = ['expires', 'owner', 'ticket'];

/** A text is a keyword to Sigma, so that an end in the wrong place would be none. A map may be called as it likes. */
function withoutMisplaced(filter: Mapping, reporter: Reporter): Mapping {
  const misplaced = TERMS.filter((key) => Object.hasOwn(filter, key) && typeof filter[key] !== 'object');
  for (const key of misplaced) {
    const message = `${quote(key)} here has no meaning; write it at the top of the document, beside "title"`;
    reporter.error('misplaced-key', ['filter', key], message);
  }
  return Object.fromEntries(Object.entries(filter).filter(([key]) => !misplaced.includes(key)));
}

/** A filter's condition sees only the filter's own search identifiers, and a rule's never sees them. */
function parseCondition(
  filter: Mapping,
  reporter: Reporter,
  placeholders: Placeholders,
): Filter['condition'] | undefined {
  const selections = withoutMisplaced(filter, reporter);
  const trees = parseSearchIdentifiers(selections, 'filter', RESERVED, reporter, placeholders);
  const path = ['filter', 'condition'];
  const text = ownValue(filter, 'condition') ?? undefined;
  if (text === undefined) {
    reporter.error('missing-field', path, 'no condition; expected one such as "not selection"');
    return undefined;
  }
  if (typeof text !== 'string') {
    reporter.error('invalid-type', path, `expected exactly one condition, found ${describeValue(text)}`);
    return undefined;
  }
  const tree = createConditionParser(trees, reporter)(text, path);
  if (tree === undefined) return undefined;
  if (!negates(tree)) {
    const message =
      'is ANDed onto the rules as written, so without "not" it disarms them except where it holds; expected "not selection"';
    reporter.warning('filter-without-not', path, message);
  }
  warnOfUnused(trees, [tree], 'filter', reporter);
  return { text, tree };
}
