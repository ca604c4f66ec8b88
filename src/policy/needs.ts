import type { Operation } from '../kubernetes/admission-review.ts';
import { CONNECT_SUBRESOURCES } from '../kubernetes/objects.ts';
import { AUDIT_VERBS } from '../kubernetes/schema/audit-event.ts';
import { canBe, itemsOf, literalText, requiredValues } from '../sigma/match/partial-evaluation.ts';
import type { Predicate, Tree } from '../sigma/match/tree.ts';
import { withAbsent, withValue } from './rule-class.ts';

/** Requests of one kind that a tree can be true of. Absent parts stand for any. */
export interface RequestKind {
  /** Absent where the tree is about every verb alike. */
  readonly verbs?: readonly string[];
  readonly resource?: string;
  /** `''` is the resource itself. */
  readonly subresource?: string;
  readonly apiGroups?: readonly string[];
  readonly namespaces?: readonly string[];
}

/** What a tree is about, by substituting each verb, resource and subresource it names and seeing whether it still can be true. */
export function requestKindsOf(tree: Tree): readonly RequestKind[] {
  const apiGroups = requiredValues(tree, 'objectRef.apiGroup');
  const namespaces = requiredValues(tree, 'objectRef.namespace');
  const places = {
    ...(apiGroups === undefined ? {} : { apiGroups: [...apiGroups] }),
    ...(namespaces === undefined ? {} : { namespaces: [...namespaces] }),
  };
  const resources = fewOf(requiredValues(tree, 'objectRef.resource')) ?? [undefined];
  return [...resources].flatMap((resource) => {
    const about = resource === undefined ? tree : withValue(tree, 'objectRef.resource', resource);
    return bySubresource(about).flatMap(([subresource, part]): RequestKind[] => {
      const verbs = verbsOf(part);
      if (verbs.length === 0) return [];
      return [
        {
          ...(verbs.length === AUDIT_VERBS.length ? {} : { verbs }),
          ...(resource === undefined ? {} : { resource }),
          ...(subresource === undefined ? {} : { subresource }),
          ...places,
        },
      ];
    });
  });
}

/** Names told apart. A tree that names more resources, or more subresources, is about any of them. */
const MAX_NAMES = 100;

function fewOf(names: ReadonlySet<string> | undefined): ReadonlySet<string> | undefined {
  return names === undefined || names.size > MAX_NAMES ? undefined : names;
}

/** `''` for the resource itself, those a tree names, and `undefined` where it is about others too. */
function bySubresource(tree: Tree): readonly (readonly [subresource: string | undefined, tree: Tree])[] {
  const items = itemsOf(tree).filter(({ paths }) => paths.includes('objectRef.subresource'));
  const texts = items.flatMap(({ predicates }) => predicates.map(literalText));
  const named = fewOf(new Set(texts.filter((text) => text !== undefined)));
  if (named === undefined) return [[undefined, tree]];
  // Which names a pattern finds is not known here.
  const hasPattern = items.some(({ predicates }) => predicates.some(isPattern));
  const possible = ['', ...named, undefined]
    .map((subresource) => {
      const isOpen = subresource === undefined && hasPattern;
      return [subresource, isOpen ? tree : withSubresource(tree, subresource)] as const;
    })
    .filter(([, part]) => canBe(true, part));
  return possible.some(([subresource]) => subresource === undefined)
    ? possible.filter(([subresource]) => subresource === '' || subresource === undefined)
    : possible;
}

function isPattern(predicate: Predicate): boolean {
  return predicate.kind === 'regex' || (predicate.kind === 'string' && literalText(predicate) === undefined);
}

/** No subresource has a space in its name: what is true of this one is true of one that the tree does not name. */
const ANOTHER = 'another one';

function withSubresource(tree: Tree, subresource: string | undefined): Tree {
  return subresource === ''
    ? withAbsent(tree, 'objectRef.subresource')
    : withValue(tree, 'objectRef.subresource', subresource ?? ANOTHER);
}

function verbsOf(tree: Tree): readonly string[] {
  return AUDIT_VERBS.filter((verb) => canBe(true, withValue(tree, 'verb', verb)));
}

const VERBS: Readonly<Record<Operation, readonly string[]>> = {
  CREATE: ['create'],
  UPDATE: ['update', 'patch'],
  DELETE: ['delete', 'deletecollection'],
  CONNECT: ['create', 'get', 'update', 'patch', 'delete'],
};

/** The operations by which admission is asked about such requests; none, if they are reads. */
export function operationsOf({ verbs = AUDIT_VERBS, subresource }: RequestKind): readonly Operation[] {
  return possibleOperations(subresource).filter((operation) => {
    // A server-side apply that makes something new is a patch. Nothing makes a subresource so.
    const possible = operation === 'CREATE' && subresource === '' ? ['create', 'patch'] : VERBS[operation];
    return possible.some((verb) => verbs.includes(verb));
  });
}

/** A subresource that is connected to is nothing else, and none is deleted. */
function possibleOperations(subresource: string | undefined): readonly Operation[] {
  if (subresource === '') return ['CREATE', 'UPDATE', 'DELETE'];
  if (subresource === undefined) return ['CREATE', 'UPDATE', 'CONNECT'];
  return CONNECT_SUBRESOURCES.includes(subresource) ? ['CONNECT'] : ['CREATE', 'UPDATE'];
}

/** The requests that the API server must send for a rule to be asked completely. An absent part means any value. */
export interface Need {
  readonly operation: Operation;
  readonly resource?: string;
  /** `''` means the resource itself. */
  readonly subresource?: string;
  readonly apiGroups?: readonly string[];
  readonly namespaces?: readonly string[];
}

/** The operations on resources that a rule can be true of. */
export function needsOf(tree: Tree): readonly Need[] {
  return requestKindsOf(tree).flatMap((requestKind) => {
    const { verbs: _, ...about } = requestKind;
    return operationsOf(requestKind).map((operation) => ({ operation, ...about }));
  });
}
