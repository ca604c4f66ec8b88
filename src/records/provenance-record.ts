import { withoutUndefined } from '../io/without-undefined.ts';
import { printable, shorten } from '../io/text.ts';
import { asObject } from '../kubernetes/as-object.ts';
import { UNKNOWN } from '../sigma/match/fields.ts';

/** What was found out of who made the object, by the names that rules have for it; `unknown` where it cannot be said. */
export interface ProvenanceRecord {
  readonly creator?: string;
  readonly owner?: {
    readonly verified: boolean | 'unknown';
    readonly problem?: string;
    readonly imagesMatch?: boolean | 'unknown';
  };
  readonly imitates?: string;
  readonly evidence?: readonly string[];
}

const MAX_TEXT = 256;

/** Undefined where nothing is known, as of a log. */
export function provenanceRecord(
  fields: Readonly<Record<string, unknown>> | undefined,
): ProvenanceRecord | undefined {
  const { creator, owner, imitates, evidence } = fields ?? {};
  const { verified, problem, imagesMatch } = asObject(owner) ?? {};
  if ([creator, verified, imitates].every((value) => value === undefined || value === UNKNOWN))
    return undefined;
  const texts = Array.isArray(evidence) ? evidence.flatMap((each) => text(each) ?? []) : undefined;
  const isVerified = truth(verified);
  const rest = withoutUndefined({ problem: text(problem), imagesMatch: truth(imagesMatch) });
  return withoutUndefined({
    creator: text(creator),
    owner: isVerified === undefined ? undefined : { verified: isVerified, ...rest },
    imitates: text(imitates),
    evidence: texts,
  });
}

function truth(value: unknown): boolean | 'unknown' | undefined {
  return value === UNKNOWN ? 'unknown' : typeof value === 'boolean' ? value : undefined;
}

function text(value: unknown): string | undefined {
  if (value === UNKNOWN) return 'unknown';
  return typeof value === 'string' ? printable(shorten(value, MAX_TEXT)) : undefined;
}
