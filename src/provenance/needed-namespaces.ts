import { needsOf } from '../install/scope.ts';
import type { LoadedRule, Ruleset } from '../policy/ruleset.ts';
import { itemsOf } from '../sigma/partial-evaluation.ts';
import { EVERYWHERE } from './cache.ts';

/** What the request itself tells: for these nothing is looked up. */
const FROM_THE_REQUEST = ['provenance.mirrorPod', 'provenance.creator'];

/**
 * The namespaces whose objects must be known to answer what the loaded rules and their filters ask of `provenance`: those
 * that a rule names, or EVERYWHERE alone where one names none.
 */
export function neededNamespaces({ rules }: Pick<Ruleset, 'rules'>): readonly string[] {
  const needed = new Set(
    rules.filter(({ off }) => off === undefined).flatMap((rule) => (asks(rule) ? namespacesOf(rule) : [])),
  );
  return needed.has(EVERYWHERE) ? [EVERYWHERE] : [...needed].toSorted();
}

/** Whether the API server's version must be known: it decides which evidence a controller's request has to carry. */
export function needsServerVersion({ rules }: Pick<Ruleset, 'rules'>): boolean {
  return rules.some(
    (rule) => rule.off === undefined && provenancePaths(rule).some((path) => path !== 'provenance.mirrorPod'),
  );
}

function asks(rule: LoadedRule): boolean {
  return provenancePaths(rule).some((path) => !FROM_THE_REQUEST.includes(path));
}

function provenancePaths({ tree, filters }: LoadedRule): readonly string[] {
  return [tree, ...filters.map((filter) => filter.tree)]
    .flatMap(itemsOf)
    .flatMap(({ paths }) => paths)
    .filter((path) => isOrIsBelow(path, 'provenance'));
}

function isOrIsBelow(path: string, field: string): boolean {
  return path === field || path.startsWith(`${field}.`);
}

/** Where the rule can be true of a pod's creation: of nothing else anything is looked up. */
function namespacesOf({ tree }: LoadedRule): readonly string[] {
  return needsOf(tree)
    .filter(
      ({ operation, resource = 'pods', subresource = '', apiGroups = [''] }) =>
        operation === 'CREATE' && resource === 'pods' && subresource === '' && apiGroups.includes(''),
    )
    .flatMap(({ namespaces = [EVERYWHERE] }) => namespaces);
}
