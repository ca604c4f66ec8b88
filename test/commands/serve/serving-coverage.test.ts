import { describe, expect, it } from '@jest/globals';
import { createServingCoverage } from '../../../src/commands/serve/serving-coverage.ts';
import type { Mode } from '../../../src/policy/mode.ts';
import type { Coverage, Subscription } from '../../../src/registration/coverage.ts';
import { id, load, rule } from '../../policy/rulesets.ts';

const about = (...resources: readonly string[]) =>
  load(
    resources.map((resource, index) =>
      rule(index, { verb: 'create', 'objectRef.resource': resource }, { level: 'medium' }),
    ),
  );

const PODS: Subscription = {
  clientConfig: { service: { namespace: 'sigma-admission', name: 'sigma-admission', path: '/guard' } },
  rules: [{ apiGroups: [''], operations: ['*'], resources: ['pods'] }],
};

function coverage(mode: Mode, rules: Readonly<Record<string, Mode>> = {}) {
  const told: (readonly Coverage[])[] = [];
  const onChange = (found: readonly Coverage[]) => void told.push(found);
  return { told, ...createServingCoverage({ modes: { default: mode, levels: {}, rules }, onChange }) };
}

const NOT_SENT = 'nothing sends us CREATE secrets in every namespace';
const SECRETS = (mode: Mode) => `rule "Rule 0" (${id(0)}; ${mode}) is never asked: ${NOT_SENT}`;

describe('the coverage of the rules in force', () => {
  it('is not known before the entries were read', () => {
    const { loaded, check } = coverage('warn');
    loaded(about('pods'));
    expect(check()).toEqual({
      name: 'coverage',
      state: 'unknown',
      detail: 'the registered entries were not read',
    });
  });

  it('is wrong before that where an id names no rule', () => {
    const { loaded, check } = coverage('warn', { '11111111': 'enforce' });
    loaded(about('pods'));
    expect(check()).toEqual({
      name: 'coverage',
      state: 'wrong',
      detail: '11111111: enforce: no loaded rule has this id; the registered entries were not read',
    });
  });

  it('is told when it is another, because the rules or the entries are', () => {
    const { told, loaded, compare } = coverage('warn');
    loaded(about('secrets', 'pods'));
    const entries = [PODS];
    compare(entries);
    compare(entries);
    compare([PODS]);
    loaded(about('pods'));
    expect(told.map((found) => found.map(({ asked }) => asked))).toEqual([
      ['unknown', 'unknown'],
      ['never', 'all'],
      ['all'],
    ]);
  });

  it.each([
    ['enforce', 'wrong', `${SECRETS('enforce')}; rules asked: 0, in part: 0, never: 1`],
    ['warn', 'wrong', `${SECRETS('warn')}; rules asked: 0, in part: 0, never: 1`],
    ['audit', 'ok', `rules asked: 0, in part: 0, never: 1; ${SECRETS('audit')}`],
  ] as const)('names a rule that is never asked: in mode %s, %s', (mode, state, detail) => {
    const { loaded, compare, check } = coverage(mode);
    loaded(about('secrets'));
    compare([PODS]);
    expect(check()).toEqual({ name: 'coverage', state, detail });
  });

  it('is ok where all is asked', () => {
    const { loaded, compare, check } = coverage('enforce');
    loaded(about('pods'));
    compare([PODS]);
    expect(check()).toEqual({
      name: 'coverage',
      state: 'ok',
      detail: 'rules asked: 1, in part: 0, never: 0',
    });
  });

  it('says how many rules have a lesser mode than wished for', () => {
    const { loaded, compare, check } = coverage('enforce');
    loaded(load([rule(0, { 'objectRef.resource': 'pods', verb: 'create' }, { status: 'experimental' })]));
    compare([PODS]);
    expect(check().detail).toBe('rules asked: 1, in part: 0, never: 0; 1 in a lesser mode than wished for');
  });
});
