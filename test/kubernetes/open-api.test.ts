import { describe, expect, it } from '@jest/globals';
import { schemaFromOpenApi } from '../../src/kubernetes/open-api.ts';

const NAMES = {
  pod: 'io.k8s.api.core.v1.Pod',
  spec: 'io.k8s.api.core.v1.PodSpec',
  quantity: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
  widget: 'com.example.v1.Widget',
};
const refTo = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const body = (name: string) => ({
  requestBody: { content: { '*/*': { schema: refTo(name) } } },
});
const named = (properties: object) => ({ type: 'object', properties });

const CORE = {
  paths: {
    '/api/v1/': { get: {} },
    '/api/v1/namespaces/{namespace}/pods': { get: {}, post: body(NAMES.pod) },
    '/api/v1/namespaces/{namespace}/pods/{name}': { put: body(NAMES.pod), delete: {} },
    '/api/v1/namespaces/{namespace}/pods/{name}/status': { put: body(NAMES.pod) },
    '/api/v1/namespaces/{namespace}/pods/{name}/log': { get: {} },
    '/api/v1/namespaces/{namespace}/pods/{name}/attach': {
      post: {
        'x-kubernetes-action': 'connect',
        'x-kubernetes-group-version-kind': { kind: 'PodAttachOptions' },
      },
      parameters: [
        { in: 'path', name: 'name', schema: { type: 'string' } },
        { in: 'query', name: 'stdin', schema: { type: 'boolean' } },
      ],
    },
    '/api/v1/watch/pods': { get: {} },
  },
  components: {
    schemas: {
      [NAMES.pod]: named({ kind: { type: 'string' }, spec: { allOf: [refTo(NAMES.spec)], default: {} } }),
      [NAMES.spec]: named({
        containers: { type: 'array', items: refTo(NAMES.spec) },
        limits: { type: 'object', additionalProperties: refTo(NAMES.quantity) },
        policy: { type: 'string', enum: ['Never', 'Always'] },
        priority: { type: 'integer', format: 'int32' },
        hostNetwork: { type: 'boolean' },
        managed: { type: 'object' },
      }),
      [NAMES.quantity]: { oneOf: [{ type: 'string' }, { type: 'number' }] },
      'io.k8s.api.core.v1.Unsent': named({ a: { type: 'string' } }),
    },
  },
};
const GROUP = {
  paths: { '/apis/example.com/v1/widgets/{name}': { put: body(NAMES.widget) } },
  components: {
    schemas: {
      [NAMES.widget]: named({
        port: { 'x-kubernetes-int-or-string': true },
        nested: named({ size: { type: 'number' } }),
        open: { ...named({ known: { type: 'string' } }), 'x-kubernetes-preserve-unknown-fields': true },
        template: { ...named({ spec: {} }), 'x-kubernetes-embedded-resource': true },
      }),
    },
  },
};

describe('the schema of OpenAPI documents', () => {
  it('has the types of what is sent, and no more of them', () => {
    expect(schemaFromOpenApi('1.37', [CORE, GROUP])).toEqual({
      version: '1.37',
      resources: {
        '': {
          pods: ['core.v1.Pod'],
          'pods/attach': ['core.v1.PodAttachOptions'],
          'pods/status': ['core.v1.Pod'],
        },
        'example.com': { widgets: ['com.example.v1.Widget'] },
      },
      types: {
        'core.v1.Pod': { kind: 'string', spec: 'core.v1.PodSpec' },
        'core.v1.PodAttachOptions': { apiVersion: 'string', kind: 'string', stdin: 'boolean' },
        'core.v1.PodSpec': {
          containers: 'core.v1.PodSpec',
          limits: { of: 'string' },
          policy: ['Always', 'Never'],
          priority: 'integer',
          hostNetwork: 'boolean',
          managed: 'any',
        },
        'com.example.v1.Widget': {
          port: 'string',
          nested: { fields: { size: 'number' } },
          open: { fields: { known: 'string', '*': 'any' } },
          template: { fields: { apiVersion: 'any', kind: 'any', metadata: 'any', spec: 'any' } },
        },
      },
    });
  });

  it('is the same whatever the order of the documents', () => {
    const [one, other] = [schemaFromOpenApi('1.37', [CORE, GROUP]), schemaFromOpenApi('1.37', [GROUP, CORE])];
    expect(JSON.stringify(one)).toBe(JSON.stringify(other));
  });

  it.each([[null], ['text'], [[]], [{ paths: [], components: null }], [{ paths: { '/api/v1/pods': null } }]])(
    'has nothing of %j',
    (document) => {
      expect(schemaFromOpenApi('1.37', [document])).toEqual({ version: '1.37', resources: {}, types: {} });
    },
  );
});
