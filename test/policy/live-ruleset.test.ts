import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLiveRuleset, type LiveRuleset } from '../../src/policy/live-ruleset.ts';
import { directorySource, type NamedDocument, type RuleSource } from '../../src/policy/rule-source.ts';
import type { Ruleset } from '../../src/policy/ruleset.ts';
import { formatProblem, SigmaError, type Problem } from '../../src/sigma/read/errors.ts';
import { filter, id, rule } from './rulesets.ts';

/** Follows a source, and says what became of each change. */
async function follow(source: RuleSource, modeIds: readonly string[] = []) {
  const events: string[] = [];
  let heard = Promise.withResolvers<void>();
  const tell = (event: string) => {
    events.push(event);
    heard.resolve();
    heard = Promise.withResolvers();
  };
  const titles = ({ rules }: Ruleset) => rules.map((each) => each.title).join(', ');
  const live = await createLiveRuleset({
    door: 'serve',
    subresources: 'resource',
    modes: { rules: Object.fromEntries(modeIds.map((each) => [each, 'enforce'])) },
    source,
    onLoad: (ruleset) => tell(`loaded ${titles(ruleset)}`),
    onRefuse: (problems) => tell(`refused ${problems.map(formatProblem).join('; ')}`),
  });
  return {
    live,
    events,
    /** Resolves when the next change was dealt with. */
    next: () => heard.promise,
    inForce: () => titles(live.current()),
  };
}

/** A source that a test changes. */
function changingSource(first: readonly NamedDocument[]) {
  let read: RuleSource['read'] = async () => first;
  const listeners = new Set<() => void>();
  const source: RuleSource = {
    read: () => read(),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return {
    source,
    listeners,
    change(to: RuleSource['read']) {
      read = to;
      for (const listener of listeners) listener();
    },
  };
}

const PODS = { 'objectRef.resource': 'pods' };
const file = (number: number, detection: object = PODS): NamedDocument => ({
  name: `${number}.yml`,
  text: rule(number, detection),
});
const broken: NamedDocument = { name: 'broken.yml', text: rule(3, { 'verb|startwith': 'c' }) };

describe('a rule with a mode of its own', () => {
  it('does not go from the set in force: the settings would name no rule', async () => {
    const { source, change } = changingSource([file(1), file(2)]);
    const { events, next, inForce } = await follow(source, [id(2)]);
    const refused = next();
    change(async () => [file(1)]);
    await refused;
    expect(events).toEqual([
      'loaded Rule 1, Rule 2',
      `refused rules.${id(2)}: no loaded rule has this id (did you mean ${id(1)}?)`,
    ]);
    expect(inForce()).toBe('Rule 1, Rule 2');
  });

  it('that was not there at the start holds no other change up', async () => {
    const { source, change } = changingSource([file(1)]);
    const { events, next } = await follow(source, [id(3)]);
    for (const set of [[file(2)], [file(2), file(3)], [file(2)]]) {
      const dealtWith = next();
      change(async () => set);
      await dealtWith;
    }
    expect(events).toEqual([
      'loaded Rule 1',
      'loaded Rule 2',
      'loaded Rule 2, Rule 3',
      `refused rules.${id(3)}: no loaded rule has this id (did you mean ${id(2)}?)`,
    ]);
  });
});

describe('rules that change', () => {
  it('are replaced whole', async () => {
    const { source, change } = changingSource([file(1)]);
    const { events, next, inForce } = await follow(source);
    const loaded = next();
    change(async () => [file(2), file(1)]);
    await loaded;
    expect(events).toEqual(['loaded Rule 1', 'loaded Rule 2, Rule 1']);
    expect(inForce()).toBe('Rule 2, Rule 1');
  });

  it('for the worse leave the last good set in force, and say all that is wrong, until they are right again', async () => {
    const { source, change } = changingSource([file(1)]);
    const { live, events, next, inForce } = await follow(source);
    const refused = next();
    change(async () => [file(2), broken, { name: 'worse.yml', text: '{' }]);
    await refused;
    expect(inForce()).toBe('Rule 1');
    expect(live.refused()?.map(({ code, file: name }) => [code, name])).toEqual([
      ['unknown-modifier', 'broken.yml'],
      ['yaml-syntax', 'worse.yml'],
    ]);
    const loaded = next();
    change(async () => [file(2)]);
    await loaded;
    expect(live.refused()).toBeUndefined();
    expect(events).toEqual([
      'loaded Rule 1',
      expect.stringMatching(/^refused broken\.yml:1: .*; worse\.yml:1: /),
      'loaded Rule 2',
    ]);
  });

  it('may be unreadable for a while', async () => {
    const { source, change } = changingSource([file(1)]);
    const { live, events, next, inForce } = await follow(source);
    const refused = next();
    change(() => Promise.reject(Object.assign(new Error('EACCES: permission denied'), { path: 'rules' })));
    await refused;
    expect([inForce(), events.at(-1)]).toEqual(['Rule 1', 'refused rules: EACCES: permission denied']);
    expect(live.refused()?.map(({ code }) => code)).toEqual(['unreadable']);
  });

  it('are missed at no time, not while they are read for the first time', async () => {
    const { source, change } = changingSource([file(1)]);
    const [slow, second] = [
      Promise.withResolvers<readonly NamedDocument[]>(),
      Promise.withResolvers<readonly NamedDocument[]>(),
    ];
    const reads = [slow.promise, second.promise];
    const following = follow({ ...source, read: () => reads.shift()! });
    change(async () => []);
    slow.resolve([file(1)]);
    const { events, next, inForce } = await following;
    const loaded = next();
    second.resolve([file(2)]);
    await loaded;
    expect([events, inForce()]).toEqual([['loaded Rule 1', 'loaded Rule 2'], 'Rule 2']);
  });

  it('are looked at again without a word if nothing changed, be it for the worse', async () => {
    const { source, change } = changingSource([file(1)]);
    const { live, events, next } = await follow(source);
    change(async () => [file(1)]);
    const refused = next();
    change(async () => [broken]);
    await refused;
    change(async () => [broken]);
    const unreadable = next();
    change(() => Promise.reject(new Error('EIO')));
    await unreadable;
    change(() => Promise.reject(new Error('EIO')));
    const loaded = next();
    change(async () => [file(1), file(2)]);
    await loaded;
    expect(live.refused()).toBeUndefined();
    expect(events).toEqual([
      'loaded Rule 1',
      expect.stringMatching(/^refused broken\.yml/),
      expect.stringMatching(/^refused .*EIO/),
      'loaded Rule 1, Rule 2',
    ]);
  });

  it('are taken one after the other, the last one last', async () => {
    const { source, change } = changingSource([file(1)]);
    const { events, next, inForce } = await follow(source);
    const [reading, slow] = [
      Promise.withResolvers<void>(),
      Promise.withResolvers<readonly NamedDocument[]>(),
    ];
    change(() => {
      reading.resolve();
      return slow.promise;
    });
    await reading.promise;
    change(async () => [file(2)]);
    const first = next();
    slow.resolve([file(3)]);
    await first;
    await next();
    expect(events).toEqual(['loaded Rule 1', 'loaded Rule 3', 'loaded Rule 2']);
    expect(inForce()).toBe('Rule 2');
  });

  it('are no longer followed once closed', async () => {
    const { source, listeners } = changingSource([file(1)]);
    const { live } = await follow(source);
    expect(listeners.size).toBe(1);
    live.close();
    expect(listeners.size).toBe(0);
  });

  it('must be right from the start', async () => {
    const { source } = changingSource([broken]);
    const error = await follow(source).then(undefined, (thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SigmaError);
    expect((error as SigmaError).problems.map(({ code }: Problem) => code)).toEqual(['unknown-modifier']);
  });
});

describe('an optional file that is wrong', () => {
  const BY_ALICE = { 'user.username|cased': 'alice' };
  const team = (text: string): NamedDocument => ({ name: 'a/team-a.optional.yml', text });
  const wrong = team(filter(5, { 'user.username|case': 'alice' }));
  const unobservable = team(filter(5, { userAgent: 'kubectl' }));
  const sameId = team(filter(6, { 'user.username|cased': 'bob' }));
  const ours: NamedDocument = { name: 'b/ours.yml', text: filter(6, BY_ALICE) };
  const state = ({ current, refused, leftOut }: LiveRuleset) => ({
    filters: current().filters.map(({ title }) => title),
    leftOut: leftOut().map(({ code, file: name }) => `${name} ${code}`),
    refused: refused()?.map(({ code, file: name }) => `${name} ${code}`),
  });

  it.each([
    ['cannot be read', team('{'), 'yaml-syntax'],
    ['names no modifier', wrong, 'unknown-modifier'],
    ['asks what admission never sees', unobservable, 'filter-unobservable'],
    ['has the id of a filter of ours', sameId, 'duplicate-id'],
  ])('at the start is left out, and told, with all else in force: it %s', async (_why, document, code) => {
    const { live, events } = await follow(changingSource([document, file(1), ours]).source);
    expect(state(live)).toEqual({
      filters: ['Filter 6'],
      leftOut: [`a/team-a.optional.yml ${code}`],
      refused: undefined,
    });
    expect(events).toEqual(['loaded Rule 1']);
  });

  it('holds no other change up while it is left out, and is loaded once it is mended', async () => {
    const { source, change } = changingSource([wrong, file(1), ours]);
    const { live, next } = await follow(source);
    const states = [];
    for (const set of [
      [wrong, file(1), file(2), ours],
      [team(filter(5, BY_ALICE)), file(1), ours],
    ]) {
      const dealtWith = next();
      change(async () => set);
      await dealtWith;
      states.push(state(live));
    }
    expect(states).toEqual([
      {
        filters: ['Filter 6'],
        leftOut: ['a/team-a.optional.yml unknown-modifier'],
        refused: undefined,
      },
      { filters: ['Filter 6', 'Filter 5'], leftOut: [], refused: undefined },
    ]);
  });

  it('keeps the last good set where its filter is in force: a typing error takes no exception away', async () => {
    const { source, change } = changingSource([team(filter(5, BY_ALICE)), file(1)]);
    const { live, next } = await follow(source);
    const refused = next();
    change(async () => [wrong, file(1)]);
    await refused;
    expect(state(live)).toEqual({
      filters: ['Filter 5'],
      leftOut: [],
      refused: ['a/team-a.optional.yml unknown-modifier'],
    });
  });

  it('excuses no other file', async () => {
    const { source } = changingSource([wrong, broken]);
    await expect(follow(source)).rejects.toThrow(SigmaError);
  });
});

describe('rules in a ConfigMap', () => {
  let directory: string;
  let live: LiveRuleset | undefined;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rules-'));
  });
  afterEach(async () => {
    live?.close();
    await rm(directory, { recursive: true });
  });

  /** As the kubelet does: files go through the link `..data`, which is swapped. */
  async function mount(version: string, document: NamedDocument): Promise<void> {
    await mkdir(join(directory, `..${version}`));
    await writeFile(join(directory, `..${version}`, 'rule.yml'), document.text);
    await symlink(`..${version}`, join(directory, '..data_tmp'));
    await rename(join(directory, '..data_tmp'), join(directory, '..data'));
  }

  it('are followed through the swap of its link, and back', async () => {
    await mount('1', file(1));
    await symlink('..data/rule.yml', join(directory, 'rule.yml'));
    const followed = await follow(directorySource([directory]));
    ({ live } = followed);
    const refused = followed.next();
    await mount('2', broken);
    await refused;
    expect(followed.inForce()).toBe('Rule 1');
    const loaded = followed.next();
    await mount('3', file(2));
    await loaded;
    expect([followed.inForce(), live.refused()]).toEqual(['Rule 2', undefined]);
  });
});
