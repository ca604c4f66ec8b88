import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import { subscriptionOf } from '../../src/registration/subscription.ts';
import { corpusFiles, corpusText } from '../corpus.ts';
import { load, rule } from '../policy/rulesets.ts';
import type { Json } from '../control-plane/api-client.ts';
import { describeWithControlPlane } from './lib/describe-with-control-plane.ts';
import { pod } from './lib/webhook.ts';

const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
const RULES = join(import.meta.dirname, '../../rules');

const SHIPPED = readdirSync(RULES)
  .filter((name) => name.endsWith('.yml'))
  .map((name) => readFileSync(join(RULES, name), 'utf8'));
const SIGMAHQ = corpusFiles('sigma-rules', '.yml').map(corpusText);

const PODS = { verb: 'create', 'objectRef.resource': 'pods' };
const WIDGETS = { verb: 'create', 'objectRef.resource': 'widgets' };
const selections = (...each: readonly object[]) => each.map((selection, number) => rule(number, selection));

/** A field of its own for each number. */
const FIELDS = (count: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, at) => [
      `requestObject.spec.volumes.f${at}.path|contains`,
      [`a${at}`, `b${at}*c`],
    ]),
  );

/** Rules that the API server must take as a condition, whatever they ask. */
const TAKEN: readonly (readonly [string, readonly string[]])[] = [
  ['the shipped rules', SHIPPED],
  ['the rules of SigmaHQ', SIGMAHQ],
  [
    'every kind of question about a pod',
    selections(
      { ...PODS, 'requestObject.spec.hostPID': true, 'requestObject.spec.nodeName|exists': false },
      { ...PODS, 'requestObject.spec.nodeName': null, 'requestObject.spec.containers.image': ['a*b?c', ''] },
      { ...PODS, 'requestObject.spec.containers.resources.limits.cpu|gt': 3 },
      { ...PODS, 'requestObject.spec.containers.ports.containerPort': [80, '443'] },
      { ...PODS, 'requestObject.spec.containers.ports.containerPort|lt': 29.5 },
      { ...PODS, 'requestObject.metadata.labels.app.kubernetes.io/name|startswith': "it's\\ a 😀\n\u0000" },
      { ...PODS, 'requestObject.metadata.annotations.a.b/c|re': String.raw`^\d+'(?P<x>a|b)\.$` },
      { ...PODS, 'requestObject.metadata.annotations.a.b/c|re|i|m|s': String.raw`\Qopen` },
      { ...PODS, 'requestObject.spec.containers.args|cased|contains': ['-c', 'x\\*y'] },
      { ...PODS, 'requestObject.spec.containers.args': null },
      { ...PODS, 'requestObject.spec.containers.env.valueFrom.secretKeyRef.name': '*' },
      {
        ...PODS,
        'requestObject.spec.tolerations.key': null,
        'user.extra.a.b/c': 'x',
        'user.uid|exists': true,
      },
      { ...PODS, 'user.extra.a.b/c|contains': ['x*y'], 'requestObject.metadata.labels.a.b/c|lt': 5 },
      { ...PODS, 'user.extra.a.b/c': ['*', null], 'requestObject.metadata.labels.a.b/c|re': 'x*' },
      { ...PODS, 'requestObject.status|exists': true, 'objectRef.name|contains': 'x', 'user.groups': null },
      { ...PODS, 'requestObject.spec.containers|exists': true, 'requestObject.in.true.as': 1 },
      { ...PODS, 'requestObject.spec.containers.image|fieldref': 'objectRef.name' },
      { ...PODS, 'requestObject.status.podIP|cidr': '10.0.0.0/8' },
    ),
  ],
  [
    'every kind of question about a custom resource',
    selections(
      { ...WIDGETS, 'requestObject.spec.a.b.c.d': ['x', 'y*', 5, true, null] },
      { ...WIDGETS, 'requestObject.spec.a.b|gte': -2.5, 'requestObject.spec.c|re': 'x{3}' },
      {
        ...WIDGETS,
        'requestObject.spec.a.b': 'x',
        'requestObject.spec.c|exists': true,
        'requestObject.x': 'true',
      },
    ),
  ],
  [
    'a list of 60,000 characters',
    selections({ ...PODS, 'objectRef.name': Array.from({ length: 6000 }, (_, at) => `name-${at}abc`) }),
  ],
  [
    'lists within lists without end',
    selections(
      { ...WIDGETS, [`requestObject.${'a.'.repeat(60)}b`]: 'x' },
      { ...PODS, [`requestObject.${'containers.'.repeat(60)}name`]: 'x' },
    ),
  ],
  ['500 lists in one rule', selections({ ...PODS, ...FIELDS(500) })],
  [
    '500 rules',
    selections(
      ...Array.from({ length: 500 }, (_, at) => ({
        ...PODS,
        [`requestObject.spec.f${at}.g|contains`]: `v${at}`,
      })),
    ),
  ],
  [
    'expressions that this API server might not know, or that are long',
    selections(
      { ...PODS, 'requestObject.spec.nodeName|re': String.raw`\p{Old_Hungarian}` },
      { ...PODS, 'requestObject.spec.nodeName|re': '(a|b)?'.repeat(1000) },
      { ...PODS, 'requestObject.spec.nodeName|re': `${'('.repeat(300)}a${')'.repeat(300)}` },
      { ...PODS, 'requestObject.spec.nodeName|re': '((a{10}){10}){9}' },
    ),
  ],
  [
    'a condition nested deeply',
    [
      rule(0, {
        a: { ...PODS, 'objectRef.name': 'x' },
        b: { 'objectRef.name': 'y' },
        condition: `${'not (b or '.repeat(40)}a${')'.repeat(40)}`,
      }),
    ],
  ],
];

const PODS_PATH = '/api/v1/namespaces/default/pods?dryRun=All';

const container = { name: 'c', image: 'busybox:1', args: ['sh', '-c', 'x'], ports: [{ containerPort: 80 }] };
const ASKED: readonly Json[] = [
  pod('plain', 'default'),
  pod('full', 'default', {
    metadata: {
      name: 'full',
      labels: { 'app.kubernetes.io/name': 'it' },
      annotations: { 'a.b/c': "1'a." },
      finalizers: ['a.b/c'],
    },
    spec: {
      hostPID: true,
      nodeName: 'node1',
      containers: [
        {
          ...container,
          resources: { limits: { cpu: '1500m', memory: '4' } },
          securityContext: { privileged: true, capabilities: { add: ['SYS_ADMIN'] } },
          env: [{ name: 'x', value: 'y' }],
        },
        ...Array.from({ length: 70 }, (_, at) => ({ ...container, name: `c${at}` })),
      ],
      volumes: [
        { name: 'h', hostPath: { path: '/' } },
        { name: 'e', emptyDir: {} },
      ],
      tolerations: [{ operator: 'Exists' }],
    },
  }),
];

describeWithControlPlane('A condition compiled from rules', (controlPlane) => {
  const { api } = controlPlane;
  afterEach(() => api('DELETE', `${CONFIGURATIONS}/compiled`));

  it.each(TAKEN)(
    'is taken by the API server for %s, and raises no error for any pod',
    async (_, documents) => {
      const other = subscriptionOf(load(documents).rules, 'sigma-admission');
      const { status, body } = await api('POST', CONFIGURATIONS, {
        body: {
          metadata: { name: 'compiled' },
          webhooks: [
            {
              name: 'other.sigma-admission.svc',
              clientConfig: { url: 'https://localhost:1/other' },
              ...other,
              failurePolicy: 'Fail',
              sideEffects: 'None',
              timeoutSeconds: 1,
              admissionReviewVersions: ['v1'],
            },
          ],
        },
      });
      expect([status, body['message']]).toEqual([201, undefined]);
      for (const asked of ASKED) {
        const answer = await api('POST', PODS_PATH, { body: asked });
        // Made, or a call that went wrong: where the condition itself goes wrong, it is Forbidden.
        expect([201, 500]).toContain(answer.status);
      }
    },
  );
});
