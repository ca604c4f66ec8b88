import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createAuditLogReader, type LineFilter } from '../../src/kubernetes/audit-log.ts';

const event = (auditID: string, more: object = {}) => ({
  kind: 'Event',
  apiVersion: 'audit.k8s.io/v1',
  level: 'Metadata',
  auditID,
  stage: 'ResponseComplete',
  verb: 'get',
  ...more,
});
const line = (auditID: string) => JSON.stringify(event(auditID));
const list = (...items: unknown[]) => ({
  kind: 'EventList',
  apiVersion: 'audit.k8s.io/v1',
  metadata: {},
  items,
});
const pretty = (value: unknown) => JSON.stringify(value, null, 2);

interface Options {
  readonly filter?: LineFilter;
  readonly maxBytes?: number;
  /** Where the bytes are cut into chunks. */
  readonly cuts?: readonly number[];
}

/** Audit IDs with their lines, then what was bad: `a@1`, `2: not JSON`. */
function read(log: string | Buffer, { cuts = [], ...options }: Options = {}): readonly string[] {
  const found: string[] = [];
  const reader = createAuditLogReader(
    {
      onEvent: ({ uid }, at) => found.push(`${uid}@${at}`),
      onBadLine: (at, problem) => found.push(`${at}: ${problem}`),
      onSkippedLines: (count) => found.push(`skipped ${count}`),
    },
    options,
  );
  const bytes = Buffer.from(log);
  const ends = [...new Set([...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].toSorted(
    (a, b) => a - b,
  );
  for (const [index, end] of ends.entries())
    reader.read(Buffer.from(bytes.subarray(ends[index - 1] ?? 0, end)));
  reader.end();
  return found;
}

describe('a log', () => {
  it.each([
    ['of lines', `${line('a')}\n${line('b')}\n`, ['a@1', 'b@2']],
    ['whose last line has no end', `${line('a')}\n${line('b')}`, ['a@1', 'b@2']],
    ['with empty lines and carriage returns', `\r\n${line('a')}\r\n \n${line('b')}\r\n`, ['a@2', 'b@4']],
    ['with spaces in its lines', `  ${line('a').replaceAll(':', ' : ')} \n`, ['a@1']],
    ['that begins with a byte order mark', `\u{feff}${line('a')}\n`, ['a@1']],
    ['of nothing', '', []],
    [
      'of an EventList a line',
      `${JSON.stringify(list(event('a'), event('b')))}\n${line('c')}\n`,
      ['a@1', 'b@1', 'c@2'],
    ],
    ['of a pretty-printed EventList', pretty(list(event('a'), event('b'))), ['a@6', 'b@14']],
    [
      'of pretty-printed events',
      `${pretty(event('a'))}\n${pretty(event('b'))}\n${line('c')}\n`,
      ['a@1', 'b@9', 'c@17'],
    ],
    ['of an array', pretty([event('a'), event('b')]), ['a@2', 'b@10']],
    [
      'of an array with an event a line',
      `[\n${line('a')},\n${line('b')}\n]\n${line('c')}\n`,
      ['a@2', 'b@3', 'c@5'],
    ],
    [
      'of events one after another',
      `${line('a')}${line('b')} ${line('c')}\n${line('d')}\n`,
      ['a@1', 'b@1', 'c@1', 'd@2'],
    ],
    [
      'of lists with other keys around the items',
      '{"x":[{"verb":"get"}],"items":[{"verb":"get","auditID":"a"}],"y":[{}]}',
      ['a@1'],
    ],
    [
      'of lists over many lines with other keys',
      pretty({ x: [{ verb: 'get' }], items: [event('a')], y: [{ verb: 'get' }] }),
      ['a@8'],
    ],
    [
      'of items without kind',
      JSON.stringify({ kind: 'EventList', items: [{ verb: 'get', auditID: 'a' }] }),
      ['a@1'],
    ],
    ['of v1beta1 events', JSON.stringify(event('a', { apiVersion: 'audit.k8s.io/v1beta1' })), ['a@1']],
    [
      'whose lines begin with a time',
      `2026-11-24T08:00:00.000Z ${line('a')}\n2026-11-24T08:00:00Z stdout F ${line('b')}\n`,
      ['a@1', 'b@2'],
    ],
  ])('%s', (_, log, found) => {
    expect(read(log)).toEqual(found);
  });

  it.each([
    [
      'AKS, a record a line',
      JSON.stringify({ category: 'kube-audit', properties: { log: `${line('a')}\n`, stream: 'stdout' } }),
    ],
    [
      'AKS, records together',
      JSON.stringify({ records: [{ category: 'kube-audit', properties: { log: line('a') } }] }),
    ],
    [
      'CloudWatch, a batch',
      JSON.stringify({ messageType: 'DATA_MESSAGE', logEvents: [{ id: '1', message: line('a') }] }),
    ],
    [
      'CloudWatch, what the AWS CLI prints',
      JSON.stringify({ events: [{ message: line('a') }], searchedLogStreams: [] }),
    ],
    ['a container runtime', JSON.stringify({ log: `${line('a')}\n`, stream: 'stdout' })],
    ['AKS, of an EventList', JSON.stringify({ properties: { log: JSON.stringify(list(event('a'))) } })],
  ])('wrapped by %s', (_, log) => {
    expect(read(log)).toEqual(['a@1']);
    expect(read(pretty(JSON.parse(log))).map((found) => found.replace(/@.*/, ''))).toEqual(['a']);
  });

  const BAD = 'cut off: the line ends in the middle of it';
  it.each([
    ['text', `${line('a')}\nI1124 started 7\n${line('b')}\n`, ['a@1', '2: not JSON', 'b@3']],
    ['text with a bracket', `I1124 {x\n${line('b')}\n`, ['1: not JSON', 'b@2']],
    ['a number', `7\n${line('b')}\n`, ['1: a number, not an audit event', 'b@2']],
    ['a line cut off within a text', `{"kind":"Event","auditID":"x\n${line('b')}\n`, [`1: ${BAD}`, 'b@2']],
    [
      'a line cut off after a value',
      `{"kind":"Event","level":"Metadata"\n${line('b')}\n`,
      [`1: ${BAD}`, 'b@2'],
    ],
    [
      'a line cut off after a bracket',
      `{"kind":"Event","user":{\n${line('b')}\n`,
      ['1: cut off: another document begins before it ends (line 2)', 'b@2'],
    ],
    [
      'a line cut off within a list',
      `{"sourceIPs":[\n${line('b')}\n`,
      ['1: cut off: another document begins before it ends (line 2)', 'b@2'],
    ],
    [
      'a line cut off after a comma',
      `{"kind":"Event",\n${line('b')}\n`,
      ['1: cut off: another document begins before it ends (line 2)', 'b@2'],
    ],
    [
      'a line that a restart goes on in',
      `{"kind":"Event","auditID":"x${line('a')}\n${line('b')}\n`,
      ['1: not JSON', 'a@1', 'b@2'],
    ],
    [
      'an end in the middle of a line',
      `${line('a')}\n{"kind":"Event","audi`,
      ['a@1', '2: cut off: the log ends in the middle of it'],
    ],
    [
      'an end in the middle of a document',
      pretty(list(event('a'), event('b'))).slice(0, -60),
      ['a@6', '1: cut off: the log ends in the middle of it'],
    ],
    [
      'a document cut off by the next',
      `${pretty(event('a')).slice(0, -60)}\n${pretty(event('b'))}\n`,
      ['1: cut off: the line ends in the middle of it (line 5)', 'b@6'],
    ],
    ['brackets that do not match', `{"a":[}\n${line('b')}\n`, ['1: not JSON', 'b@2']],
    [
      'an escape that is none',
      `${line('\\x')}\n${line('b')}\n`.replace('\\\\x', '\\x'),
      ['1: not JSON', 'b@2'],
    ],
    ['zeros of a crash', `${'\0'.repeat(99)}${line('a')}\n${line('b')}\n`, ['a@1', 'b@2']],
    ['brackets without end', `${'['.repeat(2000)}\n${line('b')}\n`, ['1: nested too deeply', 'b@2']],
    [
      'something else',
      `{"kind":"Pod","apiVersion":"v1"}\n${line('b')}\n`,
      ['1: "v1" "Pod", not an audit event', 'b@2'],
    ],
    [
      'an event of core',
      `{"kind":"Event","apiVersion":"v1","verb":"x"}\n${line('b')}\n`,
      ['1: "v1" "Event", not an audit event', 'b@2'],
    ],
    ['a malformed event', `{"kind": 0}\n${line('b')}\n`, ['1: not an audit event', 'b@2']],
    [
      'an event without a verb',
      '{"kind":"Event","apiVersion":"audit.k8s.io/v1"}',
      ['1: an audit event without a verb'],
    ],
    [
      'wrapped text that is none',
      JSON.stringify({ properties: { log: 'I1124 started' } }),
      ['1: a record of another log, or of an event that was cut off: its text is not JSON'],
    ],
  ])('goes on after %s', (_, log, found) => {
    expect(read(log)).toEqual(found);
  });

  it('is not read where it is no UTF-8, and goes on', () => {
    const log = Buffer.concat([
      Buffer.from(`${line('a')}\n${line('b')}\n${line('ü')}\n`),
      Buffer.from(pretty(list(event('d')))),
    ]);
    const [b, d] = [log.indexOf('"b"'), log.indexOf('"d"')];
    log[b + 1] = 0xff;
    log[d + 1] = 0xff;
    expect(read(log)).toEqual(['a@1', '2: not UTF-8', 'ü@3', '9: not UTF-8']);
  });

  it('is refused whole where that is what helps', () => {
    const gke = {
      insertId: 'x',
      logName: 'projects/p/logs/cloudaudit.googleapis.com%2Factivity',
      protoPayload: {},
    };
    expect(() => read(JSON.stringify(gke))).toThrow(
      /^a Google Cloud LogEntry, not an audit.k8s.io event: .* serve, .* scan$/,
    );
    expect(() => read(Buffer.from(`\u{feff}${line('a')}`, 'utf16le'))).toThrow(
      /^it is UTF-16; .* iconv -f UTF-16 -t UTF-8$/,
    );
  });

  it('may have a line of any length, if it is a list', () => {
    const long = JSON.stringify(list(...Array.from({ length: 500 }, (_, index) => event(`e${index}`))));
    expect(read(`${long}\n${line('b')}\n`, { maxBytes: 1000, cuts: [5000, 20_000] })).toEqual([
      ...Array.from({ length: 500 }, (_, index) => `e${index}@1`),
      'b@2',
    ]);
  });

  it('passes over an event that is too long to be one', () => {
    const long = JSON.stringify(event('x', { requestObject: 'x'.repeat(3e6) }));
    const found = ['a@1', '2: 3 MB, too long for an event', 'b@3'];
    expect(read(`${line('a')}\n${long}\n${line('b')}\n`, { maxBytes: 1e6, cuts: [1e6, 2e6] })).toEqual(found);
    const nonsense = `${line('a')}\n${'x'.repeat(3e6)}\n${line('b')}\n`;
    expect(read(nonsense, { maxBytes: 1e6, cuts: [1e6, 2e6] })).toEqual(['a@1', '2: not JSON', 'b@3']);
    const open = `${line('a')}\n${'{"a":'.repeat(6e5)}\n${line('b')}\n`;
    expect(read(open, { maxBytes: 1e6, cuts: [1e6, 2e6] })).toEqual(['a@1', '2: nested too deeply', 'b@3']);
  });

  it('is the same wherever it is cut', () => {
    const documents = [
      `${line('a')}\n`,
      `${pretty(list(event('ä'), event('c', { requestObject: { x: '"]}\\"' } })))}\n`,
      `${line('d')}${line('e')}\n`,
      '{"kind":"Event","auditID":"x\n',
      `{"kind":"Event","x":[\n`,
      'I1124 started\n',
      `${JSON.stringify({ records: [{ properties: { log: line('f') } }] })}\n`,
      '\n',
      `[\n${line('g')},\n${line('h')}\n]\n`,
      `{"auditID":"x${line('i')}\n`,
    ];
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...documents), { maxLength: 12 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (parts, cuts) => {
          expect(read(parts.join(''), { cuts })).toEqual(read(parts.join('')));
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('a filter of lines', () => {
  /** Keeps lines with an x. */
  const filter: LineFilter = {
    next(bytes, from, to) {
      const at = bytes.indexOf('x', from);
      return at === -1 ? to : Math.min(at, to);
    },
    done: () => {},
  };

  it('leaves out what it does not keep, and counts it', () => {
    expect(read(`${line('a')}\n${line('x1')}\n${line('b')}\n${line('c')}\n`, { filter })).toEqual([
      'x1@2',
      'skipped 3',
    ]);
  });

  it('checks the lines it leaves out until the log has given an event', () => {
    const other = '{"hello":1}';
    const log = `${other}\n${other}\n${line('a')}\n${other}\n${line('x1')}\n`;
    const found = ['1: not an audit event: it has no verb', '2: not an audit event: it has no verb'];
    expect(read(log, { filter })).toEqual([...found, 'x1@5', 'skipped 2']);
    expect(read(log, { filter, cuts: [3, 20, 30] })).toEqual([...found, 'skipped 1', 'x1@5', 'skipped 1']);
    expect(read(JSON.stringify({ log_s: line('a') }), { filter })).toEqual([
      expect.stringContaining('Log Analytics'),
    ]);
  });

  it('leaves out no line that is cut off, or begins a document', () => {
    const log = `{"auditID":"a\n${pretty(list(event('b')))}\n${line('c')}\n`;
    expect(read(log, { filter })).toEqual([
      '1: cut off: the line ends in the middle of it',
      'b@7',
      'skipped 1',
    ]);
  });
});
