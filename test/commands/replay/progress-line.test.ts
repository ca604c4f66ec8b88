import { expect, it } from '@jest/globals';
import { progressLine } from '../../../src/commands/replay/progress-line.ts';

const file = { name: 'a.log', size: 400e6, read: async function* () {} };
const { size: _, ...stdin } = file;

it('says how much of the logs was read, and how fast', () => {
  expect(progressLine([file])(200e6, 12, 400)).toBe('200 MB of 400 MB (50 %), 500 MB/s, 12 requests matched');
});

it('knows no end where a pipe is read', () => {
  expect(progressLine([file, stdin])(200e6, 12, 400)).toBe('200 MB, 500 MB/s, 12 requests matched');
});
