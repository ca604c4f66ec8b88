import type { RegisteredWebhook } from '../../registration/registered-webhook.ts';
import { NAMESPACE_NAME, type NamespaceSelector } from '../../registration/webhook-configuration.ts';
import { ourEntries, type ClusterView } from './cluster-view.ts';
import { shortName } from '../../registration/entry-name.ts';
import { ok, type CheckFinding } from './finding.ts';

/** The answer of the API server to the requests of each entry while no replica answers. */
export function checkIfDown(view: ClusterView): readonly CheckFinding[] {
  const entries = ourEntries(view);
  if (entries.length === 0) return [];
  const refusing = entries.filter(isFail).map(({ name }) => shortName(name));
  const others = refusing.filter((name) => name !== 'probe');
  const found =
    others.length > 0
      ? `what ${others.join(' and ')} is asked about would be refused, all else allowed`
      : `all would be allowed${refusing.length > 0 ? ', but for our own probe' : ''}`;
  return [ok('if-down', found, entries.map(lineOf))];
}

function isFail({ failurePolicy }: RegisteredWebhook): boolean {
  return failurePolicy === 'Fail';
}

function lineOf(entry: RegisteredWebhook): string {
  const { name, timeoutSeconds = 10 } = entry;
  const becomes = isFail(entry) ? 'refused' : 'allowed';
  return `${shortName(name)}: ${becomes} after ${timeoutSeconds} s: ${whatOf(entry)}${whoseOf(entry)}`;
}

const SHOWN = 4;

/** `CREATE/UPDATE secrets, configmaps in our-namespace`. */
function whatOf({ rules = [], namespaceSelector }: RegisteredWebhook): string {
  const byOperations = Map.groupBy(
    rules.flatMap(({ operations = [], resources = [] }) =>
      resources.map((resource) => ({ operations: operations.join('/'), resource })),
    ),
    ({ operations }) => operations,
  );
  const what = [...byOperations].map(([operations, each]) => {
    const resources = [...new Set(each.map(({ resource }) => resource))];
    const more = resources.length > SHOWN ? ` and ${resources.length - SHOWN} more` : '';
    return `${operations} ${resources.slice(0, SHOWN).join(', ')}${more}`;
  });
  return `${what.join('; ')} in ${whereOf(namespaceSelector)}`;
}

function whereOf({ matchLabels = {}, matchExpressions = [] }: NamespaceSelector = {}): string {
  const label = matchLabels[NAMESPACE_NAME];
  const parts = [
    ...(label === undefined ? [] : [label]),
    ...matchExpressions.flatMap(({ key, operator, values = [] }) =>
      key === NAMESPACE_NAME && operator === 'In' ? values : [],
    ),
  ];
  if (parts.length > 0) return parts.join(', ');
  const [{ key, operator, values = [] } = { key: '', operator: '' }, ...more] = matchExpressions;
  if (key === NAMESPACE_NAME && operator === 'NotIn' && more.length === 0)
    return `every namespace but ${values.join(', ')}`;
  const isOpen = Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
  return isOpen ? 'every namespace' : 'the namespaces it selects';
}

const WHOSE: Readonly<Record<string, string>> = {
  'does-not-heal': ', except by identities that heal a cluster',
  heals: ', by identities that heal a cluster',
  'is-probe': ', our own probe',
  'a-rule-may-match': ', where a rule may match',
};

function whoseOf({ matchConditions = [] }: RegisteredWebhook): string {
  return matchConditions.flatMap(({ name }) => name.split('.').map((each) => WHOSE[each] ?? '')).join('');
}
