import { expect, it } from '@jest/globals';
import { createRuleset } from '../../src/policy/ruleset.ts';
import { NAMESPACE_ALL } from '../../src/kubernetes/objects.ts';
import { provenanceNeeds, type ProvenanceNeeds } from '../../src/policy/provenance-needs.ts';
import { combine, parseSigma } from '../../src/sigma/read/load.ts';

const POD = { verb: 'create', 'objectRef.resource': 'pods' };

function needed(selection: object, ...filters: readonly object[]): ProvenanceNeeds {
  return neededBy([selection], filters);
}

function neededBy(selections: readonly object[], filters: readonly object[]): ProvenanceNeeds {
  const logsource = { product: 'kubernetes', service: 'audit' };
  const document = (title: string, rest: object) =>
    parseSigma(`${title}.yml`, JSON.stringify({ title, logsource, ...rest }));
  const parsed = combine([
    ...selections.map((selection, index) =>
      document('rule', {
        id: `00000000-0000-4000-8000-00000000000${index}`,
        detection: { selection, condition: 'selection' },
      }),
    ),
    ...filters.map((filter, index) =>
      document('filter', {
        id: `00000000-0000-4000-8000-10000000000${index}`,
        filter: { rules: 'any', selection: filter, condition: 'not selection' },
      }),
    ),
  ]);
  const { ruleset, problems } = createRuleset(parsed, { door: 'serve', subresources: 'resource' });
  if (ruleset === undefined) throw new TypeError(JSON.stringify(problems));
  return provenanceNeeds(ruleset);
}

it.each<[string, readonly string[], object, ...object[]]>([
  ['that asks nothing of provenance', [], POD],
  [
    'that asks what the request shows',
    [],
    { ...POD, 'provenance.mirrorPod': true, 'provenance.creator': 'user' },
  ],
  [
    'about one namespace',
    ['kube-system'],
    { ...POD, 'provenance.owner.verified': false, 'objectRef.namespace': 'kube-system' },
  ],
  [
    'about two',
    ['a', 'b'],
    { ...POD, 'provenance.imitates|exists': true, 'objectRef.namespace': ['b', 'a'] },
  ],
  ['about any', [NAMESPACE_ALL], { ...POD, 'provenance.owner.verified': false }],
  [
    'about a pattern of namespaces',
    [NAMESPACE_ALL],
    { ...POD, 'provenance.owner.verified': false, 'objectRef.namespace|startswith': 'kube-' },
  ],
  [
    'whose filter asks',
    ['kube-system'],
    { ...POD, 'objectRef.namespace': 'kube-system' },
    { 'provenance.owner.verified': true },
  ],
  [
    'about what is no pod',
    [],
    { verb: 'create', 'objectRef.resource': 'jobs', 'provenance.owner.verified': false },
  ],
  [
    'about what becomes of a pod later',
    [],
    { verb: 'delete', 'objectRef.resource': 'pods', 'provenance.owner.verified': false },
  ],
])('a rule %s needs to know %j', (_, namespaces, selection, ...filters) => {
  expect(needed(selection, ...filters)).toMatchObject({ namespaces });
});

it.each<[string, boolean, object, ...object[]]>([
  ['that asks whether a pod is a mirror pod', false, { ...POD, 'provenance.mirrorPod': true }],
  ['that asks who made a pod', true, { ...POD, 'provenance.creator': 'user' }],
  ['whose filter asks who made a pod', true, POD, { 'provenance.creator': 'controller' }],
  ['that asks for its owner', true, { ...POD, 'provenance.owner.verified': false }],
])('a rule %s needs to know the API server’s version: %j', (_, serverVersion, selection, ...filters) => {
  expect(needed(selection, ...filters)).toMatchObject({ serverVersion });
});

it('rules about one namespace and about any need both, as the right to list may be for the one alone', () => {
  const asking = { ...POD, 'provenance.owner.verified': false };
  const inOne = { ...asking, 'objectRef.namespace': 'kube-system' };
  expect(neededBy([inOne, asking], []).namespaces).toEqual([NAMESPACE_ALL, 'kube-system']);
});
