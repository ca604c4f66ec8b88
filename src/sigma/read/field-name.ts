import { quote } from '../match/describe-value.ts';

/** A step into an array as other tools write it: `[]`, `[*]`, `[0]`, `["a key"]`. */
const BRACKETS = /\[(?:"([^"]*)"|'([^']*)'|[^[\]]*)\]/g;

/** A number between dots: an array's index, which Sigma has not, or a key made of digits. */
const ANY_INDEX = /\.\d+(?=\.|$)/g;

/** Fields of audit events and objects that are lists; a number behind one is no key. */
const LISTS =
  'containers initContainers ephemeralContainers volumes volumeMounts env envFrom args command ports ownerReferences finalizers managedFields groups sourceIPs rules verbs resources apiGroups resourceNames nonResourceURLs subjects tolerations imagePullSecrets add drop items'.split(
    ' ',
  );

/** A key may itself hold dots, so a path is read in as many ways as it has pairs of parts. The longest in use has ten. */
const MAX_PARTS = 64;

/**
 * What is wrong with a field's name, and the standard spelling; undefined if nothing is. Such a name would be read as a key
 * that no event has, and the rule would be silent for ever.
 */
export function fieldNameProblem(field: string): string | undefined {
  const unbracketed = field.replaceAll(BRACKETS, (_, double?: string, single?: string) => {
    const key = double ?? single;
    return key === undefined ? '' : `.${key}`;
  });
  const written = unbracketed.split('.');
  // Where one step into an array is written, any number is another.
  const isIndex = (part: string, position: number) =>
    /^\d+$/.test(part) &&
    position > 0 &&
    (unbracketed !== field || LISTS.includes(written[position - 1] ?? ''));
  const standard = written.filter((part, position) => !isIndex(part, position)).join('.');
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

/** What is doubtful in a field's name that may be right; undefined if nothing is. */
export function fieldNameDoubt(field: string): string | undefined {
  return field.search(ANY_INDEX) >= 0
    ? `${quote(field)} names a key made of digits; an index is not standard Sigma: a path that meets a list asks every member`
    : undefined;
}
