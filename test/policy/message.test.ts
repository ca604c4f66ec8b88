import { printable, shorten } from '../../src/io/text.ts';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { matchMessage, MAX_MESSAGE, techniques } from '../../src/policy/message.ts';
import type { Rule } from '../../src/sigma/read/rule.ts';

const rule: Rule = {
  id: 'a80d927d-ac6e-443f-a867-e8d6e3897318',
  title: 'Creation Of Pod In System Namespace',
  status: 'test',
  level: 'medium',
  tags: ['attack.stealth', 'attack.t1036.005'],
  references: [],
  falsepositives: [],
  logsource: {},
  searchIdentifiers: {},
  conditions: [],
  file: '',
  line: 1,
};

function event(changes: { user?: string; name?: string; namespace?: string; subresource?: string }) {
  const { user = 'admin', name = 'kube-proxy-bv61v', namespace = 'kube-system', subresource } = changes;
  return {
    verb: 'create',
    user: { username: user },
    objectRef: { resource: 'pods', subresource, namespace, name },
  };
}

describe('the message of a match', () => {
  it('says what was done, where, by whom, and which rule minds', () => {
    expect(matchMessage(rule, event({}))).toBe(
      'Creation Of Pod In System Namespace: pods kube-system/kube-proxy-bv61v by admin (Sigma a80d927d, medium, T1036.005)',
    );
  });

  it('names the subresource', () => {
    expect(matchMessage({ ...rule, title: 'Exec' }, event({ subresource: 'exec' }))).toBe(
      'Exec: pods/exec kube-system/kube-proxy-bv61v by admin (Sigma a80d927d, medium, T1036.005)',
    );
  });

  it('of something that has no namespace and no technique does not mention them', () => {
    const { namespace: _, ...objectRef } = event({}).objectRef;
    expect(matchMessage({ ...rule, tags: [] }, { ...event({}), objectRef })).toBe(
      'Creation Of Pod In System Namespace: pods kube-proxy-bv61v by admin (Sigma a80d927d, medium)',
    );
  });

  it('shortens the middle of the user first', () => {
    expect(
      matchMessage(rule, event({ user: 'system:serviceaccount:kube-system:daemon-set-controller' })),
    ).toBe(
      'Creation Of Pod In System Namespace: pods kube-system/kube-proxy-bv61v by syste…ller (Sigma a80d927d, medium, T1036.005)',
    );
  });

  it('then the middle of the name', () => {
    const message = matchMessage(rule, event({ user: 'somebody-with-a-name', name: 'a'.repeat(60) }));
    expect(message).toBe(
      'Creation Of Pod In System Namespace: pods kube-system/aaaaaaaaa…aaaaaaaa by some…ame (Sigma a80d927d, medium, T1036.005)',
    );
    expect(message).toHaveLength(MAX_MESSAGE);
  });

  it('never shows a character that would make the API server drop it, and stays within its limit', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary' }),
        fc.string(),
        (user, name, title) => {
          const message = matchMessage({ ...rule, title }, event({ user, name }));
          expect([...message].length).toBeLessThanOrEqual(MAX_MESSAGE);
          expect(message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
          expect(message).toContain('(Sigma a80d927d, medium, T1036.005)');
          expect(message.isWellFormed()).toBe(true);
        },
      ),
    );
  });
});

describe('text of a client', () => {
  it.each([
    ['a\nb', 'a�b'],
    ['bell\u0007', 'bell�'],
    ['right\u202eto left', 'right�to left'],
    ['\ud800', '�'],
    ['plain é 🙂', 'plain é 🙂'],
  ])('%j is shown as %j', (text, shown) => {
    expect(printable(text)).toBe(shown);
  });
});

describe('shortening', () => {
  it.each([
    ['abcdefghij', 10, 'abcdefghij'],
    ['abcdefghijk', 10, 'abcde…hijk'],
    ['🙂🙂🙂🙂', 3, '🙂…🙂'],
    ['abc', 2, 'a…'],
    ['🙂'.repeat(1000), 3, '🙂…🙂'],
    [`${'a'.repeat(1000)}${'b'.repeat(1000)}`, 5, 'aa…bb'],
  ])('%s to %i is %s', (text, length, short) => {
    expect(shorten(text, length)).toBe(short);
  });
});

describe('techniques', () => {
  it('are the tags of that form', () => {
    expect(techniques(['attack.stealth', 'attack.t1036.005', 'attack.T1610', 'cve.2024-1'])).toEqual([
      'T1036.005',
      'T1610',
    ]);
  });
});
