import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const SOURCES = join(import.meta.dirname, '../src');

/** A constructor, or a method that makes a string into an expression. A literal, or a constant named like one, is none. */
const BUILT = /\bRegExp\b|\.(?:match|matchAll|search)\((?!\/|[A-Z_]+\))/;

describe('an expression of the language backtracks, so none', () => {
  it('is built from the text of a rule or an event', () => {
    const built = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .flatMap((name) =>
        readFileSync(join(SOURCES, name), 'utf8')
          .split('\n')
          .map((line, index) => ({ place: `${name}:${index + 1}`, line: line.trim() })),
      )
      .filter(({ line }) => BUILT.test(line));
    expect(built).toEqual([]);
  });

  it.each([
    'new RegExp(value)',
    'RegExp(value)',
    'text.match(value)',
    'text.matchAll(`${a}`)',
    'text.search("a")',
  ])('is built unnoticed: %s', (line) => {
    expect(BUILT.test(line)).toBe(true);
  });

  it.each(['text.matchAll(/a/g)', 'text.matchAll(TOKEN)', '/a/.test(text)'])('is seen in %s', (line) => {
    expect(BUILT.test(line)).toBe(false);
  });
});
