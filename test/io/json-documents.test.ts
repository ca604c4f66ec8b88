import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InvalidJson, jsonDocuments } from '../../src/io/json-documents.ts';

/** The values found, then what was bad, of a text that comes in pieces of this size. */
async function read(text: string, pieceBytes = 1e6): Promise<readonly unknown[]> {
  const bytes = Buffer.from(text);
  const memory = Buffer.alloc(pieceBytes);
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      // The same memory again and again: a piece is good only until the next is asked for.
      yield memory.subarray(0, bytes.copy(memory, 0, at, at + pieceBytes));
    }
  }
  const found: unknown[] = [];
  const bad: string[] = [];
  for await (const { value } of jsonDocuments(pieces(), ({ message }) => bad.push(message)))
    found.push(value);
  return [...found, ...bad];
}

const pretty = (value: unknown) => JSON.stringify(value, null, 2);

describe('JSON documents', () => {
  it.each([
    ['one a line', '{"a":1}\n{"a":2}\n', [{ a: 1 }, { a: 2 }]],
    ['one after another', '{"a":1}{"a":2}, {"a":3}', [{ a: 1 }, { a: 2 }, { a: 3 }]],
    [
      'each over many lines',
      `${pretty({ a: { b: [1] } })}\n${pretty({ a: 2 })}\n`,
      [{ a: { b: [1] } }, { a: 2 }],
    ],
    ['the members of a list', pretty({ kind: 'List', items: [{ a: 1 }, { a: 2 }] }), [{ a: 1 }, { a: 2 }]],
    ['the members of an array', '[{"a":1},{"a":2}]', [{ a: 1 }, { a: 2 }]],
    ['none in nothing', ' \r\n\t\n', []],
  ])('are found: %s', async (_, text, found) => {
    expect(await read(text)).toEqual(found);
    expect(await read(text, 3)).toEqual(found);
  });

  it('are given with how their document begins', async () => {
    const list = { apiVersion: 'v1', kind: 'PodList', items: [{ a: 1 }, { a: 2 }] };
    const heads: string[] = [];
    for await (const { head } of jsonDocuments(
      (async function* () {
        yield Buffer.from(JSON.stringify(list));
      })(),
    ))
      heads.push(head.slice(0, 37));
    expect(heads).toEqual(Array.from({ length: 2 }, () => '{"apiVersion":"v1","kind":"PodList","'));
  });

  it.each([
    [
      'a line of something else',
      '{"a":1}\nI1124 started\n{"a":2}\n',
      [{ a: 1 }, { a: 2 }, 'line 2: not JSON'],
    ],
    ['a text that is no document', '"a"\n{"a":2}\n', [{ a: 2 }, 'line 1: not JSON']],
    ['a member that is no JSON', '{"a":\\x}\n{"a":2}\n', [{ a: 2 }, 'line 1: not JSON']],
    ['an end in the middle', '{"a":1}\n{"a":', [{ a: 1 }, 'line 2: it ends in the middle']],
    [
      'a document cut off by the next',
      `${pretty({ a: { b: 1 } }).slice(0, -3)}\n{"a":2}\n`,
      [{ a: 2 }, 'line 5: cut off: another document begins before it ends'],
    ],
  ])('are read on behind %s', async (_, text, found) => {
    expect(await read(text)).toEqual(found);
    expect(await read(text, 2)).toEqual(found);
  });

  it('are refused at the first that is none where it is not to be passed over', async () => {
    const documents = jsonDocuments(
      (async function* () {
        yield Buffer.from('{"a":1}\nnonsense\n{"a":2}\n');
      })(),
    );
    const found: unknown[] = [];
    await expect(
      (async () => {
        for await (const { value } of documents) found.push(value);
      })(),
    ).rejects.toThrow(new InvalidJson('line 2: not JSON'));
  });

  it('are the same in whatever pieces they come', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.object(), fc.array(fc.object(), { minLength: 1 })), { maxLength: 8 }),
        fc.integer({ min: 1, max: 40 }),
        fc.boolean(),
        async (documents, pieceBytes, isPretty) => {
          const text = documents.map((each) => (isPretty ? pretty(each) : JSON.stringify(each))).join('\n');
          expect(await read(text, pieceBytes)).toEqual(await read(text));
        },
      ),
      { numRuns: 50 },
    );
  });
});
