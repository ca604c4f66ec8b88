import { KINDS } from '../../kubernetes/objects.ts';
import { requestKindsOf, type RequestKind } from '../../policy/needs.ts';
import { mapToEvent } from '../../policy/event-fields.ts';
import { loadRuleset } from '../../policy/load-rules.ts';
import { activeRules, asksUnseenUser, type Ruleset, type RulesetOptions } from '../../policy/ruleset.ts';
import { isExpired, type Filter } from '../../sigma/read/filter.ts';
import type { ParsedSigma } from '../../sigma/read/load.ts';
import { isJudged, SCANNED_KINDS } from './scanned-object.ts';

/** The rules as scan asks them. */
export interface ScanRules {
  readonly ruleset: Ruleset;
  /** Filters that accept users. No object names its user, so that they are asked only about the users an owner shows (possible-creators.ts). */
  readonly byUser: readonly Filter[];
  /** Where the rules look; undefined: everywhere. */
  readonly namespaces: readonly string[] | undefined;
}

/** Loads the rules for objects, or throws a SigmaError with all that is wrong. */
export function loadScanRules(parsed: ParsedSigma, options: Omit<RulesetOptions, 'door'>): ScanRules {
  const ruleset = loadRuleset(parsed, { ...options, door: 'scan' });
  const byUser = ruleset.filters.filter(
    (filter) =>
      !isExpired(filter, Date.now) &&
      asksUnseenUser({ tree: mapToEvent(filter.condition.tree, 'scan') }, 'scan'),
  );
  return { ruleset, byUser, namespaces: namespacesOf(ruleset) };
}

/** Of what the rules ask of objects that scan judges, as they are created. */
function namespacesOf(ruleset: Ruleset): readonly string[] | undefined {
  const asked = activeRules(ruleset)
    .flatMap(({ tree }) => requestKindsOf(tree))
    .filter(isOfObjects)
    .map(({ namespaces }) => namespaces);
  return asked.includes(undefined) ? undefined : [...new Set(asked.flatMap((each) => each ?? []))];
}

function isOfObjects({ verbs, resource, subresource = '' }: RequestKind): boolean {
  const isAboutOurs = SCANNED_KINDS.some((kind) => isJudged(kind) && KINDS[kind].resource === resource);
  return subresource === '' && (resource === undefined || isAboutOurs) && (verbs?.includes('create') ?? true);
}
