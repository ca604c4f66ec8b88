import type { DetectionItem, Predicate, Tree } from './tree.ts';

/** Where a field name is really read (Sigma calls it a taxonomy). Several paths are a union of their readings. */
export type FieldMapping = Readonly<Record<string, readonly string[]>>;

/** The tree with every item's paths as the mapping has them. Names it does not know stand for themselves. */
export function mapFields(tree: Tree, mapping: FieldMapping): Tree {
  const pathsOf = (field: string) => (Object.hasOwn(mapping, field) ? (mapping[field] ?? [field]) : [field]);
  return mapItems(tree, (item) => ({
    ...item,
    paths: item.field === undefined ? [] : pathsOf(item.field),
    predicates: item.predicates.map((predicate): Predicate =>
      predicate.kind === 'fieldref' ? { ...predicate, paths: pathsOf(predicate.field) } : predicate,
    ),
  }));
}

/** The same tree over other items. */
export function mapItems(tree: Tree, change: (item: DetectionItem) => DetectionItem): Tree {
  switch (tree.kind) {
    case 'constant':
      return tree;
    case 'item':
      return { kind: 'item', item: change(tree.item) };
    case 'identifier':
    case 'not':
      return { ...tree, of: mapItems(tree.of, change) };
    case 'and':
    case 'or':
      return { ...tree, of: tree.of.map((branch) => mapItems(branch, change)) };
  }
}
