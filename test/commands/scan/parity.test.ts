import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { AdmissionRequest, KubernetesObject } from '../../../src/kubernetes/admission-review.ts';
import { auditEventFromAdmission } from '../../../src/kubernetes/audit-event.ts';
import { evaluate } from '../../../src/policy/evaluate.ts';
import { loadRuleset, parseAll } from '../../../src/policy/load-rules.ts';
import { directorySource } from '../../../src/policy/rule-source.ts';
import { objectsFromList } from '../../../src/provenance/objects-from-list.ts';
import { provenanceOf, subjectOf } from '../../../src/provenance/provenance.ts';
import { createExaminer } from '../../../src/commands/scan/examiner.ts';
import { loadScanRules } from '../../../src/commands/scan/rules.ts';
import { scannedObject, type ScannedObject } from '../../../src/commands/scan/scanned-object.ts';

const ROOT = join(import.meta.dirname, '../../..');
const parsed = parseAll(await directorySource([join(ROOT, 'rules'), join(ROOT, 'filters')]).read());
const OPTIONS = { subresources: 'resource' } as const;
const rules = loadScanRules(parsed, OPTIONS);
const atAdmission = loadRuleset(parsed, { ...OPTIONS, door: 'serve' });
const asked = rules.ruleset.rules
  .filter(({ disabledReason }) => disabledReason === undefined)
  .map(({ id }) => id);

const DAEMON_SET = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'kube-proxy', namespace: 'kube-system', uid: 'uid-of-kube-proxy' },
  spec: {
    selector: { matchLabels: { 'k8s-app': 'kube-proxy' } },
    template: { spec: { containers: [{ name: 'c', image: 'kube-proxy:1' }] } },
  },
};
const NODE = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node1', uid: 'uid-of-node1' } };
const OWNED = {
  generateName: 'kube-proxy-',
  labels: { 'k8s-app': 'kube-proxy' },
  ownerReferences: [
    {
      ...{ apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'kube-proxy', uid: 'uid-of-kube-proxy' },
      ...{ controller: true, blockOwnerDeletion: true },
    },
  ],
};
const MIRROR = {
  annotations: { 'kubernetes.io/config.mirror': 'abc' },
  ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'node1', uid: 'uid-of-node1', controller: true }],
};
const DANGEROUS = {
  hostNetwork: true,
  hostPID: true,
  volumes: [{ name: 'root', hostPath: { path: '/' } }],
  containers: [{ name: 'c', image: 'kube-proxy:1', securityContext: { privileged: true } }],
};

function pod(name: string, metadata: object, spec: object, namespace = 'kube-system'): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, uid: 'u', ...metadata },
    spec: { containers: [{ name: 'c', image: 'kube-proxy:1' }], ...spec },
  };
}

const SERVICE_ACCOUNTS = ['system:serviceaccounts', 'system:serviceaccounts:kube-system'];
const SOMEBODY = { username: 'somebody', groups: ['system:authenticated'] };
const CONTROLLER = {
  username: 'system:serviceaccount:kube-system:daemon-set-controller',
  uid: 'c',
  groups: SERVICE_ACCOUNTS,
  extra: { 'authentication.kubernetes.io/credential-id': ['JTI=1'] },
};
const KUBELET = { username: 'system:node:node1', groups: ['system:nodes'] };

/** Objects, and who makes such at admission. */
const CASES = [
  ['a bare pod', pod('bare', {}, {}), SOMEBODY],
  ['a bare pod that may all', pod('bare', {}, DANGEROUS), SOMEBODY],
  ['a bare pod elsewhere', pod('bare', {}, DANGEROUS, 'default'), SOMEBODY],
  ['an imitation', pod('kube-proxy-bv61v', { labels: OWNED.labels }, DANGEROUS), SOMEBODY],
  ["a controller's pod", pod('kube-proxy-bcdfg', OWNED, DANGEROUS), CONTROLLER],
  [
    'a forged owner',
    pod(
      'kube-proxy-bcdfg',
      { ...OWNED, ownerReferences: [{ ...OWNED.ownerReferences[0], uid: 'forged' }] },
      {},
    ),
    SOMEBODY,
  ],
  ['a mirror pod', pod('etcd-node1', MIRROR, { ...DANGEROUS, nodeName: 'node1' }), KUBELET],
] as const;

/** Ids of matches, and the filter that accepts each. */
type Matches = readonly (readonly [string, string | undefined])[];

function reviewed(object: KubernetesObject, userInfo: object): Matches {
  const metadata = object['metadata'] as { name: string; namespace: string };
  const request = {
    uid: 'r',
    operation: 'CREATE',
    requestResource: { group: '', version: 'v1', resource: 'pods' },
    requestSubResource: undefined,
    name: metadata.name,
    namespace: metadata.namespace,
    userInfo,
    object,
    dryRun: false,
  } as unknown as AdmissionRequest;
  const known = objectsFromList([DAEMON_SET, NODE], () => true);
  const { fields } = provenanceOf(subjectOf(request, Date.now()), known);
  const { matches } = evaluate(auditEventFromAdmission(request, fields, ''), atAdmission);
  return matches
    .filter(({ rule }) => asked.includes(rule.id))
    .map(({ rule, filter }) => [rule.id, filter?.filter.id]);
}

async function scanned(object: KubernetesObject): Promise<Matches> {
  const examiner = createExaminer({
    rules,
    modes: { default: 'warn', levels: {}, rules: {} },
    objects: [DAEMON_SET, NODE].map((each) => scannedObject(each) as ScannedObject),
    complete: () => true,
  });
  const { finding } = await examiner.examine(scannedObject(object) as ScannedObject);
  return finding.record.matches.map(({ id, filter }) => [id, filter?.id]);
}

describe('scan and serve', () => {
  it.each(CASES)('say the same of %s', async (_, object, user) => {
    const matches = reviewed(object, user);
    expect(new Map(await scanned(object))).toEqual(new Map(matches));
    expect(matches.length).toBeGreaterThan(0);
  });
});
