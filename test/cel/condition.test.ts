import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { conditionOf, type SentRequests } from '../../src/cel/condition.ts';
import { subscriptionOf } from '../../src/registration/subscription.ts';
import { id, load, rule } from '../policy/rulesets.ts';

const RULES = join(import.meta.dirname, '../../rules');
const CREATED: SentRequests = { operation: 'CREATE', resource: 'pods', subresource: '' };
const PODS = { verb: 'create', 'objectRef.resource': 'pods' };

function condition(selections: readonly object[], sent: readonly SentRequests[] = [CREATED]) {
  const { rules } = load(selections.map((selection, number) => rule(number, selection)));
  return conditionOf(rules, sent, { guarded: ['kube-system'] });
}

/** What is asked of a created pod, beside its namespace and group. */
function ofPod(...selections: readonly object[]): string {
  const { expression } = condition(
    selections.map((selection) => ({ ...PODS, 'objectRef.apiGroup': null, ...selection })),
  );
  const prefix = `request.operation == 'CREATE' && request.?requestSubResource.orValue('') == '' && request.requestResource.group == '' && request.?namespace.orValue('') != 'kube-system' && `;
  const asked = expression.split(prefix)[1]?.replace(/\n\)$/, '');
  return asked ?? expression;
}

const spec = (path: string) => `requestObject.spec.${path}`;

describe('What the API server is asked', () => {
  it('begins with what a request is about, and knows the namespaces that guard sends', () => {
    expect(condition([{ ...PODS, [spec('hostPID')]: true }])).toEqual({
      expression: `request.requestResource.resource == 'pods' && (
  request.operation == 'CREATE' && request.?requestSubResource.orValue('') == '' && (request.requestResource.group != '' || (request.?namespace.orValue('') != 'kube-system' && true == object.?spec.?hostPID.orValue(null)))
)`,
      widened: [],
    });
  });

  it('is nothing where no rule can match what is sent', () => {
    const elsewhere = { ...PODS, 'objectRef.apiGroup': null, 'objectRef.namespace': 'kube-system' };
    expect(condition([elsewhere]).expression).toBe('false');
  });

  it.each<[string, object, string]>([
    ['a text without case', { [spec('nodeName')]: '1.2' }, `'1.2' == object.?spec.?nodeName.orValue(null)`],
    [
      'a text, whatever its case',
      { [spec('nodeName')]: ['b', 'A.1'] },
      String.raw`[object.?spec.?nodeName.orValue('')].exists(text, text.size() > 1024 || text.matches(r'(?is)^(A\.1|b)$'))`,
    ],
    [
      'what begins, ends, holds',
      {
        [spec('nodeName|contains')]: 'a',
        [spec('schedulerName|startswith')]: ['b'],
        'user.uid|endswith': 'c?d',
      },
      `[object.?spec.?nodeName.orValue('')].exists(text, text.size() > 1024 || text.matches('(?is)a')) && [object.?spec.?schedulerName.orValue('')].exists(text, text.size() > 1024 || text.matches('(?is)^b')) && [dyn(request.userInfo).?uid.orValue('')].exists(text, text.size() > 1024 || text.matches('(?is)c.d$'))`,
    ],
    ['any text', { [spec('nodeName')]: '*' }, 'object.?spec.?nodeName.hasValue()'],
    ['that a field is there', { [spec('nodeName|exists')]: true }, 'object.?spec.?nodeName.hasValue()'],
    ['that it is not', { [spec('nodeName|exists')]: false }, '!(object.?spec.?nodeName.hasValue())'],
    [
      'a regular expression with flags of its own, alone',
      { [spec('nodeName|re')]: ['(?i)a', 'b', 'c'] },
      `[object.?spec.?nodeName.orValue('')].exists(text, text.size() > 1024 || text.matches('(?i)a') || text.matches('(b|c)'))`,
    ],
    [
      'a regular expression',
      { [spec('nodeName|re')]: ['a+b', String.raw`\d'`] },
      String.raw`[object.?spec.?nodeName.orValue('')].exists(text, text.size() > 1024 || text.matches('(\\d\'|a+b)'))`,
    ],
    [
      'a member of a list of texts',
      { 'user.groups|cased': 'system:masters' },
      `[dyn(request.userInfo).?groups.orValue(null)].exists(item1s, type(item1s) == list ? (item1s.size() > 64 || item1s.exists(item1, 'system:masters' == item1)) : type(item1s) != null_type)`,
    ],
    [
      'a label, whose key has dots',
      { 'requestObject.metadata.labels.app.kubernetes.io/name|cased': 'x' },
      `'x' == object.?metadata.?labels[?'app.kubernetes.io/name'].orValue(dyn(null))`,
    ],
    [
      'a negation, of which too much is beyond it',
      { [spec('nodeName|neq')]: 'a' },
      `!([object.?spec.?nodeName.orValue('')].exists(text, text.size() <= 1024 && text.matches('(?is)^a$')))`,
    ],
  ])('is %s', (_, selection, asked) => {
    expect(ofPod(selection)).toBe(asked);
  });

  it('is one walk over a list that two rules ask about', () => {
    const [image, privileged] = [
      spec('containers.image|cased'),
      spec('containers.securityContext.privileged'),
    ];
    expect(ofPod({ [image]: 'a' }, { [privileged]: true }, { [image]: 'b' })).toBe(
      `[object.?spec.?containers.orValue(null)].exists(item1s, type(item1s) == list ? (item1s.size() > 64 || item1s.exists(item1, true == item1.?securityContext.?privileged.orValue(null) || item1.?image.orValue(null) in ['a', 'b'])) : type(item1s) != null_type)`,
    );
  });

  it('is the same for the same rules, in whatever order they come', () => {
    const documents = readdirSync(RULES)
      .filter((name) => name.endsWith('.yml'))
      .map((name) => readFileSync(join(RULES, name), 'utf8'));
    const of = (texts: readonly string[]) => subscriptionOf(load(texts).rules, 'sigma-admission');
    expect(of(documents.toReversed())).toEqual(of(documents));
  });

  it('is whether server-side apply made it, where a rule is about patches', () => {
    expect(ofPod({ verb: 'patch' })).toBe(
      `[object.?metadata.?managedFields.orValue(null)].exists(item1s, type(item1s) == list ? (item1s.size() > 64 || item1s.exists(item1, 'Apply' == item1.?operation.orValue(null))) : type(item1s) != null_type)`,
    );
  });

  it('is the name of the object, where a collection is deleted', () => {
    const deleted = {
      'objectRef.resource': 'secrets',
      'objectRef.name|cased': 'x',
      'objectRef.apiGroup': null,
    };
    const sent = { operation: 'DELETE', resource: 'secrets', subresource: '' } as const;
    expect(condition([{ ...deleted, verb: 'deletecollection' }], [sent]).expression).toBe(
      `request.requestResource.resource == 'secrets' && (
  request.operation == 'DELETE' && request.?requestSubResource.orValue('') == '' && request.requestResource.group == '' && 'x' == dyn(request).?name.or(oldObject.?metadata.?name).orValue(null) && !request.?name.hasValue()
)`,
    );
  });
});

describe('What cannot be asked is sent', () => {
  const ALL = `request.requestResource.resource == 'pods' && (
  request.operation == 'CREATE' && request.?requestSubResource.orValue('') == '' && (request.?namespace.orValue('') != 'kube-system' || request.requestResource.group != '')
)`;
  const long = Array.from({ length: 6000 }, (_, at) => `name-${at}`);
  const many = Object.fromEntries(
    Array.from({ length: 500 }, (_, at) => [spec(`volumes.f${at}.g|contains`), ['a', 'b*c']]),
  );

  it.each<[string, object, string]>([
    ['keywords', { keywords: ['x'], a: PODS, condition: 'keywords and a' }, 'keywords'],
    [
      'provenance',
      { ...PODS, 'provenance.mirrorPod': true },
      "provenance.mirrorPod: not seen by the API server's conditions",
    ],
    ['a network', { ...PODS, [spec('hostIP|cidr')]: '10.0.0.0/8' }, 'requestObject.spec.hostIP: a network'],
    ['another field', { ...PODS, [spec('a|fieldref')]: 'verb' }, 'requestObject.spec.a: another field'],
    ['a long list', { ...PODS, 'objectRef.name': long }, 'objectRef.name: more than 8000 characters'],
    ['500 lists', { ...PODS, ...many }, 'more than 10000 characters'],
    [
      'a class of Unicode that not every API server knows',
      { ...PODS, [spec('nodeName|re')]: String.raw`\p{Garay}` },
      'requestObject.spec.nodeName: a regular expression that not every API server reads alike',
    ],
  ])('of %s', (_, selection, why) => {
    expect(condition([selection])).toEqual({
      expression: ALL,
      widened: [{ rule: expect.objectContaining({ title: 'Rule 0' }), why, sendsAll: true }],
    });
  });

  it('in part only, where the rule says more that can be asked', () => {
    const { widened } = condition([{ ...PODS, 'provenance.mirrorPod': true, [spec('hostPID')]: true }]);
    expect(widened).toEqual([
      {
        rule: { id: id(0), title: 'Rule 0' },
        why: "provenance.mirrorPod: not seen by the API server's conditions",
        sendsAll: false,
      },
    ]);
  });

  it('of what is below more lists than are looked into', () => {
    const { widened } = condition([{ ...PODS, [spec(`${'containers.'.repeat(20)}name`)]: 'a' }]);
    expect(widened.map(({ why }) => why)).toEqual(['more than 12 lists within each other']);
  });

  it.each([
    ['long', 40, 2000],
    ['dear', 30, 5000],
  ])('of rules that are too %s together', (_, count, length) => {
    const selections = Array.from({ length: count }, (_, at) => ({
      ...PODS,
      [spec(`f${at}|contains`)]: 'a'.repeat(length),
    }));
    const { expression, widened } = condition(selections);
    expect([expression, widened.length, new Set(widened.map(({ why }) => why))]).toEqual([
      ALL,
      count,
      new Set(['too long or too dear for the API server to ask']),
    ]);
  });
});
