import { dump } from 'js-yaml';

/** Documents as YAML: the same text for the same data, with lines as long as they are. */
export function yamlText(...documents: readonly unknown[]): string {
  return documents.map((document) => dump(document, { lineWidth: -1, noRefs: true })).join('---\n');
}
