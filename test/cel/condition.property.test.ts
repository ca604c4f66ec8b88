import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { conditionOf } from '../../src/cel/condition.ts';
import { print } from '../../src/cel/expression.ts';
import { translate } from '../../src/cel/translate.ts';
import { auditEventFromAdmission } from '../../src/kubernetes/audit-event.ts';
import type { AdmissionRequest, Operation } from '../../src/kubernetes/admission-review.ts';
import { eventAs } from '../../src/policy/evaluate.ts';
import { withValue } from '../../src/policy/rule-class.ts';
import type { LoadedRule } from '../../src/policy/ruleset.ts';
import { load, rule } from '../policy/rulesets.ts';
import { celValue, compileCel } from './cel.ts';

const RULES = 360;
const REQUESTS = 300;

const TEXTS = [
  'a',
  'A',
  'ab',
  'k',
  '\u212a',
  'ſ',
  'true',
  'x.y',
  '7',
  '7.0',
  '1e2',
  '',
  'line\nbreak',
  '😀',
  'a'.repeat(1100),
];
const text = fc.constantFrom(...TEXTS);
const number = fc.constantFrom(0, 7, 29.5, -3, 100);
const scalar = fc.oneof(text, number, fc.boolean(), fc.constant(null));

/** Anything within anything, of few keys. */
const anything: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'a.b', 'c'), tie('value'), { maxKeys: 3 }),
  ),
})).value;

const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });
const some = <T>(value: fc.Arbitrary<T>, most = 3) => optional(fc.array(value, { maxLength: most }));

const container = fc.record({
  name: text,
  image: optional(text),
  args: some(text),
  ports: some(fc.record({ containerPort: fc.constantFrom(7, 80) }), 2),
  securityContext: optional(
    fc.record({ privileged: optional(fc.boolean()), capabilities: optional(fc.record({ add: some(text) })) }),
  ),
  resources: optional(fc.record({ limits: optional(fc.dictionary(fc.constantFrom('cpu', 'a.b/c'), text)) })),
});
const metadata = fc.record({
  name: text,
  labels: optional(fc.dictionary(fc.constantFrom('a', 'a.b/c'), text, { maxKeys: 2 })),
  managedFields: some(fc.record({ operation: fc.constantFrom('Apply', 'Update') }), 2),
});
const POD = fc.record({
  metadata,
  spec: fc.record({
    hostPID: optional(fc.boolean()),
    nodeName: optional(text),
    containers: fc.oneof(
      { weight: 20, arbitrary: fc.array(container, { maxLength: 2 }) },
      { weight: 1, arbitrary: fc.array(container, { minLength: 65, maxLength: 65 }) },
    ),
    initContainers: some(container, 2),
    volumes: some(fc.record({ name: text, hostPath: optional(fc.record({ path: text })) })),
  }),
});
const WIDGET = fc.record({ metadata, spec: anything, a: anything, 'spec.a': optional(anything) });

const TARGETS: readonly { resource: string; subresource: string; operations: readonly Operation[] }[] = [
  { resource: 'pods', subresource: '', operations: ['CREATE', 'UPDATE', 'DELETE'] },
  { resource: 'pods', subresource: 'exec', operations: ['CONNECT'] },
  { resource: 'pods', subresource: 'ephemeralcontainers', operations: ['UPDATE'] },
  { resource: 'widgets', subresource: '', operations: ['CREATE', 'UPDATE', 'DELETE'] },
];
const SENT = TARGETS.flatMap(({ operations, ...target }) =>
  operations.map((operation) => ({ operation, ...target })),
);

/** As for rules that are about any subresource. */
const SENT_ANY = SENT.map(({ operation, resource }) => ({ operation, resource }));

const REQUEST: fc.Arbitrary<AdmissionRequest> = fc
  .tuple(
    fc.constantFrom(...SENT),
    POD,
    WIDGET,
    fc.record({
      name: optional(text),
      namespace: fc.constantFrom('default', 'kube-system', 'a'),
      username: text,
      uid: optional(text),
      groups: some(text),
      extra: optional(fc.dictionary(fc.constantFrom('k', 'k.x/y'), fc.array(text, { maxLength: 2 }))),
      command: some(text),
      propagationPolicy: text,
    }),
  )
  .map(([{ operation, resource, subresource }, pod, widget, more]) => {
    const group = resource === 'pods' ? '' : 'example.com';
    const gvr = { group, version: 'v1', resource };
    const kind = { group, version: 'v1', kind: 'Any' };
    const whole = resource === 'pods' ? pod : widget;
    const object = operation === 'CONNECT' ? { command: more.command, stdin: true } : whole;
    return JSON.parse(
      JSON.stringify({
        uid: 'u',
        kind,
        resource: gvr,
        requestKind: kind,
        requestResource: gvr,
        ...(subresource === '' ? {} : { subResource: subresource, requestSubResource: subresource }),
        name: operation === 'DELETE' ? more.name : (more.name ?? 'n'),
        namespace: more.namespace,
        operation,
        userInfo: { username: more.username, uid: more.uid, groups: more.groups, extra: more.extra },
        ...(operation === 'DELETE' ? {} : { object }),
        ...(operation === 'CREATE' || operation === 'CONNECT' ? {} : { oldObject: whole }),
        dryRun: false,
        ...(operation === 'CONNECT' ? {} : { options: { propagationPolicy: more.propagationPolicy } }),
      }),
    ) as AdmissionRequest;
  });

const FIELDS = [
  ...[
    'objectRef.name',
    'objectRef.namespace',
    'objectRef.apiGroup',
    'objectRef.uid',
    'objectRef.subresource',
  ],
  ...[
    'user.username',
    'user.uid',
    'user.groups',
    'user.extra.k',
    'user.extra.k.x/y',
    'capabilities',
    'hostPath',
  ],
  ...[
    'metadata.name',
    'metadata.labels.a',
    'metadata.labels.a.b/c',
    'metadata.labels',
    'command',
    'spec',
  ].map(ofObject),
  ...['spec.hostPID', 'spec.nodeName', 'spec.containers', 'spec.containers.image', 'propagationPolicy'].map(
    ofObject,
  ),
  ...['spec.containers.args', 'spec.containers.ports.containerPort', 'spec.volumes.hostPath.path'].map(
    ofObject,
  ),
  ...['spec.containers.securityContext.privileged', 'spec.containers.resources.limits.a.b/c'].map(ofObject),
  ...['spec.initContainers.securityContext.capabilities.add', 'spec.a', 'spec.a.b', 'a.b.c', 'a.a', 'a'].map(
    ofObject,
  ),
  ...['provenance.mirrorPod', 'sourceIPs', 'nothing.such'],
];

function ofObject(path: string): string {
  return `requestObject.${path}`;
}

const values = fc.array(fc.oneof(text, fc.constantFrom(0, 7, 100), fc.boolean(), fc.constant(null)), {
  minLength: 1,
  maxLength: 3,
});
const texts = fc.array(fc.oneof(text, fc.constantFrom('*', 'a*', '?', '*b', 'x?y*')), {
  minLength: 1,
  maxLength: 3,
});
const ITEM: fc.Arbitrary<object> = fc
  .tuple(
    fc.constantFrom(...FIELDS),
    fc.oneof(
      values.map((all) => ['', all] as const),
      texts.map((all) => ['', all] as const),
      fc.tuple(
        fc.constantFrom('|contains', '|startswith', '|endswith', '|cased', '|cased|contains', '|neq'),
        texts,
      ),
      fc.tuple(fc.constantFrom('|exists'), fc.boolean()),
      fc.tuple(fc.constantFrom('|gt', '|gte', '|lt', '|lte'), number),
      fc.tuple(
        fc.constantFrom('|re', '|re|i', '|re|s', '|re|m'),
        fc.constantFrom('^a', 'k$', '^7?$', 'e.b', '(a|k)+', String.raw`\Qx.`),
      ),
    ),
  )
  .map(([field, [modifiers, value]]) => ({ [field + modifiers]: value }));
const items = fc
  .array(ITEM, { minLength: 1, maxLength: 2 })
  .map((all) => Object.assign({}, ...all) as object);

const RULE = fc
  .tuple(
    fc.constantFrom(
      {},
      { verb: 'create' },
      { verb: ['patch', 'delete'] },
      { verb: 'get' },
      { verb: 'deletecollection' },
    ),
    fc.constantFrom(
      { 'objectRef.resource': 'pods' },
      { 'objectRef.resource': 'widgets' },
      { 'objectRef.resource|startswith': 'p' },
    ),
    fc.constantFrom({}, { 'objectRef.subresource': null }, { 'objectRef.subresource|exists': true }),
    items,
    items,
    fc.constantFrom(
      'about and one',
      'about and not one',
      'about and (one or not two)',
      'about and one and not two',
      'about and not (one and two)',
    ),
  )
  .map(([verb, resource, subresource, one, two, condition]) => ({
    about: { ...verb, ...resource, ...subresource },
    one,
    two,
    condition,
  }));

function sample<T>(arbitrary: fc.Arbitrary<T>, numRuns: number): readonly T[] {
  return fc.sample(arbitrary, { seed: 17, numRuns });
}

describe(`${RULES * REQUESTS} pairs of a rule and a request`, () => {
  const requests = sample(REQUEST, REQUESTS).map((request) => ({
    request,
    variables: variablesOf(request),
    events: eventsOf(request),
  }));

  it('are let through by the condition of a rule that matches, or cannot judge, and raise no error', () => {
    const wrong: string[] = [];
    const counted = { pairs: 0, needed: 0, sent: 0 };
    for (const [at, detection] of sample(RULE, RULES).entries()) {
      const loaded = tryLoad(detection);
      if (loaded === undefined) continue;
      counted.pairs += REQUESTS;
      const { expression } = conditionOf([loaded], at % 3 === 0 ? SENT_ANY : SENT, {
        guarded: ['kube-system'],
      });
      const holds = compileCel(expression);
      for (const { request, variables, events } of requests) {
        const needed = !isGuarded(request) && events.some((event) => loaded.matches(event) !== false);
        const sent = holds(variables);
        if (needed) counted.needed += 1;
        if (sent === true) counted.sent += 1;
        if (sent !== true && (needed || sent !== false))
          wrong.push(JSON.stringify([detection, request, expression, sent]));
      }
    }
    expect(wrong.slice(0, 3)).toEqual([]);
    expect(counted.pairs).toBeGreaterThan(100_000);
    expect(counted.needed).toBeGreaterThan(5000);
    expect(counted.sent).toBeLessThan(counted.needed * 1.5);
  });
});

/** `atMost` is what a policy may refuse by. */
describe('a translation', () => {
  const requests = sample(REQUEST, REQUESTS).map((request) => ({
    request,
    variables: variablesOf(request),
    event: eventsOf(request)[0] ?? {},
    isShort: !JSON.stringify(request).includes('a'.repeat(1100)) && !hasLongList(request),
  }));
  const kindOf = ({ operation, requestResource }: AdmissionRequest) =>
    `${operation === 'DELETE'} ${requestResource.resource}`;

  it('is between the two bounds, which are the rule where it is exact', () => {
    const wrong: string[] = [];
    const counted = { exact: 0, others: 0, surelyTrue: 0 };
    for (const detection of sample(RULE, RULES / 8)) {
      const loaded = tryLoad(detection);
      if (loaded === undefined) continue;
      for (const [kind, about] of Map.groupBy(requests, ({ request }) => kindOf(request))) {
        const [isDelete, resource] = kind.split(' ');
        const source = { isDelete: isDelete === 'true', isTyped: resource === 'pods' };
        const tree = (verb: string) => withValue(loaded.tree, 'verb', verb);
        for (const [verb, same] of Map.groupBy(about, ({ event }) => (event as { verb: string }).verb)) {
          const least = translate(tree(verb), 'atLeast', source);
          const most = translate(tree(verb), 'atMost', source);
          const [mayHold, mustHold] = [least, most].map(({ expression }) => compileCel(print(expression)));
          for (const { request, variables, event, isShort } of same) {
            const truth = loaded.matches(event);
            const [may, must] = [mayHold?.(variables), mustHold?.(variables)];
            const isRight =
              (truth === false || may === true) &&
              (must === false || truth === true) &&
              (!least.isExact || !isShort || may === must);
            if (least.isExact && isShort) counted.exact += 1;
            else counted.others += 1;
            if (must === true) counted.surelyTrue += 1;
            if (!isRight) wrong.push(JSON.stringify([detection, request, truth, may, must]));
          }
        }
      }
    }
    expect(wrong.slice(0, 3)).toEqual([]);
    expect(counted.exact).toBeGreaterThan(2000);
    expect(counted.surelyTrue).toBeGreaterThan(200);
  });
});

function hasLongList(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 64 || value.some(hasLongList);
  return typeof value === 'object' && value !== null && Object.values(value).some(hasLongList);
}

function tryLoad(detection: object): LoadedRule | undefined {
  try {
    return load([rule(0, detection)]).rules[0];
  } catch {
    return undefined;
  }
}

function isGuarded({ operation, namespace, requestResource, requestSubResource }: AdmissionRequest): boolean {
  return (
    operation === 'CREATE' &&
    namespace === 'kube-system' &&
    requestResource.resource === 'pods' &&
    requestSubResource === undefined
  );
}

function eventsOf(request: AdmissionRequest): readonly object[] {
  const observation = auditEventFromAdmission(request, { mirrorPod: false }, '2026-11-24T00:00:00Z');
  return observation.verbs.map((verb) => eventAs(verb, observation));
}

function variablesOf({ object, oldObject, ...request }: AdmissionRequest): Record<string, unknown> {
  const { group } = request.requestResource;
  return celValue({
    request: { ...request, group: group === '' ? undefined : group },
    object: object ?? null,
    oldObject: oldObject ?? null,
  }) as Record<string, unknown>;
}
