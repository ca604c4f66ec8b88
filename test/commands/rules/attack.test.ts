import { describe, expect, it } from '@jest/globals';
import { tacticName, tacticsOf, techniqueName } from '../../../src/commands/rules/attack.ts';

describe('ATT&CK by name', () => {
  it.each([
    ['defense-evasion', 'Defense Evasion'],
    ['stealth', 'Stealth'],
    ['defense-impairment', 'Defense Impairment'],
    ['something-new', 'something-new'],
    ['constructor', 'constructor'],
  ])('tactic %s is %s', (slug, name) => {
    expect(tacticName(slug)).toBe(name);
  });

  it.each([
    ['T1611', 'Escape to Host'],
    ['T1036.005', 'Masquerading: Match Legitimate Resource Name or Location'],
    ['T9999', undefined],
    ['T1611.999', undefined],
  ])('technique %s is %s', (id, name) => {
    expect(techniqueName(id)).toBe(name);
  });

  it('takes tactics from tags, however they are spelled, and neither techniques, groups nor software', () => {
    const tags = [
      'attack.initial_access',
      'Attack.Stealth',
      'attack.t1611',
      'attack.g0016',
      'attack.s0154',
      'cve.2024-1',
    ];
    expect(tacticsOf(tags)).toEqual(['initial-access', 'stealth']);
  });
});
