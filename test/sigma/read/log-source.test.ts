import { describe, expect, it } from '@jest/globals';
import { createReporter, formatProblem, type Problem } from '../../../src/sigma/read/errors.ts';
import { contains, parseLogSource, type LogSource } from '../../../src/sigma/read/log-source.ts';

function parse(document: Record<string, unknown>) {
  const problems: Problem[] = [];
  const logsource = parseLogSource(
    document,
    createReporter('r.yml', () => 3, problems),
  );
  return { logsource, problems: problems.map((problem) => `${problem.code} ${formatProblem(problem)}`) };
}

describe('a log source', () => {
  it.each([
    [
      { product: 'kubernetes', service: 'audit' },
      { product: 'kubernetes', service: 'audit' },
    ],
    [{ category: 'application', definition: 'prose', other: 1 }, { category: 'application' }],
    [{ product: 'x', service: null }, { product: 'x' }],
  ])('%j is read', (logsource, expected) => {
    expect(parse({ logsource })).toEqual({ logsource: expected, problems: [] });
  });

  it.each([
    [{}, 'missing-field r.yml:3: logsource: no logsource; expected category, product or service'],
    [
      { logsource: null },
      'missing-field r.yml:3: logsource: no logsource; expected category, product or service',
    ],
    [{ logsource: 'audit' }, 'invalid-type r.yml:3: logsource: expected a map, found the text "audit"'],
    [
      { logsource: {} },
      'logsource-empty r.yml:3: logsource: names no log; expected at least one of category, product, service',
    ],
    [
      { logsource: { definition: 'prose' } },
      'logsource-empty r.yml:3: logsource: names no log; expected at least one of category, product, service',
    ],
    [
      { logsource: { product: 1 } },
      'invalid-type r.yml:3: logsource.product: expected a name, found the number 1',
    ],
    [
      { logsource: { service: '' } },
      'invalid-type r.yml:3: logsource.service: expected a name, found the text ""',
    ],
  ])('%j is an error', (document, problem) => {
    expect(parse(document)).toEqual({ logsource: undefined, problems: [problem] });
  });

  const audit = { product: 'kubernetes', service: 'audit' };
  const application = { category: 'application', ...audit };
  it.each<[LogSource, LogSource, boolean]>([
    [audit, audit, true],
    [audit, application, true],
    [application, audit, false],
    [application, application, true],
    [{ product: 'kubernetes' }, application, true],
    [{ product: 'windows' }, application, false],
    [{ product: 'Kubernetes' }, application, false],
    [{ service: 'audit' }, { product: 'linux', service: 'audit' }, true],
  ])('%j contains %j: %j', (outer, inner, expected) => {
    expect(contains(outer, inner)).toBe(expected);
  });
});
