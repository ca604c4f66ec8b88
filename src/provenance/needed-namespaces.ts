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

function asks({ tree, filters }: LoadedRule): boolean {
  return [tree, ...filters.map((filter) => filter.tree)]
    .flatMap(itemsOf)
    .flatMap(({ paths }) => paths)
    .some((path) => isOrIsBelow(path, 'provenance') && !FROM_THE_REQUEST.includes(path));
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
