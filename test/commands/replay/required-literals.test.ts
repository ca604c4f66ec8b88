import { describe, expect, it } from '@jest/globals';
import { requiredLiterals } from '../../../src/commands/replay/required-literals.ts';
import { parseSigma } from '../../../src/sigma/read/load.ts';
import type { Tree } from '../../../src/sigma/match/tree.ts';

/** The tree of a rule with this detection. */
function tree(detection: string): Tree {
  const { rules, problems } = parseSigma(
    'rule.yml',
    `title: x\nlogsource: {product: kubernetes, service: audit}\ndetection: ${detection}`,
  );
  const [condition] = rules[0]?.conditions ?? [];
  if (condition === undefined) throw new TypeError(JSON.stringify(problems));
  return condition.tree;
}

/** `common` is in every line, the rest is rare. */
function literals(...detections: readonly string[]): readonly string[] | undefined {
  const found = requiredLiterals(detections.map(tree), (literal) => (literal.includes('common') ? 1000 : 1));
  return found === undefined ? undefined : [...found].toSorted();
}

/** What stands in a line wherever a number does that has these digits. */
function number(digits: string, ...withPoint: readonly string[]): readonly string[] {
  const before = [':', '[', ',', ' ', '\t', '"', 't', 'n', 'r', '0', '.', '-'];
  return [...before.map((each) => each + digits), ...withPoint, '999999999'].toSorted();
}

describe('the literals of a rule', () => {
  it.each([
    ['a value, with the quote before it', '{s: {objectRef.resource: pods}, condition: s}', ['"pods']],
    ['values', '{s: {objectRef.resource: [pods, Secrets]}, condition: s}', ['"pods', '"secrets']],
    ['values as written, though case counts', '{s: {user.username|cased: Admin}, condition: s}', ['"admin']],
    [
      'the rarer of two fields',
      '{s: {objectRef.namespace: common-ns, objectRef.resource: pods}, condition: s}',
      ['"pods'],
    ],
    [
      'both of two that either',
      '{s: {objectRef.resource: pods}, t: {user.username: admin}, condition: 1 of them}',
      ['"admin', '"pods'],
    ],
    [
      'no field that an exception names',
      '{s: {objectRef.resource: pods}, f: {user.username: admin}, condition: s and not f}',
      ['"pods'],
    ],
    ['the longest text of a pattern', '{s: {userAgent: "*curl*kubectl?x"}, condition: s}', ['kubectl']],
    ['the beginning of a pattern, with the quote', '{s: {userAgent: "curl*"}, condition: s}', ['"curl']],
    [
      'part of a list of parts',
      '{s: {requestURI|contains|all: [/secrets/, /common]}, condition: s}',
      ['/secrets/'],
    ],
    ['what no encoder escapes', '{s: {userAgent|contains: "x<kube&system>ü\\"y"}, condition: s}', ['system']],
    [
      'a number, after what may stand before one, and with a point in it',
      '{s: {responseStatus.code: 403}, condition: s}',
      number('403', '4.03', '40.3'),
    ],
    [
      'what may be a number or a text',
      "{s: {userAgent: '1234'}, condition: s}",
      number('1234', '1.234', '12.34', '123.4'),
    ],
    ['what may be true or a text, without the quote', "{s: {userAgent: 'true'}, condition: s}", ['true']],
  ])('are %s', (_, detection, expected) => {
    expect(literals(detection)).toEqual(expected);
  });

  it.each([
    ['it names only the verb, which may be another', '{s: {verb: create}, condition: s}'],
    [
      'it names only the body, which may not be logged',
      '{s: {requestObject.spec.nodeName: node-1}, condition: s}',
    ],
    ['it can match without the value', '{s: {objectRef.resource: [pods, null]}, condition: s}'],
    ['it is an exception', '{f: {objectRef.resource: pods}, condition: not f}'],
    ['one of its values has no text', '{s: {userAgent|re: "curl.*"}, condition: s}'],
    ['one of its values is short', '{s: {objectRef.resource: [pods, "*a*"]}, condition: s}'],
    ['one of its values is found in no one spelling', '{s: {userAgent: "*ü*"}, condition: s}'],
    ['it asks for keywords', '{keywords: [secret], condition: keywords}'],
    [
      'either of two may match without',
      '{s: {objectRef.resource: pods}, t: {verb: create}, condition: 1 of them}',
    ],
  ])('are none where %s', (_, detection) => {
    expect(literals(detection)).toBeUndefined();
  });

  it('are those of all rules, or none', () => {
    const [pods, secrets] = ['pods', 'secrets'].map(
      (name) => `{s: {objectRef.resource: ${name}}, condition: s}`,
    );
    expect(literals(pods ?? '', secrets ?? '')).toEqual(['"pods', '"secrets']);
    expect(literals(pods ?? '', '{s: {verb: create}, condition: s}')).toBeUndefined();
    expect(literals()).toEqual([]);
  });
});
