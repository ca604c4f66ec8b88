import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mostParsedBytes, parsedBytes } from '../../src/kubernetes/parsed-bytes.ts';

it.each([
  ['an object', '{}', 64 + 4],
  ['lists in lists, and members', '[[], {"a": [1, {}]}]', 5 * 64 + 2 * 16 + 24 + 64 + 40],
  ['a text, whatever is in it', String.raw`"[{,:\"[\\"`, 24 + 22],
  ['texts that end with a backslash', String.raw`["\\",[]]`, 2 * 64 + 16 + 24 + 18],
  ['a text of Latin letters', '"\u00ff"', 24 + 8],
  ['a text of others, which are twice as wide', '"\u0100"', 24 + 16],
  ['what is no JSON', '[[', 2 * 64 + 4],
  ['a text without an end', '"[[\\', 24 + 8],
  ['nothing', '', 0],
])('says what %s takes', (_what, json, bytes) => {
  expect(parsedBytes(Buffer.from(json))).toBe(bytes);
});

it('has an upper bound that does not read the text', () => {
  const dear = fc
    .array(fc.constantFrom('[', '{', ':', ',', '"', '\\', 'a', 'Ж'))
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(dear, fc.json()), (text) => {
      const json = Buffer.from(text);
      expect(mostParsedBytes(json)).toBeGreaterThanOrEqual(parsedBytes(json));
    }),
  );
});
