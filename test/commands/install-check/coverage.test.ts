import { describe, expect, it } from '@jest/globals';
import { checkCoverage } from '../../../src/commands/install-check/coverage.ts';
import type { Mode } from '../../../src/policy/mode.ts';
import { id, load, rule } from '../../policy/rulesets.ts';
import { configuration, entries, MISSING, NOT_ALLOWED, present, settings, view } from './view.ts';

const SEED = { verb: 'create', 'objectRef.resource': 'pods', 'objectRef.namespace': 'kube-system' };
const EXEC = { verb: ['create', 'get'], 'objectRef.resource': 'pods', 'objectRef.subresource': 'exec' };

/** With the entries that are there without any rule: pods created in kube-system. */
function coverage(selection: object, mode: Mode, rules: Readonly<Record<string, Mode>> = {}) {
  return checkCoverage(
    view({
      configuration: present(configuration(entries())),
      settings: present({ ...settings(), modes: { default: mode, levels: {}, rules } }),
      ruleset: present(load([rule(1, selection, { level: 'medium' })])),
    }),
  );
}

const NEVER = (mode: Mode) =>
  `rule "Rule 1" (${id(1)}; ${mode}) is never asked: nothing sends us CONNECT pods/exec in every namespace`;
const REGISTER =
  'let the replicas register what the rules need (--manage all), or apply what `sigma-admission manifests` prints; set to audit what no webhook can ask';

describe('the coverage of an installation', () => {
  it('is ok where all is asked', () => {
    expect(coverage(SEED, 'enforce')).toEqual([
      { check: 'coverage', verdict: 'ok', found: 'rules asked: 1, in part: 0, never: 0' },
    ]);
  });

  it.each([
    ['enforce', 'failed', 'what the settings ask for is not in force'],
    ['warn', 'warning', 'rules are not asked all that they are about'],
  ] as const)('of a rule on %s that nothing sends is %s', (mode, verdict, found) => {
    expect(coverage(EXEC, mode)).toEqual([
      {
        check: 'coverage',
        verdict,
        found,
        details: [NEVER(mode), 'rules asked: 0, in part: 0, never: 1'],
        fix: REGISTER,
      },
    ]);
  });

  it('of a rule on audit that nothing sends is ok, and said', () => {
    expect(coverage(EXEC, 'audit')).toEqual([
      {
        check: 'coverage',
        verdict: 'ok',
        found: 'rules asked: 0, in part: 0, never: 1',
        details: [NEVER('audit')],
      },
    ]);
  });

  it('is failed where an id in the settings names no rule, which the nearest is named for', () => {
    expect(coverage(SEED, 'warn', { [id(2)]: 'warn' })).toEqual([
      {
        check: 'coverage',
        verdict: 'failed',
        found: 'what the settings ask for is not in force',
        details: [
          `${id(2)}: warn: no loaded rule has this id (did you mean ${id(1)}?)`,
          'rules asked: 1, in part: 0, never: 0',
        ],
        fix: 'correct the ids under rules in config.yaml',
      },
    ]);
  });

  it('is unknown where the rules cannot be read', () => {
    expect(checkCoverage(view({ ruleset: NOT_ALLOWED }))).toEqual([
      {
        check: 'coverage',
        verdict: 'unknown',
        found: 'what is asked of the loaded rules: not allowed to look',
        fix: 'ask for it',
      },
    ]);
  });

  it('is not spoken of where there is no configuration, which is said elsewhere', () => {
    expect(checkCoverage(view({ configuration: MISSING }))).toEqual([]);
  });
});
