import { describe, expect, it } from '@jest/globals';
import { subscriptionOf } from '../../src/registration/subscription.ts';
import { load, rule } from '../policy/rulesets.ts';

/** For rules that each have a selection. */
const subscription = (...selections: readonly object[]) =>
  subscriptionOf(
    load(selections.map((selection, number) => rule(number, selection))).rules,
    'sigma-admission',
  );

const pods = { 'objectRef.resource': 'pods' };
const exec = { verb: 'get', 'objectRef.resource': 'pods', 'objectRef.subresource': 'exec' };
const inNamespaces = (operator: string, ...values: string[]) => ({
  matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator, values }],
});

describe('what the entry `other` is called for', () => {
  it.each<[string, readonly object[]]>([
    ['no rules', []],
    [
      'pods made in kube-system, which guard sends',
      [{ verb: 'create', ...pods, 'objectRef.namespace': 'kube-system' }],
    ],
    ['a rule that names no resource', [{ verb: 'update' }]],
    ['leases', [{ verb: ['update', 'patch'], 'objectRef.resource': 'leases' }]],
  ])('is nothing for %s', (_, selections) => {
    expect(subscription(...selections)).toBeUndefined();
  });

  it('is one rule for each thing that is written to, with all that is done to it', () => {
    const deployments = { 'objectRef.resource': 'deployments', 'objectRef.apiGroup': 'apps' };
    expect(
      subscription(
        { verb: ['update', 'patch'], ...deployments, 'objectRef.namespace': 'b' },
        { verb: 'create', ...deployments, 'objectRef.namespace': 'a' },
        { ...exec, 'objectRef.namespace': 'a' },
      ),
    ).toEqual({
      rules: [
        {
          apiGroups: ['*'],
          apiVersions: ['*'],
          operations: ['CONNECT'],
          resources: ['pods/exec'],
          scope: '*',
        },
        {
          apiGroups: ['apps'],
          apiVersions: ['*'],
          operations: ['CREATE', 'UPDATE'],
          resources: ['deployments'],
          scope: '*',
        },
      ],
      namespaceSelector: inNamespaces('In', 'a', 'b'),
      matchConditions: [{ name: 'a-rule-may-match', expression: expect.any(String) }],
    });
  });

  it('leaves out our own namespace where a rule names none, and pods that guard sends', () => {
    expect(subscription({ verb: 'create', ...pods })).toEqual({
      rules: [
        { apiGroups: ['*'], apiVersions: ['*'], operations: ['CREATE'], resources: ['pods'], scope: '*' },
      ],
      namespaceSelector: inNamespaces('NotIn', 'sigma-admission'),
      matchConditions: [
        {
          name: 'a-rule-may-match',
          expression: `request.requestResource.resource == 'pods' && (
  request.operation == 'CREATE' && request.?requestSubResource.orValue('') == '' && (request.?namespace.orValue('') != 'kube-system' || request.requestResource.group != '')
)`,
        },
      ],
    });
  });

  it('leaves out status, which kubelets write all the time, where a rule is about any subresource', () => {
    const any = { verb: ['update', 'patch'], ...pods, 'objectRef.subresource|exists': true };
    expect(subscription(any)?.matchConditions?.[0]?.expression).toContain(
      "request.?requestSubResource.orValue('') != 'status'",
    );
  });

  it('says the same whatever the order of the rules', () => {
    const selections = [
      { verb: 'create', ...pods, 'objectRef.namespace': 'b', 'requestObject.spec.hostPID': true },
      { verb: ['update', 'patch'], ...pods, 'objectRef.namespace': 'a' },
      { verb: 'create', ...pods, 'requestObject.spec.containers.image|contains': ['x', 'y'] },
      { verb: 'create', ...pods, 'requestObject.spec.containers.image|contains': ['y', 'a'] },
      { ...exec, 'objectRef.namespace': 'c' },
    ];
    expect(JSON.stringify(subscription(...selections.toReversed()))).toBe(
      JSON.stringify(subscription(...selections)),
    );
  });
});
