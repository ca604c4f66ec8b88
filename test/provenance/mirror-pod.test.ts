import { describe, expect, it } from '@jest/globals';
import type { AdmissionRequest } from '../../src/kubernetes/admission-review.ts';
import { isMirrorPod } from '../../src/provenance/mirror-pod.ts';

const owner = { apiVersion: 'v1', kind: 'Node', name: 'node-a', uid: 'n-1', controller: true };
const pods = { group: '', version: 'v1', resource: 'pods' };
const kind = { group: '', version: 'v1', kind: 'Pod' };

function request(changes: {
  username?: string;
  groups?: string[];
  nodeName?: string;
  owners?: unknown;
  annotations?: unknown;
  subresource?: string;
}): AdmissionRequest {
  const {
    username = 'system:node:node-a',
    groups = ['system:nodes'],
    nodeName = 'node-a',
    owners = [owner],
  } = changes;
  const { annotations = { 'kubernetes.io/config.mirror': 'abc' }, subresource } = changes;
  return {
    uid: 'u-1',
    kind,
    resource: pods,
    requestKind: kind,
    requestResource: pods,
    requestSubResource: subresource,
    operation: 'CREATE',
    userInfo: { username, groups },
    object: { metadata: { ownerReferences: owners, annotations }, spec: { nodeName } },
    dryRun: false,
  };
}

describe('a mirror pod', () => {
  it('is one when its kubelet makes it', () => {
    expect(isMirrorPod(request({}))).toBe(true);
  });

  it.each([
    ['somebody else makes it', { username: 'admin' }],
    ['its maker is not in the group of nodes', { groups: ['system:authenticated'] }],
    ['it is for another node', { nodeName: 'node-b' }],
    ['another node, whose name begins like it, makes it', { username: 'system:node:node-ab' }],
    ['its owner is another node', { owners: [{ ...owner, name: 'node-b' }] }],
    ['its owner is no Node', { owners: [{ ...owner, kind: 'Pod' }] }],
    ['it has no owner', { owners: [] }],
    ['it has another owner too', { owners: [owner, { ...owner, kind: 'Pod' }] }],
    ['it lacks the annotation', { annotations: {} }],
    ['the annotation is empty', { annotations: { 'kubernetes.io/config.mirror': '' } }],
    ['the node has no name', { username: 'system:node:', nodeName: '', owners: [{ ...owner, name: '' }] }],
    ['it is a binding', { subresource: 'binding' }],
    ['its owners are nonsense', { owners: [null] }],
  ])('is none when %s', (_, changes) => {
    expect(isMirrorPod(request(changes))).toBe(false);
  });
});
