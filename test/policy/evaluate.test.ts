import { describe, expect, it } from '@jest/globals';
import type { Observation } from '../../src/kubernetes/audit-event.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import type { RulesetOptions } from '../../src/policy/ruleset.ts';
import { observation } from './observations.ts';
import { filter, load, rule, withTerms } from './rulesets.ts';

/** What the rules say, by title: `Rule 1 as create, accepted by Filter 1`. */
function judge(
  documents: readonly string[],
  seen: Observation,
  options: Partial<RulesetOptions> = {},
  now: number = Date.now(),
) {
  const ruleset = load(documents, { door: 'replay', ...options });
  const { matches, notJudged } = evaluate(seen, ruleset, () => now);
  return {
    matches: matches.map(
      (match) =>
        `${match.rule.title} as ${match.verb}${match.filter === undefined ? '' : `, accepted by ${match.filter.filter.title}`}`,
    ),
    notJudged: notJudged.map((each) => `${each.rule.title}: ${each.field}`),
  };
}

const PODS = { 'objectRef.resource': 'pods' };
const ALICE = { 'user.username': 'alice' };
const blind = observation({}, { unknown: ['requestObject', 'userAgent'] });

describe('a rule', () => {
  const image = { ...PODS, 'requestObject.spec.containers.image': 'x' };
  const negated = {
    selection: PODS,
    excluded: { userAgent: 'kubectl' },
    condition: 'selection and not excluded',
  };

  it.each<[what: string, detection: object, matches: boolean]>([
    ['matches what it selects', PODS, true],
    ['does not match another resource', { 'objectRef.resource': 'secrets' }, false],
    ['does not match what is absent', { ...PODS, userAgent: 'kubectl' }, false],
    ['matches where what is absent is excluded', negated, true],
  ])('%s', (_, detection, matches) => {
    const expected = { matches: matches ? ['Rule 1 as create'] : [], notJudged: [] };
    expect(judge([rule(1, detection)], observation())).toEqual(expected);
  });

  it.each<[what: string, detection: object, expected: object]>([
    ['needs it', image, { matches: [], notJudged: ['Rule 1: requestObject.spec.containers.image'] }],
    ['excludes it', negated, { matches: [], notJudged: ['Rule 1: userAgent'] }],
    ['is false without it', { ...image, verb: 'delete' }, { matches: [], notJudged: [] }],
    [
      'is true without it',
      { pods: PODS, image, condition: 'pods or image' },
      { matches: ['Rule 1 as create'], notJudged: [] },
    ],
    ['looks for a keyword everywhere', { '': 'elsewhere' }, { matches: [], notJudged: ['Rule 1: keywords'] }],
    ['finds a keyword in what is seen', { '': 'alice' }, { matches: ['Rule 1 as create'], notJudged: [] }],
  ])('that %s, where something is unknown', (_, detection, expected) => {
    expect(judge([rule(1, detection)], blind)).toEqual(expected);
  });

  it('reads the time of receipt by the best clock there is, at admission too', () => {
    const night = (hour: number) => [rule(1, { ...PODS, 'requestReceivedTimestamp|hour': hour })];
    for (const door of ['serve', 'replay'] as const) {
      const unseen = observation({}, { unknown: door === 'serve' ? ['requestReceivedTimestamp'] : [] });
      expect(judge(night(13), unseen, { door }).matches).toEqual(['Rule 1 as create']);
      expect(judge(night(14), unseen, { door })).toEqual({ matches: [], notJudged: [] });
    }
  });

  it('is asked what has several conditions once, and matches if any holds', () => {
    const detection = {
      pods: PODS,
      alice: ALICE,
      bob: { 'user.username': 'bob' },
      condition: ['bob', 'pods', 'alice'],
    };
    expect(judge([rule(1, detection)], observation()).matches).toEqual(['Rule 1 as create']);
  });
});

describe('a filter', () => {
  const accepts = 'Rule 1 as create, accepted by Filter 1';
  const agent = { userAgent: 'kubectl' };

  it.each<[what: string, filters: readonly string[], matches: readonly string[]]>([
    ['accepts what it selects', [filter(1, ALICE)], [accepts]],
    ['accepts nothing else', [filter(1, { 'user.username': 'bob' })], ['Rule 1 as create']],
    [
      'is enough, whatever the others say',
      [filter(2, { 'user.username': 'bob' }), filter(1, ALICE)],
      [accepts],
    ],
    ['is for the rules it names', [filter(1, ALICE, { rules: ['another'] })], ['Rule 1 as create']],
    [
      'is ANDed as written: without not it keeps what it selects',
      [filter(1, ALICE, { condition: 'selection' })],
      ['Rule 1 as create'],
    ],
    [
      'is ANDed as written: without not it accepts the rest',
      [filter(1, { 'user.username': 'bob' }, { condition: 'selection' })],
      [accepts],
    ],
    ['is ANDed to each condition', [filter(1, { verb: 'create' }), filter(2, ALICE)], [accepts]],
  ])('%s', (_, filters, matches) => {
    const documents = [
      rule(1, { pods: PODS, never: { verb: 'delete' }, condition: ['never', 'pods'] }),
      ...filters,
    ];
    expect(judge(documents, observation())).toEqual({ matches, notJudged: [] });
  });

  it('that cannot be decided leaves the rule not judged, with the field it asks', () => {
    expect(judge([rule(1, PODS), filter(1, agent)], blind)).toEqual({
      matches: [],
      notJudged: ['Rule 1: userAgent'],
    });
  });

  it('that cannot be decided does not matter where another accepts, or the rule is false', () => {
    expect(judge([rule(1, PODS), filter(2, agent), filter(1, ALICE)], blind)).toEqual({
      matches: [accepts],
      notJudged: [],
    });
    expect(judge([rule(1, { verb: 'delete' }), filter(1, agent)], blind)).toEqual({
      matches: [],
      notJudged: [],
    });
  });

  it('that accepts leaves nothing to judge of a rule that cannot be decided', () => {
    const image = { ...PODS, 'requestObject.spec.hostNetwork': true };
    expect(judge([rule(1, image), filter(1, ALICE)], blind)).toEqual({ matches: [], notJudged: [] });
  });

  it('sees its own search identifiers only, and a rule only its own', () => {
    const detection = { selection: PODS, condition: '1 of them' };
    const bob = filter(1, { 'user.username': 'bob' }, { condition: 'not 1 of them' });
    expect(judge([rule(1, detection), bob], observation()).matches).toEqual(['Rule 1 as create']);
  });
});

describe('a request that the log may call by several verbs', () => {
  const several = observation({}, { verbs: ['create', 'patch'] });
  const asVerb = (verb: string) => ({ ...PODS, verb });

  it.each<[what: string, documents: readonly string[], expected: object]>([
    ['matches as any of them', [rule(1, asVerb('patch'))], { matches: ['Rule 1 as patch'], notJudged: [] }],
    ['matches once, as the first', [rule(1, PODS)], { matches: ['Rule 1 as create'], notJudged: [] }],
    [
      'matches unaccepted, if it does so by any',
      [rule(1, PODS), filter(1, { verb: 'create' })],
      { matches: ['Rule 1 as patch'], notJudged: [] },
    ],
    [
      'is accepted where it is by each',
      [rule(1, PODS), filter(1, { verb: ['create', 'patch'] })],
      { matches: ['Rule 1 as create, accepted by Filter 1'], notJudged: [] },
    ],
    ['does not match as any other', [rule(1, asVerb('delete'))], { matches: [], notJudged: [] }],
  ])('%s', (_, documents, expected) => {
    expect(judge(documents, several)).toEqual(expected);
  });

  it('is not judged only where it matches by none', () => {
    const seen = observation({}, { verbs: ['create', 'patch'], unknown: ['userAgent'] });
    const detection = (known: string) => ({
      agent: { ...PODS, userAgent: 'kubectl' },
      verb: asVerb(known),
      condition: 'agent or verb',
    });
    expect(judge([rule(1, detection('patch'))], seen)).toEqual({
      matches: ['Rule 1 as patch'],
      notJudged: [],
    });
    expect(judge([rule(1, detection('get'))], seen)).toEqual({
      matches: [],
      notJudged: ['Rule 1: userAgent'],
    });
  });

  it('is accepted under one and not judged under another: both are on record', () => {
    const seen = observation({}, { verbs: ['create', 'patch'], unknown: ['userAgent'] });
    const accepting = filter(1, ALICE, {
      also: { userAgent: 'x' },
      create: { verb: 'create' },
      condition: 'not (selection and (create or also))',
    });
    expect(judge([rule(1, PODS), accepting], seen)).toEqual({
      matches: ['Rule 1 as create, accepted by Filter 1'],
      notJudged: ['Rule 1: userAgent'],
    });
  });
});

describe('mapped fields', () => {
  const pod = (spec: object) => observation({ requestObject: { spec } });
  const adding = { securityContext: { capabilities: { add: ['SYS_ADMIN', 'NET_RAW'] } } };

  it.each<[what: string, detection: object, spec: object, expected: boolean]>([
    ['capabilities of a container', { capabilities: '*' }, { containers: [{}, adding] }, true],
    [
      'capabilities of an init container',
      { capabilities: 'net_raw' },
      { containers: [{}], initContainers: [adding] },
      true,
    ],
    [
      'capabilities of an ephemeral container',
      { capabilities: '*' },
      { ephemeralContainers: [adding] },
      true,
    ],
    ['no capabilities', { capabilities: '*' }, { containers: [{}] }, false],
    [
      'a hostPath volume',
      { hostPath: '*' },
      { volumes: [{ emptyDir: {} }, { hostPath: { path: '/' } }] },
      true,
    ],
    ['no hostPath volume', { hostPath: '*' }, { volumes: [{ emptyDir: {} }] }, false],
    [
      'a privileged container',
      { privileged: true },
      { containers: [{ securityContext: { privileged: true } }] },
      true,
    ],
  ])('%s: %j', (_, detection, spec, expected) => {
    expect(judge([rule(1, { ...PODS, ...detection })], pod(spec)).matches).toHaveLength(expected ? 1 : 0);
  });
});

describe('a filter with an end', () => {
  const AT = '2026-12-01T08:00:00Z';
  const END = Date.parse(AT);
  const until = (more: object = {}) => [rule(1, PODS), withTerms(filter(1, ALICE, more), { expires: AT })];
  const [accepted, matches] = ['Rule 1 as create, accepted by Filter 1', 'Rule 1 as create'];
  const receivedAt = (at: number) => observation({}, { receivedAt: new Date(at).toISOString() });

  it.each(['serve', 'scan'] as const)(
    'accepts until then by the clock of %s, and nothing from then on',
    (door) => {
      const judged = [END - 1, END, END + 1].map(
        (now) => judge(until(), receivedAt(0), { door, subresources: 'literal' }, now).matches,
      );
      expect(judged).toEqual(
        door === 'scan' ? [[matches], [matches], [matches]] : [[accepted], [matches], [matches]],
      );
    },
  );

  it('accepts in a log by the time of the request, whenever that is read', () => {
    for (const now of [0, END, END * 2]) {
      const judged = [END - 1, END, END + 1].map((at) => judge(until(), receivedAt(at), {}, now).matches);
      expect(judged).toEqual([[accepted], [matches], [matches]]);
    }
  });

  it('accepts nothing of a request whose log does not say when it was', () => {
    expect(judge(until(), observation({}, { receivedAt: '' })).matches).toEqual([matches]);
  });

  it('leaves its rules as they are after it, also where it kept what it selects', () => {
    const keeping = until({ selection: { 'user.username': 'bob' }, condition: 'selection' });
    expect([END - 1, END].map((at) => judge(keeping, receivedAt(at)).matches)).toEqual([
      [accepted],
      [matches],
    ]);
  });

  it('that cannot be decided leaves the rule judged after it', () => {
    const unseen = [rule(1, PODS), withTerms(filter(1, { userAgent: 'kubectl' }), { expires: AT })];
    const seen = (at: number) => ({ ...blind, receivedAt: new Date(at).toISOString() });
    expect([END - 1, END].map((at) => judge(unseen, seen(at)))).toEqual([
      { matches: [], notJudged: ['Rule 1: userAgent'] },
      { matches: [matches], notJudged: [] },
    ]);
  });
});
