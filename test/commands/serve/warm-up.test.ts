import { expect, it } from '@jest/globals';
import type { Ruleset } from '../../../src/policy/ruleset.ts';
import { warmUp } from '../../../src/commands/serve/warm-up.ts';
import { load, rule } from '../../policy/rulesets.ts';

const MODES = { default: 'enforce', levels: {}, rules: {} } as const;
const CREATION = { verb: 'create', 'objectRef.resource': 'pods', 'objectRef.namespace': 'kube-system' };

it('a replica judges a pod of kube-system by the rules in force before it is asked', async () => {
  const ruleset = load([rule(1, CREATION)]);
  const matching: number[] = [];
  const watched: Ruleset = {
    ...ruleset,
    candidates(event) {
      const candidates = ruleset.candidates(event);
      matching.push(candidates.filter(({ matches }) => matches(event) === true).length);
      return candidates;
    },
  };
  await warmUp({ ruleset: () => watched, modes: MODES });
  expect(matching.length).toBeGreaterThan(1);
  expect(new Set(matching)).toEqual(new Set([1]));
});

it('a replica that cannot judge its example says so', async () => {
  const broken = () => {
    throw new RangeError('no rules');
  };
  await expect(warmUp({ ruleset: broken, modes: MODES })).rejects.toThrow('no rules');
});
