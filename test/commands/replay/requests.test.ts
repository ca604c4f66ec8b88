import { describe, expect, it } from '@jest/globals';
import { parseAuditEvent } from '../../../src/kubernetes/logged-event.ts';
import { createRequests } from '../../../src/commands/replay/requests.ts';

type Seen = readonly [uid: string, stage: string | undefined, receivedAt?: string];

/** What was judged, as `uid stage`; early stages in brackets; then the counts that are not 0. */
function judged(events: readonly Seen[], limit?: number): readonly string[] {
  const found: string[] = [];
  const requests = createRequests({
    onRequest: ({ observation: { uid, event } }) => found.push(`${uid} ${event.stage ?? '-'}`),
    onEarlyStage: ({ observation: { uid, event } }) => found.push(`(${uid} ${event.stage ?? '-'})`),
    isOfInterest: ({ line }) => line % 2 === 0,
    onOther: () => found.push('other'),
    parse: parseAuditEvent,
    ...(limit === undefined ? {} : { limit }),
  });
  for (const [line, [uid, stage, receivedAt = '']] of events.entries()) {
    const event = { verb: 'get', stage, auditID: uid, requestReceivedTimestamp: receivedAt };
    requests.add({ observation: parseAuditEvent(event), file: 'a', line });
  }
  requests.end();
  const counts = Object.entries(requests.counts).filter(([, count]) => count > 0);
  return [...found, ...counts.map(([name, count]) => `${name}: ${count}`)];
}

describe('a request', () => {
  it('is judged once, at its end', () => {
    const events: Seen[] = [
      ['a', 'RequestReceived'],
      ['b', 'RequestReceived'],
      ['a', 'ResponseStarted'],
      ['a', 'ResponseComplete'],
      ['b', 'Panic'],
      ['c', 'ResponseComplete'],
    ];
    expect(judged(events)).toEqual([
      '(a RequestReceived)',
      '(b RequestReceived)',
      '(a ResponseStarted)',
      'a ResponseComplete',
      'b Panic',
      'c ResponseComplete',
    ]);
  });

  it('that does not end is judged as far as it came', () => {
    expect(
      judged([
        ['a', 'RequestReceived'],
        ['b', 'RequestReceived'],
        ['a', 'ResponseStarted'],
      ]),
    ).toEqual([
      '(a RequestReceived)',
      '(b RequestReceived)',
      '(a ResponseStarted)',
      'a ResponseStarted',
      'b RequestReceived',
      'unfinished: 2',
    ]);
  });

  it('without an audit ID or a stage stands alone', () => {
    expect(
      judged([
        ['', 'ResponseComplete'],
        ['', 'RequestReceived'],
        ['a', undefined],
        ['a', undefined],
      ]),
    ).toEqual([' ResponseComplete', ' RequestReceived', 'a -', 'a -']);
  });

  it('is not judged again by events that come late, or twice', () => {
    expect(
      judged([
        ['a', 'ResponseComplete'],
        ['a', 'RequestReceived'],
        ['a', 'ResponseComplete'],
      ]),
    ).toEqual(['a ResponseComplete', 'repeated: 2']);
  });

  it('cannot hide behind another by its audit ID, which the client chooses', () => {
    const [first, second, third] = [
      '2026-11-24T08:00:00.000001Z',
      '2026-11-24T08:00:00.000002Z',
      '2026-11-24T08:00:01Z',
    ];
    const events: Seen[] = [
      ['a', 'ResponseStarted', first],
      ['a', 'ResponseComplete', second],
      ['a', 'ResponseStarted', third],
    ];
    expect(judged(events)).toEqual([
      '(a ResponseStarted)',
      'a ResponseComplete',
      '(a ResponseStarted)',
      'a ResponseStarted',
      'a ResponseStarted',
      'evicted: 1',
      'unfinished: 1',
    ]);
  });

  it('is judged once where thousands wait, as it was logged', () => {
    const watches = Array.from({ length: 2000 }, (_, index): Seen => [
      `w${index}`,
      'ResponseStarted',
      `t${index}`,
    ]);
    const ends = watches.slice(0, 1000).map(([uid, , at = '']): Seen => [uid, 'ResponseComplete', at]);
    const found = judged([...watches, ...ends]).filter((each) => !each.startsWith('('));
    expect(found).toEqual([
      ...ends.map(([uid]) => `${uid} ResponseComplete`),
      // Every other one is of interest; the last are still looked at as they are.
      ...watches
        .slice(1000)
        .map(([uid], index) => (index >= 488 || index % 2 === 0 ? `${uid} ResponseStarted` : 'other')),
      'unfinished: 1000',
    ]);
  });

  it('is judged early where too many wait, and then not again', () => {
    const events: Seen[] = [
      ['a', 'RequestReceived'],
      ['b', 'RequestReceived'],
      ['c', 'RequestReceived'],
      ['a', 'ResponseComplete'],
      ['b', 'ResponseComplete'],
    ];
    expect(judged(events, 2)).toEqual([
      '(a RequestReceived)',
      '(b RequestReceived)',
      '(c RequestReceived)',
      'a RequestReceived',
      'b ResponseComplete',
      'c RequestReceived',
      'evicted: 1',
      'unfinished: 1',
      'repeated: 1',
    ]);
  });
});
