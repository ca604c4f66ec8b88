import { describe, expect, it } from '@jest/globals';
import type { Door } from '../../src/policy/door.ts';
import type { Classification } from '../../src/policy/rule-class.ts';
import { load, rule } from './rulesets.ts';

function classOf(detection: object, door: Door): Classification | undefined {
  return load([rule(1, detection)], { door }).rules[0]?.classification;
}

/** A selection, but not what another one says. */
const but = (selection: object, filter: object) => ({
  selection,
  filter,
  condition: 'selection and not filter',
});
const eitherOf = (...all: readonly object[]) => ({
  ...Object.fromEntries(all.map((each, index) => [`one_${index}`, each])),
  condition: '1 of one_*',
});

const PODS = { verb: 'create', 'objectRef.resource': 'pods' };
const decidable = { class: 'decidable', reason: 'every field it needs is seen' };
const approximate = {
  class: 'approximate',
  field: 'verb',
  reason: 'admission cannot tell update from patch, and it names only one',
};
const keywords = {
  class: 'approximate',
  reason: 'keywords ask the whole event, and admission shows only part of it',
};
const read = { class: 'offline-only', field: 'verb', reason: 'reads never reach admission' };
const unseen = (field: string, door = 'serve') => ({
  class: 'offline-only',
  field,
  reason: `${door} never shows ${field}`,
});
const neverSubscribed = (resources: string) => ({
  class: 'never-subscribed',
  field: 'objectRef.resource',
  reason: `a webhook must not or cannot receive ${resources}`,
});
const dead = (field: string, reason: string) => ({ class: 'dead', field, reason });

describe('the class of a rule at admission', () => {
  it.each<[what: string, detection: object, expected: object]>([
    ['a creation', PODS, decidable],
    ['any verb', { 'objectRef.resource': 'pods' }, decidable],
    ['update and patch alike', { ...PODS, verb: ['update', 'patch'] }, decidable],
    ['an exec by POST', { ...PODS, 'objectRef.subresource': 'exec' }, decidable],
    ['an exec by GET', { ...PODS, verb: 'get', 'objectRef.subresource': 'exec' }, decidable],
    ['a proxied request', { verb: 'get', 'objectRef.subresource': 'proxy' }, decidable],
    ['a field that may not matter', eitherOf(PODS, { userAgent: 'x' }), decidable],
    ['the hour it is', { ...PODS, 'requestReceivedTimestamp|hour': 3 }, decidable],
    ['a field that no event has, excluded', but(PODS, { hostPID: true }), decidable],
    ['a field that no event has, absent', { ...PODS, 'hostPID|exists': false, hostIPC: null }, decidable],
    ['patch alone', { verb: 'patch', 'objectRef.resource': 'pods' }, approximate],
    ['update alone', { verb: 'update', 'objectRef.resource': 'pods' }, approximate],
    ['patch excluded', but({ 'objectRef.resource': 'pods' }, { verb: 'patch' }), approximate],
    ['patch beside what never occurs', { verb: ['replace', 'patch'] }, approximate],
    ['keywords', { selection: PODS, keywords: ['x'], condition: 'selection and keywords' }, keywords],
    ['a list', { verb: 'list', 'objectRef.resource': 'secrets' }, read],
    ['reads', { verb: ['get', 'list', 'watch'], 'objectRef.resource': 'secrets' }, read],
    ['a get of a pod’s log', { verb: 'get', 'objectRef.subresource': 'log' }, read],
    [
      'keywords in reads',
      { selection: { verb: 'list' }, keywords: ['x'], condition: 'selection and keywords' },
      read,
    ],
    ['a status code', { ...PODS, 'responseStatus.code': 403 }, unseen('responseStatus.code')],
    ['an agent excluded', but(PODS, { userAgent: 'kubectl' }), unseen('userAgent')],
    ['a field that must be absent', { ...PODS, impersonatedUser: null }, unseen('impersonatedUser')],
    [
      'its own time otherwise',
      { ...PODS, requestReceivedTimestamp: '2026*' },
      unseen('requestReceivedTimestamp'),
    ],
    ['the time it ended', { ...PODS, 'stageTimestamp|hour': 3 }, unseen('stageTimestamp')],
    ['events', { verb: 'delete', 'objectRef.resource': 'events' }, neverSubscribed('events')],
    ['patched leases', { verb: 'patch', 'objectRef.resource': 'leases' }, neverSubscribed('leases')],
    ['events or pods', { verb: 'delete', 'objectRef.resource': ['events', 'pods'] }, decidable],
    ['anything but events', { verb: 'delete', 'objectRef.resource|neq': 'events' }, decidable],
    ['a verb that never occurs', { verb: 'replace' }, dead('verb', 'verb never has such a value')],
    ['a level that never occurs', { level: 'Verbose' }, dead('level', 'level never has such a value')],
    [
      'a code that is no integer',
      { 'responseStatus.code': 'ALLOW' },
      dead('responseStatus.code', 'responseStatus.code is an integer in every audit event'),
    ],
    ['a field that no event has', { hostPID: true }, dead('hostPID', 'no audit event has a field hostPID')],
    [
      'two verbs at once',
      { 'verb|all': ['create', 'delete'] },
      { class: 'dead', reason: 'no audit event satisfies all of it' },
    ],
    ['a pattern for a code', { 'responseStatus.code': '4*' }, unseen('responseStatus.code')],
    ['a code as text', { 'responseStatus.code': '403' }, unseen('responseStatus.code')],
  ])('%s', (_, detection, expected) => {
    expect(classOf(detection, 'serve')).toEqual(expected);
  });
});

describe('the class of a rule elsewhere', () => {
  const asCreated = {
    class: 'offline-only',
    field: 'verb',
    reason: 'scan sees each object as if it had just been created',
  };
  it.each<[what: string, door: Door, detection: object, expected: object]>([
    ['a log shows reads', 'replay', { verb: 'list' }, decidable],
    ['a log shows agents', 'replay', but(PODS, { userAgent: 'kubectl' }), decidable],
    ['a log shows keywords', 'replay', { '': 'x' }, decidable],
    ['a log tells update from patch', 'replay', { verb: 'patch' }, decidable],
    ['a log shows events', 'replay', { 'objectRef.resource': 'events' }, decidable],
    ['no log shows what is dead', 'replay', { verb: 'replace' }, dead('verb', 'verb never has such a value')],
    ['a cluster shows what was created', 'scan', PODS, decidable],
    ['a cluster shows no deletion', 'scan', { verb: 'delete' }, asCreated],
    [
      'a cluster shows nobody’s name',
      'scan',
      { ...PODS, 'user.username': 'x' },
      unseen('user.username', 'scan'),
    ],
    [
      'a cluster does not show when',
      'scan',
      { ...PODS, 'requestReceivedTimestamp|hour': 3 },
      unseen('requestReceivedTimestamp', 'scan'),
    ],
    [
      'a cluster shows no exec',
      'scan',
      { ...PODS, 'objectRef.subresource': 'exec' },
      {
        class: 'offline-only',
        field: 'objectRef.subresource',
        reason: 'scan sees objects, not what is asked of their subresources',
      },
    ],
  ])('%s', (_, door, detection, expected) => {
    expect(classOf(detection, door)).toEqual(expected);
  });
});

describe('a list of conditions', () => {
  const [creation, listing, patching, replacing] = ['create', 'list', 'patch', 'replace'].map((verb) => ({
    verb,
    'objectRef.resource': 'pods',
  }));
  function loaded(...all: readonly (object | undefined)[]) {
    const detection = Object.fromEntries(all.map((each, index) => [`one_${index}`, each]));
    const condition = all.map((_, index) => `one_${index}`);
    const [only] = load([rule(1, { ...detection, condition })]).rules;
    return {
      ...only?.classification,
      disabledReason: only?.disabledReason,
      members: only?.loadedConditions.map((each) => each.classification.class),
    };
  }

  it('is classed member by member: what can be decided is asked', () => {
    expect(loaded(listing, creation, replacing)).toEqual({
      ...decidable,
      disabledReason: undefined,
      members: ['offline-only', 'decidable', 'dead'],
    });
  });

  it('is only approximate where one that is asked is: a match may be of that one', () => {
    expect(loaded(creation, patching)).toEqual({
      ...approximate,
      disabledReason: undefined,
      members: ['decidable', 'approximate'],
    });
  });

  it('is off where none can be decided, for the reason of the one that comes closest', () => {
    expect(loaded(replacing, listing)).toEqual({
      ...read,
      disabledReason: 'offline-only: reads never reach admission',
      members: ['dead', 'offline-only'],
    });
  });
});
