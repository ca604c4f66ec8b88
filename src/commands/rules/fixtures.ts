import { readdir } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';

export const FIXTURE_KINDS = ['match', 'ignore'] as const;
export type FixtureKind = (typeof FIXTURE_KINDS)[number];

/** The fixtures of a file of rules that it must match, or must not: beside it, or in `fixturesDir`. */
export async function fixturesOf(
  file: string,
  kind: FixtureKind,
  fixturesDir = dirname(file),
): Promise<{ readonly directory: string; readonly names: readonly string[] }> {
  const directory = join(fixturesDir, basename(file, extname(file)), kind);
  return { directory, names: await fixtureNames(directory) };
}

async function fixtureNames(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).filter((name) => /\.(json|ya?ml)$/.test(name)).toSorted();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
