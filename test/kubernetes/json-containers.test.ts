import { expect, it } from '@jest/globals';
import { countContainers } from '../../src/kubernetes/json-containers.ts';

it.each([
  ['null', 0],
  ['{}', 1],
  ['[[], {"a": [1, {}]}]', 5],
  [String.raw`["[{", "\"[", "\\", {}]`, 2],
  [String.raw`"\\\"[`, 0],
  ['[[', 2],
  ['', 0],
])('counts the objects and lists of %s', (json, count) => {
  expect(countContainers(Buffer.from(json))).toBe(count);
});
