import { describe, expect, it } from '@jest/globals';
import { breakPath, section, table, wrap } from '../../src/io/table.ts';

describe('a page', () => {
  it('wraps words, and leaves one that is too long whole', () => {
    expect(wrap('one two  three\nfour https://example.org/long five', 9)).toEqual([
      'one two',
      'three',
      'four',
      'https://example.org/long',
      'five',
    ]);
  });

  it('has columns as wide as their cells, the last of which takes what is left', () => {
    const long = Array.from({ length: 20 }, () => 'words').join(' ');
    expect(table([['a', 'bb', long], ['aaa', '', 'short'], ['a\nb']])).toEqual([
      `  a    bb  ${Array.from({ length: 15 }, () => 'words').join(' ')}`,
      `           ${Array.from({ length: 5 }, () => 'words').join(' ')}`,
      '  aaa      short',
      '  a',
      '  b',
    ]);
  });

  it('aligns numbers to the right and wraps no column where told so', () => {
    const long = 'words '.repeat(20).trim();
    expect(
      table(
        [
          ['requests', 'rule'],
          ['1,200', long],
          ['7', '8'],
        ],
        { wrapped: 'none', numbers: 'right' },
      ),
    ).toEqual(['  requests  rule', `     1,200  ${long}`, `         7  ${'8'.padStart(long.length)}`]);
  });

  it('breaks a path at its dots', () => {
    expect(breakPath('requestObject.spec.containers', 19)).toBe('requestObject.spec.\ncontainers');
    expect(breakPath('spec.containers', 19)).toBe('spec.containers');
  });

  it('has no heading over nothing', () => {
    expect(section('Heading', [])).toEqual([]);
    expect(section('Heading', ['  line'])).toEqual(['', 'Heading', '  line']);
  });
});
