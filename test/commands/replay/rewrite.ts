/** A repeatable source of numbers in [0, 1) (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * The same JSON in another spelling: keys in another order, spaces, escapes where none are needed, and some letters in the
 * other case or as one of the two characters beyond ASCII that fold into it.
 */
export function rewrite(value: unknown, random: () => number): string {
  const some = (share: number) => random() < share;
  /** How many texts are spelled oddly: none, in half of the documents. */
  const odd = some(0.5) ? 0 : random();
  const space = () => (some(0.2) ? ' ' : some(0.05) ? '\t' : '');
  function text(plain: string): string {
    if (!some(odd)) return JSON.stringify(plain);
    const letters = [...plain].map((letter) => {
      if (letter === '/' && some(0.3)) return '\\/';
      if (letter === 'k' && some(0.05)) return some(0.5) ? '\u{212a}' : '\\u212A';
      if (letter === 's' && some(0.05)) return some(0.5) ? 'ſ' : '\\u017f';
      if (some(0.1)) return `\\u${(letter.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
      return JSON.stringify(some(0.1) ? letter.toUpperCase() : letter).slice(1, -1);
    });
    return `"${letters.join('')}"`;
  }
  function write(node: unknown): string {
    if (Array.isArray(node)) return `[${node.map((member) => space() + write(member) + space()).join(',')}]`;
    if (typeof node === 'object' && node !== null) {
      const entries = Object.entries(node).toSorted(() => random() - 0.5);
      return `{${entries.map(([key, member]) => `${space()}${JSON.stringify(key)}${space()}:${space()}${write(member)}`).join(',')}}`;
    }
    return typeof node === 'string' ? text(node) : JSON.stringify(node);
  }
  return write(value);
}
