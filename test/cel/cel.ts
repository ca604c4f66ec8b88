import { Environment } from '@marcbachmann/cel-js';
import { RE2JS } from 're2js';

/**
 * CEL in process. It differs from the API server's in what the conditions use:
 *
 * - `matches` takes the language's own expressions; the conditions here call `search`, which is RE2.
 * - It knows no `optional.ofNonZeroValue`.
 * - `.?x` of a list is nothing, and a map compared with a scalar is not equal to it: at the API server both are errors. So this
 *   cannot show that a condition raises none; test/e2e/conditions.test.ts does.
 * - It has no cost. Numbers without a fraction have to be bigints.
 */
export function compileCel(expression: string): (variables: Readonly<Record<string, unknown>>) => unknown {
  const known = expression
    .replaceAll('.matches(', '.search(')
    .replaceAll('optional.ofNonZeroValue(dyn(request.requestResource.group))', 'dyn(request).?group');
  return ENVIRONMENT.parse(known);
}

const REGEXES = new Map<string, RE2JS>();

const ENVIRONMENT = new Environment({
  enableOptionalTypes: true,
  unlistedVariablesAreDyn: true,
  limits: LIMITS(),
});
ENVIRONMENT.registerFunction('string.search(string): bool', (text: string, source: string) => {
  const regex = REGEXES.get(source) ?? RE2JS.compile(source);
  REGEXES.set(source, regex);
  return regex.test(text);
});

function LIMITS() {
  return {
    maxAstNodes: 1_000_000,
    maxDepth: 1000,
    maxListElements: 10_000,
    maxMapEntries: 10_000,
    maxCallArguments: 100,
  };
}

/** A JSON value as CEL has it. */
export function celValue(value: unknown): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(celValue);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, child]) => child !== undefined)
      .map(([key, child]) => [key, celValue(child)]),
  );
}
