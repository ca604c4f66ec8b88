import { Writable } from 'node:stream';
import { expect, it } from '@jest/globals';
import { createScanProgress } from '../../src/scan/progress.ts';

function shown(times: readonly number[], isTerminal = true): string {
  let [text, at] = ['', 0];
  const terminal = new Writable({
    write(chunk, _, done) {
      text += String(chunk);
      done();
    },
  });
  const progress = createScanProgress(isTerminal ? terminal : undefined, () => at);
  for (const time of times) {
    at = time;
    progress.show(time * 10);
  }
  progress.clear();
  return text;
}

it('says now and then how far scan is, and makes room again', () => {
  expect(shown([100, 300, 400, 600])).toBe('\r\u001b[K3,000 pods\r\u001b[K6,000 pods\r\u001b[K');
});

it('says nothing where nobody watches, or where it is done in a moment', () => {
  expect(shown([100, 300], false)).toBe('');
  expect(shown([100])).toBe('');
});
