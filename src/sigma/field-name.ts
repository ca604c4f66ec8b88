import { quote } from './describe-value.ts';

/** A step into an array as other tools write it: `[]`, `[*]`, `[0]`, `["a key"]`. */
const BRACKETS = /\[(?:"([^"]*)"|'([^']*)'|[^[\]]*)\]/g;

/** An array's index between dots. Sigma has none: a path that meets an array asks every member of it. */
const INDEX = /\.\d+(?=\.|$)/g;

/** A key may itself hold dots, so a path is read in as many ways as it has pairs of parts. The longest in use has ten. */
const MAX_PARTS = 64;

/**
 * What is wrong with a field's name, and the standard spelling; undefined if nothing is. Such a name would be read as a key
 * that no event has, and the rule would be silent for ever.
 */
export function fieldNameProblem(field: string): string | undefined {
  const standard = field
    .replaceAll(BRACKETS, (_, double?: string, single?: string) => {
      const key = double ?? single;
      return key === undefined ? '' : `.${key}`;
    })
    .replaceAll(INDEX, '');
  if (standard !== field) {
    return `${quote(field)} is not standard Sigma; expected ${quote(standard.replace(/^\./, ''))}: a path that meets a list asks every member`;
  }
  if (field.trim() !== field) {
    return `${quote(field)} begins or ends with a space; expected ${quote(field.trim())}`;
  }
  const parts = field.split('.');
  if (parts.includes('')) return `${quote(field)} has an empty part; expected names between dots`;
  if (parts.length > MAX_PARTS) {
    return `${quote(field)} has ${parts.length} parts; expected at most ${MAX_PARTS}`;
  }
  return undefined;
}
