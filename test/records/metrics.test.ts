import { expect, it } from '@jest/globals';
import { createMetrics } from '../../src/records/metrics.ts';
import type { Judgement } from '../../src/records/recorder.ts';

it('counts a verdict that no client got as undelivered, not as what it would have been', async () => {
  const metrics = createMetrics();
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
