import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { connectToCluster } from '../../src/cluster/api-server.ts';
import { readOpenApi } from '../../src/cluster/open-api.ts';
import { rulesCheck } from '../../src/commands/rules/check.ts';
import { KUBERNETES } from '../../src/kubernetes/schema/kubernetes.ts';
import { captured, directoryOf } from '../commands/rules/written.ts';
import { startControlPlane, type OwnControlPlane } from '../control-plane/control-plane.ts';
import { eventually } from '../lib/eventually.ts';
import { rule } from '../policy/rulesets.ts';
import { describeWithPrograms } from './lib/describe-with-control-plane.ts';

const WIDGET = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.schema.example.com' },
  spec: {
    group: 'schema.example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  size: { type: 'integer' },
                  port: { 'x-kubernetes-int-or-string': true },
                  color: { type: 'string', enum: ['red', 'green'] },
                  free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                  open: {
                    type: 'object',
                    'x-kubernetes-preserve-unknown-fields': true,
                    properties: { known: { type: 'boolean' } },
                  },
                  template: {
                    type: 'object',
                    'x-kubernetes-embedded-resource': true,
                    'x-kubernetes-preserve-unknown-fields': true,
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
};

describeWithPrograms('The schema of an API server', () => {
  let controlPlane: OwnControlPlane;

  beforeAll(async () => {
    controlPlane = await startControlPlane({ without: ['kube-controller-manager', 'kube-scheduler'] });
  });
  afterAll(async () => {
    await controlPlane.stop();
  });

  const cluster = async () => connectToCluster({ kubeconfig: controlPlane.kubeconfig(), env: {} });

  async function check(rules: readonly string[], kubeconfig?: string): Promise<readonly string[]> {
    const dir = directoryOf(Object.fromEntries(rules.map((text, index) => [`${index}.yml`, text])));
    const { io, texts } = captured(dir);
    await rulesCheck(
      {
        ...{ dirs: [dir], allowUsers: [], door: 'serve', subresources: 'resource', format: 'text' },
        strict: false,
        ...(kubeconfig === undefined ? {} : { kubeconfig }),
      },
      io,
    );
    return texts.stdout.split('\n').slice(0, -2);
  }

  it('is what ships, of the same version', async () => {
    const schema = await readOpenApi(await cluster());
    if (schema.version === KUBERNETES.version) expect(schema).toEqual(KUBERNETES);
    else expect(Object.keys(schema.types)).toContain('core.v1.PodSpec');
  });

  it('has its custom resources, which what ships does not know', async () => {
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    expect((await controlPlane.api('POST', path, { body: WIDGET })).status).toBe(201);
    await eventually('the widgets are published', async () => {
      const { resources } = await readOpenApi(await cluster());
      return resources['schema.example.com'] !== undefined;
    });
    const fields = {
      'spec.szie': 1,
      'spec.size': 'large',
      'spec.port': 'http',
      'spec.color': 'blue',
      'spec.free.of.all': true,
      'spec.open.known': 'perhaps',
      'spec.open.others': true,
      'spec.template.metadata.name': 'x',
      'metadata.lables.x': 'y',
    };
    const rules = Object.entries(fields).map(([field, value], number) =>
      rule(number, { verb: 'create', 'objectRef.resource': 'widgets', [`requestObject.${field}`]: value }),
    );
    const found = (number: number, field: string, message: string) =>
      `${number}.yml:1: warning: detection.selection.requestObject.${field}: ${message}`;
    const nothing = '; the rule can match nothing';
    expect(await check(rules)).toEqual([]);
    expect(await check(rules, controlPlane.kubeconfig())).toEqual([
      found(0, 'spec.szie', `no such field of Widget (did you mean size?)${nothing} [unknown-field]`),
      found(1, 'spec.size', `no event has "large"; expected an integer${nothing} [impossible-value]`),
      found(3, 'spec.color', `no event has "blue"; expected green, red${nothing} [impossible-value]`),
      found(
        5,
        'spec.open.known',
        `no event has "perhaps"; expected true or false${nothing} [impossible-value]`,
      ),
      found(
        8,
        'metadata.lables.x',
        `no such field of Widget (did you mean labels?)${nothing} [unknown-field]`,
      ),
    ]);
  });
});
