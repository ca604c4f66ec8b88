import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { RULE_CLASSES } from '../../src/policy/rule-class.ts';
import { createReporter, formatProblem, SigmaError, type Problem } from '../../src/sigma/read/errors.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Codes are the only texts there that are words joined by hyphens, these aside. */
const NOT_CODES: readonly string[] = ['js-yaml', ...RULE_CLASSES];

describe('docs/errors.md', () => {
  const rows = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()));
  const codes = rows.map(([, code = '']) => code.replaceAll('`', ''));

  it('explains every code that is used', () => {
    const used = ['src/sigma/read', 'src/sigma/match', 'src/policy']
      .flatMap((directory) => readdirSync(join(ROOT, directory)).map((name) => join(ROOT, directory, name)))
      .map((file) => readFileSync(file, 'utf8'))
      .flatMap((source) => [...source.matchAll(/'([a-z0-9]+(?:-[a-z0-9]+)+)'/g)].map(([, code = '']) => code))
      .filter((code) => !NOT_CODES.includes(code));
    expect(used.length).toBeGreaterThan(20);
    expect([...new Set(used)].filter((code) => !codes.includes(code))).toEqual([]);
  });

  it('has each once, in order, with a severity, a meaning, an example and a fix', () => {
    expect(codes).toEqual([...new Set(codes)].toSorted());
    for (const [, , severity, ...texts] of rows) {
      expect(['error', 'warning', 'error or warning']).toContain(severity);
      expect(texts.slice(0, 3).map((text) => text !== '')).toEqual([true, true, true]);
      expect(texts).toHaveLength(4);
    }
  });
});

describe('a problem', () => {
  it('names file, line, path and what is wrong, on one line', () => {
    const problems: Problem[] = [];
    const reporter = createReporter(
      'rules/exec.yml',
      ([first]) => (first === 'a' ? 12 : undefined),
      problems,
    );
    reporter.error('condition-syntax', ['a', 0, 'b.c|re'], 'unexpected ")" at index 17');
    reporter.warning('unused-identifier', ['x\n\u202e\u{E0001}y', 'k'.repeat(101), ''], 'is not used');
    expect(problems.map(formatProblem)).toEqual([
      'rules/exec.yml:12: a.0.b.c|re: unexpected ")" at index 17',
      `rules/exec.yml: x\\u{a}\\u{202e}\\u{e0001}y.${'k'.repeat(100)}."": is not used`,
    ]);
    expect(problems.map(({ severity }) => severity)).toEqual(['error', 'warning']);
    expect(new SigmaError(problems).message.split('\n')).toEqual(problems.map(formatProblem));
  });
});
