import { describe, expect, it } from '@jest/globals';
import { modeOf, onlyByRuleId, type Modes } from '../../src/policy/mode.ts';
import type { Rule } from '../../src/sigma/read/rule.ts';

const modes: Modes = {
  default: 'audit',
  levels: { high: 'enforce', informational: 'enforce' },
  rules: { 'r-1': 'enforce' },
};
const rule = (changes: Partial<Rule>) =>
  ({ id: 'r-0', level: 'medium', status: 'test', tags: [], ...changes }) as Rule;

describe('the mode of a rule', () => {
  it.each([
    ['is the default', rule({}), false, 'audit'],
    ['is its level’s before the default', rule({ level: 'high' }), false, 'enforce'],
    ['is its own before its level’s', rule({ id: 'r-1', level: 'low' }), false, 'enforce'],
    [
      'is at most warn by level when experimental',
      rule({ level: 'high', status: 'experimental' }),
      false,
      'warn',
    ],
    ['is at most warn by level when informational', rule({ level: 'informational' }), false, 'warn'],
    ['is at most warn by level when it is only approximately decided', rule({ level: 'high' }), true, 'warn'],
    [
      'is audit when tagged so, whatever its level’s',
      rule({ level: 'high', tags: ['attack.t1611', 'sigma-admission.audit'] }),
      false,
      'audit',
    ],
    [
      'is its own even when tagged audit',
      rule({ id: 'r-1', tags: ['sigma-admission.audit'] }),
      false,
      'enforce',
    ],
    ['is its own even when experimental', rule({ id: 'r-1', status: 'experimental' }), false, 'enforce'],
    ['is its own even when approximate', rule({ id: 'r-1' }), true, 'enforce'],
    ['is not taken from a property every object has', rule({ id: 'constructor' }), false, 'audit'],
  ])('%s', (_, of, approximate, mode) => {
    expect(modeOf(of, approximate, modes)).toBe(mode);
  });
});

describe('the modes of those who heal a cluster', () => {
  it('enforce only by rule id', () => {
    expect(
      onlyByRuleId({
        default: 'enforce',
        levels: { high: 'enforce', low: 'audit' },
        rules: { 'r-1': 'enforce' },
      }),
    ).toEqual({
      default: 'warn',
      levels: { high: 'warn', low: 'audit' },
      rules: { 'r-1': 'enforce' },
    });
  });
});
