import { printable, shorten } from '../io/text.ts';
import type { AuditEvent } from '../kubernetes/audit-event.ts';
import { itemsOf } from '../sigma/match/partial-evaluation.ts';
import type { LoadedRule } from './ruleset.ts';

/** What rules ask of provenance, and what to say of it: the rule's own question is answered first. */
const ASKED = ['provenance.owner.', 'provenance.imitates', 'provenance.evidence'];

/**
 * What was found out of who made a pod, for a match of a rule that asks for it: lines of at most `limit` characters, such as
 * `It imitates DaemonSet kube-proxy: name kube-proxy-bv61v has a suffix no controller generates`. Of the evidence as much as
 * fits.
 */
export function provenanceRemarks(
  { tree }: Pick<LoadedRule, 'tree'>,
  { provenance = {} }: AuditEvent,
  limit: number,
): readonly string[] {
  const paths = itemsOf(tree).flatMap((item) => item.paths);
  const first = ASKED.find((asked) => paths.some((path) => path.startsWith(asked)));
  if (first === undefined) return [];
  const remarks = [ownerRemark(provenance['owner']), imitationRemark(provenance, limit)];
  const ordered = first === 'provenance.owner.' ? remarks : remarks.toReversed();
  return ordered.flatMap((remark) => (remark === undefined ? [] : [shorten(printable(remark), limit)]));
}

function ownerRemark(owner: unknown): string | undefined {
  if (typeof owner !== 'object' || owner === null || !('problem' in owner)) return undefined;
  return typeof owner.problem === 'string' ? `Its owner is not verified: ${owner.problem}` : undefined;
}

function imitationRemark({ imitates, evidence }: Readonly<Record<string, unknown>>, limit: number) {
  if (typeof imitates !== 'string') return undefined;
  const [first, ...others] = Array.isArray(evidence)
    ? evidence.filter((each) => typeof each === 'string')
    : [];
  let remark = `It imitates ${imitates}${first === undefined ? '' : `: ${first}`}`;
  for (const other of others) {
    if (remark.length + other.length + 2 > limit) break;
    remark += `; ${other}`;
  }
  return remark;
}
