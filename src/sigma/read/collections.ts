import { describeValue } from '../match/describe-value.ts';
import type { ParsedDocuments, SigmaDocument } from './documents.ts';
import { createReporter, type Problem } from './errors.ts';
import { isMapping, ownValue, type Mapping } from '../match/mapping.ts';
import { lineOf, type Position } from './position.ts';

/** Nodes of all documents that were merged: like what an alias names, a global document is written once and read many times. */
const MAX_MERGED_NODES = 1_000_000;

/**
 * The documents a file stands for, once pySigma's collections are written out. They are not in Sigma 2.1, but rules of the
 * old format use them: `action: global` is written over every rule that follows, until `reset`; `repeat` is the rule before
 * it with changes. Filters and correlations are left alone.
 */
export function expandCollections(file: string, documents: readonly SigmaDocument[]): ParsedDocuments {
  const expanded: SigmaDocument[] = [];
  const problems: Problem[] = [];
  let global: SigmaDocument | undefined;
  let previous: SigmaDocument | undefined;
  let mergedNodes = 0;
  for (const document of documents) {
    const report = createReporter(file, lineOf(document.position), problems);
    const action = ownValue(document.value, 'action') ?? undefined;
    let rule: SigmaDocument | undefined;
    if (action === undefined) {
      const isRule =
        !Object.hasOwn(document.value, 'filter') && !Object.hasOwn(document.value, 'correlation');
      if (!isRule) expanded.push(document);
      else rule = global === undefined ? document : merge(document, global, document.position);
    } else if (action === 'global') {
      global = previous = withoutAction(document);
    } else if (action === 'reset') {
      global = undefined;
    } else if (action === 'repeat') {
      const changes = withoutAction(document);
      rule = previous === undefined ? changes : merge(previous, changes, document.position);
    } else {
      const message = `unknown action ${describeValue(action)}; expected global, reset or repeat`;
      report.error('unknown-action', ['action'], message);
    }
    if (rule === undefined) continue;
    if (rule !== document) mergedNodes += countNodes(rule.value);
    if (mergedNodes > MAX_MERGED_NODES) {
      const message = `collections make the file grow by more than ${MAX_MERGED_NODES} nodes`;
      report.error('yaml-limit', ['action'], message);
      break;
    }
    expanded.push(rule);
    previous = rule;
  }
  return { documents: expanded, problems };
}

function withoutAction(document: SigmaDocument): SigmaDocument {
  const { action: _, ...value } = document.value;
  return { ...document, value };
}

/** `over` written over `base`. A node stands where its value came from, the whole where `own` does. */
function merge(base: SigmaDocument, over: SigmaDocument, own: Position): SigmaDocument {
  const { value, children } = mergeMaps(base.value, over.value, base.position, over.position);
  return {
    value,
    position: { line: own.line, children },
    broken: base.broken || over.broken,
  };
}

function countNodes(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((count: number, child) => count + countNodes(child), 1);
}

/** Maps merge, everything else replaces. A key called `__proto__` is a key like any other. */
function mergeMaps(
  base: Mapping,
  over: Mapping,
  basePosition: Position | undefined,
  overPosition: Position | undefined,
): { readonly value: Mapping; readonly children: Position['children'] } {
  const value = new Map<string, unknown>(Object.entries(base));
  const children = new Map(basePosition?.children);
  for (const [key, next] of Object.entries(over)) {
    const before = value.get(key);
    const [from, to] = [children.get(key), overPosition?.children.get(key)];
    if (isMapping(before) && isMapping(next)) {
      const merged = mergeMaps(before, next, from, to);
      value.set(key, merged.value);
      if (to !== undefined) children.set(key, { line: to.line, children: merged.children });
    } else {
      value.set(key, next);
      if (to !== undefined) children.set(key, to);
    }
  }
  return { value: Object.fromEntries(value), children };
}
