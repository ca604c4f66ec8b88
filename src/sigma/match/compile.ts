import { compareFields } from './field-comparison.ts';
import { compilePath, readLeaves, type Readings } from './fields.ts';
import { negate } from './partial-evaluation.ts';
import { compilePredicates } from './predicate.ts';
import type { DetectionItem, Predicate, Tree, Truth } from './tree.ts';
import { createWorkMeter, type WorkMeter } from './work-meter.ts';

/**
 * A tree as a closure over an event. Throws a WorkLimitExceeded where the event's texts take too long to search, and nothing
 * else. Events are never changed once they were asked about.
 */
export type Matches = (event: object) => Truth;

/**
 * Compiles trees that will be asked about the same events. What they share is done once an event: each path is read once
 * and each distinct item judged once, so a thousand rules that all begin with `verb: create` cost one comparison.
 */
export interface Compiler {
  compile(tree: Tree): Matches;
  /** A reader of `path` that shares what was read for the trees. */
  reader(path: string): (event: object) => Readings;
}

export function createCompiler(): Compiler {
  const readings = createMemo<Readings>();
  const truths = createMemo<Truth>();
  const meter = createWorkMeter();
  /** Items of trees that were compiled, so that asking about one of them alone compiles nothing. */
  const judged = new WeakMap<DetectionItem, Matches>();
  let current: object | undefined;

  /** The memos hold what is known of one event; another one clears what the last one left. */
  function about<T>(answer: (event: object) => T): (event: object) => T {
    return (event) => {
      if (event !== current) {
        readings.clear();
        truths.clear();
        meter.reset();
        current = event;
      }
      return answer(event);
    };
  }

  function read(paths: readonly string[]): (event: object) => Readings {
    const readers = paths.map((path) => readings.remember(path, () => compilePath(path)));
    const [only] = readers;
    return readers.length === 1 && only !== undefined
      ? only
      : (event) => union(readers.map((each) => each(event)));
  }

  function judge(item: DetectionItem): Matches {
    const known = judged.get(item) ?? compileItem(item);
    judged.set(item, known);
    return known;
  }

  function compileItem(item: DetectionItem): Matches {
    return truths.remember(JSON.stringify([item.field === undefined, item.paths, item.predicates]), () => {
      const readItem = item.field === undefined ? readLeaves : read(item.paths);
      const holds = compileReadings(item.predicates, meter);
      const refers = item.predicates.filter((predicate) => predicate.kind === 'fieldref');
      if (refers.length === 0) return (event) => holds(readItem(event));
      const others = refers.map(({ comparison, paths }) => ({ comparison, readOther: read(paths) }));
      return (event) => {
        const own = readItem(event);
        return anyOf([
          holds(own),
          ...others.map(({ comparison, readOther }) =>
            compareReadings(comparison, own, readOther(event), meter),
          ),
        ]);
      };
    });
  }

  return {
    compile: (tree) => about(compileTree(tree, judge)),
    reader: (path) => about(read([path])),
  };
}

/** Answers by key, each worked out at most once until `clear`. Only what was touched is cleared: an event asks about few. */
function createMemo<T>() {
  const slots = new Map<string, (event: object) => T>();
  const answers: (T | undefined)[] = [];
  const touched: number[] = [];
  return {
    remember(key: string, compile: () => (event: object) => T): (event: object) => T {
      const known = slots.get(key);
      if (known !== undefined) return known;
      const slot = answers.push(undefined) - 1;
      const answer = compile();
      function remembered(event: object): T {
        const before = answers[slot];
        if (before !== undefined) return before;
        touched.push(slot);
        return (answers[slot] = answer(event));
      }
      slots.set(key, remembered);
      return remembered;
    },
    clear(): void {
      for (const slot of touched) answers[slot] = undefined;
      touched.length = 0;
    },
  };
}

function compileTree(tree: Tree, judge: (item: DetectionItem) => Matches): Matches {
  switch (tree.kind) {
    case 'constant':
      return () => tree.value;
    case 'item':
      return judge(tree.item);
    case 'identifier':
      return compileTree(tree.of, judge);
    case 'not': {
      const matches = compileTree(tree.of, judge);
      return (event) => negate(matches(event));
    }
    case 'and':
    case 'or': {
      const absorbing = tree.kind === 'or';
      const branches = branchesOf(tree, tree.kind).map((branch) => compileTree(branch, judge));
      return function combined(event) {
        let truth: Truth = !absorbing;
        for (const branch of branches) {
          const value = branch(event);
          if (value === absorbing) return absorbing;
          if (value === 'unknown') truth = 'unknown';
        }
        return truth;
      };
    }
  }
}

/** Those of trees of the same kind within it in their place: `(a and b) and c` is one loop over three, a quarter faster. */
function branchesOf(tree: Tree, kind: 'and' | 'or'): readonly Tree[] {
  if (tree.kind === 'identifier') return branchesOf(tree.of, kind);
  return tree.kind === kind ? tree.of.flatMap((branch) => branchesOf(branch, kind)) : [tree];
}

/** What the predicates of one item say of its readings, `fieldref` aside. */
function compileReadings(predicates: readonly Predicate[], meter: WorkMeter): (readings: Readings) => Truth {
  const some = compilePredicates(predicates, meter);
  const asksNull = predicates.some(({ kind }) => kind === 'null');
  const asksPresent = predicates.some((predicate) => predicate.kind === 'exists' && predicate.value);
  const asksAbsent = predicates.some((predicate) => predicate.kind === 'exists' && !predicate.value);
  const onlyAsksAbsent = asksAbsent && predicates.every(({ kind }) => kind === 'exists') && !asksPresent;
  return function holds({ values, unknown }) {
    for (const value of values) if (some(value)) return true;
    if (asksNull && values.some((value) => value === null || value === undefined)) return true;
    if (asksNull && values.length === 0 && !unknown) return true;
    const present = (asksPresent || asksAbsent) && values.some((value) => value !== undefined);
    if (asksPresent && present) return true;
    if (asksAbsent && !present && !unknown) return true;
    return unknown && !(onlyAsksAbsent && present) ? 'unknown' : false;
  };
}

/** A missing value compares with nothing; one that cannot be seen might. */
function compareReadings(
  comparison: Extract<Predicate, { kind: 'fieldref' }>['comparison'],
  own: Readings,
  other: Readings,
  meter: WorkMeter,
): Truth {
  const truth = compareFields(comparison, own.values, other.values, meter);
  return truth === false && (own.unknown || other.unknown) ? 'unknown' : truth;
}

function anyOf(truths: readonly Truth[]): Truth {
  if (truths.includes(true)) return true;
  return truths.includes('unknown') ? 'unknown' : false;
}

function union(all: readonly Readings[]): Readings {
  return { values: all.flatMap(({ values }) => values), unknown: all.some(({ unknown }) => unknown) };
}
