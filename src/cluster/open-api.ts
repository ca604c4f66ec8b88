import { asObject } from '../kubernetes/as-object.ts';
import { schemaFromOpenApi } from '../kubernetes/open-api.ts';
import type { Schema } from '../kubernetes/schema/schema.ts';
import type { ApiServer } from './api-server.ts';

/** The schema of every object that this API server takes, custom resources too. */
export async function readOpenApi(api: Pick<ApiServer, 'get'>): Promise<Schema> {
  const { major, minor } = asObject(await api.get('/version')) ?? {};
  const index = asObject(asObject(await api.get('/openapi/v3'))?.['paths']) ?? {};
  const documents: unknown[] = [];
  for (const [path, document] of Object.entries(index)) {
    const url = asObject(document)?.['serverRelativeURL'];
    // What is served of a group's version says what its objects have.
    if (path.split('/').length >= 2 && typeof url === 'string') documents.push(await api.get(url));
  }
  return schemaFromOpenApi(`${major}.${minor}`, documents);
}
