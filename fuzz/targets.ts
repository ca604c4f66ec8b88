import type { Target } from './target.ts';

/** Each target by its name, loaded by the process that asks it. The order is that of a run. */
export const TARGETS: Readonly<Record<string, () => Promise<Target<unknown>>>> = {
  reviews: async () => (await import('./targets/reviews.ts')).reviews,
  spellings: async () => (await import('./targets/reviews.ts')).spellings,
  rules: async () => (await import('./targets/rules.ts')).rules,
  conditions: async () => (await import('./targets/conditions.ts')).conditions,
  expressions: async () => (await import('./targets/expressions.ts')).expressions,
  logs: async () => (await import('./targets/logs.ts')).logs,
  objects: async () => (await import('./targets/objects.ts')).objects,
  'command-line': async () => (await import('./targets/command-line.ts')).commandLine,
};
