import { NAMESPACE_NAME, type NamespaceSelector } from '../install/webhook-configuration.ts';
import { ourEntries, shortName, type ClusterView } from './cluster-view.ts';
import type { Finding } from './finding.ts';
import type { RegisteredWebhook } from './objects.ts';

/** What the API server would do about each entry's requests if no replica answered. */
export function checkIfDown(view: ClusterView): readonly Finding[] {
  const entries = ourEntries(view);
  if (entries.length === 0) return [];
  const refused = entries.filter(isFail).map(({ name }) => shortName(name));
  const found =
    refused.length === 0
      ? 'nothing would be refused: every entry fails open, unjudged'
      : `refused by ${refused.join(', ')}; all else would be allowed, unjudged`;
  return [{ check: 'if-down', verdict: 'ok', found, details: entries.map(lineOf) }];
}

function isFail({ failurePolicy }: RegisteredWebhook): boolean {
  return failurePolicy === 'Fail';
}

function lineOf(entry: RegisteredWebhook): string {
  const { name, timeoutSeconds = 10 } = entry;
  const policy = isFail(entry) ? 'refused (Fail)' : 'allowed (Ignore)';
  return `${shortName(name)}: ${whatOf(entry)}${whoseOf(entry)}: ${policy} after at most ${timeoutSeconds} s`;
}

const SHOWN = 3;

function whatOf({ rules = [], namespaceSelector }: RegisteredWebhook): string {
  const what = rules.flatMap(({ operations = [], resources = [] }) =>
    resources.map((resource) => `${operations.join('/')} ${resource}`),
  );
  const more = what.length > SHOWN ? ` and ${what.length - SHOWN} more` : '';
  return `${what.slice(0, SHOWN).join(', ')}${more} in ${whereOf(namespaceSelector)}`;
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
  const isOpen = Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
  return isOpen ? 'every namespace' : 'the namespaces it selects';
}

const WHOSE: Readonly<Record<string, string>> = {
  'does-not-heal': ', by everybody but who heals a cluster',
  heals: ', by controllers, kubelets and the control plane',
};

function whoseOf({ matchConditions = [] }: RegisteredWebhook): string {
  return matchConditions.map(({ name }) => WHOSE[name] ?? '').join('');
}
