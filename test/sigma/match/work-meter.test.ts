import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createCompiler } from '../../../src/sigma/match/compile.ts';
import { parseSigma } from '../../../src/sigma/read/load.ts';
import { itemsOf } from '../../../src/sigma/match/partial-evaluation.ts';
import { compileRegex } from '../../../src/sigma/match/regular-expression.ts';
import type { DetectionItem, Tree } from '../../../src/sigma/match/tree.ts';
import { createWorkMeter, WorkLimitExceeded } from '../../../src/sigma/match/work-meter.ts';
import { corpusPath, describeWithCorpus } from '../../corpus.ts';

/** As much as a cluster stores of one object. */
const MOST_TEXT = 1.5 * 2 ** 20;

/** Letters in an order that does not repeat, the same in every run. */
function letters(alphabet: string, length: number): string {
  let state = 1;
  return Array.from({ length }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return alphabet.charAt(state % alphabet.length);
  }).join('');
}

const regex = (source: string, flags = ''): Tree => ({
  kind: 'item',
  item: { field: 'f', paths: ['f'], modifiers: ['re'], predicates: [{ kind: 'regex', source, flags }] },
});

describe('an expression that would run for long', () => {
  it.each([
    ['x.{0,1000}y', '', 'ax'],
    ['x.{0,200}x.{0,200}y', 'i', 'ax'],
    ['x.{0,100}y', '', 'ax'],
    ['a.{20}[cy]', '', 'ab'],
  ])('%s (%s) gives no verdict, in one long text or in many shorter ones', (source, flags, alphabet) => {
    const text = letters(alphabet, 400_000);
    expect(() => compileRegex(source, flags, createWorkMeter())(`${text}\ny`)).toThrow(WorkLimitExceeded);
    const parts = Array.from({ length: 80 }, (_, part) => `${text.slice(part * 5000, (part + 1) * 5000)}\ny`);
    const matches = createCompiler().compile(regex(`${source}$`, flags));
    expect(() => matches({ f: parts })).toThrow(WorkLimitExceeded);
  });

  it('gives one where the text is short, for each event anew', () => {
    const matches = createCompiler().compile(regex('x.{0,200}y'));
    const text = letters('ax', 2000);
    for (let event = 0; event < 100; event += 1) expect(matches({ f: `${text}${event}` })).toBe(false);
  });
});

describe('the expressions that ship', () => {
  const files = ['rules', 'filters', 'filters/presets'].flatMap((directory) =>
    filesIn(join(import.meta.dirname, '../../..', directory)),
  );
  itFindsAVerdict(files);
});

describeWithCorpus('the expressions of public rules for Kubernetes', () =>
  itFindsAVerdict(filesIn(corpusPath('sigma-rules'))),
);

/** Of any object that can be stored: its text is made of what the expressions look for, or of anything. */
function itFindsAVerdict(files: readonly string[]): void {
  it.each(['/.', '/.vrunlibetcod', 'a', 'aé \n', 'abcdefghijklmnopqrstuvwxyz0123456789'])(
    'are searched for in the largest text there can be, of %j',
    (alphabet) => {
      const trees = files.flatMap((file) => {
        const { rules, filters } = parseSigma(file, readFileSync(file, 'utf8'));
        return [
          ...rules.flatMap(({ conditions }) => conditions),
          ...filters.map(({ condition }) => condition),
        ].map(({ tree }) => tree);
      });
      const items = trees.flatMap(itemsOf).filter(searches);
      const text = letters(alphabet, MOST_TEXT);
      const event = Object.fromEntries(items.flatMap(({ paths }) => paths).map((path) => [path, text]));
      const matches = createCompiler().compile({
        kind: 'or',
        of: items.map((item) => ({ kind: 'item', item })),
      });
      expect([true, false]).toContain(matches(event));
    },
  );
}

function searches({ predicates }: DetectionItem): boolean {
  return predicates.some(({ kind }) => kind === 'regex' || kind === 'fieldref');
}

function filesIn(directory: string): readonly string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.yml'))
    .map((name) => join(directory, name));
}
