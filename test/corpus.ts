import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from '@jest/globals';

/** Real rules, logs and reviews of other projects. They lie beside the checkout, not in it, because of their licences. */
const CORPUS = join(import.meta.dirname, '../../shared/corpus');

/** A suite that reads the corpus, reported as skipped, with the reason, where it is absent. */
export function describeWithCorpus(name: string, body: () => void): void {
  if (existsSync(CORPUS)) describe(name, body);
  else describe.skip(`${name} (skipped: no corpus at ../shared/corpus)`, body);
}

/** Below `describeWithCorpus` only its body runs when the corpus is absent, so each reader gives nothing then. */
export function corpusText(path: string): string {
  return existsSync(join(CORPUS, path)) ? readFileSync(join(CORPUS, path), 'utf8') : '';
}

/** For what reads files by itself. */
export function corpusPath(path: string): string {
  return join(CORPUS, path);
}

export function corpusLines(path: string): readonly unknown[] {
  return corpusText(path)
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line));
}

/** Every file below `path` that ends so, by its path in the corpus, sorted. */
export function corpusFiles(path: string, ending: string): readonly string[] {
  if (!existsSync(join(CORPUS, path))) return [];
  return readdirSync(join(CORPUS, path), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(path, name))
    .toSorted();
}
