import { expect, it } from '@jest/globals';
import { createRuleset } from '../../src/policy/ruleset.ts';
import { EVERYWHERE } from '../../src/provenance/cache.ts';
import { neededNamespaces } from '../../src/provenance/needed-namespaces.ts';
import { combine, parseSigma } from '../../src/sigma/load.ts';

const POD = { verb: 'create', 'objectRef.resource': 'pods' };

function needed(selection: object, ...filters: readonly object[]): readonly string[] {
  const logsource = { product: 'kubernetes', service: 'audit' };
  const document = (title: string, rest: object) =>
    parseSigma(`${title}.yml`, JSON.stringify({ title, logsource, ...rest }));
  const rule = {
    id: '00000000-0000-4000-8000-000000000001',
    detection: { selection, condition: 'selection' },
  };
  const parsed = combine([
    document('rule', rule),
    ...filters.map((filter, index) =>
      document('filter', {
        id: `00000000-0000-4000-8000-10000000000${index}`,
        filter: { rules: 'any', selection: filter, condition: 'not selection' },
      }),
    ),
  ]);
  const { ruleset, problems } = createRuleset(parsed, { door: 'serve', subresources: 'resource' });
  if (ruleset === undefined) throw new TypeError(JSON.stringify(problems));
  return neededNamespaces(ruleset);
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
  ['about any', [EVERYWHERE], { ...POD, 'provenance.owner.verified': false }],
  [
    'about a pattern of namespaces',
    [EVERYWHERE],
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
  expect(needed(selection, ...filters)).toEqual(namespaces);
});
