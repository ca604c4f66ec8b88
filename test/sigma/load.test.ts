import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { dump } from 'js-yaml';
import { formatProblem } from '../../src/sigma/read/errors.ts';
import { combine, parseSigma } from '../../src/sigma/read/load.ts';
import { itemsOf } from '../../src/sigma/match/partial-evaluation.ts';
import { corpusFiles, corpusText, describeWithCorpus } from '../corpus.ts';

const ID = 'a80d927d-ac6e-443f-a867-e8d6e3897318';
const OTHER_ID = '402b955c-0000-4000-8000-000000000000';

function ruleOf({ id = ID, title = 't', verb = 'create', product = 'kubernetes', more = '' } = {}): string {
  return `title: ${title}\n${id === '' ? '' : `id: ${id}\n`}logsource: {product: ${product}}\ndetection: {s: {verb: ${verb}}, condition: s}\n${more}`;
}

const filterOf = (verb = 'create') =>
  `title: f\nid: ${ID}\nlogsource: {product: kubernetes}\nfilter: {rules: any, s: {verb: ${verb}}, condition: not s}\n`;

function combined(...texts: string[]) {
  const { rules, filters, problems } = combine(texts.map((text, index) => parseSigma(`${index}.yml`, text)));
  return {
    rules: rules.map(({ file, title }) => `${file} ${title}`),
    filters: filters.map(({ file, title }) => `${file} ${title}`),
    problems: problems.map((problem) => `${problem.severity} ${problem.code} ${formatProblem(problem)}`),
  };
}

describe('a file', () => {
  it('may hold rules and filters', () => {
    expect(
      combined(`${ruleOf()}---\n${filterOf()}---\n${ruleOf({ id: OTHER_ID, title: 'u' })}---\n`),
    ).toEqual({
      rules: ['0.yml t', '0.yml u'],
      filters: ['0.yml f'],
      problems: [],
    });
  });

  it.each(['', '---\n', '# nothing but words\n', 'action: global\ntitle: t\n'])(
    'without a document is a warning: %j',
    (text) => {
      expect(combined(text).problems).toEqual(['warning empty-file 0.yml: no Sigma document in it']);
    },
  );

  it('with a correlation loads the rules it refers to, and says that it is not loaded', () => {
    const correlation = `title: Many execs\ncorrelation: {type: event_count, rules: [exec], timespan: 5m, condition: {gte: 3}}\n`;
    expect(combined(`${ruleOf()}---\n${correlation}`)).toEqual({
      rules: ['0.yml t'],
      filters: [],
      problems: [
        'warning correlation-unsupported 0.yml:7: correlation: correlation "Many execs" is not loaded: correlations are not yet supported; the rules it refers to are loaded on their own',
      ],
    });
  });

  it('may not leave open what a document is', () => {
    expect(combined(`${ruleOf()}filter: {}\n`)).toEqual({
      rules: [],
      filters: [],
      problems: [
        'error ambiguous-document 0.yml:1: a document has one of detection, filter and correlation; this one has detection and filter',
      ],
    });
  });

  it('is reported whole, and what is right in it is read', () => {
    const { rules, problems } = combined(
      [ruleOf({ more: 'level: x\n' }), ruleOf({ id: OTHER_ID }), ruleOf({ id: 'x' }), '- list\n'].join(
        '---\n',
      ),
    );
    expect(rules).toEqual(['0.yml t']);
    expect(problems).toEqual([
      expect.stringContaining('error document-not-a-map 0.yml:17:'),
      expect.stringContaining('error unknown-value 0.yml:5: level:'),
      expect.stringContaining('error invalid-id 0.yml:13: id:'),
    ]);
  });

  it('whose YAML repeats a key gives no rule, but everything else that is wrong', () => {
    const { rules, problems } = combined(ruleOf({ more: 'level: low\nlevel: loud\n' }));
    expect(rules).toEqual([]);
    expect(problems).toEqual([
      expect.stringContaining('error yaml-duplicate-key 0.yml:6: level:'),
      expect.stringContaining('error unknown-value 0.yml:6: level:'),
    ]);
  });

  it('of collections gives each rule', () => {
    const text = `action: global\nlogsource: {product: kubernetes}\ndetection: {condition: s}\n---\ntitle: one\nid: ${ID}\ndetection: {s: {verb: create}}\n---\naction: repeat\ntitle: two\nid: ${OTHER_ID}\n`;
    expect(combined(text)).toEqual({ rules: ['0.yml one', '0.yml two'], filters: [], problems: [] });
  });
});

describe('the same id', () => {
  it('with the same detection is an error within one directory, or the file that sorts first would win', () => {
    expect(combined(ruleOf(), ruleOf({ title: 'again', id: ID.toUpperCase() }))).toEqual({
      rules: ['0.yml t'],
      filters: [],
      problems: [
        `error duplicate-document 1.yml:1: id: "${ID}" is the same as at 0.yml:1; one directory holds it once`,
      ],
    });
  });

  it.each([
    ['with another detection', ruleOf({ verb: 'patch' })],
    ['for another log', ruleOf({ product: 'windows' })],
  ])('%s is an error that names both files', (_, other) => {
    expect(combined(ruleOf(), other).problems).toEqual([
      `error duplicate-id 1.yml:1: id: "${ID}" is also at 0.yml:1, with another meaning`,
    ]);
  });

  it('in one file is the same id', () => {
    expect(combined(`${ruleOf()}---\n${ruleOf({ verb: 'patch' })}`).problems).toEqual([
      `error duplicate-id 0.yml:6: id: "${ID}" is also at 0.yml:1, with another meaning`,
    ]);
  });

  it('with the same detection in another directory, or in a file that was read twice, is a warning', () => {
    const [text, again] = [ruleOf(), ruleOf({ title: 'again' })];
    for (const [first, second] of [
      [
        ['a/x.yml', text],
        ['b/x.yml', again],
      ],
      [
        ['a/x.yml', text],
        ['a/x.yml', text],
      ],
    ] as const) {
      const { rules, problems } = combine(
        [first, second].map(([file, written]) => parseSigma(file, written)),
      );
      expect([rules.length, problems.map(({ severity, code }) => `${severity} ${code}`)]).toEqual([
        1,
        ['warning duplicate-document'],
      ]);
    }
  });

  it('is a matter of rules and of filters, each among themselves', () => {
    expect(combined(ruleOf(), filterOf()).problems).toEqual([]);
    expect(combined(filterOf(), filterOf()).problems).toEqual([
      `error duplicate-document 1.yml:1: id: "${ID}" is the same as at 0.yml:1; one directory holds it once`,
    ]);
    expect(combined(filterOf(), filterOf('patch')).problems).toEqual([
      `error duplicate-id 1.yml:1: id: "${ID}" is also at 0.yml:1, with another meaning`,
    ]);
  });

  it('is not that of rules without one, unless a file has two of one title', () => {
    expect(combined(ruleOf({ id: '' }), ruleOf({ id: '', verb: 'patch' })).problems).toEqual([]);
    expect(combined(`${ruleOf({ id: '' })}---\n${ruleOf({ id: '', verb: 'patch' })}`).problems).toEqual([
      'error duplicate-id 0.yml:5: id: "t", without an id, is also at 0.yml:1, with another meaning',
    ]);
  });
});

describe('what is shipped', () => {
  const root = join(import.meta.dirname, '../..');
  const files = ['rules', 'filters', 'filters/presets'].flatMap((directory) =>
    readdirSync(join(root, directory))
      .filter((name) => name.endsWith('.yml'))
      .map((name) => `${directory}/${name}`),
  );
  it.each(files)('%s has no problem', (file) => {
    const { rules, filters, problems } = parseSigma(file, readFileSync(join(root, file), 'utf8'));
    expect(problems.map(formatProblem)).toEqual([]);
    expect(rules.length + filters.length).toBeGreaterThan(0);
  });

  it.each(files.filter((file) => file.startsWith('filters/')))(
    '%s names people as Kubernetes does, case and all',
    (file) => {
      const { filters } = parseSigma(file, readFileSync(join(root, file), 'utf8'));
      const identities = filters
        .flatMap(({ condition }) => itemsOf(condition.tree))
        .filter(({ field }) => field?.startsWith('user.'))
        .flatMap(({ predicates }) => predicates.filter((predicate) => predicate.kind === 'string'));
      const named = identities.filter(({ pattern }) => pattern.some((part) => typeof part === 'string'));
      expect(named.length).toBeGreaterThan(0);
      expect(named.filter(({ cased }) => !cased)).toEqual([]);
    },
  );
});

describeWithCorpus('the corpus', () => {
  it('gives sixteen rules of SigmaHQ, without a problem', () => {
    const files = corpusFiles('sigma-rules', '.yml');
    const { rules, problems } = combine(files.map((file) => parseSigma(file, corpusText(file))));
    expect(problems.map(formatProblem)).toEqual([]);
    expect(rules).toHaveLength(files.length);
  });
});

describe('whatever a file holds', () => {
  const keys = fc.constantFrom(
    'title',
    'id',
    'level',
    'status',
    'date',
    'tags',
    'related',
    'logsource',
    'detection',
    'filter',
    'correlation',
    'rules',
    'condition',
    'timeframe',
    'selection',
    'action',
    'product',
    '__proto__',
    'constructor',
    'toString',
    'a|re',
  );
  const leaves = fc.oneof(
    fc.constantFrom('any', 'global', 'repeat', 'reset', 'selection', 'not 1 of *', 'low', ID, '', '(', '%x%'),
    fc.jsonValue({ maxDepth: 1 }),
  );
  const values = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'medium', withCrossShrink: true },
      leaves,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(keys, tie('value'), { maxKeys: 5 }),
    ),
  })).value;
  const documents = fc.dictionary(keys, values, { minKeys: 1, maxKeys: 8 });

  it('nothing is thrown, and every problem names the file and a line', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(documents, values), { maxLength: 4 }), (all) => {
        const text = all.map((each) => dump(each, { skipInvalid: true })).join('---\n');
        const { problems } = combine([parseSigma('r.yml', text)]);
        for (const problem of problems) {
          expect(problem.file).toBe('r.yml');
          expect(problem.line ?? 1).toBeGreaterThan(0);
          expect(formatProblem(problem)).not.toMatch(/\n/);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('text that is hardly YAML does not throw either', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string()), (text) => {
        expect(parseSigma('r.yml', text)).toMatchObject({ rules: [], filters: [] });
      }),
    );
  });
});

describe('a rule for another log', () => {
  it.each([[{ toString: 1 }], [[1]], [7]])('is left out with one warning where its title is %j', (title) => {
    const text = JSON.stringify({ title, logsource: { product: 'windows' }, detection: {} });
    const log = { category: 'application', product: 'kubernetes', service: 'audit' };
    const { rules, problems } = parseSigma('x.yml', text, { log });
    expect([rules, problems.map(({ code }) => code)]).toEqual([[], ['logsource-not-applicable']]);
  });

  it('is left out with one warning, whatever else is wrong with it', () => {
    const text = JSON.stringify({
      title: 'Elsewhere',
      level: 'loud',
      logsource: { product: 'windows' },
      detection: { selection: { 'a[].b': 1 }, condition: 'selection and' },
    });
    const log = { category: 'application', product: 'kubernetes', service: 'audit' };
    const { rules, problems } = parseSigma('x.yml', text, { log });
    expect([rules, problems]).toEqual([
      [],
      [
        {
          code: 'logsource-not-applicable',
          severity: 'warning',
          file: 'x.yml',
          line: 1,
          path: 'logsource',
          message:
            'rule "Elsewhere" is for category any, product windows, service any, not for Kubernetes audit logs; it is not loaded',
        },
      ],
    ]);
  });
});
