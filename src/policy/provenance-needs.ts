import { NAMESPACE_ALL } from '../kubernetes/objects.ts';
import { itemsOf } from '../sigma/match/partial-evaluation.ts';
import { requestKindsOf, operationsOf } from './needs.ts';
import { activeRules, type LoadedRule, type Ruleset } from './ruleset.ts';

/** What must be known of the cluster to answer what the loaded rules and their filters ask of `provenance`. */
export interface ProvenanceNeeds {
  /**
   * Whose workloads and Services: the namespaces that rules name, and NAMESPACE_ALL where one names none. Those that are named
   * stand beside it, because the right to list them may be all that there is.
   */
  readonly namespaces: readonly string[];
  /** The API server's version decides which evidence a controller's request has to carry. */
  readonly serverVersion: boolean;
}

/** What the request itself tells: for these nothing is looked up. */
const FROM_THE_REQUEST = ['provenance.mirrorPod', 'provenance.creator'];

export function provenanceNeeds(ruleset: Pick<Ruleset, 'rules'>): ProvenanceNeeds {
  const asked = activeRules(ruleset).map((rule) => ({ rule, paths: provenancePaths(rule) }));
  const namespaces = new Set(
    asked
      .filter(({ paths }) => paths.some((path) => !FROM_THE_REQUEST.includes(path)))
      .flatMap(({ rule }) => namespacesOf(rule)),
  );
  return {
    namespaces: [...namespaces].toSorted(),
    serverVersion: asked.some(({ paths }) => paths.some((path) => path !== 'provenance.mirrorPod')),
  };
}

function provenancePaths({ tree, filters }: LoadedRule): readonly string[] {
  return [tree, ...filters.map((filter) => filter.tree)]
    .flatMap(itemsOf)
    .flatMap(({ paths }) => paths)
    .filter((path) => path === 'provenance' || path.startsWith('provenance.'));
}

/** Where the rule can be true of a pod's creation: of nothing else anything is looked up. */
function namespacesOf({ tree }: LoadedRule): readonly string[] {
  return requestKindsOf(tree)
    .filter(
      ({ resource = 'pods', subresource = '', apiGroups = [''], ...requestKind }) =>
        resource === 'pods' &&
        subresource === '' &&
        apiGroups.includes('') &&
        operationsOf({ ...requestKind, subresource }).includes('CREATE'),
    )
    .flatMap(({ namespaces = [NAMESPACE_ALL] }) => namespaces);
}
