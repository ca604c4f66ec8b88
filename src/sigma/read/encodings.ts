/** What the encoding modifiers make of a text. Bytes are a text of one character each, below U+0100, so that wildcards can stand between. */

export type Encoding = 'utf16le' | 'utf16be' | 'utf16';

/** `utf16` begins with a byte order mark, FF FE, and goes on in little endian. */
export function encodeUtf16(text: string, encoding: Encoding): string {
  const bytes = Buffer.from(text, 'utf16le');
  if (encoding === 'utf16be') bytes.swap16();
  return bytes.toString('latin1');
}

export const BYTE_ORDER_MARK = '\xff\xfe';

/** The bytes that base64 encodes: those there are, or the text's in UTF-8. */
export function bytesOf(text: string, isBytes: boolean): Buffer {
  return Buffer.from(text, isBytes ? 'latin1' : 'utf8');
}

/** Fewer bytes can leave nothing of a variant, which would be found everywhere. */
export const FEWEST_OFFSET_BYTES = 3;

/**
 * How bytes look inside a longer base64 text: one variant for each offset from a multiple of three. The characters at either
 * end that would also depend on other bytes are cut; where to cut the end depends on the number of bytes.
 */
export function base64Offsets(bytes: Buffer): readonly string[] {
  return [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    const begin = [0, 2, 3][offset];
    const end = [undefined, -3, -2][(bytes.length + offset) % 3];
    return text.slice(begin, end);
  });
}
