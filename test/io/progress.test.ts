import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { createProgress } from '../../src/io/progress.ts';

/** What is shown where the line is written at these times, in milliseconds. */
function shown(times: readonly number[], isTerminal = true): string {
  const terminal = new PassThrough();
  let clock = 1000;
  const progress = createProgress(isTerminal ? terminal : undefined, () => clock);
  for (const time of times) {
    clock = 1000 + time;
    progress.show((elapsedMs) => `after ${elapsedMs} ms`);
  }
  progress.clear();
  return String(terminal.read() ?? '');
}

describe('progress', () => {
  it('is one line, now and then, that goes away', () => {
    expect(shown([100, 300, 400, 600])).toBe('\r\u001b[Kafter 300 ms\r\u001b[Kafter 600 ms\r\u001b[K');
  });

  it('is nothing where there is no terminal, or where the command ends in a moment', () => {
    expect(shown([300, 600], false)).toBe('');
    expect(shown([100])).toBe('');
  });
});
