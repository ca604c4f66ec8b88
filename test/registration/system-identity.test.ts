import { describe, expect, it } from '@jest/globals';
import { isSystemIdentity } from '../../src/registration/system-identity.ts';

const controller = {
  username: 'system:serviceaccount:kube-system:job-controller',
  uid: 'u-1',
  groups: ['system:serviceaccounts:kube-system'],
};

describe('somebody heals a cluster', () => {
  it.each([
    ['a controller in full', controller, true],
    ['a controller without uid', { ...controller, uid: '' }, false],
    ['a controller without its group', { ...controller, groups: [] }, false],
    [
      'a controller with a token bound to a pod',
      { ...controller, extra: { 'authentication.kubernetes.io/pod-name': ['p'] } },
      false,
    ],
    ['a node', { username: 'system:node:a', groups: ['system:nodes'] }, true],
    ['a node’s name alone', { username: 'system:node:a' }, false],
    ['the group of nodes alone', { username: 'mallory', groups: ['system:nodes'] }, false],
    ['the controller manager', { username: 'system:kube-controller-manager' }, true],
    ['an administrator', { username: 'admin', groups: ['system:masters'] }, false],
    ['nobody', {}, false],
  ])('%s: %s', (_, user, heals) => {
    expect(isSystemIdentity(user, 'upstream')).toBe(heals);
  });

  it('only in their own distribution, by name and group', () => {
    const user = { username: 'kops', groups: ['system:masters'] };
    expect([
      isSystemIdentity(user, 'kops'),
      isSystemIdentity(user, 'upstream'),
      isSystemIdentity({ username: 'kops' }, 'kops'),
    ]).toEqual([true, false, false]);
  });
});
