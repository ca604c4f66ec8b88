import { expect, it } from '@jest/globals';
import * as client from '@kubernetes/client-node';
import { shapeOf } from '../../src/cel/shapes.ts';

/** Types of resources that shapes are not used for, of an API that is off by default, or below a field without a shape. */
const OTHERS = ['FlowcontrolV1Subject', 'V1alpha1StorageVersion', 'V1NodeAllocatableResourceClaimStatus'];

interface Model {
  getAttributeTypeMap?(): readonly { readonly baseName: string; readonly type: string }[];
}

/** Every field of Kubernetes' own types: the type, the field, what it is. */
const FIELDS = Object.entries(client as unknown as Readonly<Record<string, Model>>)
  .filter(([name]) => /^[A-Z][a-z]*V\d|^V\d/.test(name) && !OTHERS.includes(name))
  .flatMap(([name, model]) =>
    (model.getAttributeTypeMap?.() ?? []).map(({ baseName, type }) => ({ name, field: baseName, type })),
  );

const SHAPES: Readonly<Record<string, string>> = { string: 'text', boolean: 'boolean', number: 'number' };

function shapeOfType(type: string): string {
  if (type === 'Array<string>') return 'texts';
  if (type.startsWith('Array<')) return 'objects';
  if (type.startsWith('{ [key: string]: string;')) return 'map';
  return SHAPES[type] ?? (/^V\d/.test(type) ? 'object' : type);
}

it('A name with a shape has it in every type of Kubernetes that has such a field', () => {
  const wrong = FIELDS.flatMap(({ name, field, type }) => {
    const shape = shapeOf('', field);
    return shape === 'anything' || shape === shapeOfType(type)
      ? []
      : [`${name}.${field}: ${type}, not ${shape}`];
  });
  expect(wrong).toEqual([]);
  expect(FIELDS.length).toBeGreaterThan(3000);
});
