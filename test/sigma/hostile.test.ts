import { parseAdmissionReview } from '../../src/kubernetes/admission-review.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InvalidAuditEvent, parseAuditEvent } from '../../src/kubernetes/logged-event.ts';
import { decide } from '../../src/policy/decision.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import type { Modes } from '../../src/policy/mode.ts';
import type { Ruleset } from '../../src/policy/ruleset.ts';
import { decisionRecord, type DecisionRecord } from '../../src/records/decision-record.ts';
import { createReviewer } from '../../src/webhook/review.ts';
import type { Predicate } from '../../src/sigma/match/tree.ts';
import { load, rule } from '../policy/rulesets.ts';

/** A rule of every kind of predicate, asked of whatever stands at `FIELDS`. */
const KINDS: Readonly<Record<Predicate['kind'], readonly (readonly [modifiers: string, value: unknown])[]>> =
  {
    string: [
      ['', 'x'],
      ['', '*a?b*a'],
      ['|contains', 'aab'],
      ['|startswith|cased', 'a'],
      ['|endswith', 'ß'],
      ['|windash|contains|all', ['-a', '/b']],
      ['|wide|base64offset|contains', 'cmd'],
    ],
    number: [['', 1]],
    boolean: [['', true]],
    null: [['', null]],
    exists: [
      ['|exists', true],
      ['|exists', false],
    ],
    regex: [['|re|i|m|s', '(a+)+$']],
    cidr: [['|cidr', ['10.0.0.0/8', 'fd00::/8']]],
    compare: [['|gte', 1]],
    time: [
      ['|hour', 1],
      ['|week', 53],
    ],
    fieldref: [
      ['|fieldref', 'requestObject.other'],
      ['|fieldref|contains', 'requestObject.other'],
      ['|fieldref|endswith', 'requestObject.value'],
    ],
  };

/** Fields that may hold anything, and names that mean something to the language. */
const FIELDS = [
  'requestObject.value',
  'requestObject.value.value.value',
  'requestObject.__proto__.value',
  'requestObject.constructor.prototype',
  'requestObject.toString.valueOf',
  'objectRef.name',
];

const RULES = [
  ...FIELDS.flatMap((field) =>
    Object.values(KINDS).flatMap((all) => all.map(([modifiers, value]) => ({ [field + modifiers]: value }))),
  ),
  ...['keyword', '*a?b*', 1].map((keyword) => ({ '': keyword })),
  { '|re': '(a|b)*c' },
]
  .flatMap((selection) => [
    { selection, condition: 'selection' },
    { selection, condition: 'not selection' },
  ])
  .map((detection, index) => rule(index, detection));

const DEPTH = 100_000;
const LONG = 3_000_000;

/** By name, as JSON: what a client may put anywhere in an object. */
const HOSTILE: Readonly<Record<string, string>> = {
  'objects nested 100,000 deep': `${'{"value":'.repeat(DEPTH)}1${'}'.repeat(DEPTH)}`,
  'lists nested 100,000 deep': `${'['.repeat(DEPTH)}"a"${']'.repeat(DEPTH)}`,
  '10,000 texts': JSON.stringify(Array.from({ length: 10_000 }, (_, index) => `a${index}`)),
  '10,000 objects': JSON.stringify(Array.from({ length: 10_000 }, (_, value) => ({ value, other: value }))),
  'lists of lists': JSON.stringify(Array.from({ length: 1000 }, (_, index) => [[index], [[`${index}`], []]])),
  'names of the language':
    '{"__proto__": {"value": 1}, "constructor": {"prototype": "x"}, "toString": 1, "valueOf": 1, "hasOwnProperty": 1, "length": -1, "then": 1, "toJSON": 1}',
  'halves of surrogate pairs': '"\\ud83d\\ude00\\ud83d a \\udc00"',
  '3 MB of one letter': `"${'a'.repeat(LONG)}"`,
  '3 MB of a letter that is not ASCII': `"${'ß'.repeat(LONG / 2)}"`,
  '3 MB of digits': `"${'1'.repeat(LONG)}"`,
  '3 MB of half surrogate pairs': `"${'\\ud83d'.repeat(LONG / 6)}"`,
  'a number beyond any': '1e999',
  'a number that is hardly one': '-0',
  'control characters': JSON.stringify('\u0000\u001b[31m\r\n\u202e\u2028'),
  'a null': 'null',
  nothing: '[]',
};

const MODES: Modes = { default: 'warn', levels: {}, rules: {} };

/** Parts of a record that somebody who writes the log may choose. */
const PARTS = [
  'auditID',
  'verb',
  'stage',
  'user',
  'impersonatedUser',
  'objectRef',
  'requestObject',
  'annotations',
];

describe('what somebody chose', () => {
  let replay: Ruleset;
  let serve: Ruleset;
  beforeAll(() => {
    replay = load(RULES, { door: 'replay' });
    serve = load(RULES, { door: 'serve' });
  });

  /** What is written of a logged event. */
  function recordOf(logged: unknown): DecisionRecord {
    const observation = parseAuditEvent(logged);
    const evaluation = evaluate(observation, replay);
    const decision = decide(evaluation.matches, MODES);
    return decisionRecord({
      door: 'replay',
      observation,
      evaluation,
      decision,
      ruleset: replay,
    });
  }

  it('is asked by rules of every kind', () => {
    expect(replay.rules.filter(({ disabledReason }) => disabledReason !== undefined)).toEqual([]);
  });

  it.each(Object.entries(HOSTILE))('%s: is judged in a log, and recorded', (_, json) => {
    const object = `{"value": ${json}, "other": ${json}, "metadata": {"name": ${json}, "ownerReferences": ${json}}, "toString": ${json}}`;
    for (const requestObject of [json, object]) {
      const record = recordOf(
        JSON.parse(
          `{"verb": "create", "level": "Request", "objectRef": {"name": ${textOr(json)}}, "requestObject": ${requestObject}}`,
        ),
      );
      expect(record.matches.length).toBeGreaterThan(0);
      expect(JSON.parse(JSON.stringify(record))).toEqual(record);
    }
  });

  it.each(Object.entries(HOSTILE))('%s: is judged at admission, and answered', async (_, json) => {
    const records: DecisionRecord[] = [];
    const review = createReviewer({
      ruleset: () => serve,
      modes: MODES,
      provenance: () => ({}),
      recorder: { record: (judged) => records.push(decisionRecord(judged)) },
    });
    const example = JSON.parse(
      readFileSync(join(import.meta.dirname, '../../examples/pod-by-alice.json'), 'utf8'),
    );
    const object = `{"value": ${json}, "other": ${json}, "metadata": ${json}, "kind": ${json}}`;
    const body = JSON.stringify({ ...example, request: { ...example.request, object: 'OBJECT' } });
    const { response } = await review(
      parseAdmissionReview(Buffer.from(body.replace('"OBJECT"', () => object))),
      Infinity,
      Promise.resolve(true),
    );
    expect(response).toMatchObject({
      uid: example.request.uid,
      allowed: true,
      auditAnnotations: expect.anything(),
    });
    expect(records).toHaveLength(1);
  });

  it.each([
    ['user.username', { user: { username: { toString: 1, valueOf: 1 } } }],
    ['user.groups[1]', { user: { groups: ['dev', ['a']] } }],
    ['objectRef.resource', { objectRef: { resource: 5 } }],
    ['objectRef.apiGroup', { objectRef: { apiGroup: { toString: 1 } } }],
    ['objectRef.namespace', { objectRef: { namespace: ['x'] } }],
  ])('is a bad line where a text belongs: %s', (path, parts) => {
    expect(() => recordOf({ verb: 'create', ...parts })).toThrow(
      new InvalidAuditEvent(`${path}: expected a text`),
    );
  });

  it('in any part of an event gives a record, unless it is no event at all', () => {
    const part = fc.oneof(
      fc
        .constantFrom(...Object.values(HOSTILE).filter((json) => json.length < 1000))
        .map((json) => JSON.parse(json) as unknown),
      fc.jsonValue(),
      fc.dictionary(
        fc.constantFrom(
          'username',
          'groups',
          'uid',
          'extra',
          'name',
          'namespace',
          'resource',
          'apiGroup',
          'metadata',
          'value',
        ),
        fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue())),
      ),
    );
    const logged = fc.dictionary(fc.constantFrom(...PARTS), part, { noNullPrototype: true });
    fc.assert(
      fc.property(logged, (event) => {
        fc.pre(isEvent(event));
        const record = recordOf({ verb: 'create', ...event });
        expect(JSON.parse(JSON.stringify(record))).toEqual(record);
      }),
      { numRuns: 300, maxSkipsPerRun: 1000 },
    );
  });
});

/** An event whose name is no text is a bad line, so that only a text may be hostile there. */
function textOr(json: string): string {
  return typeof JSON.parse(json) === 'string' ? json : '"name"';
}

function isEvent(event: object): boolean {
  try {
    parseAuditEvent(structuredClone({ verb: 'create', ...event }));
    return true;
  } catch {
    return false;
  }
}
