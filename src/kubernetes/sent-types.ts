import { CONNECT_SUBRESOURCES } from './objects.ts';
import type { FieldType, Schema } from './schema/schema.ts';

/** Requests of one kind; an absent part is any. `''` is the resource itself. */
export interface Requests {
  readonly verbs?: readonly string[];
  readonly resource?: string;
  readonly subresource?: string;
  readonly apiGroups?: readonly string[];
}

const DELETE_OPTIONS = 'meta.v1.DeleteOptions';
const WRITES = ['create', 'update', 'patch'];
const DELETES = ['delete', 'deletecollection'];

const JSON_PATCH: FieldType = { fields: { op: 'string', path: 'string', from: 'string', value: 'any' } };

/** An answer that is a table of columns, as kubectl asks for. */
const TABLE: FieldType = { fields: { columnDefinitions: 'any', rows: 'any' } };

/** The types of the objects that such requests send; undefined where the schema does not know all of them. Of a read there are none. */
export function sentTypes(schema: Schema, requests: Requests): readonly FieldType[] | undefined {
  const { verbs, resource, subresource } = requests;
  const has = (some: readonly string[]) => verbs === undefined || verbs.some((verb) => some.includes(verb));
  const types: FieldType[] = has(DELETES) ? [DELETE_OPTIONS] : [];
  if (has(['patch'])) types.push(JSON_PATCH);
  if (has(WRITES)) {
    const known = typesOf(schema, requests);
    return known === undefined ? undefined : [...types, ...known];
  }
  if (!has(['get']) || resource === undefined) return types;
  const connections = CONNECT_SUBRESOURCES.filter(
    (each) => subresource === undefined || each === subresource,
  );
  return [
    ...types,
    ...connections.flatMap((each) => typesOf(schema, { ...requests, subresource: each }) ?? []),
  ];
}

/** The types of the objects that may answer such requests; undefined where the schema does not know all of them. */
export function answeredTypes(schema: Schema, requests: Requests): readonly FieldType[] | undefined {
  const kinds = typesOf(schema, requests);
  if (kinds === undefined) return undefined;
  const lists = kinds.map((items): FieldType => ({ fields: { metadata: 'meta.v1.ListMeta', items } }));
  return [...kinds, ...lists, TABLE, 'meta.v1.Status'];
}

function typesOf(schema: Schema, requests: Requests): readonly FieldType[] | undefined {
  const { resource, subresource, apiGroups } = requests;
  const groups = apiGroups ?? Object.keys(schema.resources);
  const found = groups.map((group) => {
    const ofGroup = Object.hasOwn(schema.resources, group)
      ? Object.entries(schema.resources[group] ?? {})
      : [];
    return ofGroup.flatMap(([name, types]) => {
      const [of, part = ''] = name.split('/');
      const isAsked =
        (resource === undefined || of === resource) && (subresource === undefined || part === subresource);
      return isAsked ? types : [];
    });
  });
  // One that is named and unknown may be a custom resource; where none is named, Kubernetes' own are meant.
  const isUnknown =
    apiGroups === undefined ? found.flat().length === 0 : found.some((types) => types.length === 0);
  return isUnknown ? undefined : [...new Set(found.flat())];
}
