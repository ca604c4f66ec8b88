import { expect, it } from '@jest/globals';
import { parseGoDuration } from '../../src/kubernetes/go-duration.ts';

it.each([
  ['3s', 3000],
  ['1m0s', 60_000],
  ['1h2m3.5s', 3_723_500],
  ['1.5s', 1500],
  ['250ms', 250],
  ['100us', 0.1],
  ['100µs', 0.1],
  ['1ns', 1e-6],
  ['0s', 0],
])('is read in milliseconds as Go writes it: %s', (text, milliseconds) => {
  expect(parseGoDuration(text)).toBeCloseTo(milliseconds, 9);
});

it.each(['', '3', 's', '3 s', '-3s', '3s ', '1d', '3sx', '.5s', '3S', '1e3s'])(
  'is nothing where it is not written so: %j',
  (text) => {
    expect(parseGoDuration(text)).toBeUndefined();
  },
);
