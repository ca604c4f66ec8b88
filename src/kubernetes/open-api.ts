import { asObject } from './as-object.ts';
import type { Fields, FieldType, Schema } from './schema/schema.ts';

type Json = Readonly<Record<string, unknown>>;

/** Of what is not asked for by any path, but said of every resource. */
const ALWAYS = ['DeleteOptions', 'ListMeta', 'Status'].map(
  (name) => `io.k8s.apimachinery.pkg.apis.meta.v1.${name}`,
);

/** What the documents of an API server's `/openapi/v3` say, as far as fields and their values go. */
export function schemaFromOpenApi(version: string, documents: readonly unknown[]): Schema {
  const schemas = new Map<string, Json>();
  for (const document of documents) {
    const { schemas: named = {} } = asObject(asObject(document)?.['components']) ?? {};
    for (const [name, schema] of Object.entries(asObject(named) ?? {}))
      schemas.set(name, asObject(schema) ?? {});
  }
  const types = new Map<string, Fields>();
  const resources = new Map<string, Map<string, Set<string>>>();

  function place(group: string, resource: string, type: FieldType): void {
    if (typeof type !== 'string') return;
    const ofGroup = resources.get(group) ?? new Map<string, Set<string>>();
    resources.set(group, ofGroup);
    ofGroup.set(resource, (ofGroup.get(resource) ?? new Set()).add(type));
  }

  function named(name: string): FieldType {
    const schema = schemas.get(name);
    if (schema?.['properties'] === undefined) return typeOf(schema);
    const short = shortName(name);
    if (!types.has(short)) {
      types.set(short, {});
      types.set(short, fieldsOf(schema));
    }
    return short;
  }

  function fieldsOf(schema: Json): Fields {
    const fields = Object.entries(asObject(schema['properties']) ?? {}).map(
      ([name, property]) => [name, typeOf(asObject(property))] as const,
    );
    const isEmbedded = schema['x-kubernetes-embedded-resource'] === true;
    const embedded = isEmbedded ? EMBEDDED.map((name) => [name, 'any'] as const) : [];
    const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true;
    return Object.fromEntries([...embedded, ...fields, ...(isOpen ? [['*', 'any'] as const] : [])]);
  }

  function typeOf(schema: Json | undefined): FieldType {
    if (schema === undefined) return 'any';
    const { $ref: reference, allOf, oneOf, type, format, items } = schema;
    if (typeof reference === 'string') return named(reference.replace('#/components/schemas/', ''));
    if (type === undefined && Array.isArray(allOf) && allOf.length === 1) return typeOf(asObject(allOf[0]));
    // A quantity, or a port by number or name: any text will do.
    if (format === 'int-or-string' || schema['x-kubernetes-int-or-string'] === true) return 'string';
    if (type === undefined && Array.isArray(oneOf))
      return oneOf.some((each) => asObject(each)?.['type'] === 'string') ? 'string' : 'any';
    switch (type) {
      case 'string':
        return textsOf(schema['enum']) ?? 'string';
      case 'integer':
      case 'number':
      case 'boolean':
        return type;
      case 'array':
        return typeOf(asObject(items));
      case 'object':
        return typeOfObject(schema);
      default:
        return 'any';
    }
  }

  function typeOfObject(schema: Json): FieldType {
    if (schema['properties'] !== undefined) return { fields: fieldsOf(schema) };
    const of = asObject(schema['additionalProperties']);
    return of === undefined ? 'any' : { of: typeOf(of) };
  }

  for (const document of documents) {
    for (const [path, operations] of Object.entries(asObject(asObject(document)?.['paths']) ?? {})) {
      const where = placeOf(path);
      if (where === undefined) continue;
      const { post, put } = asObject(operations) ?? {};
      for (const operation of [post, put].map(asObject)) {
        const body = bodyOf(operation);
        if (body !== undefined) place(where.group, where.resource, typeOf(body));
        if (operation?.['x-kubernetes-action'] !== 'connect') continue;
        const kind = asObject(operation['x-kubernetes-group-version-kind'])?.['kind'];
        const name = `core.v1.${kind}`;
        types.set(name, optionsOf(operation, asObject(operations)?.['parameters']));
        place(where.group, where.resource, name);
      }
    }
  }

  /** The query of a connection becomes an object. */
  function optionsOf(operation: Json, shared: unknown): Fields {
    const parameters = [operation['parameters'], shared].flatMap((list) => (Array.isArray(list) ? list : []));
    const asked = parameters.map(asObject).filter((parameter) => parameter?.['in'] === 'query');
    const fields = asked.map((each) => [String(each?.['name']), typeOf(asObject(each?.['schema']))] as const);
    return { apiVersion: 'string', kind: 'string', ...Object.fromEntries(fields) };
  }

  for (const name of ALWAYS) named(name);
  return {
    version,
    resources: sorted([...resources].map(([group, ofGroup]) => [group, sorted([...ofGroup].map(listed))])),
    types: sorted([...types].map(([name, fields]) => [name, sorted(Object.entries(fields))])),
  };
}

const EMBEDDED = ['apiVersion', 'kind', 'metadata'];

/** `/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale` is `deployments/scale` of `apps`. */
function placeOf(path: string): { readonly group: string; readonly resource: string } | undefined {
  const [, root, ...rest] = path.split('/');
  const [group = '', , ...steps] = root === 'api' ? ['', ...rest] : rest;
  if (root !== 'api' && root !== 'apis') return undefined;
  const isWithin = steps[0] === 'namespaces' && steps[1] === '{namespace}';
  const [resource, , subresource] = isWithin ? steps.slice(2) : steps;
  if (resource === undefined || resource === '' || resource === 'watch') return undefined;
  return { group, resource: subresource === undefined ? resource : `${resource}/${subresource}` };
}

function bodyOf(operation: Json | undefined): Json | undefined {
  const content = asObject(asObject(operation?.['requestBody'])?.['content']) ?? {};
  return asObject(asObject(Object.values(content)[0])?.['schema']);
}

/** `io.k8s.api.core.v1.Pod` is `core.v1.Pod`; what others define keeps its name. */
function shortName(name: string): string {
  return name.startsWith('io.k8s.') ? name.split('.').slice(-3).join('.') : name;
}

function textsOf(list: unknown): readonly string[] | undefined {
  const texts = Array.isArray(list) ? list.filter((each) => typeof each === 'string') : [];
  return texts.length === 0 ? undefined : texts.toSorted();
}

function listed([name, types]: [string, ReadonlySet<string>]): [string, readonly string[]] {
  return [name, [...types].toSorted()];
}

/** The same for the same API server, whatever the order it answers in. */
function sorted<T>(entries: readonly (readonly [string, T])[]): Readonly<Record<string, T>> {
  return Object.fromEntries(entries.toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
