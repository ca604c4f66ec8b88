import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { parseAdmissionReview } from '../src/kubernetes/admission-review.ts';
import { auditEventFromAdmission, type Observation } from '../src/kubernetes/audit-event.ts';
import { parseAuditEvent } from '../src/kubernetes/logged-event.ts';
import { evaluate } from '../src/policy/evaluate.ts';
import type { Ruleset } from '../src/policy/ruleset.ts';
import { withLoggedProvenance } from '../src/provenance/logged-provenance.ts';
import { isMirrorPod } from '../src/provenance/mirror-pod.ts';
import { loadRuleset, readRules } from '../src/policy/load-rules.ts';
import { ruleSourceOf } from '../src/policy/rule-source.ts';
import { corpusLines, corpusPath, describeWithCorpus } from './corpus.ts';
import { MADE_TO_DIFFER, type Verdict } from './made-to-differ.ts';
import { load, rule } from './policy/rulesets.ts';

const ROOT = join(import.meta.dirname, '..');

interface Pair {
  readonly step: string;
  readonly auditEvent: Readonly<Record<string, unknown>>;
  readonly admissionReviews: readonly object[];
}

const pairs = corpusLines('pairs/requests.ndjson') as readonly Pair[];

function logged({ auditEvent }: Pair, level = 'RequestResponse'): Observation {
  const { requestObject, responseObject, ...metadata } = auditEvent;
  const event = level === 'Metadata' ? metadata : { requestObject, responseObject, ...metadata };
  return withLoggedProvenance(parseAuditEvent({ ...event, level }));
}

function reviewed({ admissionReviews }: Pair): readonly Observation[] {
  return admissionReviews.map((review) => {
    const request = parseAdmissionReview(Buffer.from(JSON.stringify(review)));
    return auditEventFromAdmission(request, { mirrorPod: isMirrorPod(request) }, '');
  });
}

/** Of the rules asked, by title, what is said of all these together: the most that is said of one. */
function verdicts(observations: readonly Observation[], ruleset: Ruleset): ReadonlyMap<string, Verdict> {
  const said = new Map<string, Verdict>();
  for (const observation of observations) {
    const { matches, notJudged } = evaluate(observation, ruleset);
    for (const { rule: of } of notJudged) said.set(of.title, said.get(of.title) ?? 'not judged');
    for (const { rule: of, filter } of matches) {
      if (said.get(of.title) !== 'matches') said.set(of.title, filter === undefined ? 'matches' : 'filtered');
    }
  }
  const asked = ruleset.rules.filter(({ disabledReason }) => disabledReason === undefined);
  const silent: Verdict = observations.length === 0 ? 'never asked' : '-';
  return new Map(asked.map(({ title }) => [title, said.get(title) ?? silent]));
}

const SEED = 'Creation Of Pod In System Namespace';
const SIDECAR = 'Potential Sidecar Injection Into Running Deployment';
const EXEC = 'Potential Remote Command Execution In Pod Container';

/** Where a log that has everything and admission differ on the public rules and ours; each as docs/parity.md calls it. */
const DIFFERENCES = [
  ['server-side apply', 'server-side-apply-create', SEED, '-', 'matches'],
  ['server-side apply', 'dry-run-server-side-apply', SEED, '-', 'matches'],
  ['WebSocket exec', 'exec-websocket', EXEC, '-', 'matches'],
  ['impersonation', 'impersonate-with-uid', SEED, 'matches', 'filtered'],
  ['refused before admission', 'create-plain-pod-by-node', SEED, 'matches', 'never asked'],
  ['refused before admission', 'forbidden-by-rbac', SEED, 'matches', 'never asked'],
  ['refused before admission', 'anonymous-create', SEED, 'matches', 'never asked'],
  [
    'refused before admission',
    'anonymous-create',
    'Anonymous Creation Or Change Of Pod',
    'matches',
    'never asked',
  ],
];

/** The same, of a log at level Metadata. */
const UNKNOWN_AT_METADATA = [
  ['audit level', 'create-privileged', 'Creation Of Privileged Pod', 'not judged', 'matches'],
  ['provenance', 'create-mirror-pod-by-node', SEED, 'not judged', 'filtered'],
];

/** Recorded in the end-to-end test. */
const ELSEWHERE = [['repeated calls', 'force-delete']];

function first(step: string): Pair {
  const pair = pairs.find((each) => each.step === step);
  if (pair === undefined) throw new TypeError(`no step ${step}`);
  return pair;
}

it('every difference that docs/parity.md names is shown by the scenario it names', () => {
  const rows = readFileSync(join(ROOT, 'docs/parity.md'), 'utf8').matchAll(
    /^\| ([^|]+) \| .* \| `([^`]+)` *\|$/gm,
  );
  const made = MADE_TO_DIFFER.map(({ difference, scenario }) => [difference, scenario]);
  const shown = [...DIFFERENCES, ...UNKNOWN_AT_METADATA, ...ELSEWHERE]
    .map(([name, step]) => [name, step])
    .concat(made);
  const told = [...rows].map(([, name, step]) => [name?.trim(), step]);
  expect(shown).toEqual(expect.arrayContaining(told));
  expect([...new Set(shown.map(([name]) => name))].toSorted()).toEqual(told.map(([name]) => name).toSorted());
});

describeWithCorpus('124 requests, as the log tells of them and as the webhook was asked', () => {
  const parsed = readRules(
    ruleSourceOf({
      rulesDirs: [corpusPath('sigma-rules'), join(ROOT, 'rules')],
      filtersDirs: [join(ROOT, 'filters')],
      allowUsers: [],
    }),
  );

  /** `[step, title, log, admission]` wherever the two differ on a rule that both ask. */
  async function differences(level: string, subresources: 'resource' | 'literal') {
    const [serve, replay] = (['serve', 'replay'] as const).map(async (door) =>
      loadRuleset(await parsed, { door, subresources }),
    );
    const rulesets = { serve: await serve!, replay: await replay! };
    let compared = 0;
    const found = pairs.flatMap((pair) => {
      const log = verdicts([logged(pair, level)], rulesets.replay);
      return [...verdicts(reviewed(pair), rulesets.serve)].flatMap(([title, admission]) => {
        const inLog = log.get(title);
        // What has to be looked up in the cluster, no log is asked about.
        if (inLog === undefined) return [];
        compared++;
        const same = inLog === admission || (inLog === '-' && admission === 'never asked');
        return same ? [] : [[pair.step, title, inLog, admission]];
      });
    });
    return { compared, found };
  }

  it('differ only as listed, on the public rules and ours', async () => {
    const { compared, found } = await differences('RequestResponse', 'resource');
    expect(found.toSorted()).toEqual(DIFFERENCES.map(([, ...difference]) => difference).toSorted());
    expect(compared).toBeGreaterThan(2500);
  });

  it('differ only as listed, read literally', async () => {
    const { found } = await differences('RequestResponse', 'literal');
    const expected = new Set(DIFFERENCES.map(([, ...difference]) => String(difference)));
    const others = found.filter((difference) => !expected.has(String(difference)));
    expect([...new Set(others.map(([step, title]) => `${step}: ${title}`))].toSorted()).toEqual([
      // WebSocket exec: read literally the rule on pods is about these, too.
      `attach: ${SEED}`,
      // Update and patch: read literally a rule on patches of deployments is about updates of their status, too.
      `deployment-scale: ${SIDECAR}`,
      `deployment-set-image: ${SIDECAR}`,
      `deployment: ${SIDECAR}`,
      `exec-websocket: ${SEED}`,
      `port-forward: ${SEED}`,
      `proxy-get: ${SEED}`,
    ]);
  });

  it('are as far judged at level Metadata as it goes: what differs then is not judged', async () => {
    const { found } = await differences('Metadata', 'resource');
    const others = found.filter(([, , log]) => log !== 'not judged');
    // Whether the node made a mirror pod is not to be seen then.
    const expected = DIFFERENCES.filter(([, step]) => step !== 'create-plain-pod-by-node');
    expect(others.toSorted()).toEqual(expected.map(([, ...difference]) => difference).toSorted());
    expect(found).toEqual(expect.arrayContaining(UNKNOWN_AT_METADATA.map(([, ...difference]) => difference)));
  });

  it.each(MADE_TO_DIFFER)('$difference: $scenario', ({ scenario, detection, log, admission }) => {
    const pair = first(scenario);
    const [replay, serve] = (['replay', 'serve'] as const).map((door) =>
      load([rule(1, detection)], { door, subresources: 'literal' }),
    );
    expect([...verdicts([logged(pair)], replay!).values()]).toEqual([log]);
    expect([...verdicts(reviewed(pair), serve!).values()]).toEqual([admission]);
  });
});
