import { describe, expect, it } from '@jest/globals';
import { CONTROL_PLANES, type Distribution } from '../../src/registration/identities.ts';
import { doesNotHeal, heals, joined } from '../../src/registration/match-conditions.ts';

describe('the match conditions', () => {
  it('state each identity that heals a cluster in full', () => {
    expect(heals('upstream')).toEqual({
      name: 'heals',
      expression: `
request.userInfo.username in ['system:kube-controller-manager',
  'system:kube-scheduler',
  'system:apiserver'] ||
(request.userInfo.username.startsWith('system:node:') &&
  'system:nodes' in request.userInfo.?groups.orValue([])) ||
(request.userInfo.username in ['system:serviceaccount:kube-system:daemon-set-controller',
  'system:serviceaccount:kube-system:replicaset-controller',
  'system:serviceaccount:kube-system:replication-controller',
  'system:serviceaccount:kube-system:job-controller',
  'system:serviceaccount:kube-system:statefulset-controller'] &&
  'system:serviceaccounts:kube-system' in request.userInfo.?groups.orValue([]) &&
  request.userInfo.?uid.orValue('') != '' &&
  !('authentication.kubernetes.io/pod-name' in request.userInfo.?extra.orValue({})))`.trimStart(),
    });
  });

  it('ask for the group of a distribution’s user where it is known', () => {
    const { expression } = heals('k3s');
    expect(expression.split(' ||\n').slice(0, 2)).toEqual([
      `request.userInfo.username in ['system:kube-controller-manager',
  'system:kube-scheduler',
  'system:apiserver',
  'system:k3s-controller']`,
      `(request.userInfo.username in ['system:k3s-supervisor'] &&
  'system:masters' in request.userInfo.?groups.orValue([]))`,
    ]);
  });

  it('of one entry are one expression, which ends at the first that does not hold', () => {
    const [one, other] = [
      { name: 'is-a', expression: 'a || b' },
      { name: 'is-c', expression: 'c' },
    ] as const;
    expect(joined([one, other])).toEqual({ name: 'is-a.is-c', expression: '(a || b) &&\n(c)' });
    expect(joined([one])).toEqual(one);
  });

  it.each(Object.keys(CONTROL_PLANES) as Distribution[])('negate each other on %s', (distribution) => {
    expect(doesNotHeal(distribution)).toEqual({
      name: 'does-not-heal',
      expression: `!(\n${heals(distribution).expression}\n)`,
    });
  });
});
