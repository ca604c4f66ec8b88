import { createRuleset, type Ruleset, type RulesetOptions } from '../../src/policy/ruleset.ts';
import { formatProblem, type Problem } from '../../src/sigma/read/errors.ts';
import { combine, parseSigma } from '../../src/sigma/read/load.ts';

const LOG = { product: 'kubernetes', service: 'audit' };

/** The id of rule or filter `number`. */
export function id(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}

/** A rule as a file holds it (JSON is YAML). `detection` may be a selection alone. */
export function rule(number: number, detection: object, more: object = {}): string {
  const whole = 'condition' in detection ? detection : { selection: detection, condition: 'selection' };
  return JSON.stringify({
    title: `Rule ${number}`,
    id: id(number),
    logsource: LOG,
    detection: whole,
    ...more,
  });
}

/** A filter as a file holds it: accepts what `selection` says. */
export function filter(number: number, selection: object, more: object = {}): string {
  return JSON.stringify({
    title: `Filter ${number}`,
    id: id(number),
    logsource: LOG,
    filter: { rules: 'any', selection, condition: 'not selection', ...more },
  });
}

/** The same filter with an end, an owner or a ticket. */
export function withTerms(
  document: string,
  terms: { readonly expires?: string; readonly owner?: string; readonly ticket?: string },
): string {
  return JSON.stringify({ ...(JSON.parse(document) as object), ...terms });
}

/** What `documents` make together, each in a file named by its place: `0.yml`. */
export function load(documents: readonly string[], options: Partial<RulesetOptions> = {}): Ruleset {
  const { ruleset, problems } = loaded(documents, options);
  if (ruleset === undefined) throw new Error(problems.map(formatProblem).join('\n'));
  return ruleset;
}

export function problemsIn(
  documents: readonly string[],
  options: Partial<RulesetOptions> = {},
): readonly Problem[] {
  return loaded(documents, options).problems;
}

function loaded(documents: readonly string[], options: Partial<RulesetOptions>) {
  const parsed = combine(documents.map((text, index) => parseSigma(`${index}.yml`, text)));
  return createRuleset(parsed, { door: 'serve', subresources: 'resource', ...options });
}
