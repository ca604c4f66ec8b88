import { expect, it } from '@jest/globals';
import { createMetrics } from '../../src/records/metrics.ts';
import { filter, load, withTerms } from '../policy/rulesets.ts';
import type { Judgement } from '../../src/records/recorder.ts';

it('counts a verdict that no client got as undelivered, not as what it would have been', async () => {
  const metrics = createMetrics('1.2.3');
  const recorder = metrics.recorderFor('guard');
  const judged = {
    request: { operation: 'CREATE' },
    observation: { dryRun: false },
    evaluation: { matches: [], notJudged: [] },
    decision: { verdict: 'deny', matches: [], decided: [] },
  } as unknown as Judgement;
  for (const delivered of [true, false, false]) recorder.record({ ...judged, delivered });
  const counted = await metrics.registry.getSingleMetric('sigma_admission_requests_total')!.get();
  expect(counted.values.map(({ labels, value }) => [labels['verdict'], value])).toEqual([
    ['deny', 1],
    ['undelivered', 2],
  ]);
});

it('has the end of each filter that has one, as the rules are now', async () => {
  const metrics = createMetrics('1.2.3');
  const [alice, bob] = ['alice', 'bob'].map((name, index) => filter(index, { 'user.username': name }));
  const ends = async (documents: readonly string[]) => {
    metrics.observeRuleset(load(documents));
    const { values } = await metrics.registry
      .getSingleMetric('sigma_admission_filter_expiry_timestamp_seconds')!
      .get();
    return values.map(({ labels, value }) => [labels['filter'], labels['title'], value]);
  };
  expect(await ends([withTerms(alice!, { expires: '2026-12-01' }), bob!])).toEqual([
    ['00000000-0000-4000-8000-000000000000', 'Filter 0', Date.UTC(2026, 11, 2) / 1000],
  ]);
  expect(await ends([alice!, bob!])).toEqual([]);
});
