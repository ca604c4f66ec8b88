import type { DetectionItem, Predicate, Tree, Truth } from './tree.ts';
import { foldCase } from './case-folding.ts';
import { literalOf } from './pattern.ts';

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
 * without any of those it names. Takes time linear in the values: each is left out once, and only what that changes is
 * looked at again.
 */
export function requiredValues(tree: Tree, path: string): ReadonlySet<string> | undefined {
  const items = itemsOf(tree).filter((item) => item.paths.includes(path));
  if (items.length === 0 || !items.every((item) => item.paths.length === 1 && isLiteral(item)))
    return undefined;
  const literals = new Map(items.map((item) => [item, literalsOf(item)]));
  const named = new Set([...literals.values()].flat());
  const leaves = new Map<DetectionItem, Gate[]>();
  const roots = OTHER_READINGS.map((shape) =>
    createGate(tree, true, (item, truth) => {
      if (item.paths[0] !== path) return createLeaf(true);
      const leaf = createLeaf(truth === shapeSatisfies(item, shape));
      const listed = leaves.get(item) ?? [];
      leaves.set(item, listed);
      listed.push(leaf);
      return leaf;
    }),
  );
  if (roots.some(isOpen)) return undefined;
  const leavesOf = new Map<string, Gate[]>();
  for (const [item, texts] of literals) {
    for (const text of new Set(texts)) {
      const listed = leavesOf.get(text) ?? [];
      leavesOf.set(text, listed);
      listed.push(...(leaves.get(item) ?? []));
    }
  }
  for (const [value, touched] of leavesOf) {
    for (const leaf of touched) shift(leaf, 1);
    if (!roots.some(isOpen)) named.delete(value);
    else for (const leaf of touched) shift(leaf, -1);
  }
  return named;
}

/** One place of a tree, asked whether it can have a truth: it can while no more inputs are missing. */
interface Gate {
  missing: number;
  parent?: Gate;
}

function isOpen({ missing }: Gate): boolean {
  return missing <= 0;
}

function createLeaf(open: boolean): Gate {
  return { missing: open ? 0 : 1 };
}

/** `canBe(truth, tree)` as gates, so that an item that becomes possible is only carried as far as it makes a difference. */
function createGate(tree: Tree, truth: boolean, leafOf: (item: DetectionItem, truth: boolean) => Gate): Gate {
  switch (tree.kind) {
    case 'constant':
      return createLeaf(tree.value === truth);
    case 'item':
      return leafOf(tree.item, truth);
    case 'identifier':
      return createGate(tree.of, truth, leafOf);
    case 'not':
      return createGate(tree.of, !truth, leafOf);
    case 'and':
    case 'or': {
      const inputs = tree.of.map((branch) => createGate(branch, truth, leafOf));
      const needed = (tree.kind === 'and') === truth ? inputs.length : 1;
      const gate: Gate = { missing: needed - inputs.filter(isOpen).length };
      for (const input of inputs) input.parent = gate;
      return gate;
    }
  }
}

/** Gives a gate one more input that is possible, or takes one away. */
function shift(gate: Gate, by: 1 | -1): void {
  const before = isOpen(gate);
  gate.missing -= by;
  if (before !== isOpen(gate) && gate.parent !== undefined) shift(gate.parent, by);
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
  const literal = predicate.kind === 'string' ? literalOf(predicate.pattern) : undefined;
  return literal === undefined ? undefined : foldCase(literal);
}
