import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAdmissionReview } from '../src/kubernetes/admission-review.ts';
import { auditEventFromAdmission } from '../src/kubernetes/audit-event.ts';
import { evaluate } from '../src/policy/evaluate.ts';
import { createRuleset, type Ruleset } from '../src/policy/ruleset.ts';
import { combine, parseSigma } from '../src/sigma/load.ts';
import { compilePattern, parsePattern } from '../src/sigma/pattern.ts';
import { compileRegex } from '../src/sigma/regular-expression.ts';
import { ROUNDS, summary, time, type Figure } from './figure.ts';

const EXAMPLE = join(import.meta.dirname, '../examples/pod-by-alice.json');
const EVENTS = 20_000;

function uuid(index: number): string {
  return `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
}

/** A rule like the public ones, about a resource of its own. */
function elsewhere(index: number): string {
  return rule(
    index,
    `{verb: [create, update, patch], objectRef.apiGroup: example${index % 50}.org, objectRef.resource: things${index}}`,
  );
}

/** A rule on the very action of the event, which must look into the pod to tell. */
function onPodsCreate(index: number): string {
  return rule(
    index,
    `{verb: create, objectRef.resource: pods, requestObject.spec.containers.image|contains: registry${index}.example.org}`,
  );
}

function rule(index: number, selection: string): string {
  return JSON.stringify({
    title: `Rule ${index}`,
    id: uuid(index),
    logsource: { product: 'kubernetes', service: 'audit' },
    detection: { condition: 'selection' },
  }).replace('"condition"', `"selection": ${toJson(selection)}, "condition"`);
}

function toJson(flow: string): string {
  return flow
    .replace(/([{,] ?)([\w.|]+): /g, '$1"$2": ')
    .replace(/: ([\w.]+)/g, ': "$1"')
    .replace(/([[ ])([a-z]+)(?=[,\]])/g, '$1"$2"');
}

function load(texts: readonly string[]): Ruleset {
  const parsed = combine(texts.map((text, index) => parseSigma(`rule-${index}.yml`, text)));
  const { ruleset, problems } = createRuleset(parsed, { door: 'serve', subresources: 'resource' });
  if (ruleset === undefined) throw new TypeError(JSON.stringify(problems[0]));
  return ruleset;
}

/** A new event each time: what is remembered of one must not help the next. */
function nanosecondsAnEvent(ruleset: Ruleset): number {
  const request = parseAdmissionReview(readFileSync(EXAMPLE));
  return time(EVENTS, () =>
    evaluate(auditEventFromAdmission(request, { mirrorPod: false }, '2026-11-24T00:00:00Z'), ruleset),
  );
}

/** Rounds of all rulesets in turn, so that whatever the machine does hits each of them. */
function interleaved(rulesets: readonly Ruleset[]): readonly (readonly number[])[] {
  for (const ruleset of rulesets) nanosecondsAnEvent(ruleset);
  const rounds = Array.from({ length: ROUNDS }, () => rulesets.map(nanosecondsAnEvent));
  return rulesets.map((_, index) => rounds.map((round) => round[index] ?? NaN));
}

const COUNTS = [1, 16, 100, 1000, 3000];

/** ns an event on one core; rules about other resources must cost nothing, rules on the very action little. */
export function* engineFigures(): Iterable<Figure> {
  const sets = COUNTS.map((count) => load(Array.from({ length: count }, (_, index) => elsewhere(index))));
  const crowd = load(Array.from({ length: 1000 }, (_, index) => onPodsCreate(index)));
  const [one = [], ...more] = interleaved([...sets, crowd]);
  const crowded = more.pop() ?? [];
  yield summary('engine.rules.1', 'ns/event', one);
  for (const [index, rounds] of more.entries()) {
    const count = COUNTS[index + 1];
    const ratios = rounds.map((ns, round) => ns / (one[round] ?? NaN));
    yield summary(`engine.rules.${count}`, '× 1 rule', ratios, count === 3000 ? '≤ 1.2' : undefined);
  }
  yield summary(
    'engine.pods-create.1000',
    'ns/rule',
    crowded.map((ns) => ns / 1000),
    '≤ 100',
  );
  yield* growthFigures();
}

/** time(2n) ÷ time(n) on values made to be hard: 2 is linear, 4 quadratic. */
function* growthFigures(): Iterable<Figure> {
  const matchers: Record<string, (text: string) => boolean> = {
    literal: compilePattern(['a'.repeat(64)], false),
    startswith: compilePattern(parsePattern('aaaa*'), false),
    endswith: compilePattern(parsePattern('*aaaab'), false),
    contains: compilePattern(parsePattern(`*${'a'.repeat(16)}b*`), false),
    wildcards: compilePattern(parsePattern('*a*a*a*a?b'), false),
    regex: compileRegex('(a+)+$', ''),
  };
  for (const [name, matches] of Object.entries(matchers)) {
    const [short, long] = [2 ** 14, 2 ** 15].map((length) => `${'a'.repeat(length)}c`);
    const rounds = Array.from({ length: ROUNDS }, () => {
      const [first = NaN, second = NaN] = [short, long].map((text = '') => time(200, () => matches(text)));
      return second / first;
    });
    yield summary(`engine.growth.${name}`, 'time(2n)/time(n)', rounds, '≤ 2.2');
  }
}
