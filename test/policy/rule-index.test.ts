import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createRuleIndex } from '../../src/policy/rule-index.ts';
import { createCompiler } from '../../src/sigma/match/compile.ts';
import { UNKNOWN } from '../../src/sigma/match/fields.ts';
import type { Tree } from '../../src/sigma/match/tree.ts';
import { treeOf } from '../sigma/detections.ts';
import { events, trees } from '../sigma/trees.ts';

interface Named {
  readonly name: string;
  readonly tree: Tree;
}

/** The names of the rules that are asked about each event. */
function asked(detections: Readonly<Record<string, unknown>>, ...events: readonly object[]) {
  const rules = Object.entries(detections).map(([name, value]) => ({ name, tree: treeOf(value) }));
  const candidates = createRuleIndex<Named>(rules, createCompiler());
  return events.map((event) => candidates(event).map(({ name }) => name));
}

/** More than may share a value without a rule looking for another one. */
const CROWD = Array.from({ length: 30 }, (_, index) => index);
const podRules = (more: (index: number) => object) =>
  Object.fromEntries(
    CROWD.map((index) => [`pods-${index}`, { verb: 'create', resource: 'pods', ...more(index) }]),
  );

describe('the index', () => {
  it('asks each rule for the value that fewest others require', () => {
    const rules = {
      ...podRules((index) => ({ image: `image-${index}` })),
      seed: { verb: 'create', resource: 'pods', namespace: 'kube-system' },
      exec: { verb: ['create', 'get'], resource: 'pods', subresource: 'exec' },
    };
    const pod = { verb: 'create', resource: 'pods' };
    expect(
      asked(
        rules,
        { ...pod, namespace: 'default', image: 'other' },
        { ...pod, namespace: 'KUBE-SYSTEM', image: ['other', 'image-7'] },
        { ...pod, subresource: 'exec' },
        { verb: 'delete', resource: 'secrets', namespace: 'kube-system' },
      ),
    ).toEqual([[], ['pods-7', 'seed'], ['exec'], ['seed']]);
  });

  it('looks for any of several values where any will do', () => {
    const rules = {
      ...podRules(() => ({ 'image|contains': 'x' })),
      either: { verb: 'create', resource: ['pods', 'secrets'], name: ['a', 'B'] },
    };
    expect(asked(rules, { name: 'b' }, { name: ['a', 'b'] }, { name: 'c' }, {})).toEqual([
      ['either'],
      ['either'],
      [],
      [],
    ]);
  });

  it('always asks a rule that requires nothing', () => {
    const rules = {
      negated: { 'verb|neq': 'get' },
      pattern: { verb: 'c*' },
      absent: { subresource: null },
      keyword: 'x',
      either: [{ verb: 'get' }, { name: 'x' }],
    };
    expect(asked(rules, {})).toEqual([Object.keys(rules)]);
  });

  it('asks about a number what is required as its text', () => {
    expect(asked({ port: { port: '443' } }, { port: 443 }, { port: 44 })).toEqual([['port'], []]);
  });

  it('asks a rule whose field the event cannot show', () => {
    expect(asked({ agent: { agent: 'kubectl' } }, { agent: UNKNOWN }, { agent: 'curl' })).toEqual([
      ['agent'],
      [],
    ]);
  });

  it('never leaves out a rule that an event does not make false, nor names one twice', () => {
    const rulesets = fc.array(trees, { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(rulesets, fc.array(events, { minLength: 1, maxLength: 5 }), (ruleset, seen) => {
        const compiler = createCompiler();
        const rules = ruleset.map((tree) => ({ tree, matches: compiler.compile(tree) }));
        const candidates = createRuleIndex(rules, compiler);
        for (const event of seen) {
          const found = candidates(event);
          expect(new Set(found).size).toBe(found.length);
          expect(rules.filter((rule) => rule.matches(event) !== false && !found.includes(rule))).toEqual([]);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
