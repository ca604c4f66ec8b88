import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createAuditLogReader, type LineFilter } from '../../../src/kubernetes/audit-log.ts';
import type { Evaluation } from '../../../src/policy/evaluate.ts';
import { createJudge, type Judge } from '../../../src/commands/replay/judge.ts';
import { createLineFilter } from '../../../src/commands/replay/line-filter.ts';
import { combine, parseSigma } from '../../../src/sigma/read/load.ts';
import { corpusFiles, corpusLines, corpusText, describeWithCorpus } from '../../corpus.ts';
import { rule } from '../../policy/rulesets.ts';
import { randomFrom, rewrite } from './rewrite.ts';

function judgeOf(documents: readonly string[]): Judge {
  return createJudge(combine(documents.map((text, index) => parseSigma(`${index}.yml`, text))), {
    modes: { default: 'warn', levels: {}, rules: {} },
    subresources: 'literal',
    heals: () => false,
  });
}

/** What is found in each line of a log, and how many lines were left out. */
function judged(log: string, judge: Judge, filter?: LineFilter) {
  const found: object[] = [];
  let skipped = 0;
  const names = ({ matches, notJudged }: Evaluation) => ({
    matches: matches.map(({ rule: each }) => each.id),
    notJudged: notJudged.map(({ rule: each }) => each.id),
  });
  const reader = createAuditLogReader(
    {
      onEvent(observation, line) {
        const [request, forecast] = [judge.request(observation), judge.forecast(observation)];
        if (request !== undefined) found.push({ line, ...names(request.evaluation) });
        if (forecast !== undefined) found.push({ line, denied: names(forecast.evaluation) });
      },
      // What is left out is not checked.
      onBadLine: () => {},
      onSkippedLines: (count) => void (skipped += count),
    },
    { filter },
  );
  reader.read(Buffer.from(log));
  reader.end();
  return { found, skipped };
}

const line = (resource: string, more: object = {}) =>
  JSON.stringify({ verb: 'create', level: 'Request', objectRef: { resource }, ...more });

describe('a line filter', () => {
  const judge = judgeOf([rule(1, { verb: 'create', 'objectRef.resource': 'pods' })]);

  it.each([
    ['the value', line('pods')],
    ['the value in another case', line('PODs')],
    ['the value in escapes', line('pods').replace('pods', 'p\\u006Fds')],
    ['the value beyond ASCII', line('podſ')],
    ['the value beyond ASCII in escapes', line('podſ').replace('ſ', '\\u017F')],
    ['the value within a text', JSON.stringify({ log: line('pods') })],
    [
      'the value in escapes within a text',
      JSON.stringify({ log: line('pods').replace('pods', 'p\\u006Fds') }),
    ],
    [
      'the value in escapes of escapes',
      JSON.stringify({ log: line('pods').replace('pods', 'p\\u006Fds') }).replaceAll('\\\\', '\\u005c'),
    ],
    ['space', line('pods').replaceAll(':', ' : ')],
  ])('keeps %s', (_, log) => {
    const filter = createLineFilter(judge.trees);
    expect(judged(`${line('x')}\n${log}\n${line('y')}\n`, judge, filter)).toMatchObject({
      found: [{ line: 2, matches: ['00000000-0000-4000-8000-000000000001'] }, { line: 2 }],
      skipped: 2,
    });
  });

  it('leaves out lines with what Go escapes', () => {
    const log = `${line('x', { requestURI: '/api?a=b&c=<d>' }).replace('&', '\\u0026').replace('<', '\\u003c').replace('>', '\\u003E')}\n`;
    expect(judged(log, judge, createLineFilter(judge.trees)).skipped).toBe(1);
  });

  it('leaves out every line where no rule is asked', () => {
    expect(judged(`${line('pods')}\n`, judgeOf([]), createLineFilter([]))).toEqual({ found: [], skipped: 1 });
  });

  const SPELLINGS = [
    ...[
      '443',
      '0443',
      '443.0',
      '4.43e2',
      '44.3E+1',
      '0.443e3',
      '44300e-2',
      '00443.00',
      '4.43e02',
      '-443',
      '4430',
      '1443',
    ],
    ...[
      '500',
      '5e2',
      '50e1',
      '5.0E2',
      '0.5e3',
      '0500',
      '500.00',
      '0.05e4',
      '5000e-1',
      '1200',
      '1.2e3',
      '12e2',
      '0',
    ],
    ...[
      '0e0',
      '0.0',
      '-0',
      'true',
      'Infinity',
      'NaN',
      '4.43',
      '0x1bb',
      '1e3',
      '1000',
      '1e21',
      '1000000000000000000000',
      '442.99999999999999999',
    ],
  ];
  const VALUES = [
    443,
    500,
    1200,
    0,
    -443,
    '443',
    '500',
    '44*',
    '*43',
    '4?3',
    '12*',
    '5*',
    'tru*',
    '1e+21',
    '0443',
    '4.43e2',
  ];
  const FIELDS = [
    'user.username',
    'responseStatus.code',
    'userAgent',
    'annotations.x',
    'objectRef.name',
    'requestURI',
  ];

  it.each(FIELDS)('gives the same answer however a number is spelled, as a text or not: %s', (field) => {
    const spelled = SPELLINGS.flatMap((text) => (isJson(text) ? [text, `"${text}"`] : [`"${text}"`]));
    const documents = (text: string) => [
      text,
      JSON.stringify({ log: text }),
      JSON.stringify({ message: JSON.stringify({ log: text }) }),
    ];
    const log = spelled
      .flatMap((text) => documents(line('x', nested(field, 0)).replace(/0(?=}*$)/, text)))
      .map((each) => `${each}\n`)
      .join('');
    for (const value of VALUES) {
      for (const modifier of ['', '|contains', '|startswith', '|endswith']) {
        if (modifier !== '' && typeof value !== 'string') continue;
        const of = judgeOf([rule(1, { [field + modifier]: value, verb: 'create' })]);
        const { found } = judged(log, of, createLineFilter(of.trees));
        expect([field + modifier, value, found]).toEqual([field + modifier, value, judged(log, of).found]);
      }
    }
  });

  it('leaves out none, and says so, where a rule can match without a text', () => {
    const any = judgeOf([rule(1, { verb: 'create' })]);
    const filter = createLineFilter(any.trees);
    expect(judged(`${line('x')}\n`, any, filter).skipped).toBe(0);
    expect(filter.off).toBe('a rule can match without any text that could be looked for');
  });

  it.each([
    ['half of the lines are kept', 1 / 2, undefined],
    ['nearly all are', 9 / 10, 'most lines hold the texts of these rules'],
  ])('is asked on only where it spares enough: %s', (_, share, off) => {
    const bytes = Buffer.from(`${line('pods')}\n`.repeat(8000));
    const filter = createLineFilter(judge.trees);
    for (let blocks = 0; blocks < 12; blocks++) {
      filter.next(bytes, 0, bytes.length);
      filter.next(bytes, 100, bytes.length);
      filter.done(bytes.length * share);
    }
    expect(filter.off).toBe(off);
    expect(filter.next(Buffer.from('nothing'), 2, 7)).toBe(off === undefined ? 7 : 2);
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function nested(field: string, value: unknown): object {
  return field.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as object;
}

describeWithCorpus('real events, spelled in other ways', () => {
  const events = [
    // One that was just received is not judged, but where the log ends before it does.
    ...corpusLines('audit/immudb-log-audit/k8s.log').filter(
      (event) => (event as { stage: string }).stage !== 'RequestReceived',
    ),
    ...corpusLines('pairs/requests.ndjson').map((pair) => (pair as { auditEvent: unknown }).auditEvent),
    ...corpusLines('audit/panther/events.ndjson'),
    ...corpusLines('audit/audit2rbac/demo.log'),
  ];
  const judges = [
    corpusFiles('sigma-rules', '.yml').map(corpusText),
    [
      rule(1, { 'user.username|contains': ['kubelet', '-controller'], 'objectRef.resource': 'secrets' }),
      rule(2, { 'userAgent|startswith': 'kube-probe', verb: 'get' }),
      rule(3, { 'responseStatus.code': ['403', 500] }),
      rule(4, {
        s: { 'objectRef.namespace|cased': 'kube-system' },
        f: { 'objectRef.resource': 'leases' },
        condition: 's and not f',
      }),
      rule(5, { 'user.groups|contains|all': ['masters', 'system:'] }),
    ],
  ].map(judgeOf);

  it('are judged alike with a line filter and without', () => {
    let skippedInAll = 0;
    let foundInAll = 0;
    fc.assert(
      fc.property(fc.integer(), fc.nat(judges.length - 1), (seed, which) => {
        const judge = judges[which] ?? judgeOf([]);
        const random = randomFrom(seed);
        const lines = Array.from({ length: 60 }, () => {
          const text = rewrite(events[Math.floor(random() * events.length)], random);
          return random() < 0.1 ? rewrite({ records: [{ properties: { log: text } }] }, random) : text;
        });
        const log = lines.map((each) => `${each}\n`).join('');
        const { found, skipped } = judged(log, judge, createLineFilter(judge.trees));
        expect(found).toEqual(judged(log, judge).found);
        skippedInAll += skipped;
        foundInAll += found.length;
      }),
      { numRuns: 100 },
    );
    expect(skippedInAll).toBeGreaterThan(1000);
    expect(foundInAll).toBeGreaterThan(500);
  });
});
