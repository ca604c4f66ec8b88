import { describe, expect, it } from '@jest/globals';
import { isNotGuarded, isNotStatus } from '../../src/registration/match-conditions.ts';
import type { Need } from '../../src/registration/scope.ts';
import { subscriptionOf } from '../../src/registration/subscription.ts';

const subscription = (...needs: readonly Need[]) =>
  subscriptionOf(needs, { namespace: 'sigma-admission', guarded: ['kube-system'] });

const pods = { resource: 'pods', subresource: '' };
const inNamespaces = (operator: string, ...values: string[]) => ({
  matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator, values }],
});

describe('what the entry `other` is called for', () => {
  it.each<[string, readonly Need[]]>([
    ['no rules', []],
    [
      'pods made in kube-system, which guard sends',
      [{ operation: 'CREATE', ...pods, namespaces: ['kube-system'] }],
    ],
    ['a rule that names no resource', [{ operation: 'UPDATE' }]],
    ['leases', [{ operation: 'UPDATE', resource: 'leases', subresource: '' }]],
  ])('is nothing for %s', (_, needs) => {
    expect(subscription(...needs)).toBeUndefined();
  });

  it('is one rule for each thing that is written to, with all that is done to it', () => {
    expect(
      subscription(
        {
          operation: 'UPDATE',
          resource: 'deployments',
          subresource: '',
          apiGroups: ['apps'],
          namespaces: ['b'],
        },
        {
          operation: 'CREATE',
          resource: 'deployments',
          subresource: '',
          apiGroups: ['apps'],
          namespaces: ['a'],
        },
        { operation: 'CONNECT', resource: 'pods', subresource: 'exec', namespaces: ['a'] },
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
    });
  });

  it('leaves out our own namespace where a rule names none, and pods that guard sends', () => {
    expect(subscription({ operation: 'CREATE', ...pods })).toEqual({
      rules: [
        { apiGroups: ['*'], apiVersions: ['*'], operations: ['CREATE'], resources: ['pods'], scope: '*' },
      ],
      namespaceSelector: inNamespaces('NotIn', 'sigma-admission'),
      matchConditions: [isNotGuarded(['kube-system'])],
    });
  });

  it('leaves out status, which kubelets write all the time, where a rule is about any subresource', () => {
    expect(subscription({ operation: 'UPDATE', resource: 'pods' })?.matchConditions).toEqual([isNotStatus()]);
  });

  it('says the same whatever the order of the rules', () => {
    const needs: readonly Need[] = [
      { operation: 'CREATE', ...pods, namespaces: ['b'] },
      { operation: 'UPDATE', ...pods, namespaces: ['a'] },
      { operation: 'CONNECT', resource: 'pods', subresource: 'exec', namespaces: ['c'] },
    ];
    expect(JSON.stringify(subscription(...needs.toReversed()))).toBe(JSON.stringify(subscription(...needs)));
  });
});
