import { shorten } from '../io/text.ts';
import type { WorkloadKind } from './object-index.ts';

/**
 * How pods get their names (Kubernetes 1.36: apiserver storage/names/generate.go, controller_utils.go getPodsPrefix,
 * indexed_job_utils.go, stateful_set_utils.go, kubelet config/common.go).
 */

/** Of a generated name: the base is cut to this, so that five characters of suffix fit into a DNS label. */
const MAX_BASE = 58;
const SUFFIX_LENGTH = 5;

/** Without vowels, y, 0, 1 and 3, so that no words are made; since 1.8. */
const SUFFIX = /^[bcdfghjklmnpqrstvwxz2456789]{5}$/;

/** The longest name that the API server accepts, which it checks before admission. A prefix of this length loses its dash. */
export const MAX_NAME = 253;

/** What is wrong with the names of a pod, where its owner would have given it others. */
export function nameProblem(
  owner: { readonly kind: WorkloadKind; readonly name: string; readonly indexed?: boolean | undefined },
  pod: { readonly name: string; readonly generateName: string | undefined },
): string | undefined {
  const { name, generateName } = pod;
  const of = `${owner.kind} ${abbreviate(owner.name)}`;
  if (generateName === undefined) return `it has no generateName, which ${of} gives each of its pods`;
  if (!isPrefixOf(owner, generateName))
    return `generateName ${abbreviate(generateName)} is not one that ${of} gives`;
  if (owner.kind === 'StatefulSet') {
    return name.startsWith(`${owner.name}-`) && isOrdinal(name.slice(owner.name.length + 1))
      ? undefined
      : `name ${abbreviate(name)} is not one that ${of} gives`;
  }
  const base = generatedBase(generateName);
  if (!name.startsWith(base) || name.length !== base.length + SUFFIX_LENGTH)
    return `name ${abbreviate(name)} was not made from generateName ${abbreviate(generateName)}`;
  return SUFFIX.test(name.slice(base.length))
    ? undefined
    : `name ${abbreviate(name)} has a suffix no controller generates`;
}

/** What a generated name begins with. */
export function generatedBase(generateName: string): string {
  return generateName.slice(0, MAX_BASE);
}

/** What a workload's pods are generated from, an Indexed Job's excepted. */
export function podPrefix(owner: string): string {
  return owner.length < MAX_NAME ? `${owner}-` : owner;
}

export function isGeneratedSuffix(text: string): boolean {
  return SUFFIX.test(text);
}

/** An ordinal or index as Kubernetes writes one: without leading zeros. */
export function isOrdinal(text: string): boolean {
  return /^(0|[1-9]\d{0,9})$/.test(text);
}

/** A Job not seen may be either kind; what it is does not change while it lives. */
function isPrefixOf(
  { kind, name, indexed }: { kind: WorkloadKind; name: string; indexed?: boolean | undefined },
  generateName: string,
): boolean {
  const isPlain = generateName === podPrefix(name);
  if (kind !== 'Job' || indexed === false) return isPlain;
  return (indexed === undefined && isPlain) || isIndexedPrefix(name, generateName);
}

/** `<job>-<index>-`; of a long name, the Job's part is cut until the whole is short enough. */
function isIndexedPrefix(job: string, generateName: string): boolean {
  const [appended = '', index = ''] = /-(\d+)-$/.exec(generateName) ?? [];
  if (!isOrdinal(index)) return false;
  const whole = job + appended;
  const cut = whole.length > MAX_BASE ? whole.slice(0, MAX_BASE - appended.length) + appended : whole;
  return generateName === cut;
}

const MAX_SHOWN = 80;

/** A text of any length that a client chose, short enough for a reason. */
export function abbreviate(text: string): string {
  return shorten(text, MAX_SHOWN);
}
