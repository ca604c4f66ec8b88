import { describe, expect, it } from '@jest/globals';
import type { RegisteredWebhook } from '../../src/registration/registered-webhook.ts';
import { needsOf } from '../../src/policy/needs.ts';
import { formatOutOfScope, outOfScope } from '../../src/registration/coverage.ts';
import { webhookConfiguration } from '../../src/registration/webhook-configuration.ts';
import type { Predicate, Tree } from '../../src/sigma/match/tree.ts';

/** `{ verb: ['create'], 'objectRef.subresource': null }`: all of it, each by any of its values. */
function rule(fields: Readonly<Record<string, readonly string[] | null>>): Tree {
  const of = Object.entries(fields).map(([field, values]): Tree => {
    const predicates: Predicate[] = values?.map((text) => ({
      kind: 'string',
      pattern: [text],
      cased: false,
    })) ?? [{ kind: 'null' }];
    return { kind: 'item', item: { field, paths: [field], modifiers: [], predicates } };
  });
  return { kind: 'and', of };
}

const SEED = rule({
  verb: ['create'],
  'objectRef.resource': ['pods'],
  'objectRef.namespace': ['kube-system'],
  'objectRef.subresource': null,
});

describe('what a rule needs to be sent', () => {
  it.each<[string, Tree, readonly object[]]>([
    [
      'a resource itself',
      SEED,
      [{ operation: 'CREATE', resource: 'pods', subresource: '', namespaces: ['kube-system'] }],
    ],
    [
      'a resource and all below it, where it says nothing of subresources',
      rule({ verb: ['create'], 'objectRef.resource': ['pods'] }),
      [
        { operation: 'CREATE', resource: 'pods', subresource: '' },
        { operation: 'CREATE', resource: 'pods' },
        { operation: 'CONNECT', resource: 'pods' },
      ],
    ],
    [
      'a connection',
      rule({ verb: ['create', 'get'], 'objectRef.resource': ['pods'], 'objectRef.subresource': ['exec'] }),
      [{ operation: 'CONNECT', resource: 'pods', subresource: 'exec' }],
    ],
    [
      'a creation too where it names patch, because a server-side apply is one',
      rule({ verb: ['patch'], 'objectRef.resource': ['deployments'], 'objectRef.subresource': null }),
      [
        { operation: 'CREATE', resource: 'deployments', subresource: '' },
        { operation: 'UPDATE', resource: 'deployments', subresource: '' },
      ],
    ],
    [
      'each of several resources, with their group',
      rule({
        verb: ['delete'],
        'objectRef.apiGroup': ['rbac.authorization.k8s.io'],
        'objectRef.resource': ['roles', 'rolebindings'],
        'objectRef.subresource': null,
      }),
      ['roles', 'rolebindings'].map((resource) => ({
        operation: 'DELETE',
        resource,
        subresource: '',
        apiGroups: ['rbac.authorization.k8s.io'],
      })),
    ],
    [
      'nothing, where it is about reads alone',
      rule({ verb: ['list'], 'objectRef.resource': ['secrets'] }),
      [],
    ],
  ])('%s', (_, tree, needs) => {
    expect(needsOf(tree)).toEqual(needs);
  });
});

const SHIPPED = webhookConfiguration({
  namespace: 'sigma-admission',
  service: 'sigma-admission',
  port: 443,
  enforcing: false,
  distribution: 'upstream',
}).webhooks;

const rules = (tree: Tree, disabledReason?: string) => [
  { id: 'a80d927d', title: 'A rule', tree, ...(disabledReason === undefined ? {} : { disabledReason }) },
];
const warnings = (
  tree: Tree,
  subscriptions: readonly Pick<RegisteredWebhook, 'rules' | 'namespaceSelector'>[] = SHIPPED,
) => outOfScope(rules(tree), subscriptions).map(formatOutOfScope);

describe('a loaded rule outside the registered scope', () => {
  it('is none, where all it is about is sent', () => {
    expect(warnings(SEED)).toEqual([]);
  });

  it('never fires, where nothing it is about is sent', () => {
    const exec = rule({ 'objectRef.resource': ['pods'], 'objectRef.subresource': ['exec'] });
    expect(warnings(exec)).toEqual([
      'rule "A rule" (a80d927d) never fires: nothing sends us CONNECT pods/exec in every namespace',
    ]);
  });

  it('fires in part, where some is: another operation, another namespace, a subresource', () => {
    const anywhere = rule({
      verb: ['create', 'update'],
      'objectRef.resource': ['pods'],
      'objectRef.subresource': null,
    });
    expect(warnings(anywhere)).toEqual([
      'rule "A rule" (a80d927d) fires only in part: nothing sends us CREATE pods in every namespace, UPDATE pods in every namespace',
    ]);
    const literal = rule({
      verb: ['create'],
      'objectRef.resource': ['pods'],
      'objectRef.namespace': ['kube-system', 'kube-public'],
    });
    expect(warnings(literal)).toEqual([
      'rule "A rule" (a80d927d) fires only in part: nothing sends us CREATE pods in kube-system and kube-public, CREATE pods/* in kube-system and kube-public, CONNECT pods/* in kube-system and kube-public',
    ]);
  });

  it('is not one that is switched off', () => {
    expect(
      outOfScope(rules(rule({ 'objectRef.resource': ['secrets'] }), 'status deprecated'), SHIPPED),
    ).toEqual([]);
  });

  const PODS = { apiGroups: [''], operations: ['CREATE', 'UPDATE', 'CONNECT'] };
  const NAME = 'kubernetes.io/metadata.name';
  it.each<[string, Pick<RegisteredWebhook, 'rules' | 'namespaceSelector'>, boolean]>([
    ['pods/* is pods and all below', { rules: [{ ...PODS, resources: ['pods/*'] }] }, true],
    ['*/* is everything', { rules: [{ ...PODS, resources: ['*/*'] }] }, true],
    ['* has no subresources', { rules: [{ ...PODS, resources: ['*'] }] }, false],
    ['another operation', { rules: [{ ...PODS, operations: ['DELETE'], resources: ['*/*'] }] }, false],
    [
      'all namespaces but one are all that matter',
      {
        rules: [{ ...PODS, resources: ['*/*'] }],
        namespaceSelector: {
          matchExpressions: [{ key: NAME, operator: 'NotIn', values: ['sigma-admission'] }],
        },
      },
      true,
    ],
    [
      'one namespace is not all',
      {
        rules: [{ ...PODS, resources: ['*/*'] }],
        namespaceSelector: { matchLabels: { [NAME]: 'kube-system' } },
      },
      false,
    ],
    ['nothing', {}, false],
  ])('is judged by resources, operations and namespaces: %s', (_, subscription, sent) => {
    const everywhere = rule({ verb: ['create'], 'objectRef.resource': ['pods'] });
    expect(outOfScope(rules(everywhere), [subscription])).toHaveLength(sent ? 0 : 1);
  });
});
