import { describe, expect, it } from '@jest/globals';
import { wantedConfiguration } from '../../src/registration/wanted-configuration.ts';
import type { Modes } from '../../src/policy/mode.ts';
import { id, load, rule } from '../policy/rulesets.ts';

const PODS = { verb: 'create', 'objectRef.resource': 'pods' };
const EXEC = { verb: 'create', 'objectRef.resource': 'pods', 'objectRef.subresource': 'exec' };
const MODES: Modes = { default: 'warn', levels: {}, rules: {} };

/** By entry: what it does on failure, and what it is called for. */
function wanted(rules: readonly string[], modes: Partial<Modes> = {}) {
  const { webhooks } = wantedConfiguration(
    {
      name: 'sigma-admission',
      namespace: 'sigma-admission',
      service: 'sigma-admission',
      port: 443,
      distribution: 'upstream',
      modes: { ...MODES, ...modes },
    },
    load(rules),
  );
  return new Map(webhooks.map((entry) => [entry.name.split('.')[0], entry]));
}

const guard = (rules: readonly string[], modes: Partial<Modes>) =>
  wanted(rules, modes).get('guard')?.failurePolicy;

describe('the configuration that is wanted', () => {
  it.each<[string, string, object, Partial<Modes>]>([
    [
      'Fail',
      'a rule about pods there may refuse',
      { ...PODS, 'objectRef.namespace': 'kube-system' },
      { default: 'enforce' },
    ],
    ['Fail', 'a rule about pods anywhere may refuse', PODS, { rules: { [id(0)]: 'enforce' } }],
    ['Fail', 'rules of its level may refuse', PODS, { levels: { medium: 'enforce' } }],
    ['Ignore', 'nothing may refuse', PODS, {}],
    [
      'Ignore',
      'its own id says that it only warns',
      PODS,
      { default: 'enforce', rules: { [id(0)]: 'warn' } },
    ],
    [
      'Ignore',
      'what may refuse is about pods elsewhere',
      { ...PODS, 'objectRef.namespace': 'default' },
      { default: 'enforce' },
    ],
    ['Ignore', 'what may refuse is about something else', EXEC, { default: 'enforce' }],
  ])('has guard %s where %s', (policy, _, detection, modes) => {
    expect(guard([rule(0, detection, { level: 'medium' })], modes)).toBe(policy);
  });

  it('has guard fail open for a rule that is switched off', () => {
    const off = rule(0, PODS, { level: 'medium', status: 'deprecated' });
    expect(guard([off], { default: 'enforce' })).toBe('Ignore');
  });

  it('asks by `other` about whatever the rules are about that guard and observe do not send', () => {
    const inKubeSystem = rule(0, { ...PODS, 'objectRef.namespace': 'kube-system' });
    expect(wanted([inKubeSystem]).has('other')).toBe(false);
    const other = wanted([inKubeSystem, rule(1, PODS), rule(2, EXEC)]).get('other');
    expect(other?.rules.map(({ operations, resources }) => [operations, resources])).toEqual([
      [['CREATE'], ['pods']],
      [['CONNECT'], ['pods/exec']],
    ]);
    expect(other?.matchConditions?.map(({ name }) => name)).toEqual(['does-not-heal.a-rule-may-match']);
  });
});
