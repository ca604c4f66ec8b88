import { createHash } from 'node:crypto';
import type { Filter } from '../sigma/read/filter.ts';
import { isUuid } from '../sigma/read/metadata.ts';
import type { Rule } from '../sigma/read/rule.ts';

/**
 * Names rules and filters by what they say and how that is read, wherever they came from: not by files, lines, comments, their
 * order or the door. sha256, its first 12 digits.
 */
export function digestOf(rules: readonly Rule[], filters: readonly Filter[], reading: string): string {
  const content = [rules, filters].map((each) => each.map(contentOf).toSorted());
  return createHash('sha256')
    .update(JSON.stringify([...content, reading]))
    .digest('hex')
    .slice(0, 12);
}

/** An id that stands in for a missing one has the name of its file in it. */
function contentOf({ file: _file, line: _line, id, ...said }: Rule | Filter): string {
  return JSON.stringify({ ...said, ...(isUuid(id) ? { id } : {}) });
}
