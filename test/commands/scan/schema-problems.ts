import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** As much of JSON Schema as the published schema uses; a keyword that is not among these is refused. */
interface Schema {
  readonly [keyword: string]: unknown;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly maxItems?: number;
  readonly minimum?: number;
}

const KEYWORDS = [
  ...['type', 'const', 'enum', 'required', 'properties', 'items', 'maxItems', 'minimum'],
  ...['additionalProperties', 'description', 'format', 'title', '$schema', '$id'],
];

const RECORD = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../docs/decision-record.schema.json'), 'utf8'),
) as Schema;

/** What in a DecisionRecord is not as docs/decision-record.schema.json has it, by path. */
export function schemaProblems(value: unknown, schema: Schema = RECORD, path = 'record'): readonly string[] {
  const strange = Object.keys(schema).filter((keyword) => !KEYWORDS.includes(keyword));
  if (strange.length > 0) throw new Error(`${path}: the schema uses ${strange.join()}`);
  const problems: string[] = [];
  if (schema.type !== undefined && typeOf(value) !== schema.type) problems.push(`${path}: no ${schema.type}`);
  if ('const' in schema && value !== schema.const) problems.push(`${path}: not ${String(schema.const)}`);
  if (schema.enum !== undefined && !schema.enum.includes(value)) problems.push(`${path}: not in the list`);
  if (Array.isArray(value)) {
    if (value.length > (schema.maxItems ?? Infinity)) problems.push(`${path}: too long`);
    value.forEach((item, index) =>
      problems.push(...schemaProblems(item, schema.items ?? {}, `${path}[${index}]`)),
    );
  } else if (typeof value === 'object' && value !== null) {
    for (const key of schema.required ?? []) if (!(key in value)) problems.push(`${path}: no ${key}`);
    for (const [key, found] of Object.entries(value)) {
      const property = schema.properties?.[key];
      if (property === undefined) problems.push(`${path}: ${key} is not in the schema`);
      else problems.push(...schemaProblems(found, property, `${path}.${key}`));
    }
  }
  return problems;
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'number' && Number.isInteger(value) ? 'integer' : typeof value;
}
