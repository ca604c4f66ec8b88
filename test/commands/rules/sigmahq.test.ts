import { expect, it } from '@jest/globals';
import { basename } from 'node:path';
import type { Door } from '../../../src/policy/door.ts';
import { classify } from '../../../src/policy/rule-class.ts';
import { createRuleset } from '../../../src/policy/ruleset.ts';
import { formatProblem } from '../../../src/sigma/read/errors.ts';
import { mapFields } from '../../../src/sigma/match/field-mapping.ts';
import { combine, parseSigma } from '../../../src/sigma/read/load.ts';
import { corpusFiles, corpusText, describeWithCorpus } from '../../corpus.ts';

const files = corpusFiles('sigma-rules', '.yml');
const parsed = combine(files.map((file) => parseSigma(nameOf(file), corpusText(file))));

/** Of `sigma-rules/kubernetes_audit_exec_into_container.yml`, what differs. */
function nameOf(file: string): string {
  return basename(file, '.yml').replace('kubernetes_audit_', '');
}

function classesAt(door: Door) {
  const { ruleset, problems } = createRuleset(parsed, { door, subresources: 'resource' });
  if (ruleset === undefined) throw new Error(problems.map(formatProblem).join('\n'));
  return Object.fromEntries(
    ruleset.rules.map(({ file, classification: { class: name, reason } }) => [
      file,
      name === 'decidable' ? name : `${name}: ${reason}`,
    ]),
  );
}

const AT_EVERY_DOOR = {
  potential_enumeration_activity: 'dead: responseStatus.code is an integer in every audit event',
};

describeWithCorpus('SigmaHQ’s rules for Kubernetes audit logs', () => {
  it('load, all sixteen, without an error or a warning', () => {
    expect({ rules: parsed.rules.length, problems: parsed.problems.map(formatProblem) }).toEqual({
      rules: 16,
      problems: [],
    });
  });

  it('are at admission what the request shows of them', () => {
    expect(classesAt('serve')).toEqual({
      ...AT_EVERY_DOOR,
      change_admission_controller:
        'never-subscribed: a webhook must not or cannot receive mutatingwebhookconfigurations, validatingwebhookconfigurations',
      cronjob_modification: 'decidable',
      deployment_deleted: 'decidable',
      events_deleted: 'never-subscribed: a webhook must not or cannot receive events',
      exec_into_container: 'decidable',
      hostpath_mount: 'decidable',
      pod_in_system_namespace: 'decidable',
      privileged_pod_creation: 'decidable',
      rbac_permisions_listing:
        'never-subscribed: a webhook must not or cannot receive selfsubjectrulesreviews',
      rolebinding_modification: 'decidable',
      secrets_enumeration: 'offline-only: reads never reach admission',
      secrets_modified_or_deleted: 'decidable',
      serviceaccount_creation: 'decidable',
      sidecar_injection: 'approximate: admission cannot tell update from patch, and it names only one',
      unauthorized_unauthenticated_actions: 'offline-only: serve never shows responseStatus.code',
    });
  });

  it('are all decided by an audit log, but for the one that nothing satisfies', () => {
    const decided = Object.fromEntries(parsed.rules.map(({ file }) => [file, 'decidable']));
    expect(classesAt('replay')).toEqual({ ...decided, ...AT_EVERY_DOOR });
  });

  it('are decided by what is in the cluster where they are about making it', () => {
    const notAboutCreation = 'offline-only: scan sees each object as if it had just been created';
    expect(classesAt('scan')).toEqual({
      ...AT_EVERY_DOOR,
      change_admission_controller: 'decidable',
      cronjob_modification: 'decidable',
      deployment_deleted: notAboutCreation,
      events_deleted: notAboutCreation,
      exec_into_container: 'offline-only: scan sees objects, not what is asked of their subresources',
      hostpath_mount: 'decidable',
      pod_in_system_namespace: 'decidable',
      privileged_pod_creation: 'decidable',
      rbac_permisions_listing: 'never-subscribed: a cluster keeps no selfsubjectrulesreviews',
      rolebinding_modification: 'decidable',
      secrets_enumeration: notAboutCreation,
      secrets_modified_or_deleted: 'decidable',
      serviceaccount_creation: 'decidable',
      sidecar_injection: notAboutCreation,
      unauthorized_unauthenticated_actions: 'offline-only: scan never shows responseStatus.code',
    });
  });

  it('are dead as written, five of them: four by bare field names, one by a value', () => {
    const dead = parsed.rules.flatMap(({ file, conditions }) =>
      conditions
        .map(({ tree }) => classify(mapFields(tree, {}), 'replay'))
        .filter((each) => each.class === 'dead')
        .map(({ reason }) => `${file}: ${reason}`),
    );
    expect(dead).toEqual([
      'hostpath_mount: no audit event has a field hostPath',
      'potential_enumeration_activity: responseStatus.code is an integer in every audit event',
      'privileged_pod_creation: no audit event has a field capabilities',
      'rbac_permisions_listing: no audit event has a field apiGroup',
      'sidecar_injection: no audit event has a field apiGroup',
    ]);
  });
});
