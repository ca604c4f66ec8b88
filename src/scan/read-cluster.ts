import type { ApiServer } from '../cluster/api-server.ts';
import { asObject } from '../kubernetes/as-object.ts';
import { collectionPath, NAMESPACE_ALL, objectPath, type Kind } from '../kubernetes/objects.ts';
import { scannedObject, type ScannedKind, type ScannedObject } from './scanned-object.ts';

/** As kubectl asks; an API server answers a page of this in a moment. */
const PAGE = 500;
/** A list that is read page by page can grow too old to go on: it is then begun again. */
const ATTEMPTS = 3;
const [NOT_FOUND, GONE] = [404, 410] as const;

/** As much of the API server as scan asks. */
export type Lister = Pick<ApiServer, 'get'>;

/** All objects of one kind in these namespaces, everywhere if none are named, page by page. */
export async function* listObjects(
  api: Lister,
  kind: ScannedKind,
  namespaces: readonly string[] | undefined,
): AsyncGenerator<readonly ScannedObject[]> {
  const everywhere = namespaces === undefined || kind.kind === 'Node';
  for (const namespace of everywhere ? [NAMESPACE_ALL] : namespaces) {
    yield* listPages(api, kind, collectionPath(kind.kind, namespace));
  }
}

async function* listPages(
  api: Lister,
  kind: ScannedKind,
  path: string,
): AsyncGenerator<readonly ScannedObject[]> {
  const seen = new Set<string>();
  let token: string | undefined = '';
  for (let attempt = 1; token !== undefined;) {
    try {
      const page = asObject(await api.get(`${path}?limit=${PAGE}${continued(token)}`));
      const items = Array.isArray(page?.['items']) ? page['items'] : [];
      const objects = items
        .map((item) => scannedObject(item, `${kind.kind}List`))
        .filter((object) => object !== undefined);
      yield objects.filter(({ namespace, name }) => isNew(seen, `${namespace}/${name}`));
      const next = asObject(page?.['metadata'])?.['continue'];
      token = typeof next === 'string' && next !== '' ? next : undefined;
    } catch (error) {
      if (statusOf(error) !== GONE || ++attempt > ATTEMPTS) throw error;
      token = '';
    }
  }
}

function continued(token: string): string {
  return token === '' ? '' : `&continue=${encodeURIComponent(token)}`;
}

function isNew(seen: Set<string>, key: string): boolean {
  if (seen.has(key)) return false;
  seen.add(key);
  return true;
}

/** An object as it is now; undefined where there is none, or none of a kind that scan reads. */
export async function getObject(
  api: Lister,
  namespace: string,
  { kind, name }: { readonly kind: Kind; readonly name: string },
): Promise<ScannedObject | undefined> {
  try {
    return scannedObject(await api.get(objectPath(kind, namespace, name)), `${kind}List`);
  } catch (error) {
    if (statusOf(error) === NOT_FOUND) return undefined;
    throw error;
  }
}

/** Of an answer that is not the thing; whatever else went wrong has none. */
function statusOf(error: unknown): unknown {
  return (error as { readonly status?: unknown }).status;
}
