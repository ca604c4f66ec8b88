import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { evaluate } from '../../../src/policy/evaluate.ts';
import { loadRuleset, readRules } from '../../../src/policy/load-rules.ts';
import { ruleSourceOf } from '../../../src/policy/rule-source.ts';
import { parseObservedEvents } from '../../../src/commands/rules/observed-event.ts';
import { corpusLines, corpusText, describeWithCorpus } from '../../corpus.ts';

const ROOT = join(import.meta.dirname, '../../..');
const shipped = { rulesDirs: [join(ROOT, 'rules')], filtersDirs: [join(ROOT, 'filters')], allowUsers: [] };
const parsed = await readRules(ruleSourceOf(shipped));
const rulesets = {
  serve: loadRuleset(parsed, { door: 'serve', subresources: 'resource' }),
  replay: loadRuleset(parsed, { door: 'replay', subresources: 'resource' }),
};

/** The titles of the rules that match and that no filter accepts, of every request in a text. */
function found(text: string): readonly string[] {
  const titles = parseObservedEvents(text).flatMap(({ door, observation }) =>
    evaluate(observation, rulesets[door])
      .matches.filter(({ filter }) => filter === undefined)
      .map(({ rule }) => rule.title),
  );
  return [...new Set(titles)].toSorted();
}

describeWithCorpus('the rules that ship, on Falco’s events', () => {
  it.each([
    [
      'create_nginx_pod_hostnetwork',
      ['Creation Of Pod In Default Namespace', 'Creation Of Pod With Host Network'],
    ],
    ['create_nginx_pod_nohostnetwork', ['Creation Of Pod In Default Namespace']],
    [
      'create_nginx_pod_privileged_2nd_container',
      ['Creation Of Pod In Default Namespace', 'Creation Of Privileged Pod'],
    ],
    [
      'create_nginx_pod_sensitive_mount_2nd_container',
      [
        'Creation Of Pod In Default Namespace',
        'Creation Of Pod With HostPath Volume',
        'Creation Of Pod With Sensitive HostPath',
      ],
    ],
    ['create_nginx_pod_unsensitive_mount', []],
    ['exec_pod', ['Exec Into Pod']],
    ['attach_pod', ['Exec Into Pod']],
    ['create_deployment', []],
    ['create_serviceaccount_kube_system_namespace', []],
  ])('%s', (name, titles) => {
    expect(found(corpusText(`audit/falco/${name}.json`))).toEqual(titles);
  });
});

interface Recorded {
  readonly step: string;
  readonly auditEvent: object;
  readonly admissionReviews: readonly object[];
}

const SEED = 'Creation Of Pod In System Namespace';
const OWNER = 'Pod Owner Not Verified';

/** Where a log and admission differ, and why they must. */
const DIFFERENCES = [
  // SigmaHQ's rule asks for the verb create, which server-side apply hides from a log.
  { step: 'server-side-apply-create', log: [], admission: [SEED] },
  { step: 'dry-run-server-side-apply', log: [], admission: [SEED] },
  // A log shows who impersonates, admission who is impersonated; a uid too may be impersonated.
  { step: 'impersonate-with-uid', log: [SEED], admission: [OWNER] },
  // A log tells nothing of owners; admission sees without looking who made it, and whether it names one.
  { step: 'create-forged-daemonset-owner', log: [SEED], admission: [SEED, OWNER] },
  { step: 'impersonate-without-uid', log: [SEED], admission: [SEED, OWNER] },
  { step: 'impersonate-with-group', log: [SEED], admission: [SEED, OWNER] },
  { step: 'stolen-controller-token', log: [], admission: [OWNER] },
  // Refused before webhooks are asked.
  { step: 'create-plain-pod-by-node', log: [SEED], admission: [] },
  { step: 'forbidden-by-rbac', log: [SEED], admission: [] },
  { step: 'anonymous-create', log: ['Anonymous Creation Or Change Of Pod', SEED], admission: [] },
];

describeWithCorpus('the rules that ship, on both records of the same request', () => {
  it('find the same, but for what a door cannot show', () => {
    const recorded = corpusLines('pairs/requests.ndjson') as readonly Recorded[];
    const differences = recorded.flatMap(({ step, auditEvent, admissionReviews }) => {
      const log = found(JSON.stringify(auditEvent));
      const admission = found(admissionReviews.map((review) => JSON.stringify(review)).join('\n---\n'));
      return JSON.stringify(log) === JSON.stringify(admission) ? [] : [{ step, log, admission }];
    });
    expect(differences).toEqual(expect.arrayContaining(DIFFERENCES));
    expect(differences).toHaveLength(DIFFERENCES.length);
  });

  it('find in a pod that is given everything everything it asks of its node', () => {
    const [privileged] = (corpusLines('pairs/requests.ndjson') as readonly Recorded[]).filter(
      ({ step }) => step === 'create-privileged',
    );
    expect(found(JSON.stringify(privileged?.auditEvent))).toEqual([
      SEED,
      'Creation Of Pod With Dangerous Capabilities',
      'Creation Of Pod With Host IPC',
      'Creation Of Pod With Host Network',
      'Creation Of Pod With Host PID',
      'Creation Of Pod With HostPath Volume',
      'Creation Of Pod With Sensitive HostPath',
      'Creation Of Privileged Pod',
    ]);
  });
});
