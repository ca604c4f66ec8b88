import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { createClusterMetrics } from '../../src/records/cluster-metrics.ts';
import { createProvenanceMetrics } from '../../src/records/provenance-metrics.ts';
import { createMetrics } from '../../src/records/metrics.ts';
import { filter, load, rule, withTerms } from '../policy/rulesets.ts';
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

/** Each metric there is, with a value where it is something's. */
function everything() {
  const metrics = createMetrics('1.2.3');
  const cluster = createClusterMetrics(metrics.registry);
  cluster.observeRegistered(true);
  cluster.observeGuardLowered(false);
  cluster.observeTrust(new Map([['guard', true]]));
  cluster.observeCompared();
  cluster.observeConnectivity('answered', true);
  createProvenanceMetrics({ registry: metrics.registry, counts: () => ({ Node: 1 }), oldestMs: () => 1 });
  const current = () => ({ notAfter: new Date(0) });
  metrics.followCertificates({ current, authorityNotAfter: () => new Date(0) });
  metrics.observeRuleset(load([rule(1, { verb: 'create' })]));
  metrics.observeCoverage([{ rule: { id: 'r-1' }, asked: 'all', wished: 'warn', inEffect: 'warn' }]);
  return metrics.registry;
}

describe('the metrics', () => {
  it('are ours by their prefix, or the process’s and Node’s by the names that every dashboard knows', async () => {
    const all = await everything().getMetricsAsJSON();
    const prefixes = Object.groupBy(
      all,
      ({ name }) => /^(sigma_admission|process|nodejs)_/.exec(name)?.[1] ?? name,
    );
    expect(Object.keys(prefixes).toSorted()).toEqual(['nodejs', 'process', 'sigma_admission']);
    expect(prefixes['process']?.map(({ name }) => name)).toContain('process_cpu_seconds_total');
  });

  it('are named as Prometheus names them: counters, and nothing else, end in _total; units are seconds and bytes', async () => {
    const all = await everything().getMetricsAsJSON();
    const wrong = all.filter(
      ({ name, help, type }) =>
        help === '' ||
        !/^[a-z][a-z0-9_]*$/.test(name) ||
        (String(type) === 'counter') !== name.endsWith('_total') ||
        /_(ms|milliseconds|minutes|hours|days|kilobytes|megabytes|percent|gauge|counter|histogram|summary|count|sum|bucket)(_|$)/.test(
          name,
        ),
    );
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });

  const promtool = spawnSync('promtool', ['--version']).error === undefined;
  const title = 'have nothing that promtool finds wrong';
  (promtool ? it : it.skip)(promtool ? title : `${title} (skipped: there is no promtool)`, async () => {
    const input = await everything().metrics();
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input,
      encoding: 'utf8',
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  });
});

it('say what a match comes to by itself: one of a rule on enforce that a filter accepts denies nothing', async () => {
  const metrics = createMetrics('1.2.3');
  const match = (mode: string, more: object = {}) => ({ rule: { id: `on ${mode}` }, mode, ...more });
  const decided = [match('enforce'), match('enforce', { filter: {} }), match('warn'), match('audit')];
  metrics.recorderFor('guard').record({
    request: { operation: 'CREATE' },
    observation: { dryRun: false },
    evaluation: { matches: [], notJudged: [] },
    decision: { verdict: 'deny', matches: [], decided },
  } as unknown as Judgement);
  const counted = await metrics.registry.getSingleMetric('sigma_admission_matches_total')!.get();
  expect(counted.values.map(({ labels, value }) => ({ ...labels, value }))).toEqual([
    { rule: 'on enforce', mode: 'enforce', filtered: 'false', outcome: 'denied', dry_run: 'false', value: 1 },
    {
      rule: 'on enforce',
      mode: 'enforce',
      filtered: 'true',
      outcome: 'accepted',
      dry_run: 'false',
      value: 1,
    },
    { rule: 'on warn', mode: 'warn', filtered: 'false', outcome: 'warned', dry_run: 'false', value: 1 },
    { rule: 'on audit', mode: 'audit', filtered: 'false', outcome: 'recorded', dry_run: 'false', value: 1 },
  ]);
});

it('name each rule that is loaded, for whoever has only its id', async () => {
  const metrics = createMetrics('1.2.3');
  const known = async () => {
    const { values } = await metrics.registry.getSingleMetric('sigma_admission_rule_info')!.get();
    return values.map(({ labels }) => labels);
  };
  metrics.observeRuleset(load([rule(1, { verb: 'create' }, { level: 'high' }), rule(2, { verb: 'delete' })]));
  metrics.observeRuleset(load([rule(1, { verb: 'create' }, { level: 'high' })]));
  expect(await known()).toEqual([
    { rule: '00000000-0000-4000-8000-000000000001', title: 'Rule 1', level: 'high', status: 'test' },
  ]);
});

it('has the coverage of each rule as it is now, and none where it is not known', async () => {
  const metrics = createMetrics('1.2.3');
  const of = (asked: string, inEffect: string) => [
    { rule: { id: 'r-1' }, asked, wished: 'enforce', inEffect },
  ];
  const stated = async () => {
    const { values } = await metrics.registry.getSingleMetric('sigma_admission_rule_coverage')!.get();
    return values.map(({ labels, value }) => ({ ...labels, value }));
  };
  metrics.observeCoverage(of('unknown', 'enforce'));
  expect(await stated()).toEqual([]);
  metrics.observeCoverage(of('never', 'none'));
  metrics.observeCoverage(of('part', 'warn'));
  expect(await stated()).toEqual([{ rule: 'r-1', asked: 'part', wished: 'enforce', mode: 'warn', value: 1 }]);
});
