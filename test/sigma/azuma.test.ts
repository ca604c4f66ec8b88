import { expect, it } from '@jest/globals';
import { createCompiler } from '../../src/sigma/match/compile.ts';
import { formatProblem } from '../../src/sigma/read/errors.ts';
import { parseSigma } from '../../src/sigma/read/load.ts';
import { corpusLines, describeWithCorpus } from '../corpus.ts';

interface Case {
  readonly source: string;
  readonly rule: string;
  readonly event: object;
  readonly matches: boolean;
}

describeWithCorpus("another engine's test cases, rules of one and events", () => {
  it('all have the same verdict here', () => {
    const cases = corpusLines('sigma-cases/azuma.ndjson') as readonly Case[];
    expect(cases).toHaveLength(113);
    const differing = cases.filter(({ rule, event, matches }) => verdict(rule, event) !== matches);
    expect(differing).toEqual([]);
  });
});

function verdict(text: string, event: object): boolean {
  const { rules, problems } = parseSigma('rule.yml', text);
  const [rule] = rules;
  if (rule === undefined) throw new Error(problems.map(formatProblem).join('\n'));
  const { compile } = createCompiler();
  return rule.conditions.some(({ tree }) => compile(tree)(event) === true);
}
