import { describe, expect, it } from '@jest/globals';
import { modeOf, onlyByRuleId, ruleModeOf, type Modes } from '../../src/policy/mode.ts';
import type { Rule } from '../../src/sigma/read/rule.ts';

const modes: Modes = {
  default: 'audit',
  levels: { high: 'enforce', informational: 'enforce' },
  rules: { 'r-1': 'enforce', e9ef1706: 'enforce' },
};
const EXEC = 'e9ef1706-9fe5-4813-bb94-cc024c762db5';
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
    ['is that of the first digits of its id', rule({ id: EXEC }), false, 'enforce'],
    ['is its own even when experimental', rule({ id: 'r-1', status: 'experimental' }), false, 'enforce'],
    ['is its own even when approximate', rule({ id: 'r-1' }), true, 'enforce'],
    ['is not taken from a property every object has', rule({ id: 'constructor' }), false, 'audit'],
  ])('%s', (_, of, approximate, mode) => {
    expect(modeOf(of, approximate, modes)).toBe(mode);
  });
});

describe('the mode that was wished', () => {
  it.each([
    ['as tagged', { tags: ['sigma-admission.audit'] }, false, 'audit', 'tagged sigma-admission.audit'],
    ['when experimental', { status: 'experimental' }, false, 'warn', 'experimental'],
    ['when only approximately decided', {}, true, 'warn', 'only approximately decided'],
  ] as const)('is more than what is in effect %s', (_, changes, approximate, inEffect, why) => {
    expect(ruleModeOf(rule({ level: 'high', ...changes }), approximate, modes)).toEqual({
      wished: 'enforce',
      isById: false,
      inEffect,
      whyLess: `${why}: at most ${inEffect} but by its id`,
    });
  });

  it('is in effect where no cap is below it', () => {
    expect(ruleModeOf(rule({ status: 'experimental' }), false, modes)).toEqual({
      wished: 'audit',
      isById: false,
      inEffect: 'audit',
    });
  });

  it('is in effect where the rule is named', () => {
    expect(ruleModeOf(rule({ id: EXEC, status: 'experimental' }), false, modes)).toEqual({
      wished: 'enforce',
      isById: true,
      inEffect: 'enforce',
    });
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
