import { createCompiler } from '../../src/sigma/match/compile.ts';
import { parseDetection, type Placeholders } from '../../src/sigma/read/detection.ts';
import type { Path } from '../../src/sigma/read/errors.ts';
import type { Predicate, Tree, Truth } from '../../src/sigma/match/tree.ts';

interface Reported {
  readonly severity: 'error' | 'warning';
  readonly code: string;
  readonly path: Path;
  readonly message: string;
}

/** A search identifier's value, read, and what was reported. */
export function parse(
  value: unknown,
  placeholders: Placeholders = {},
): { readonly tree: Tree | undefined; readonly problems: readonly Reported[] } {
  const problems: Reported[] = [];
  const report = (severity: Reported['severity']) => (code: string, path: Path, message: string) => {
    problems.push({ severity, code, path, message });
  };
  const reporter = { error: report('error'), warning: report('warning') };
  return { tree: parseDetection(value, ['selection'], reporter, placeholders), problems };
}

export function treeOf(value: unknown, placeholders?: Placeholders): Tree {
  const { tree } = parse(value, placeholders);
  if (tree === undefined) throw new Error(problemsOf(value, placeholders).join('\n'));
  return tree;
}

/** `error code: path: message` */
export function problemsOf(value: unknown, placeholders?: Placeholders): readonly string[] {
  return parse(value, placeholders).problems.map(
    ({ severity, code, path, message }) => `${severity} ${code}: ${path.join('.')}: ${message}`,
  );
}

export function codesOf(value: unknown, placeholders?: Placeholders): readonly string[] {
  return parse(value, placeholders).problems.map(({ severity, code }) => `${severity} ${code}`);
}

/** What an event says of a detection. */
export function judge(value: unknown, event: object, placeholders?: Placeholders): Truth {
  return createCompiler().compile(treeOf(value, placeholders))(event);
}

/** A tree in one line: `and(f[<*>a<*> | 5], not(g[null]))`. */
export function show(tree: Tree): string {
  switch (tree.kind) {
    case 'item':
      return `${tree.item.field ?? '*'}[${tree.item.predicates.map(showPredicate).join(' | ')}]`;
    case 'constant':
      return String(tree.value);
    case 'not':
    case 'identifier':
      return `${tree.kind}(${show(tree.of)})`;
    case 'and':
    case 'or':
      return `${tree.kind}(${tree.of.map(show).join(', ')})`;
  }
}

function showPredicate(predicate: Predicate): string {
  switch (predicate.kind) {
    case 'string': {
      const parts = predicate.pattern.map((part) => (typeof part === 'string' ? part : `<${part.wildcard}>`));
      return `${predicate.cased ? 'cased ' : ''}${JSON.stringify(parts.join('')).slice(1, -1)}`;
    }
    case 'number':
    case 'boolean':
      return `${predicate.kind} ${predicate.value}`;
    case 'null':
      return 'null';
    case 'exists':
      return `exists ${predicate.value}`;
    case 'regex':
      return `/${predicate.source}/${predicate.flags}`;
    case 'cidr':
      return `in ${predicate.network}`;
    case 'compare':
      return `${predicate.operator} ${predicate.value}`;
    case 'time':
      return `${predicate.part} ${predicate.value}`;
    case 'fieldref':
      return `${predicate.comparison} ${predicate.field} at ${predicate.paths.join(' ')}`;
  }
}
