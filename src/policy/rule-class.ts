import { CONNECT_SUBRESOURCES } from '../kubernetes/objects.ts';
import { AUDIT_VERBS, EVENT } from '../kubernetes/schema/audit-event.ts';
import { KUBERNETES } from '../kubernetes/schema/kubernetes.ts';
import { follow, type FieldType } from '../kubernetes/schema/schema.ts';
import { canBe, itemsOf, partiallyEvaluate, requiredValues } from '../sigma/match/partial-evaluation.ts';
import { compilePredicates, type Satisfies } from '../sigma/match/predicate.ts';
import type { DetectionItem, Predicate, Tree, Truth } from '../sigma/match/tree.ts';
import { isUnobservable, type Door } from './door.ts';
import { mayHold } from './may-hold.ts';

/**
 * Whether a rule can be decided at a door:
 * `decidable`; `approximate` (it may match more than its log would show); `offline-only` (it needs what this door never
 * shows); `never-subscribed` (about resources a webhook must not or cannot receive); `dead` (true on no audit event).
 */
export const RULE_CLASSES = ['decidable', 'approximate', 'offline-only', 'never-subscribed', 'dead'] as const;
export type RuleClass = (typeof RULE_CLASSES)[number];

export interface Classification {
  readonly class: RuleClass;
  /** The field that decides it. */
  readonly field?: string;
  /** One clause for people. */
  readonly reason: string;
}

/** Questions, which the API server answers and keeps none of. */
const REVIEWS = [
  'tokenreviews subjectaccessreviews localsubjectaccessreviews',
  'selfsubjectaccessreviews selfsubjectrulesreviews selfsubjectreviews',
].flatMap((names) => names.split(' '));

/**
 * Never sent to webhooks (admission configurations; from 1.37 the reviews too), or so often and so early that a webhook
 * on them can stop a cluster (events, leases, reviews before 1.37).
 */
export const NEVER_SUBSCRIBED: readonly string[] = [
  'validatingwebhookconfigurations',
  'mutatingwebhookconfigurations',
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
  'events',
  'leases',
  ...REVIEWS,
];

/** What admission is asked about: everything but CONNECT may name no subresource; these are CONNECT's. */
const ADMISSION_VERBS = ['create', 'update', 'patch', 'delete', 'deletecollection'];

/** The class of one condition at a door, with the field that decides it. */
export function classify(tree: Tree, door: Door): Classification {
  const impossible = itemsOf(tree).filter((item) => truthInAnyLog(item) === false);
  const possible = partiallyEvaluate(tree, truthInAnyLog);
  if (!canBe(true, possible) || !AUDIT_VERBS.some((verb) => canBe(true, withVerb(possible, verb)))) {
    return { class: 'dead', ...named(impossible[0]), reason: whyDead(impossible[0]) };
  }
  const unseen = itemsOf(tree).find((item) => item.paths.some((path) => isUnobservable(door, path)));
  const seen = partiallyEvaluate(possible, (item) =>
    item.paths.length > 0 && item.paths.every((path) => isUnobservable(door, path)) ? 'unknown' : undefined,
  );
  if (!canBe(true, seen)) {
    return {
      class: 'offline-only',
      ...named(unseen),
      reason: `${door} never shows ${unseen?.paths[0] ?? ''}`,
    };
  }
  if (door === 'serve') return classifyAtAdmission(seen);
  return door === 'scan' ? classifyInCluster(seen) : DECIDABLE;
}

const DECIDABLE: Classification = { class: 'decidable', reason: 'every field it needs is seen' };

function classifyAtAdmission(tree: Tree): Classification {
  if (!reachesAdmission(tree)) {
    return { class: 'offline-only', field: 'verb', reason: 'reads never reach admission' };
  }
  const resources = [...(requiredValues(tree, 'objectRef.resource') ?? [])];
  if (resources.length > 0 && resources.every((resource) => NEVER_SUBSCRIBED.includes(resource))) {
    return {
      class: 'never-subscribed',
      field: 'objectRef.resource',
      reason: `a webhook must not or cannot receive ${resources.join(', ')}`,
    };
  }
  const [update, patch] = ['update', 'patch'].map((verb) => JSON.stringify(withVerb(tree, verb)));
  if (update !== patch) {
    return {
      class: 'approximate',
      field: 'verb',
      reason: 'admission cannot tell update from patch, and it names only one',
    };
  }
  if (itemsOf(tree).some(({ field }) => field === undefined)) {
    return {
      class: 'approximate',
      reason: 'keywords ask the whole event, and admission shows only part of it',
    };
  }
  return DECIDABLE;
}

/** Objects as they stand, each as the create it would have been. */
function classifyInCluster(tree: Tree): Classification {
  const created = withVerb(tree, 'create');
  if (!canBe(true, created)) {
    return {
      class: 'offline-only',
      field: 'verb',
      reason: 'scan sees each object as if it had just been created',
    };
  }
  if (!canBe(true, withAbsent(created, 'objectRef.subresource'))) {
    return {
      class: 'offline-only',
      field: 'objectRef.subresource',
      reason: 'scan sees objects, not what is asked of their subresources',
    };
  }
  const resources = [...(requiredValues(tree, 'objectRef.resource') ?? [])];
  if (resources.length > 0 && resources.every((resource) => REVIEWS.includes(resource))) {
    return {
      class: 'never-subscribed',
      field: 'objectRef.resource',
      reason: `a cluster keeps no ${resources.join(', ')}`,
    };
  }
  return DECIDABLE;
}

function reachesAdmission(tree: Tree): boolean {
  if (ADMISSION_VERBS.some((verb) => canBe(true, withVerb(tree, verb)))) return true;
  return CONNECT_SUBRESOURCES.some((subresource) =>
    ['create', 'get'].some((verb) =>
      canBe(true, withValue(withVerb(tree, verb), 'objectRef.subresource', subresource)),
    ),
  );
}

function withVerb(tree: Tree, verb: string): Tree {
  return withValue(tree, 'verb', verb);
}

/** The tree where `path` has this one value. */
export function withValue(tree: Tree, path: string, value: string): Tree {
  return partiallyEvaluate(tree, (item) =>
    item.paths.length === 1 && item.paths[0] === path ? truthOfValue(item, value) : undefined,
  );
}

/** The tree where nothing has `path`. */
export function withAbsent(tree: Tree, path: string): Tree {
  return partiallyEvaluate(tree, ({ paths, predicates }) => {
    if (paths.length !== 1 || paths[0] !== path) return undefined;
    return predicates.some((predicate) => predicate.kind === 'fieldref')
      ? undefined
      : predicates.some(holdsOfAbsent);
  });
}

function truthOfValue(item: DetectionItem, value: string): Truth | undefined {
  if (item.predicates.some((predicate) => predicate.kind === 'fieldref')) return undefined;
  if (item.predicates.some((predicate) => predicate.kind === 'exists' && predicate.value)) return true;
  return satisfiesOf(item.predicates)(value);
}

/** Compiled once, because a list of many values is asked about many. */
const COMPILED = new WeakMap<readonly Predicate[], Satisfies>();

function satisfiesOf(predicates: readonly Predicate[]): Satisfies {
  const known = COMPILED.get(predicates) ?? compilePredicates(predicates);
  COMPILED.set(predicates, known);
  return known;
}

/** False where no audit event can satisfy the item; true where every one does; undefined otherwise. */
function truthInAnyLog({ paths, predicates }: DetectionItem): Truth | undefined {
  if (paths.length === 0) return undefined;
  const types = typesInEvent(paths);
  if (types.length === 0) return predicates.some(holdsOfAbsent);
  return predicates.some(holdsOfAbsent) || mayHold(KUBERNETES.types, types, predicates) ? undefined : false;
}

function typesInEvent(paths: readonly string[]): readonly FieldType[] {
  return paths.flatMap((path) => follow(KUBERNETES.types, [EVENT], path).types);
}

/** Whether it holds where the field is not there. */
export function holdsOfAbsent(predicate: Predicate): boolean {
  return predicate.kind === 'null' || (predicate.kind === 'exists' && !predicate.value);
}

function whyDead(item: DetectionItem | undefined): string {
  const [path = ''] = item?.paths ?? [];
  if (item === undefined) return 'no audit event satisfies all of it';
  const types = typesInEvent(item.paths);
  if (types.includes('integer')) return `${path} is an integer in every audit event`;
  return types.length > 0 ? `${path} never has such a value` : `no audit event has a field ${path}`;
}

function named(item: DetectionItem | undefined): { field?: string } {
  const path = item?.paths[0];
  return path === undefined ? {} : { field: path };
}
