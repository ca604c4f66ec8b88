import { describe, expect, it } from '@jest/globals';
import { decide } from '../../src/policy/decision.ts';
import { evaluate, type Match } from '../../src/policy/evaluate.ts';
import type { Mode, Modes } from '../../src/policy/mode.ts';
import { observation } from './observations.ts';
import { filter, id, load, rule } from './rulesets.ts';

const PODS = { 'objectRef.resource': 'pods' };

function matchesOf(documents: readonly string[]): readonly Match[] {
  return evaluate(observation({ verb: 'patch' }), load(documents)).matches;
}

function decision(documents: readonly string[], modes: Partial<Modes>) {
  const decided = decide(matchesOf(documents), { default: 'audit', levels: {}, rules: {}, ...modes });
  return {
    verdict: decided.verdict,
    ...(decided.verdict === 'deny' ? { by: decided.by.rule.title } : {}),
    matches: decided.matches.map((match) => `${match.rule.title}: ${match.mode}`),
  };
}

describe('a decision', () => {
  const [low, high] = [rule(1, PODS, { level: 'low' }), rule(2, PODS, { level: 'high' })];

  it.each<[mode: Mode, verdict: string]>([
    ['audit', 'allow'],
    ['warn', 'warn'],
    ['enforce', 'deny'],
  ])('in %s is to %s', (mode, verdict) => {
    expect(decision([low], { default: mode })).toMatchObject({ verdict, matches: [`Rule 1: ${mode}`] });
  });

  it('without a match is to allow', () => {
    expect(decision([rule(1, { verb: 'delete' })], { default: 'enforce' })).toEqual({
      verdict: 'allow',
      matches: [],
    });
  });

  it('is that of the strictest mode, the matches in order of severity', () => {
    expect(decision([low, high], { rules: { [id(1)]: 'enforce', [id(2)]: 'warn' } })).toEqual({
      verdict: 'deny',
      by: 'Rule 1',
      matches: ['Rule 2: warn', 'Rule 1: enforce'],
    });
    expect(decision([low, high], { rules: { [id(1)]: 'warn' } })).toEqual({
      verdict: 'warn',
      matches: ['Rule 2: audit', 'Rule 1: warn'],
    });
  });

  it('names the most severe of those that refuse', () => {
    expect(decision([low, high], { default: 'enforce' })).toMatchObject({ verdict: 'deny', by: 'Rule 2' });
  });

  it('is not made by what a filter accepts', () => {
    const accepted = filter(3, { 'user.username': 'alice' }, { rules: [id(2)] });
    expect(decision([low, high, accepted], { default: 'warn', levels: { high: 'enforce' } })).toEqual({
      verdict: 'warn',
      matches: ['Rule 1: warn'],
    });
  });

  it('gives each match its mode, also one that a filter accepts, and keeps the event it matched', () => {
    const accepted = filter(3, { 'user.username': 'alice' }, { rules: [id(2)] });
    const { decided } = decide(matchesOf([low, high, accepted]), {
      default: 'warn',
      levels: { high: 'enforce' },
      rules: {},
    });
    expect(decided.map(({ rule: of, mode, filter: by }) => [of.title, mode, by?.filter.title])).toEqual([
      ['Rule 1', 'warn', undefined],
      ['Rule 2', 'enforce', 'Filter 3'],
    ]);
    expect(decided.map(({ event }) => event)).toEqual(
      Array(2).fill(expect.objectContaining({ verb: 'patch' })),
    );
  });

  it('never refuses by a rule that is only approximately decided, unless its id says so', () => {
    const patch = rule(1, { ...PODS, verb: 'patch' });
    expect(decision([patch], { default: 'enforce' })).toEqual({ verdict: 'warn', matches: ['Rule 1: warn'] });
    expect(decision([patch], { rules: { [id(1)]: 'enforce' } })).toMatchObject({
      verdict: 'deny',
      by: 'Rule 1',
    });
  });
});
