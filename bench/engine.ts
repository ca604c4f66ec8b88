import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAdmissionReview } from '../src/kubernetes/admission-review.ts';
import { auditEventFromAdmission, type Observation } from '../src/kubernetes/audit-event.ts';
import { evaluate } from '../src/policy/evaluate.ts';
import { createRuleset, type Ruleset } from '../src/policy/ruleset.ts';
import { createReviewer } from '../src/webhook/review.ts';
import { combine, parseSigma } from '../src/sigma/read/load.ts';
import { compileRegex } from '../src/sigma/match/regular-expression.ts';
import { createWorkMeter, WorkLimitExceeded } from '../src/sigma/match/work-meter.ts';
import { ROUNDS, summary, time, type Figure } from './figure.ts';
import { growthFigures } from './growth.ts';

const EXAMPLE = join(import.meta.dirname, '../examples/pod-by-alice.json');
const EVENTS = 20_000;
const REVIEWS = 500;
const SLICES = 20;

function uuid(index: number): string {
  return `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
}

/** A rule like the public ones, about a resource of its own. */
function elsewhere(index: number): string {
  return rule(index, {
    verb: ['create', 'update', 'patch'],
    'objectRef.apiGroup': `example${index % 50}.org`,
    'objectRef.resource': `things${index}`,
  });
}

/** A rule on the very action of the event, which must look into the pod to tell. */
function onPodsCreate(index: number): string {
  return rule(index, {
    verb: 'create',
    'objectRef.resource': 'pods',
    'requestObject.spec.containers.image|contains': `registry${index}.example.org`,
  });
}

function rule(index: number, selection: object): string {
  return JSON.stringify({
    title: `Rule ${index}`,
    id: uuid(index),
    logsource: { product: 'kubernetes', service: 'audit' },
    detection: { selection, condition: 'selection' },
  });
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

/** The same review again and again, through all of the spine but the network. */
async function nanosecondsAReview(ruleset: Ruleset): Promise<number> {
  const body = readFileSync(EXAMPLE);
  const review = createReviewer({
    ruleset: () => ruleset,
    modes: { default: 'warn', levels: {}, rules: {} },
    provenance: () => ({ mirrorPod: false }),
    recorder: { record: () => {} },
  });
  const start = process.hrtime.bigint();
  for (let index = 0; index < REVIEWS; index++) await review(parseAdmissionReview(body), Infinity, DELIVERED);
  return Number(process.hrtime.bigint() - start) / REVIEWS;
}

const DELIVERED = Promise.resolve(true);
const COUNTS = [1, 16, 100, 1000, 3000];

/** ns an event on one core; rules about other resources must cost nothing, rules on the very action little. */
export async function* engineFigures(): AsyncIterable<Figure> {
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
  yield* loadFigures();
  yield* notJudgedFigures();
  yield* searchFigures();
  yield* serverFigures(sets);
  yield* growthFigures();
}

/** A rule with a list of so many values. */
function ofImages(count: number): string {
  return rule(count, {
    verb: 'create',
    'requestObject.spec.containers.image': Array.from(
      { length: count },
      (_, index) => `registry.example.org/a:${index}`,
    ),
  });
}

/** CPU of loading one list of values; twice as many must cost about twice that. */
function* loadFigures(): Iterable<Figure> {
  const [small, large] = [10_000, 20_000].map(ofImages);
  if (small === undefined || large === undefined) throw new TypeError('both are made above');
  const spent = (text: string) => {
    const before = process.cpuUsage();
    load([text]);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  spent(large);
  const rounds = Array.from({ length: ROUNDS }, () => [spent(small), spent(large)] as const);
  yield summary(
    'engine.load.10000',
    'ms CPU',
    rounds.map(([ms]) => ms),
    '≤ 100',
  );
  yield summary(
    'engine.load.20000',
    '× 10,000 values',
    rounds.map(([ms, twice]) => twice / ms),
    '≤ 2.5',
  );
}

/** What it costs to say which field was not seen, against judging the same list of values. */
function* notJudgedFigures(): Iterable<Figure> {
  const ruleset = load([ofImages(1000)]);
  const request = parseAdmissionReview(readFileSync(EXAMPLE));
  const seen: Observation = auditEventFromAdmission(request, { mirrorPod: false }, '2026-11-24T00:00:00Z');
  const unseen: Observation = { ...seen, unknown: [...seen.unknown, 'requestObject'] };
  const judge = (observation: Observation) => time(EVENTS, () => evaluate({ ...observation }, ruleset));
  judge(seen);
  judge(unseen);
  const ratios = Array.from({ length: ROUNDS }, () => judge(unseen) / judge(seen));
  yield summary('engine.not-judged', '× judged', ratios, '≤ 3');
}

/** Expressions that repeat much, and the texts that are hard for them. */
const SEARCHES: readonly (readonly [source: string, flags: string, alphabet: string])[] = [
  ['x.{0,1000}y', '', 'ax'],
  ['x.{0,200}x.{0,200}y', 'i', 'ax'],
  ['x.{0,20}y', '', 'ax'],
  ['(a|b)*a(a|b){12}c', '', 'ab'],
  ['(x{0,1000}){1}(x{0,1000}){1}y', '', 'ax'],
];

/** CPU of the most that one event may search for, verdict or none. */
function* searchFigures(): Iterable<Figure> {
  const rounds = Array.from({ length: ROUNDS }, () =>
    Math.max(
      ...SEARCHES.flatMap(([source, flags, alphabet]) =>
        [30_000, 1_500_000].map((length) => {
          const search = compileRegex(source, flags, createWorkMeter());
          const text = `${Array.from({ length }, () => alphabet[Math.floor(Math.random() * alphabet.length)]).join('')} yc`;
          const before = process.cpuUsage();
          try {
            search(text);
          } catch (error) {
            if (!(error instanceof WorkLimitExceeded)) throw error;
          }
          const { user, system } = process.cpuUsage(before);
          return (user + system) / 1000;
        }),
      ),
    ),
  );
  yield summary('engine.worst.regex', 'ms CPU', rounds, '< 250');
}

/** How many reviews a thousand rules about other resources leave of those that one leaves. */
async function* serverFigures(sets: readonly Ruleset[]): AsyncIterable<Figure> {
  const [one, thousand] = [1, 1000].map((count) => sets[COUNTS.indexOf(count)]);
  if (one === undefined || thousand === undefined) throw new TypeError('both are measured above');
  await nanosecondsAReview(one);
  await nanosecondsAReview(thousand);
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const spent = { one: 0, thousand: 0 };
    // In short turns, so that whatever the machine does hits both.
    for (let slice = 0; slice < SLICES; slice++) {
      spent.one += await nanosecondsAReview(one);
      spent.thousand += await nanosecondsAReview(thousand);
    }
    ratios.push(spent.one / spent.thousand);
  }
  yield summary('engine.server.1000', '× 1 rule, reviews/s', ratios, '≥ 0.95');
}
