import { ApiError, type ApiServer } from '../../cluster/api-server.ts';
import { pagesOf } from '../../cluster/pages.ts';
import { collectionPath, NAMESPACE_ALL, type Kind } from '../../kubernetes/objects.ts';
import { scannedObject, type ScannedObject } from './scanned-object.ts';

/** A list that is read page by page can grow too old to go on: it is then begun again. */
const ATTEMPTS = 3;
const GONE = 410;

/** As much of the API server as scan asks. */
export type Lister = Pick<ApiServer, 'get'>;

/** All objects of one kind in these namespaces, everywhere if none are named, page by page. */
export async function* listObjects(
  api: Lister,
  kind: Kind,
  namespaces: readonly string[] | undefined,
): AsyncGenerator<readonly ScannedObject[]> {
  const everywhere = namespaces === undefined || kind === 'Node';
  for (const namespace of everywhere ? [NAMESPACE_ALL] : namespaces) {
    yield* listPages(api, kind, collectionPath(kind, namespace));
  }
}

async function* listPages(api: Lister, kind: Kind, path: string): AsyncGenerator<readonly ScannedObject[]> {
  const seen = new Set<string>();
  for (let attempt = 1; ; attempt++) {
    try {
      for await (const { items } of pagesOf(api, path)) {
        const objects = items
          .map((item) => scannedObject(item, `${kind}List`))
          .filter((object) => object !== undefined);
        yield objects.filter(({ namespace, name }) => isNew(seen, `${namespace}/${name}`));
      }
      return;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== GONE || attempt === ATTEMPTS) throw error;
    }
  }
}

function isNew(seen: Set<string>, key: string): boolean {
  if (seen.has(key)) return false;
  seen.add(key);
  return true;
}
