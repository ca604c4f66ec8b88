import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { loadAll } from 'js-yaml';
import { mutatedJson, mutatedText } from '../mutations.ts';
import { kept, others, othersLines, ours } from '../seeds.ts';
import { evaluate, loadRuleset, parseAll, parseAuditEvent, SigmaError, type Door } from '../src.ts';
import { expect, expectCleanPrototypes, expectPrintable, type Target } from '../target.ts';

const DOORS: readonly Door[] = ['serve', 'replay', 'scan'];
const KEPT = kept('rules');
const SEEDS = [
  ...ours('rules', '.yml'),
  ...ours('filters', '.yml'),
  ...KEPT,
  ...others('sigma-rules', '.yml'),
  ...othersLines('sigma-cases/azuma.ndjson').map((line) => (JSON.parse(line) as { rule: string }).rule),
];

/** The table of docs/errors.md. */
const CODES = new Set(
  readFileSync(join(import.meta.dirname, '../../docs/errors.md'), 'utf8').match(/(?<=^\| `)[a-z\d-]+/gm),
);

const EVENT = JSON.stringify({
  kind: 'Event',
  apiVersion: 'audit.k8s.io/v1',
  level: 'RequestResponse',
  auditID: 'a',
  stage: 'ResponseComplete',
  requestURI: '/api/v1/namespaces/kube-system/pods',
  verb: 'create',
  user: { username: 'alice', groups: ['system:authenticated'] },
  objectRef: { resource: 'pods', namespace: 'kube-system', name: 'kube-proxy-bv61v', apiVersion: 'v1' },
  responseStatus: { code: 201 },
  requestObject: {
    kind: 'Pod',
    metadata: { name: 'kube-proxy-bv61v' },
    spec: { hostNetwork: true, containers: [{ image: 'busybox:1', securityContext: { privileged: true } }] },
  },
  requestReceivedTimestamp: '2026-11-24T08:00:00.000000Z',
});

const asJson = jsonOf(SEEDS);

/** Any text as a file of rules: loaded, or refused with all that is wrong; and what is loaded can be asked. */
export const rules: Target<string> = {
  name: 'rules',
  arbitrary: fc.oneof(
    { weight: 3, arbitrary: mutatedText(SEEDS) },
    { weight: 2, arbitrary: mutatedJson(asJson).map((value) => JSON.stringify(value)) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(mutatedText(SEEDS), fc.constantFrom(...SEEDS))
        .map((texts) => texts.join('\n---\n')),
    },
  ),
  known: SEEDS,
  check(text) {
    for (const door of DOORS) checkAt(door, text);
    expectCleanPrototypes();
  },
};

function checkAt(door: Door, text: string): void {
  try {
    const ruleset = loadRuleset(parseAll([{ name: 'rules.yml', text }]), { door, subresources: 'resource' });
    checkProblems(ruleset.warnings);
    evaluate(parseAuditEvent(JSON.parse(EVENT)), ruleset);
  } catch (error) {
    if (!(error instanceof SigmaError)) throw error;
    expect(error.problems.length > 0, 'refused without a reason');
    checkProblems(error.problems);
  }
}

function checkProblems(problems: SigmaError['problems']): void {
  for (const { code, path, message } of problems) {
    expect(CODES.has(code), `code "${code}" is not documented`);
    expectPrintable(path);
    expectPrintable(message);
  }
}

/** JSON is YAML, so what stands in JSON can be changed value by value. */
function jsonOf(texts: readonly string[]): readonly string[] {
  return texts.flatMap((text) => {
    try {
      return loadAll(text).map((document) => JSON.stringify(document) ?? 'null');
    } catch {
      return [];
    }
  });
}
