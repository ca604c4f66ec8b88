import { describe, expect, it } from '@jest/globals';
import { mapToEvent } from '../src/policy/event-fields.ts';
import { createCompiler } from '../src/sigma/match/compile.ts';
import { UNKNOWN } from '../src/sigma/match/fields.ts';
import { parseSigma } from '../src/sigma/read/load.ts';
import type { Truth } from '../src/sigma/match/tree.ts';
import { rule } from './policy/rulesets.ts';

/*
 * What the Sigma specification leaves open, as decided here: a table to read, and to fail if a decision flips. Each decision
 * is tested closer, with its edges, beside the code that has it.
 */

/** What an event makes of a detection; or, if it cannot be loaded, the codes of its errors. */
function judge(detection: object, event: object): Truth | string {
  const { rules, problems } = parseSigma('r.yml', rule(1, detection));
  const errors = problems.filter(({ severity }) => severity === 'error').map(({ code }) => code);
  const [only] = rules;
  if (only === undefined) return errors.join();
  const of = only.conditions.map(({ tree }) => mapToEvent(tree, 'replay'));
  return createCompiler().compile({ kind: 'or', of })(event);
}

function warnings(detection: object): readonly string[] {
  return parseSigma('r.yml', rule(1, detection)).problems.map(({ severity, code }) => `${severity} ${code}`);
}

describe('values', () => {
  it.each<[decision: string, selection: object, event: object, expected: Truth | string]>([
    ['wildcards match newlines', { f: 'a*b?c' }, { f: 'a\nx\nb\nc' }, true],
    ['case is folded by code point', { 'f|contains': 'ΑΣ' }, { f: 'xασα' }, true],
    ['a final sigma is a sigma', { f: 'σ' }, { f: 'ς' }, true],
    ['a long s is an s', { f: 's' }, { f: 'ſ' }, true],
    ['ß is the capital of itself', { f: 'ß' }, { f: 'ẞ' }, true],
    ['İ is only itself', { f: 'İ' }, { f: 'i' }, false],
    ['a question mark is one code point', { f: '?' }, { f: '😀' }, true],
    ['an empty text is no missing field', { f: '' }, {}, false],
    ['null is a missing field', { f: null }, {}, true],
    ['null is a null', { f: null }, { f: null }, true],
    ['null in a list is what it is alone', { f: ['', null] }, {}, true],
    ['an empty list of values is an error', { f: [] }, {}, 'empty-detection'],
    ['what exists may be null', { 'f|exists': true }, { f: null }, true],
    ['no text matches a map', { f: '*' }, { f: { a: 1 } }, false],
    ['no text matches an empty list', { f: '*' }, { f: [] }, false],
    ['an empty list and an empty map exist', { 'f|exists': true, 'g|exists': true }, { f: [], g: {} }, true],
    ['a number is a text that is that number', { f: 5 }, { f: '5.0' }, true],
    ['a text is a number’s decimal digits', { f: '40*' }, { f: 403 }, true],
    ['a boolean is its name', { f: true }, { f: 'TRUE' }, true],
    ['a boolean is nothing else', { f: true }, { f: 1 }, false],
    ['a text that is a number can be compared', { 'f|gte': 400 }, { f: '403' }, true],
    ['a text that is none is not', { 'f|lt': 400 }, { f: '' }, false],
    ['YAML is read as 1.2: yes is a text', { f: 'yes' }, { f: true }, false],
  ])('%s', (_, selection, event, expected) => {
    expect(judge(selection, event)).toBe(expected);
  });
});

describe('modifiers', () => {
  it.each<[decision: string, selection: object, event: object, expected: Truth | string]>([
    [
      'all is of the rule’s values, not of the event’s',
      { 'f|all': ['a', 'b'] },
      { f: ['a', 'b', 'c'] },
      true,
    ],
    ['neq negates the list', { 'f|neq': ['a', 'b'] }, { f: 'a' }, false],
    ['neq is true of a missing field', { 'f|neq': 'a' }, {}, true],
    ['neq negates all', { 'f|contains|all|neq': ['a', 'b'] }, { f: 'a' }, true],
    ['neq of a list is that no member matches', { 'f|neq': 'a' }, { f: ['a', 'b'] }, false],
    ['re is case-sensitive and unanchored', { 'f|re': 'b+' }, { f: 'aBbc' }, true],
    ['re takes text', { 'f|re': 5 }, {}, 'modifier-type'],
    ['re has no look-around', { 'f|re': 'a(?=b)' }, {}, 'regex-unsupported'],
    ['re has no back-references', { 'f|re': '(a)\\1' }, {}, 'regex-unsupported'],
    ['windash stops at five dashes', { 'f|windash': '-a -b -c -d -e -f' }, {}, 'too-many-values'],
    ['base64 is case-insensitive', { 'f|base64': 'foobar' }, { f: 'zm9VyMfY' }, true],
    ['unless it is cased', { 'f|base64|cased': 'foobar' }, { f: 'zm9VyMfY' }, false],
    ['base64offset needs three bytes', { 'f|base64offset|contains': 'a' }, {}, 'base64offset-too-short'],
    ['utf16le is wide', { 'f|utf16le|base64': 'cmd' }, { f: 'YwBtAGQA' }, true],
    ['utf16 begins with a byte order mark', { 'f|utf16|base64': 'cmd' }, { f: '//5jAG0AZAA=' }, true],
    ['a part of time is not compared', { 'f|hour|gte': 5 }, {}, 'modifier-conflict'],
    ['nor a comparison timed', { 'f|gte|hour': 5 }, {}, 'modifier-conflict'],
    ['weeks are ISO 8601’s', { 'f|week': 53 }, { f: '2021-01-03T00:00:00Z' }, true],
    ['hours are UTC’s', { 'f|hour': 18 }, { f: '2027-01-01T00:15:00+05:30' }, true],
    [
      'an IPv4 address in IPv6 is in no IPv4 network',
      { 'f|cidr': '10.0.0.0/8' },
      { f: '::ffff:10.0.0.1' },
      false,
    ],
    ['an address with a port is none', { 'f|cidr': '10.0.0.0/8' }, { f: '10.0.0.1:443' }, false],
    [
      'an unresolved placeholder is an error',
      { 'f|expand': '%p%' },
      { p: 'x', f: 'x' },
      'unresolved-placeholder',
    ],
    ['two missing fields are not the same', { 'f|fieldref': 'g' }, {}, false],
    ['any pair of two lists is enough', { 'f|fieldref': 'g' }, { f: ['a', 'b'], g: ['c', 'B'] }, true],
  ])('%s', (_, selection, event, expected) => {
    expect(judge(selection, event)).toBe(expected);
  });

  it('all on one value, null in a list, and a doubtful plain scalar are warnings', () => {
    expect(warnings({ 'f|all': 'a' })).toEqual(['warning all-on-single-value']);
    expect(warnings({ f: [null, 'a'] })).toEqual(['warning null-in-list']);
    const yes = parseSigma('r.yml', rule(1, { f: 'yes' }).replace('"yes"', 'yes'));
    expect(yes.problems.map(({ code }) => code)).toEqual(['yaml-ambiguous']);
  });
});

describe('keywords', () => {
  const event = { a: 'one two', b: { c: [403, 'three'] } };
  it.each<[decision: string, keywords: unknown, expected: Truth]>([
    ['are parts of a value', 'NE TW', true],
    ['have wildcards', 'o*e?two', true],
    ['are found in numbers', 403, true],
    ['are not found in keys', 'c', false],
    ['do not span two values', 'two*three', false],
    ['may all be found, each elsewhere', { '|all': ['one', 'three'] }, true],
    ['may all be expressions', { '|re|all': ['^o', 'e$'] }, true],
  ])('%s', (_, keywords, expected) => {
    expect(judge({ keywords, condition: 'keywords' }, event)).toBe(expected);
  });
});

/** Each field, and what is asked of it: a value, null, exists, and the value negated. */
describe('readings', () => {
  const spec = 'requestObject.spec';
  const adding = { securityContext: { capabilities: { add: ['SYS_ADMIN'] } } };
  const images = { containers: [{ image: 'good' }, { image: 'bad' }] };

  it.each<
    [
      what: string,
      of: object,
      field: string,
      value: unknown,
      expected: { value: Truth; null: Truth; exists: Truth; neq: Truth },
    ]
  >([
    [
      'a good and a bad container',
      images,
      `${spec}.containers.image`,
      'bad',
      { value: true, null: false, exists: true, neq: false },
    ],
    [
      'one privileged, one without securityContext',
      { containers: [{ securityContext: { privileged: true } }, {}] },
      `${spec}.containers.securityContext.privileged`,
      true,
      { value: true, null: true, exists: true, neq: false },
    ],
    [
      'no initContainers',
      images,
      `${spec}.initContainers.image`,
      'bad',
      { value: false, null: true, exists: false, neq: true },
    ],
    [
      'an empty list of initContainers',
      { ...images, initContainers: [] },
      `${spec}.initContainers.image`,
      'bad',
      { value: false, null: true, exists: false, neq: true },
    ],
    [
      'an empty list at the end of the path',
      { containers: [{ args: [] }] },
      `${spec}.containers.args`,
      '*',
      { value: false, null: false, exists: true, neq: true },
    ],
    [
      'one container that adds SYS_ADMIN, no init or ephemeral ones',
      { containers: [adding] },
      'capabilities',
      'SYS_ADMIN',
      { value: true, null: false, exists: true, neq: false },
    ],
    [
      'the same, and a container without securityContext',
      { containers: [adding, {}] },
      'capabilities',
      'SYS_ADMIN',
      { value: true, null: true, exists: true, neq: false },
    ],
  ])('of %s', (_, of, field, value, expected) => {
    const ask = (modifiers: string, asked: unknown) =>
      judge({ [field + modifiers]: asked }, { requestObject: { spec: of } });
    expect({
      value: ask('', value),
      null: ask('', null),
      exists: ask('|exists', true),
      neq: ask('|neq', value),
    }).toEqual(expected);
    expect([ask('|exists', false), ask('|neq', null)]).toEqual([!expected.exists, !expected.null]);
  });

  it.each<[decision: string, selection: object, event: object, expected: Truth | string]>([
    [
      'two keys do not bind to one member',
      { 'c.name': 'a', 'c.image': 'y' },
      {
        c: [
          { name: 'a', image: 'x' },
          { name: 'b', image: 'y' },
        ],
      },
      true,
    ],
    [
      'a key may hold dots',
      { 'l.app.kubernetes.io/name': 'dns' },
      { l: { 'app.kubernetes.io/name': 'dns' } },
      true,
    ],
    [
      'a key with dots cannot shadow a path',
      { 'spec.a.b': 'x' },
      { spec: { a: { b: 'x' }, 'a.b': 'y' } },
      true,
    ],
    ['nor a path a key', { 'spec.a.b': 'y' }, { spec: { a: { b: 'x' }, 'a.b': 'y' } }, true],
    ['only own properties are read', { 'a.constructor|exists': true }, { a: {} }, false],
    ['an index is not standard', { 'containers[].image': 'x' }, {}, 'invalid-field'],
  ])('%s', (_, selection, event, expected) => {
    expect(judge(selection, event)).toBe(expected);
  });
});

describe('what cannot be seen', () => {
  const seen = { a: 'x', u: UNKNOWN };
  const asked = { a: { a: 'x' }, b: { a: 'y' }, u: { u: 'x' } };
  it.each<[condition: string, expected: Truth]>([
    ['u', 'unknown'],
    ['not u', 'unknown'],
    ['a and u', 'unknown'],
    ['b and u', false],
    ['a or u', true],
    ['b or u', 'unknown'],
    ['a and not u', 'unknown'],
  ])('%s is %s', (condition, expected) => {
    expect(judge({ a: asked.a, b: asked.b, u: asked.u, condition }, seen)).toBe(expected);
  });

  it.each<[what: string, selection: object, ofAbsent: Truth]>([
    ['null', { u: null }, true],
    ['exists', { 'u|exists': false }, true],
    ['neq', { 'u|neq': 'x' }, true],
    ['another field', { 'a|fieldref': 'u' }, false],
  ])('is never taken for absent by %s', (_, selection, ofAbsent) => {
    expect([judge(selection, seen), judge(selection, { a: 'x' })]).toEqual(['unknown', ofAbsent]);
  });
});

describe('conditions', () => {
  const event = { a: 'x' };
  it.each<[decision: string, detection: object, expected: Truth | string]>([
    ['a list is any of them', { s: { a: 'x' }, t: { a: 'y' }, condition: ['t', 's'] }, true],
    [
      'a pattern that matches nothing is an error',
      { s: { a: 'x' }, condition: 's or 1 of t_*' },
      'pattern-matches-nothing',
    ],
    [
      'also where it is negated',
      { s: { a: 'x' }, condition: 's and not 1 of t_*' },
      'pattern-matches-nothing',
    ],
    [
      'names that begin with _ are not among them',
      { s: { a: 'x' }, _t: { a: 'y' }, condition: 'all of them' },
      true,
    ],
    ['unless they are asked for', { s: { a: 'x' }, _t: { a: 'y' }, condition: '1 of _*' }, false],
    ['not binds closest', { s: { a: 'y' }, t: { a: 'x' }, condition: 'not s and t' }, true],
    ['keywords are lower case', { s: { a: 'x' }, condition: 's AND s' }, 'condition-syntax'],
    ['an aggregation is an error', { s: { a: 'x' }, condition: 's | count() > 5' }, 'aggregation-removed'],
  ])('%s', (_, detection, expected) => {
    expect(judge(detection, event)).toBe(expected);
  });
});
