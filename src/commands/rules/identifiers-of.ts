import type { Tree } from '../../sigma/match/tree.ts';

/** The search identifiers that trees call, with what each stands for, in the order in which they are called. */
export function identifiersOf(trees: readonly Tree[]): readonly (readonly [name: string, of: Tree])[] {
  const named = new Map<string, Tree>();
  const open = [...trees];
  for (let tree = open.shift(); tree !== undefined; tree = open.shift()) {
    if (tree.kind === 'identifier') named.set(tree.name, tree.of);
    else if (tree.kind === 'not') open.unshift(tree.of);
    else if (tree.kind === 'and' || tree.kind === 'or') open.unshift(...tree.of);
  }
  return [...named];
}
