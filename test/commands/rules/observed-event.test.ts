import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { parseObservedEvents } from '../../../src/commands/rules/observed-event.ts';
import { UNKNOWN } from '../../../src/sigma/match/fields.ts';

const FIXTURE = join(
  import.meta.dirname,
  '../../rules/pod_owner_not_verified/ignore/kube-proxy-by-controller.yaml',
);
const [review = '', ...cluster] = readFileSync(FIXTURE, 'utf8').split('\n---\n');

function owners(text: string) {
  return parseObservedEvents(text).map(({ observation: { event } }) => event.provenance?.['owner']);
}

it('a request is held against what stands beside it, in a list or not', () => {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [] }).replace(
    '[]',
    '[{"kind":"Node","apiVersion":"v1"}]',
  );
  const verified = expect.objectContaining({ verified: true, imagesMatch: true });
  expect(owners([review, ...cluster].join('\n---\n'))).toEqual([verified]);
  expect(owners([...cluster, list, review].join('\n---\n'))).toEqual([verified]);
});

it('with nothing beside it, nothing is known of the cluster', () => {
  expect(owners(review)).toEqual([expect.objectContaining({ verified: UNKNOWN })]);
});

it('with something beside it, all there is stands there', () => {
  const [, ...others] = cluster;
  expect(owners([review, ...others].join('\n---\n'))).toEqual([
    expect.objectContaining({
      verified: false,
      problem: expect.stringMatching(/^no DaemonSet kube-proxy with uid/),
    }),
  ]);
});

it('a list without items is none', () => {
  expect(() => parseObservedEvents('kind: List\n')).toThrow('items: expected a list');
});
