import { describe, expect, it } from '@jest/globals';
import type { Mode, Modes } from '../../src/policy/mode.ts';
import { loadRuleset, readRules } from '../../src/policy/load-rules.ts';
import { ruleSourceOf } from '../../src/policy/rule-source.ts';
import { wantedConfiguration } from '../../src/registration/wanted-configuration.ts';
import {
  coverageLines,
  coverageOf,
  coverageSummary,
  formatCoverage,
  whySentAll,
  type Coverage,
  type Subscription,
} from '../../src/registration/coverage.ts';
import { webhookConfiguration } from '../../src/registration/webhook-configuration.ts';
import { id, load, rule } from '../policy/rulesets.ts';

const SETTINGS = {
  name: 'sigma-admission',
  namespace: 'sigma-admission',
  service: 'sigma-admission',
  port: 443,
  distribution: 'upstream',
} as const;

/** As shipped: pods created in kube-system. */
const SHIPPED: readonly Subscription[] = webhookConfiguration({ ...SETTINGS, enforcing: false }).webhooks;

const PODS = { verb: 'create', 'objectRef.resource': 'pods' };
const SEED = { ...PODS, 'objectRef.namespace': 'kube-system' };
const EXEC = { verb: ['create', 'get'], 'objectRef.resource': 'pods', 'objectRef.subresource': 'exec' };
const NOT_EXEC = 'nothing sends us CONNECT pods/exec in every namespace';

function modes(mode: Mode, rules: Modes['rules'] = {}): Modes {
  return { default: mode, levels: {}, rules };
}

/** The coverage of one rule. */
function coverage(
  selection: object,
  {
    more = {},
    inForce = modes('warn'),
    entries = SHIPPED,
  }: { more?: object; inForce?: Modes; entries?: readonly Subscription[] | undefined } = {},
): Coverage | undefined {
  return coverageOf(load([rule(1, selection, { level: 'medium', ...more })]).rules, inForce, entries)[0];
}

const RULE = { id: id(1), title: 'Rule 1' };

describe('the coverage of a rule', () => {
  it('is all, where all that it is about is sent', () => {
    expect(coverage(SEED)).toEqual({ rule: RULE, asked: 'all', wished: 'warn', inEffect: 'warn' });
  });

  it.each([
    ['enforce', 'error'],
    ['warn', 'warning'],
    ['audit', undefined],
  ] as const)('is none, where nothing of it is sent: in mode %s, %s', (mode, severity) => {
    expect(coverage(EXEC, { inForce: modes(mode) })).toEqual({
      rule: RULE,
      asked: 'never',
      whyNot: NOT_EXEC,
      wished: mode,
      inEffect: 'none',
      whyLess: NOT_EXEC,
      ...(severity === undefined ? {} : { severity }),
    });
  });

  it.each([
    ['enforce', 'warning'],
    ['warn', 'warning'],
    ['audit', undefined],
  ] as const)('is part, where some of it is sent: in mode %s, %s', (mode, severity) => {
    expect(coverage(PODS, { inForce: modes(mode) })).toEqual({
      rule: RULE,
      asked: 'part',
      whyNot: 'nothing sends us CREATE pods in every namespace',
      wished: mode,
      inEffect: mode,
      ...(severity === undefined ? {} : { severity }),
    });
  });

  it('is not known before the entries are', () => {
    expect(
      coverageOf(load([rule(1, EXEC)]).rules, modes('enforce', { [id(1)]: 'enforce' }), undefined),
    ).toEqual([{ rule: RULE, asked: 'unknown', wished: 'enforce', inEffect: 'enforce' }]);
  });

  it.each([
    [
      'offline-only',
      { verb: 'list', 'objectRef.resource': 'pods' },
      {},
      'offline-only: reads never reach admission',
    ],
    [
      'never-subscribed',
      { verb: 'create', 'objectRef.resource': 'leases' },
      {},
      'never-subscribed: a webhook must not or cannot receive leases',
    ],
    ['deprecated', SEED, { status: 'deprecated' }, 'status deprecated'],
  ])(
    'is none for a rule that is %s: an error only where its id is set to enforce',
    (_, selection, more, why) => {
      const none = {
        rule: RULE,
        asked: 'never',
        whyNot: why,
        wished: 'enforce',
        inEffect: 'none',
        whyLess: why,
      };
      expect(coverage(selection, { more, inForce: modes('enforce') })).toEqual(none);
      expect(coverage(selection, { more, inForce: modes('warn', { [id(1)]: 'enforce' }) })).toEqual({
        ...none,
        severity: 'error',
      });
    },
  );

  it('is all, though the mode in effect is less than was wished', () => {
    expect(coverage(SEED, { more: { status: 'experimental' }, inForce: modes('enforce') })).toEqual({
      rule: RULE,
      asked: 'all',
      wished: 'enforce',
      inEffect: 'warn',
      whyLess: 'experimental: at most warn but by its id',
    });
  });

  it('is that of requests that a webhook can be sent', () => {
    expect(
      coverage({
        verb: 'create',
        'objectRef.resource': ['pods', 'leases'],
        'objectRef.namespace': 'kube-system',
      })?.asked,
    ).toBe('all');
  });

  it.each([
    ['some of what it is about is sent for others', { verb: 'create' }, 'part'],
    ['nothing of it is', { verb: 'delete' }, 'never'],
  ])('is never all for a rule that names no resource: %s', (_, selection, asked) => {
    expect(coverage(selection)).toMatchObject({
      asked,
      whyNot: 'it names no resource, so that nothing is subscribed to for it',
    });
  });

  it('does not count what probe and self are called for, which ask no rule', () => {
    expect(coverage({ verb: 'create', 'objectRef.resource': 'secrets' })?.asked).toBe('never');
  });

  it('needs the identities that heal a cluster, too', () => {
    const entries = SHIPPED.filter(({ clientConfig }) => clientConfig.service?.path !== '/observe');
    expect(coverage(SEED, { entries })).toMatchObject({
      asked: 'part',
      whyNot: 'nothing sends us, from the identities that heal a cluster, CREATE pods in kube-system',
    });
  });
});

describe('an id in the settings that names no rule', () => {
  it('is an enforcement that is none', () => {
    const why = `no loaded rule has this id (did you mean ${id(1)}?)`;
    expect(
      coverageOf(load([rule(1, SEED)]).rules, modes('warn', { [id(2)]: 'enforce' }), SHIPPED)[0],
    ).toEqual({
      rule: { id: id(2) },
      asked: 'never',
      whyNot: why,
      wished: 'enforce',
      inEffect: 'none',
      whyLess: why,
      severity: 'error',
    });
  });
});

const UNSEEN = "provenance.mirrorPod: not seen by the API server's conditions";

describe('more of a rule than it can match', () => {
  /** The coverage of one rule by the entries that it wants. */
  function wanted(selection: object) {
    const ruleset = load([rule(1, { ...PODS, 'objectRef.subresource': null, ...selection })]);
    const { webhooks } = wantedConfiguration({ ...SETTINGS, modes: modes('warn') }, ruleset);
    return coverageOf(ruleset.rules, modes('warn'), webhooks);
  }
  const WARNED = { rule: RULE, asked: 'all', wished: 'warn', inEffect: 'warn' };
  const BEYOND = `sends all it is about, whatever else it asks: rule "Rule 1" (${id(1)}): ${UNSEEN}`;

  it('is sent where the API server can be asked none of it: a line for the operator', () => {
    const found = wanted({ 'provenance.mirrorPod': true });
    expect(found).toEqual([{ ...WARNED, widened: [{ why: UNSEEN, sendsAll: true }] }]);
    expect(coverageLines(found)).toEqual({ error: [], warning: [], info: [BEYOND] });
    expect(coverageSummary(found)).toBe('rules asked: 1, in part: 0, never: 0; 1 sent all it is about');
  });

  it('is sent where the API server cannot be asked a part of it: no line', () => {
    const found = wanted({ 'provenance.mirrorPod': true, 'requestObject.spec.hostPID': true });
    expect(found).toEqual([{ ...WARNED, widened: [{ why: UNSEEN, sendsAll: false }] }]);
    expect(coverageLines(found)).toEqual({ error: [], warning: [], info: [] });
    expect(coverageSummary(found)).toBe('rules asked: 1, in part: 0, never: 0');
  });

  it('is not said of what is merely inexact: the text of a number', () => {
    expect(wanted({ 'requestObject.spec.unknown|re': '1' })).toEqual([WARNED]);
  });

  it('is not sent without an entry that rules narrow', () => {
    const found = coverage({ ...SEED, 'objectRef.subresource': null, 'provenance.mirrorPod': true });
    expect(found).toEqual(WARNED);
  });
});

describe('coverage as a line', () => {
  it.each<[string, Coverage | undefined, string]>([
    ['never', coverage(EXEC), `rule "Rule 1" (${id(1)}; warn) is never asked: ${NOT_EXEC}`],
    [
      'part, and less than was wished',
      coverage(PODS, { more: { status: 'experimental' }, inForce: modes('enforce') }),
      `rule "Rule 1" (${id(1)}; enforce) is asked only in part: nothing sends us CREATE pods in every namespace; warn, not enforce (experimental: at most warn but by its id)`,
    ],
    [
      'no rule',
      coverageOf([], modes('warn', { e9ef1706: 'enforce' }), SHIPPED)[0],
      'e9ef1706: enforce: no loaded rule has this id',
    ],
  ])('%s', (_, found, line) => {
    expect(found && formatCoverage(found)).toBe(line);
  });
});

describe('the shipped rules', () => {
  it('are all asked where the replicas manage all of the configuration', async () => {
    const source = ruleSourceOf({ rulesDirs: ['rules'], filtersDirs: [], allowUsers: [] });
    const shipped = loadRuleset(await readRules(source), { door: 'serve', subresources: 'resource' });
    const { webhooks } = wantedConfiguration({ ...SETTINGS, modes: modes('warn') }, shipped);
    const found = coverageOf(shipped.rules, modes('warn'), webhooks);
    expect(found.map(({ asked }) => asked)).toEqual(Array.from({ length: 15 }, () => 'all'));
    expect(found.filter((each) => whySentAll(each) !== undefined)).toEqual([]);
  });
});

const NAME = 'kubernetes.io/metadata.name';
const POD_REQUESTS = { apiGroups: [''], operations: ['CREATE', 'UPDATE', 'CONNECT'] };

describe('an entry', () => {
  it.each<[string, Pick<Subscription, 'rules' | 'namespaceSelector'>, boolean]>([
    ['pods/* is pods and all below', { rules: [{ ...POD_REQUESTS, resources: ['pods/*'] }] }, true],
    ['*/* is everything', { rules: [{ ...POD_REQUESTS, resources: ['*/*'] }] }, true],
    ['* has no subresources', { rules: [{ ...POD_REQUESTS, resources: ['*'] }] }, false],
    [
      'another operation',
      { rules: [{ ...POD_REQUESTS, operations: ['DELETE'], resources: ['*/*'] }] },
      false,
    ],
    [
      'all namespaces but one are all that matter',
      {
        rules: [{ ...POD_REQUESTS, resources: ['*/*'] }],
        namespaceSelector: {
          matchExpressions: [{ key: NAME, operator: 'NotIn', values: ['sigma-admission'] }],
        },
      },
      true,
    ],
    [
      'one namespace is not all',
      {
        rules: [{ ...POD_REQUESTS, resources: ['*/*'] }],
        namespaceSelector: { matchLabels: { [NAME]: 'kube-system' } },
      },
      false,
    ],
    ['nothing', {}, false],
  ])('sends by resources, operations and namespaces: %s', (_, subscription, sent) => {
    const service = { namespace: 'sigma-admission', name: 'sigma-admission', path: '/guard' };
    const everywhere = load([rule(1, PODS)], { subresources: 'literal' }).rules;
    const [found] = coverageOf(everywhere, modes('warn'), [{ ...subscription, clientConfig: { service } }]);
    expect(found?.asked === 'all').toBe(sent);
  });
});
