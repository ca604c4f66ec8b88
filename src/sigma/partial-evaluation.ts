import type { DetectionItem, Predicate, Tree, Truth } from './tree.ts';
import { foldCase } from './case-folding.ts';

/**
 * Substitutes what is known about some items and folds: the rest is a constant, or a smaller tree. Kleene: `unknown` is
 * kept beside what may still decide against it. Every analysis of a rule is a use of this.
 */
export function partiallyEvaluate(tree: Tree, known: (item: DetectionItem) => Truth | undefined): Tree {
  switch (tree.kind) {
    case 'constant':
      return tree;
    case 'item': {
      const value = known(tree.item);
      return value === undefined ? tree : { kind: 'constant', value };
    }
    case 'identifier': {
      const of = partiallyEvaluate(tree.of, known);
      return of.kind === 'constant' ? of : { ...tree, of };
    }
    case 'not': {
      const of = partiallyEvaluate(tree.of, known);
      return of.kind === 'constant' ? { kind: 'constant', value: negate(of.value) } : { kind: 'not', of };
    }
    case 'and':
    case 'or':
      return fold(
        tree.kind,
        tree.of.map((branch) => partiallyEvaluate(branch, known)),
      );
  }
}

/** `absorbing` decides alone (false for and, true for or); its negation changes nothing; `unknown` stands once, if at all. */
function fold(kind: 'and' | 'or', branches: readonly Tree[]): Tree {
  const absorbing = kind === 'or';
  if (branches.some((branch) => branch.kind === 'constant' && branch.value === absorbing)) {
    return { kind: 'constant', value: absorbing };
  }
  const open = branches.filter((branch) => branch.kind !== 'constant');
  const unknown = branches.find((branch) => branch.kind === 'constant' && branch.value === 'unknown');
  const left = unknown === undefined ? open : [...open, unknown];
  if (left.length === 0) return { kind: 'constant', value: !absorbing };
  return left.length === 1 && left[0] !== undefined ? left[0] : { kind, of: left };
}

export function negate(truth: Truth): Truth {
  return truth === 'unknown' ? truth : !truth;
}

/** Whether some values of the items left could make it true (`truth: true`) or false. Items are taken as independent. */
export function canBe(truth: boolean, tree: Tree): boolean {
  switch (tree.kind) {
    case 'constant':
      return tree.value === truth;
    case 'item':
      return true;
    case 'identifier':
      return canBe(truth, tree.of);
    case 'not':
      return canBe(!truth, tree.of);
    case 'and':
    case 'or':
      return (tree.kind === 'and') === truth
        ? tree.of.every((branch) => canBe(truth, branch))
        : tree.of.some((branch) => canBe(truth, branch));
  }
}

/** Whether `unknown` has a say left in it. */
export function mayBeUnknown(tree: Tree): boolean {
  switch (tree.kind) {
    case 'constant':
      return tree.value === 'unknown';
    case 'item':
      return false;
    case 'identifier':
    case 'not':
      return mayBeUnknown(tree.of);
    case 'and':
    case 'or':
      return tree.of.some(mayBeUnknown);
  }
}

/** Every item of a tree, in the order written. */
export function itemsOf(tree: Tree): readonly DetectionItem[] {
  switch (tree.kind) {
    case 'constant':
      return [];
    case 'item':
      return [tree.item];
    case 'identifier':
    case 'not':
      return itemsOf(tree.of);
    case 'and':
    case 'or':
      return tree.of.flatMap(itemsOf);
  }
}

/**
 * Values of `path` (case folded) one of which every matching event has, as few as suffice; undefined if it can match
 * without any of those it names.
 */
export function requiredValues(tree: Tree, path: string): ReadonlySet<string> | undefined {
  const items = itemsOf(tree).filter((item) => item.paths.includes(path));
  if (items.length === 0 || !items.every((item) => item.paths.length === 1 && isLiteral(item)))
    return undefined;
  const named = new Set(items.flatMap(literalsOf));
  if (canHoldWithout(named, tree, path)) return undefined;
  for (const value of [...named]) {
    named.delete(value);
    if (canHoldWithout(named, tree, path)) named.add(value);
  }
  return named;
}

/** Whether the tree can hold for an event that has none of `values` at `path`. */
function canHoldWithout(values: ReadonlySet<string>, tree: Tree, path: string): boolean {
  return OTHER_READINGS.some((shape) =>
    canBe(
      true,
      partiallyEvaluate(tree, (item) => {
        if (item.paths[0] !== path) return undefined;
        return literalsOf(item).every((text) => values.has(text)) ? shapeSatisfies(item, shape) : undefined;
      }),
    ),
  );
}

/** Readings without any value the tree names: another value, none at all, a null. They exhaust what `null` and `exists` can say. */
const OTHER_READINGS = [
  { null: false, exists: true },
  { null: true, exists: false },
  { null: true, exists: true },
] as const;

function shapeSatisfies(item: DetectionItem, shape: (typeof OTHER_READINGS)[number]): boolean {
  return item.predicates.some((predicate) => {
    if (predicate.kind === 'null') return shape.null;
    return predicate.kind === 'exists' && predicate.value === shape.exists;
  });
}

function isLiteral(item: DetectionItem): boolean {
  return item.predicates.every(
    (predicate) =>
      predicate.kind === 'null' || predicate.kind === 'exists' || literalText(predicate) !== undefined,
  );
}

function literalsOf(item: DetectionItem): readonly string[] {
  return item.predicates.map(literalText).filter((text) => text !== undefined);
}

/** The folded text of a string without wildcards. */
export function literalText(predicate: Predicate): string | undefined {
  if (predicate.kind !== 'string' || predicate.pattern.length > 1) return undefined;
  const [text = ''] = predicate.pattern;
  return typeof text === 'string' ? foldCase(text) : undefined;
}
