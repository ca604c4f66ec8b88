import { describe, expect, it } from '@jest/globals';
import { needsOf, operationsOf, requestKindsOf } from '../../src/policy/needs.ts';
import { createRuleset } from '../../src/policy/ruleset.ts';
import type { Predicate, Tree } from '../../src/sigma/match/tree.ts';
import { combine, parseSigma } from '../../src/sigma/read/load.ts';

/** What a rule with this selection is about, literally read. */
function covered(selection: string) {
  const text = `title: t\nlogsource: {product: kubernetes, service: audit}\ndetection:\n  s: ${selection}\n  condition: s\n`;
  const parsed = combine([parseSigma('t.yml', text)]);
  const { ruleset, problems } = createRuleset(parsed, { door: 'replay', subresources: 'literal' });
  const condition = ruleset?.rules[0]?.loadedConditions[0];
  if (condition === undefined) throw new Error(JSON.stringify(problems));
  return requestKindsOf(condition.tree).map((requestKind) => ({
    ...requestKind,
    operations: operationsOf(requestKind),
  }));
}

describe('what a rule covers', () => {
  it.each([
    [
      'a resource itself, in a namespace',
      '{verb: create, objectRef.resource: pods, objectRef.subresource: null, objectRef.namespace: kube-system}',
      [
        {
          verbs: ['create'],
          resource: 'pods',
          subresource: '',
          namespaces: ['kube-system'],
          operations: ['CREATE'],
        },
      ],
    ],
    [
      'a resource and whatever is below it',
      '{verb: create, objectRef.resource: pods}',
      [
        { verbs: ['create'], resource: 'pods', subresource: '', operations: ['CREATE'] },
        { verbs: ['create'], resource: 'pods', operations: ['CREATE', 'CONNECT'] },
      ],
    ],
    [
      'subresources, which a patch changes and never makes',
      '{verb: [get, patch], objectRef.resource: pods, objectRef.subresource: [exec, ephemeralcontainers]}',
      [
        { verbs: ['get', 'patch'], resource: 'pods', subresource: 'exec', operations: ['CONNECT'] },
        {
          verbs: ['get', 'patch'],
          resource: 'pods',
          subresource: 'ephemeralcontainers',
          operations: ['UPDATE'],
        },
      ],
    ],
    [
      'a patch of the resource itself, which may make it',
      '{verb: patch, objectRef.resource: deployments, objectRef.subresource: null, objectRef.apiGroup: apps}',
      [
        {
          verbs: ['patch'],
          resource: 'deployments',
          subresource: '',
          apiGroups: ['apps'],
          operations: ['CREATE', 'UPDATE'],
        },
      ],
    ],
    [
      'reads, which reach no admission',
      '{verb: list, objectRef.resource: secrets, objectRef.subresource: null}',
      [{ verbs: ['list'], resource: 'secrets', subresource: '', operations: [] }],
    ],
    [
      'anything',
      '{responseStatus.code: 403}',
      [
        { subresource: '', operations: ['CREATE', 'UPDATE', 'DELETE'] },
        { operations: ['CREATE', 'UPDATE', 'CONNECT'] },
      ],
    ],
    [
      'any resource, if it names more than there are in a cluster',
      `{verb: create, objectRef.subresource: null, objectRef.resource: [${Array.from({ length: 101 }, (_, index) => `r${index}`).join(', ')}]}`,
      [{ verbs: ['create'], subresource: '', operations: ['CREATE'] }],
    ],
    [
      'subresources by how they end',
      '{verb: create, objectRef.resource: pods, objectRef.subresource|endswith: [s, g]}',
      [{ verbs: ['create'], resource: 'pods', operations: ['CREATE', 'CONNECT'] }],
    ],
    [
      'subresources by an expression',
      "{verb: create, objectRef.resource: pods, objectRef.subresource|re: '^(exec|attach)$'}",
      [{ verbs: ['create'], resource: 'pods', operations: ['CREATE', 'CONNECT'] }],
    ],
    [
      'any subresource, if it names as many',
      `{verb: create, objectRef.resource: pods, objectRef.subresource: [${Array.from({ length: 101 }, (_, index) => `s${index}`).join(', ')}]}`,
      [{ verbs: ['create'], resource: 'pods', operations: ['CREATE', 'CONNECT'] }],
    ],
    ['nothing, if its verb is none', '{verb: replace, objectRef.resource: pods}', []],
  ])('%s', (_, selection, expected) => {
    expect(covered(selection)).toEqual(expected);
  });
});

/** `{ verb: ['create'], 'objectRef.subresource': null }`: all of it, each by any of its values. */
function tree(fields: Readonly<Record<string, readonly string[] | null>>): Tree {
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

const SEED = tree({
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
      tree({ verb: ['create'], 'objectRef.resource': ['pods'] }),
      [
        { operation: 'CREATE', resource: 'pods', subresource: '' },
        { operation: 'CREATE', resource: 'pods' },
        { operation: 'CONNECT', resource: 'pods' },
      ],
    ],
    [
      'a connection',
      tree({ verb: ['create', 'get'], 'objectRef.resource': ['pods'], 'objectRef.subresource': ['exec'] }),
      [{ operation: 'CONNECT', resource: 'pods', subresource: 'exec' }],
    ],
    [
      'a creation too where it names patch, because a server-side apply is one',
      tree({ verb: ['patch'], 'objectRef.resource': ['deployments'], 'objectRef.subresource': null }),
      [
        { operation: 'CREATE', resource: 'deployments', subresource: '' },
        { operation: 'UPDATE', resource: 'deployments', subresource: '' },
      ],
    ],
    [
      'each of several resources, with their group',
      tree({
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
      tree({ verb: ['list'], 'objectRef.resource': ['secrets'] }),
      [],
    ],
  ])('%s', (_, tree, needs) => {
    expect(needsOf(tree)).toEqual(needs);
  });
});
