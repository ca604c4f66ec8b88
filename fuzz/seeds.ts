import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
/** Real reviews, logs, rules and objects of other projects, which lie beside the checkout where they are at all. */
const CORPUS = join(ROOT, '../shared/corpus');
/** Longer ones make each input slow, and say nothing more. */
const MAX_BYTES = 48 * 1024;

/** Small files of ours that found a fault, or from which inputs begin. */
export function kept(folder: string): readonly string[] {
  return textsIn(join(import.meta.dirname, 'corpus', folder), '');
}

/** Files of this repository. */
export function ours(folder: string, ending: string): readonly string[] {
  return textsIn(join(ROOT, folder), ending);
}

export function others(folder: string, ending: string): readonly string[] {
  return textsIn(join(CORPUS, folder), ending);
}

/** What each line of a file of other people's holds. */
export function othersLines(file: string): readonly string[] {
  if (!existsSync(join(CORPUS, file))) return [];
  return readFileSync(join(CORPUS, file), 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '' && line.length <= MAX_BYTES);
}

function textsIn(folder: string, ending: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending) && !name.endsWith('kustomization.yaml'))
    .toSorted()
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile() && statSync(path).size <= MAX_BYTES)
    .map((path) => readFileSync(path, 'utf8'));
}

/** Those that are whole JSON documents. */
export function jsonAmong(texts: readonly string[]): readonly string[] {
  return texts.filter((text) => {
    try {
      return typeof JSON.parse(text) === 'object';
    } catch {
      return false;
    }
  });
}
