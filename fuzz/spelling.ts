import { random } from './mutations.ts';

/** Writes JSON another way each time, which means the same: spaces, escapes, the order of keys. 0 is as JSON.stringify. */
export function spell(value: unknown, seed: number): string {
  if (seed === 0) return JSON.stringify(value);
  const next = random(seed);
  const space = () => ['', '', '', ' ', '\n', '\t ', '\r\n'][next(7)] ?? '';
  const text = (of: string) =>
    `"${[...of].map((character) => (next(8) === 0 || !SAFE.test(character) ? escaped(character) : character)).join('')}"`;
  function write(of: unknown): string {
    if (typeof of === 'string') return text(of);
    if (typeof of !== 'object' || of === null) return JSON.stringify(of) ?? 'null';
    const members = Array.isArray(of)
      ? of.map(write)
      : shuffled(Object.entries(of), next).map(
          ([key, member]) => `${text(key)}${space()}:${space()}${write(member)}`,
        );
    const [open, close] = Array.isArray(of) ? '[]' : '{}';
    return `${open}${space()}${members.join(`${space()},${space()}`)}${space()}${close}`;
  }
  return `${space()}${write(value)}${space()}`;
}

/** What may stand in a text as it is. */
const SAFE = /^[^\p{Cc}\p{Cs}"\\]$/u;

function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('');
}

function shuffled<T>(members: T[], next: (limit: number) => number): T[] {
  for (let at = members.length - 1; at > 0; at--) {
    const other = next(at + 1);
    [members[at], members[other]] = [members[other] as T, members[at] as T];
  }
  return members;
}
