import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { createProgress } from '../../src/io/progress.ts';

const file = { name: 'a.log', size: 400e6, read: async function* () {} };

/** What is shown after each of `looks`, a quarter of a second apart. */
function shown(files: readonly (typeof file | Omit<typeof file, 'size'>)[], isTerminal = true): string {
  const terminal = new PassThrough();
  let clock = 0;
  const progress = createProgress(isTerminal ? terminal : undefined, files, () => clock);
  for (const bytes of [100e6, 200e6]) {
    clock += 200;
    progress.show(bytes, 12);
  }
  progress.clear();
  return String(terminal.read() ?? '');
}

describe('progress', () => {
  it('is one line, now and then, that goes away', () => {
    expect(shown([file])).toBe('\r\u001b[K200 MB of 400 MB (50 %), 500 MB/s, 12 requests matched\r\u001b[K');
  });

  it('has no end where a pipe is read', () => {
    const { size: _, ...stdin } = file;
    expect(shown([file, stdin])).toBe('\r\u001b[K200 MB, 500 MB/s, 12 requests matched\r\u001b[K');
  });

  it('is nothing where nobody watches', () => {
    expect(shown([file], false)).toBe('');
  });
});
