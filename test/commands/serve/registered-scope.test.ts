import { describe, expect, it } from '@jest/globals';
import { createRegisteredScope } from '../../../src/commands/serve/registered-scope.ts';
import type { RegisteredWebhook } from '../../../src/registration/registered-webhook.ts';
import type { OutOfScope } from '../../../src/registration/coverage.ts';
import type { Ruleset } from '../../../src/policy/ruleset.ts';
import type { Tree } from '../../../src/sigma/match/tree.ts';

function rulesetAbout(...resources: readonly string[]): Ruleset {
  const rules = resources.map((resource) => {
    const field = 'objectRef.resource';
    const predicates = [{ kind: 'string' as const, pattern: [resource], cased: false }];
    const about: Tree = { kind: 'item', item: { field, paths: [field], modifiers: [], predicates } };
    const absent = 'objectRef.subresource';
    const itself: Tree = {
      kind: 'item',
      item: { field: absent, paths: [absent], modifiers: [], predicates: [{ kind: 'null' }] },
    };
    return { id: resource, title: resource, tree: { kind: 'and', of: [about, itself] } };
  });
  return { rules } as unknown as Ruleset;
}

const PODS: RegisteredWebhook = {
  name: 'guard.sigma-admission.svc',
  clientConfig: {},
  rules: [{ apiGroups: [''], operations: ['*'], resources: ['pods'] }],
};

describe('what is registered, held against the rules in force', () => {
  it('is not known before it was looked at', () => {
    const scope = createRegisteredScope({ ruleset: () => rulesetAbout('pods'), onChange: () => {} });
    expect(scope.check()).toEqual({ name: 'registered', state: 'unknown', detail: 'not looked at yet' });
  });

  it('is compared when the rules or the entries are others, and told when the answer is', () => {
    let ruleset = rulesetAbout('pods', 'secrets');
    const told: (readonly OutOfScope[])[] = [];
    const scope = createRegisteredScope({
      ruleset: () => ruleset,
      onChange: (found) => told.push(found),
    });
    const entries = [PODS];
    scope.compare(entries);
    scope.compare(entries);
    scope.compare([PODS]);
    ruleset = rulesetAbout('pods');
    scope.compare(entries);
    expect(told.map((found) => found.map(({ rule, fires }) => [rule.id, fires]))).toEqual([
      [['secrets', 'never']],
      [],
    ]);
  });

  it('keeps nobody from asking, and says what is missing', () => {
    const scope = createRegisteredScope({ ruleset: () => rulesetAbout('secrets'), onChange: () => {} });
    scope.compare([PODS]);
    expect(scope.check()).toEqual({
      name: 'registered',
      state: 'wrong',
      detail:
        'rule "secrets" (secrets) never fires: nothing sends us CREATE secrets in every namespace, UPDATE secrets in every namespace, DELETE secrets in every namespace',
    });
  });
});
