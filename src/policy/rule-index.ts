import type { Compiler } from '../sigma/match/compile.ts';
import type { Readings } from '../sigma/match/fields.ts';
import { itemsOf, requiredValues } from '../sigma/match/partial-evaluation.ts';
import { foldCase } from '../sigma/match/case-folding.ts';
import type { Tree } from '../sigma/match/tree.ts';

/** The rules an event can touch; everything it leaves out is false for that event. */
export type RuleIndex<Rule> = (event: object) => readonly Rule[];

interface Bucket<Rule> {
  readonly readings: (event: object) => Readings;
  readonly byValue: Map<string, Rule[]>;
  /** For an event that cannot show the field. */
  readonly all: Rule[];
}

/**
 * Puts each rule under the values of the one path that fewest other rules require, so that the cost of an event does not
 * grow with rules about other things. (Under the resource alone, three thousand rules about other resources are free, but
 * a thousand about pods are all asked about every pod.) A rule that requires nothing is always asked.
 */
export function createRuleIndex<Rule extends { readonly tree: Tree }>(
  rules: readonly Rule[],
  compiler: Compiler,
): RuleIndex<Rule> {
  const required = rules.map(({ tree }) => requirements(tree));
  const shared = countSharing(required);
  const popular = countPaths(required);
  const always: Rule[] = [];
  const buckets = new Map<string, Bucket<Rule>>();
  for (const [position, rule] of rules.entries()) {
    const [path, values] = cheapest(required[position] ?? [], shared, popular) ?? [];
    if (path === undefined || values === undefined) {
      always.push(rule);
      continue;
    }
    const bucket: Bucket<Rule> = buckets.get(path) ?? {
      readings: compiler.reader(path),
      byValue: new Map(),
      all: [],
    };
    buckets.set(path, bucket);
    bucket.all.push(rule);
    for (const value of values) {
      const listed = bucket.byValue.get(value);
      if (listed === undefined) bucket.byValue.set(value, [rule]);
      else listed.push(rule);
    }
  }
  const lookups = [...buckets.values()];
  return function candidates(event) {
    const found = [...always];
    for (const lookup of lookups) found.push(...lookUp(lookup, event));
    return found;
  };
}

type Requirements = readonly (readonly [path: string, values: ReadonlySet<string>])[];

function requirements(tree: Tree): Requirements {
  const paths = new Set(itemsOf(tree).flatMap((item) => item.paths));
  return [...paths].flatMap((path) => {
    const values = requiredValues(tree, path);
    return values === undefined ? [] : [[path, values] as const];
  });
}

/** How many rules require a value, by path and value. */
type Sharing = ReadonlyMap<string, ReadonlyMap<string, number>>;

function countSharing(required: readonly Requirements[]): Sharing {
  const sharing = new Map<string, Map<string, number>>();
  for (const [path, values] of required.flat()) {
    const counts = sharing.get(path) ?? new Map<string, number>();
    sharing.set(path, counts);
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return sharing;
}

function countPaths(required: readonly Requirements[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const [path] of required.flat()) counts.set(path, (counts.get(path) ?? 0) + 1);
  return counts;
}

/** Up to so many rules are asked in the time that reading one more path of the event takes. */
const FEW = 8;

/** Of the paths that few other rules share, the one that most rules have: each path in use is read of every event. */
function cheapest(
  required: Requirements,
  shared: Sharing,
  popular: ReadonlyMap<string, number>,
): Requirements[number] | undefined {
  const costs = required.map(([path, values]) => {
    const counts = shared.get(path);
    return sum([...values].map((value) => counts?.get(value) ?? 0));
  });
  const enough = Math.max(FEW, Math.min(...costs));
  return required
    .filter((_, position) => (costs[position] ?? 0) <= enough)
    .toSorted(([a], [b]) => (popular.get(b) ?? 0) - (popular.get(a) ?? 0))[0];
}

function lookUp<Rule>({ readings, byValue, all }: Bucket<Rule>, event: object): readonly Rule[] {
  const { values, unknown } = readings(event);
  if (unknown) return all;
  if (values.length === 1) return rulesFor(values[0], byValue);
  const found = new Set(values.map((value) => rulesFor(value, byValue)));
  return found.size > 1 ? [...new Set([...found].flat())] : [...found].flat();
}

function rulesFor<Rule>(value: unknown, byValue: ReadonlyMap<string, readonly Rule[]>): readonly Rule[] {
  return isScalar(value) ? (byValue.get(foldCase(String(value))) ?? []) : [];
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
