import type { KubernetesObject } from '../kubernetes/admission-review.ts';
import { asObject } from '../kubernetes/as-object.ts';
import type { ApiServer, MetadataOnly } from './api-server.ts';

/** One page of a collection. */
export interface Page {
  readonly items: readonly KubernetesObject[];
  /** Of the whole list: a watch goes on from here. */
  readonly resourceVersion: string;
}

export interface PagesOptions {
  readonly signal?: AbortSignal;
  readonly as?: MetadataOnly | undefined;
}

/** As many as kubectl asks for at once; an API server answers a page of this in a moment. */
const PAGE = 500;

/** A collection, page by page. One that grew too old to go on with is an ApiError with status 410. */
export async function* pagesOf(
  api: Pick<ApiServer, 'get'>,
  path: string,
  { signal, as }: PagesOptions = {},
): AsyncGenerator<Page> {
  for (let next: string | undefined = ''; next !== undefined;) {
    const query = { limit: String(PAGE), ...(next === '' ? {} : { continue: next }) };
    const page = asObject(await api.get(withQuery(path, query), signal, as));
    const metadata = asObject(page?.['metadata']);
    // Go writes null where there are none.
    const items = Array.isArray(page?.['items']) ? page['items'] : [];
    yield { items, resourceVersion: textOf(metadata?.['resourceVersion']) };
    next = textOf(metadata?.['continue']) || undefined;
  }
}

/** A path with parameters, one that may have some already. */
export function withQuery(path: string, query: Readonly<Record<string, string>>): string {
  return `${path}${path.includes('?') ? '&' : '?'}${new URLSearchParams(query).toString()}`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
