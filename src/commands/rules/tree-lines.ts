import type { Tree } from '../../sigma/match/tree.ts';
import { describeItem } from './describe-item.ts';

/** One line about a part of a tree; the lines of its own parts, if it has any, follow two spaces further in. */
export interface TreeLine {
  readonly text: string;
  readonly tree: Tree;
}

/** A tree in words: `verb = create`, `and not objectRef.name starts with kube-`. What has a name is only named. */
export function treeLines(tree: Tree): readonly TreeLine[] {
  switch (tree.kind) {
    case 'item':
      return [{ text: describeItem(tree.item), tree }];
    case 'identifier':
      return [{ text: tree.name, tree }];
    case 'constant':
      return [{ text: `always ${tree.value}`, tree }];
    case 'not':
      return negated(tree.of, tree);
    case 'and':
    case 'or':
      return tree.of.flatMap((branch, position) =>
        prefixed(position === 0 ? '' : `${tree.kind} `, branchLines(branch)),
      );
  }
}

function negated(of: Tree, tree: Tree): readonly TreeLine[] {
  const lines = branchLines(of);
  const [only] = lines;
  if (lines.length === 1 && only !== undefined) return [{ text: `not ${only.text}`, tree }];
  return [{ text: 'not', tree }, ...prefixed('  ', lines, true)];
}

/** Below another, and and or begin with what they are. */
function branchLines(branch: Tree): readonly TreeLine[] {
  const lines = treeLines(branch);
  if ((branch.kind !== 'and' && branch.kind !== 'or') || branch.of.length < 2) return lines;
  const heading = branch.kind === 'and' ? 'all of:' : 'any of:';
  return [{ text: heading, tree: branch }, ...prefixed('  ', treeLinesWithout(branch), true)];
}

/** The heading says how they are linked. */
function treeLinesWithout({ of }: Extract<Tree, { kind: 'and' | 'or' }>): readonly TreeLine[] {
  return of.flatMap(branchLines);
}

function prefixed(prefix: string, lines: readonly TreeLine[], all = false): readonly TreeLine[] {
  return lines.map((line, position) => ({
    ...line,
    text: position === 0 || all ? prefix + line.text : line.text,
  }));
}
