import { printable, shorten } from '../io/text.ts';
import { foldCase } from '../sigma/match/case-folding.ts';
import type { Compiler } from '../sigma/match/compile.ts';
import type { DetectionItem, Tree } from '../sigma/match/tree.ts';
import { compilePredicates } from '../sigma/match/predicate.ts';
import { compilePath, readLeaves } from '../sigma/match/fields.ts';
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

type FindEvidence = (event: object) => readonly Evidence[];

/**
 * The search identifiers that were true of an event, with the fields and values that made them so. Found after the fact:
 * it costs nothing when nothing matches. Never the contents of a Secret.
 */
export function evidenceOf(tree: Tree, event: object, { compiler }: Ruleset): readonly Evidence[] {
  const known = COMPILED.get(tree) ?? compileEvidence(tree, compiler, undefined);
  COMPILED.set(tree, known);
  return known(event).slice(0, MAX_EVIDENCE);
}

/** Compiled when a rule first matches. A tree is one ruleset's, and goes with it. */
const COMPILED = new WeakMap<Tree, FindEvidence>();

function compileEvidence(tree: Tree, compiler: Compiler, searchIdentifier: string | undefined): FindEvidence {
  const matches = compiler.compile(tree);
  const find = compileParts(tree, compiler, searchIdentifier);
  return (event) => (matches(event) === true ? find(event) : []);
}

function compileParts(tree: Tree, compiler: Compiler, searchIdentifier: string | undefined): FindEvidence {
  switch (tree.kind) {
    case 'constant':
    case 'not':
      return () => [];
    case 'item':
      return compileItemEvidence(tree.item, compiler, searchIdentifier);
    case 'identifier':
      return compileEvidence(tree.of, compiler, tree.name);
    case 'and':
    case 'or': {
      const branches = tree.of.map((branch) => compileEvidence(branch, compiler, searchIdentifier));
      return (event) => branches.flatMap((find) => find(event));
    }
  }
}

function compileItemEvidence(
  item: DetectionItem,
  compiler: Compiler,
  searchIdentifier: string | undefined,
): FindEvidence {
  const named = {
    ...(searchIdentifier === undefined ? {} : { searchIdentifier }),
    field: item.field ?? 'keywords',
  };
  const readers = item.field === undefined ? [readLeaves] : item.paths.map((path) => compiler.reader(path));
  const satisfies = compilePredicates(item.predicates);
  return (event) => {
    const readings = readers.flatMap((read) => read(event).values);
    const satisfying = readings.filter(satisfies).slice(0, MAX_EVIDENCE);
    if (satisfying.length === 0)
      return [{ ...named, value: readings.length === 0 ? '(absent)' : '(present)' }];
    if (isSecretData(item, event)) return [{ ...named, value: '(redacted)' }];
    return satisfying.map((value) => ({ ...named, value: printable(shorten(String(value), MAX_VALUE)) }));
  };
}

/** Resources whose bodies hold secrets. A token is requested from a subresource of serviceaccounts. */
const SECRETS = ['secrets', 'tokenreviews', 'serviceaccounts/token'];

const OBJECT_REF = ['objectRef.resource', 'objectRef.subresource'].map(compilePath);

/** Fields that hold no secret data. Annotations may: kubectl keeps the whole object in one of them. */
const HARMLESS = /^(?!re(quest|sponse)Object(\.|$))|^re(quest|sponse)Object\.metadata\.(?!annotations(\.|$))/;

/** Whether an item reads secret data: anything of a Secret's bodies but its metadata, and keywords on one. */
export function isSecretData(item: DetectionItem, event: object): boolean {
  const [resource, subresource] = OBJECT_REF.map((read) => {
    const [text] = read(event).values;
    return typeof text === 'string' ? foldCase(text) : '';
  });
  const asked = SECRETS.includes(`${resource}`) || SECRETS.includes(`${resource}/${subresource}`);
  return asked && (item.field === undefined || !item.paths.every((path) => HARMLESS.test(path)));
}
