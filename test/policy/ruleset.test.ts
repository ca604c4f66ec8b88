import { describe, expect, it } from '@jest/globals';
import type { Door } from '../../src/policy/door.ts';
import { createRuleset } from '../../src/policy/ruleset.ts';
import { combine, parseSigma } from '../../src/sigma/read/load.ts';
import { formatProblem } from '../../src/sigma/read/errors.ts';
import { show } from '../sigma/detections.ts';
import { filter, id, load, problemsIn, rule } from './rulesets.ts';

const PODS = { verb: 'create', 'objectRef.resource': 'pods' };
const IN_KUBE_SYSTEM = { ...PODS, 'objectRef.namespace': 'kube-system' };

/** Each problem as people read it, behind its severity and code. */
function reported(documents: readonly string[], door: Door = 'serve'): readonly string[] {
  return problemsIn(documents, { door }).map(
    (problem) => `${problem.severity} ${problem.code} ${formatProblem(problem)}`,
  );
}

describe('subresources', () => {
  const anyOf = (...all: readonly object[]) => ({
    ...Object.fromEntries(all.map((each, index) => [`one_${index}`, each])),
    condition: all.map((_, index) => `one_${index}`),
  });
  const but = (selection: object, excluded: object) => ({
    selection,
    excluded,
    condition: 'selection and not excluded',
  });
  const added = (detection: object, subresources: 'resource' | 'literal' = 'resource') =>
    load([rule(1, detection)], { subresources, door: 'replay' }).rules[0]?.subresourceAdded;

  it.each<[what: string, detection: object, expected: boolean]>([
    ['a resource', PODS, true],
    ['a resource by its bare name', { resource: 'pods' }, true],
    ['any of several resources', { 'objectRef.resource': ['pods', 'secrets'] }, true],
    ['a pattern of resources', { 'objectRef.resource|endswith': 'rolebindings' }, true],
    ['a resource in each condition', anyOf(PODS, { 'objectRef.resource': 'secrets' }), true],
    ['a resource in one condition of two', anyOf(PODS, { verb: 'delete' }), false],
    ['no resource', { verb: 'create' }, false],
    ['a resource or none', { 'objectRef.resource': ['pods', null] }, false],
    ['any resource but one', { 'objectRef.resource|neq': 'pods' }, false],
    ['a subresource', { ...PODS, 'objectRef.subresource': 'exec' }, false],
    ['no subresource, in so many words', { ...PODS, subresource: null }, false],
    ['all subresources but one', but(PODS, { 'objectRef.subresource': 'status' }), false],
  ])('are left out of a rule that requires %s: %j %s', (_, detection, expected) => {
    expect(added(detection)).toBe(expected);
  });

  it('are in it where it is read literally', () => {
    expect(added(PODS, 'literal')).toBe(false);
    expect(load([rule(1, { ...PODS, verb: 'get' })]).rules[0]?.classification.class).toBe('offline-only');
    const [literally] = load([rule(1, { ...PODS, verb: 'get' })], { subresources: 'literal' }).rules;
    expect(literally?.classification.class).toBe('decidable');
  });
});

describe('a field', () => {
  it.each([
    ['apiGroup', ['objectRef.apiGroup']],
    ['resource', ['objectRef.resource']],
    ['subresource', ['objectRef.subresource']],
    ['namespace', ['objectRef.namespace']],
    ['name', ['objectRef.name']],
    ['username', ['user.username']],
    ['hostPath', ['requestObject.spec.volumes.hostPath.path']],
    ['objectRef.namespace', ['objectRef.namespace']],
    [
      'capabilities',
      ['containers', 'initContainers', 'ephemeralContainers'].map(
        (list) => `requestObject.spec.${list}.securityContext.capabilities.add`,
      ),
    ],
    [
      'privileged',
      ['containers', 'initContainers', 'ephemeralContainers'].map(
        (list) => `requestObject.spec.${list}.securityContext.privileged`,
      ),
    ],
  ])('%s is read where an event has it', (field, paths) => {
    const [only] = load([rule(1, { [field]: 'x' })], { subresources: 'literal' }).rules;
    expect(only?.tree).toMatchObject({ of: { item: { field, paths } } });
  });

  it('that another one refers to, too', () => {
    const [only] = load([rule(1, { 'user.username|fieldref': 'name' })]).rules;
    expect(only && show(only.tree)).toBe('identifier(user.username[equals name at objectRef.name])');
  });

  it('that is a map has no value: one asked of it is an error', () => {
    const detections: readonly object[] = [
      { 'requestObject|contains': 'hostNetwork' },
      { annotations: '*' },
      { 'user.extra|startswith': 'x' },
      { 'user.username|fieldref': 'objectRef' },
    ];
    const message = (path: string) =>
      `"${path}" is a map, which no value matches; expected the path of a field in it, or "exists"`;
    expect(
      reported(
        detections.map((detection, index) => rule(index, detection)),
        'replay',
      ),
    ).toEqual(
      ['requestObject', 'annotations', 'user.extra', 'objectRef'].map(
        (path, index) => `error map-as-value ${index}.yml:1: detection: ${message(path)}`,
      ),
    );
    expect(reported([filter(1, { requestObject: 'x' })])).toEqual([
      `error map-as-value 0.yml:1: filter: ${message('requestObject')}`,
    ]);
  });

  it('that is a map may be asked whether it is there', () => {
    const asked = {
      'requestObject|exists': true,
      annotations: null,
      'requestObject.metadata.labels.app': 'x',
    };
    expect(reported([rule(1, asked)], 'replay')).toEqual([]);
  });
});

describe('a rule', () => {
  const low = rule(1, PODS, { level: 'low' });
  const unnamed = rule(2, PODS);
  const critical = rule(3, PODS, { level: 'critical' });
  const offs = (documents: readonly string[], options = {}) =>
    load(documents, options).rules.map(({ level, disabledReason }) => [level, disabledReason]);

  it('below the minimum level is loaded, and off', () => {
    expect(offs([low, unnamed, critical], { minLevel: 'medium' })).toEqual([
      ['low', 'level below medium'],
      ['medium', undefined],
      ['critical', undefined],
    ]);
  });

  it.each([
    ['deprecated', 'status deprecated'],
    ['unsupported', 'status unsupported'],
    ['experimental', undefined],
    ['test', undefined],
    ['stable', undefined],
  ])('whose status is %s is off: %s', (status, off) => {
    expect(load([rule(1, PODS, { status })]).rules.map((each) => each.disabledReason)).toEqual([off]);
  });

  it('that is off is never a candidate', () => {
    const ruleset = load([rule(1, PODS, { status: 'deprecated' }), rule(2, PODS), rule(3, { verb: 'list' })]);
    const event = { verb: 'create', objectRef: { resource: 'pods' } };
    expect(ruleset.candidates(event).map((each) => each.id)).toEqual([id(2)]);
  });

  it.each([
    [{ product: 'kubernetes', service: 'audit' }, true],
    [{ category: 'application', product: 'kubernetes', service: 'audit' }, true],
    [{ product: 'kubernetes' }, true],
    [{ service: 'audit' }, true],
    [{ category: 'process_creation' }, false],
    [{ product: 'windows' }, false],
    [{ product: 'Kubernetes', service: 'audit' }, false],
    [{ product: 'kubernetes', service: 'apiserver' }, false],
  ])('for %j is for our log: %s', (logsource, expected) => {
    const documents = [rule(1, PODS, { logsource })];
    expect(load(documents).rules).toHaveLength(expected ? 1 : 0);
    expect(problemsIn(documents).map(({ code }) => code)).toEqual(
      expected ? [] : ['logsource-not-applicable'],
    );
  });

  it('for another log is a warning that says so', () => {
    expect(reported([rule(1, PODS, { logsource: { product: 'windows' } })])).toEqual([
      'warning logsource-not-applicable 0.yml:1: logsource: rule "Rule 1" is for category any, product windows, service any, not for Kubernetes audit logs; it is not loaded',
    ]);
  });

  it('for another log is told of without what cannot be seen in its title', () => {
    const [problem] = problemsIn([
      rule(1, PODS, { title: 'a\u0085b', logsource: { product: 'win\u202edows' } }),
    ]);
    expect(problem?.message).toMatch(/^rule "a\\u\{85\}b" is for category any, product win\\u\{202e\}dows,/);
  });
});

describe('a filter', () => {
  const unseen = (field: string, door: Door) =>
    `error filter-unobservable 1.yml:1: filter: "${field}" is never seen by ${door}; a filter may name only fields that are`;

  it('is told of without what cannot be seen in the name of its field', () => {
    const texts = [rule(1, PODS), filter(2, { 'provenance.owner.\u202everified': true })];
    const [problem] = problemsIn(texts, { door: 'replay' });
    expect(problem?.message).toMatch(/^"provenance\.owner\.\\u\{202e\}verified" is never seen by replay;/);
  });

  it.each<[field: string, doors: readonly Door[]]>([
    ['userAgent', ['serve', 'scan']],
    ['annotations.x', ['serve', 'scan']],
    ['sourceIPs', ['serve', 'scan']],
    ['requestReceivedTimestamp', ['serve', 'scan']],
    ['impersonatedUser.username', ['serve', 'scan']],
    ['user.username', []],
    ['objectRef.name', []],
    ['provenance.mirrorPod', []],
    ['requestObject.metadata.name', []],
  ])('on %s is an error at %j', (field, doors) => {
    for (const door of ['serve', 'replay', 'scan'] as const) {
      const problems = reported([rule(1, PODS), filter(1, { [field]: 'true' })], door);
      expect(problems).toEqual(doors.includes(door) ? [unseen(field, door)] : []);
    }
  });

  it('on who asked is kept apart at scan, where no object says it', () => {
    const documents = [
      rule(1, PODS),
      filter(2, { 'user.username': 'x' }),
      filter(3, { 'objectRef.name': 'x' }),
    ];
    const kept = (door: Door) =>
      load(documents, { door }).rules.map(({ filters, filtersByUser }) => [
        filters.map((each) => each.filter.title),
        filtersByUser.map((each) => each.filter.title),
      ]);
    expect(kept('scan')).toEqual([[['Filter 3'], ['Filter 2']]]);
    expect(kept('serve')).toEqual([[['Filter 2', 'Filter 3'], []]]);
  });

  it('on the hour is an error where there is no clock', () => {
    const documents = [rule(1, PODS), filter(1, { 'requestReceivedTimestamp|hour': 3 })];
    expect((['serve', 'replay', 'scan'] as const).map((door) => reported(documents, door))).toEqual([
      [],
      [],
      [unseen('requestReceivedTimestamp', 'scan')],
    ]);
  });

  it('that names no loaded rule is a warning, and loaded', () => {
    const other = { logsource: { product: 'windows' } };
    const documents = [
      rule(1, PODS, { name: 'pods' }),
      rule(2, PODS, other),
      filter(1, { 'user.username': 'x' }, { rules: [id(9), id(1)] }),
      filter(2, { 'user.username': 'x' }, { rules: ['pods'] }),
      filter(3, { 'user.username': 'x' }, { rules: [id(9), id(2)] }),
    ];
    expect(reported(documents)).toEqual([
      expect.stringMatching(/^warning logsource-not-applicable 1\.yml/),
      'warning filter-names-no-rule 4.yml:1: filter.rules: filter "Filter 3" has no effect: no rule it names is loaded for its log source',
    ]);
    expect(load(documents).filters).toHaveLength(3);
  });

  it('does not change the class of a rule, nor whether it is asked', () => {
    const { rules } = load([
      rule(1, IN_KUBE_SYSTEM),
      filter(1, { verb: 'create' }),
      filter(2, { verb: 'replace' }),
    ]);
    expect(rules.map(({ classification, disabledReason }) => [classification.class, disabledReason])).toEqual(
      [['decidable', undefined]],
    );
  });
});

describe('the digest', () => {
  const digestOf = (...[documents, options]: Parameters<typeof load>) => load(documents, options).digest;
  const [RULE, OTHER] = [rule(1, PODS, { level: 'high' }), rule(2, IN_KUBE_SYSTEM)];
  const FILTER = filter(3, { verb: 'create' });
  const both = digestOf([RULE, OTHER, FILTER]);

  it.each<[what: string, documents: readonly string[], options?: Parameters<typeof load>[1]]>([
    ['a rule less', [RULE, FILTER]],
    ['another rule', [RULE, rule(2, PODS), FILTER]],
    ['another level', [rule(1, PODS, { level: 'low' }), OTHER, FILTER]],
    ['another text for a person', [rule(1, PODS, { level: 'high', description: 'x' }), OTHER, FILTER]],
    ['a filter less', [RULE, OTHER]],
    ['another filter', [RULE, OTHER, filter(3, { verb: 'update' })]],
    ['a filter for fewer rules', [RULE, OTHER, filter(3, { verb: 'create' }, { rules: id(1) })]],
    ['a rule switched off by its level', [RULE, OTHER, FILTER], { minLevel: 'high' }],
    ['a rule switched off by its status', [RULE, rule(2, IN_KUBE_SYSTEM, { status: 'deprecated' }), FILTER]],
    ['another reading of subresources', [RULE, OTHER, FILTER], { subresources: 'literal' }],
  ])('is another with %s', (_, documents, ...[options]) => {
    expect(digestOf(documents, options)).not.toBe(both);
  });

  it.each<[what: string, documents: readonly string[], options?: Parameters<typeof load>[1]]>([
    ['in another order, in other files', [FILTER, OTHER, RULE]],
    ['at other lines, with comments', [`# a comment\n\n${RULE}`, OTHER, FILTER]],
    ['at another door', [RULE, OTHER, FILTER], { door: 'replay' }],
    ['beside a rule that is switched off', [RULE, OTHER, FILTER, rule(4, PODS, { status: 'unsupported' })]],
    [
      'beside a filter for no rule of theirs',
      [RULE, OTHER, FILTER, filter(4, { verb: 'x' }, { rules: id(9) })],
    ],
    ['with a least level that switches none off', [RULE, OTHER, FILTER], { minLevel: 'informational' }],
  ])('is the same of the same rules and filters %s', (_, documents, ...[options]) => {
    expect(digestOf(documents, options)).toBe(both);
  });

  it('names a rule without an id by its title, wherever its file is', () => {
    const nameless = JSON.stringify({ ...JSON.parse(RULE), id: undefined });
    const directories = ['a', 'b'].map((directory) =>
      combine([parseSigma(`${directory}/rule.yml`, nameless)]),
    );
    const [one, other] = directories.map(
      (parsed) => createRuleset(parsed, { door: 'serve', subresources: 'resource' }).ruleset?.digest,
    );
    expect([one, one === digestOf([RULE])]).toEqual([other, false]);
  });
});
