import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../src/kubernetes/audit-event.ts';
import { eventAs } from '../../src/policy/evaluate.ts';
import { evidenceOf } from '../../src/policy/evidence.ts';
import { observation } from './observations.ts';
import { load, rule } from './rulesets.ts';

/** Each as `identifier: field = value`. */
function evidence(detection: object, event: Partial<AuditEvent> = {}): readonly string[] {
  const ruleset = load([rule(1, detection)], { door: 'replay' });
  const tree = ruleset.rules[0]!.tree;
  return evidenceOf(tree, eventAs('create', observation(event)), ruleset).map(
    ({ searchIdentifier = '-', field, value }) => `${searchIdentifier}: ${field} = ${value}`,
  );
}

const POD = {
  requestObject: {
    metadata: { labels: { app: 'web' } },
    spec: {
      hostNetwork: true,
      containers: [
        { image: 'nginx:1' },
        { image: 'busybox:1', securityContext: { privileged: true } },
        { image: 'nginx:2' },
      ],
    },
  },
};
const images = 'requestObject.spec.containers.image';

describe('the evidence of a match', () => {
  it('is each search identifier that was true, its fields, and the values that made them so', () => {
    const detection = {
      pods: { verb: 'create', resource: ['pods', 'secrets'] },
      nginx: { [`${images}|startswith`]: 'nginx' },
      other: { [images]: 'absent' },
      host: [{ 'requestObject.spec.hostPID': true }, { 'requestObject.spec.hostNetwork': true }],
      condition: 'pods and (nginx or other) and host',
    };
    expect(evidence(detection, POD)).toEqual([
      'pods: verb = create',
      'pods: resource = pods',
      `nginx: ${images} = nginx:1`,
      `nginx: ${images} = nginx:2`,
      'host: requestObject.spec.hostNetwork = true',
      '-: objectRef.subresource = (absent)',
    ]);
  });

  it.each<[what: string, detection: object, expected: readonly string[]]>([
    ['what must be absent', { 'objectRef.uid': null }, ['selection: objectRef.uid = (absent)']],
    ['what must be there', { 'requestObject|exists': true }, ['selection: requestObject = (present)']],
    [
      'what is missing of one member',
      { 'requestObject.spec.containers.securityContext': null },
      ['selection: requestObject.spec.containers.securityContext = (present)'],
    ],
    ['a field by its bare name', { privileged: true }, ['selection: privileged = true']],
    ['keywords', { '': 'busy' }, ['selection: keywords = busybox:1']],
    [
      'each of several',
      { [`${images}|contains|all`]: ['nginx', 'busy'] },
      [
        `selection: ${images} = nginx:1`,
        `selection: ${images} = nginx:2`,
        `selection: ${images} = busybox:1`,
      ],
    ],
    [
      'another field',
      { 'user.username|fieldref': 'objectRef.name' },
      ['selection: user.username = (present)'],
    ],
    ['nothing of what is excluded', { bob: { 'user.username': 'bob' }, condition: 'not bob' }, []],
  ])('shows %s', (_, detection, expected) => {
    expect(evidence(detection, { ...POD, user: { username: 'web' } })).toEqual(expected);
  });

  it('of what does not match is none', () => {
    expect(evidence({ verb: 'delete' })).toEqual([]);
  });

  it('is short, and can be shown', () => {
    const name = `${'a'.repeat(200)}\u001b[31m\n${'z'.repeat(200)}`;
    const [only = ''] = evidence({ 'objectRef.name': '*' }, { objectRef: { name } });
    expect(only).toBe(`selection: objectRef.name = ${'a'.repeat(128)}…${'z'.repeat(127)}`);
    const args = Array.from({ length: 1000 }, (_, index) => `a${index}`);
    const many = evidence({ 'requestObject.args|startswith': 'a' }, { requestObject: { args } });
    expect([many.length, many[31]]).toEqual([32, 'selection: requestObject.args = a31']);
  });
});

describe('the evidence of a match on a Secret', () => {
  const of = (resource: string) => ({
    objectRef: { resource },
    requestObject: {
      metadata: { name: 'db', annotations: { last: 'aHVudGVyMg==' } },
      data: { password: 'aHVudGVyMg==' },
      stringData: { password: 'hunter2' },
      type: 'Opaque',
    },
    responseObject: { data: { password: 'aHVudGVyMg==' } },
  });

  it.each<[detection: object, shown: string]>([
    [{ 'requestObject.data.password': '*' }, 'requestObject.data.password = (redacted)'],
    [{ 'requestObject.stringData.password|re': 'hunter' }, 'requestObject.stringData.password = (redacted)'],
    [
      { 'responseObject.data.password|base64offset|contains': 'unter' },
      'responseObject.data.password = (redacted)',
    ],
    [{ 'requestObject.metadata.name': 'db' }, 'requestObject.metadata.name = db'],
    [
      { 'requestObject.metadata.annotations.last': '*' },
      'requestObject.metadata.annotations.last = (redacted)',
    ],
    [{ 'objectRef.resource': 'secrets' }, 'objectRef.resource = secrets'],
    [{ '': 'hunter' }, 'keywords = (redacted)'],
    [{ '': 'Opaque' }, 'keywords = (redacted)'],
  ])('%j shows %s', (detection, shown) => {
    for (const resource of ['secrets', 'SECRETS']) {
      const [only] = evidence(detection, of(resource));
      expect(only?.toLowerCase()).toBe(`selection: ${shown}`.toLowerCase());
    }
  });

  it('is hidden however the field is compared', () => {
    const compared = evidence(
      {
        'requestObject.metadata.name|fieldref|neq': 'requestObject.data.password',
        'objectRef.name|fieldref|contains': 'requestObject.data.password',
      },
      { ...of('secrets'), objectRef: { resource: 'secrets', name: 'x-aHVudGVyMg==' } },
    );
    expect(compared.join()).not.toContain('aHVudGVyMg');
  });

  it.each([
    [
      'a token that was asked for',
      { resource: 'serviceaccounts', subresource: 'token' },
      { status: { token: 'hunter2' } },
    ],
    ['a token that is reviewed', { resource: 'tokenreviews' }, { spec: { token: 'hunter2' } }],
  ])('is also that of %s', (_, objectRef, responseObject) => {
    const event = { objectRef, requestObject: responseObject, responseObject };
    for (const detection of [
      { 'responseObject.status.token': '*' },
      { 'requestObject.spec.token': '*' },
      { '': 'hunter' },
    ]) {
      expect(evidence(detection, event).join()).not.toContain('hunter2');
    }
    expect(evidence({ '': 'hunter' }, event)).toEqual(['selection: keywords = (redacted)']);
  });

  it('of anything else is shown', () => {
    expect(evidence({ 'requestObject.data.password': '*' }, of('configmaps'))).toEqual([
      'selection: requestObject.data.password = aHVudGVyMg==',
    ]);
  });
});
