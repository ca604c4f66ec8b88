import { foldCase } from '../sigma/case-folding.ts';
import type { DetectionItem, Tree } from '../sigma/tree.ts';
import { compilePredicates } from '../sigma/predicate.ts';
import { compilePath, readLeaves } from '../sigma/fields.ts';
import { printable, shorten } from './message.ts';
import type { Ruleset } from './ruleset.ts';

/** Why a rule matched: one of its fields and a value that satisfied it. */
export interface Evidence {
  /** The search identifier that asked; absent for what was added to the rule. */
  readonly searchIdentifier?: string;
  readonly field: string;
  readonly value: string;
}

const MAX_VALUE = 256;
const MAX_EVIDENCE = 32;

/**
 * The search identifiers that were true of an event, with the fields and values that made them so. Found after the fact:
 * it costs nothing when nothing matches. Never the contents of a Secret.
 */
export function evidenceOf(tree: Tree, event: object, ruleset: Ruleset): readonly Evidence[] {
  return collect(tree, event, ruleset, undefined).slice(0, MAX_EVIDENCE);
}

function collect(
  tree: Tree,
  event: object,
  ruleset: Ruleset,
  searchIdentifier: string | undefined,
): Evidence[] {
  if (ruleset.compiler.compile(tree)(event) !== true) return [];
  switch (tree.kind) {
    case 'constant':
    case 'not':
      return [];
    case 'item':
      return itemEvidence(tree.item, event, ruleset).map((evidence) =>
        searchIdentifier === undefined ? evidence : { searchIdentifier, ...evidence },
      );
    case 'identifier':
      return collect(tree.of, event, ruleset, tree.name);
    case 'and':
    case 'or':
      return tree.of.flatMap((branch) => collect(branch, event, ruleset, searchIdentifier));
  }
}

function itemEvidence(item: DetectionItem, event: object, { compiler }: Ruleset): Evidence[] {
  const field = item.field ?? 'keywords';
  const readings =
    item.field === undefined
      ? readLeaves(event).values
      : item.paths.flatMap((path) => compiler.reader(path)(event).values);
  const satisfying = readings.filter(compilePredicates(item.predicates));
  if (satisfying.length === 0) return [{ field, value: readings.length === 0 ? '(absent)' : '(present)' }];
  if (isSecretData(item, event)) return [{ field, value: '(redacted)' }];
  return satisfying.map((value) => ({ field, value: printable(shorten(String(value), MAX_VALUE)) }));
}

/** Whose bodies hold what nobody else may read. A token is asked of a service account's subresource. */
const SECRETS = ['secrets', 'tokenreviews', 'serviceaccounts/token'];

/** What says nothing of what is in one. Annotations do: kubectl keeps the whole object in one of them. */
const HARMLESS = /^(?!re(quest|sponse)Object(\.|$))|^re(quest|sponse)Object\.metadata\.(?!annotations(\.|$))/;

/** Whether an item looks at what nobody else may read: anything of a Secret's bodies but its metadata, and keywords on one. */
export function isSecretData(item: DetectionItem, event: object): boolean {
  const [resource, subresource] = ['resource', 'subresource'].map((part) => {
    const [text] = compilePath(`objectRef.${part}`)(event).values;
    return typeof text === 'string' ? foldCase(text) : '';
  });
  const asked = SECRETS.includes(`${resource}`) || SECRETS.includes(`${resource}/${subresource}`);
  return asked && (item.field === undefined || !item.paths.every((path) => HARMLESS.test(path)));
}
