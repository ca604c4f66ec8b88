import type { Matches } from '../sigma/match/compile.ts';
import { quote } from '../sigma/match/describe-value.ts';
import { itemsOf, requiredValues } from '../sigma/match/partial-evaluation.ts';
import type { Tree } from '../sigma/match/tree.ts';
import type { Problem } from '../sigma/read/errors.ts';
import type { Filter } from '../sigma/read/filter.ts';

type Conditions = readonly { readonly tree: Tree }[];

interface AskedFilter {
  readonly filter: Filter;
  readonly matches: Matches;
}

interface FilteredRule {
  readonly title: string;
  readonly loadedConditions: Conditions;
  readonly filters: readonly AskedFilter[];
  readonly filtersByUser: readonly AskedFilter[];
}

/** Each filter that accepts a request of any user, a warning: the rule is loaded, and says nothing. */
export function filtersForAnybody(rules: readonly FilteredRule[]): readonly Problem[] {
  const disarmed = new Map<Filter, string[]>();
  for (const { title, loadedConditions, filters, filtersByUser } of rules) {
    for (const { filter, matches } of [...filters, ...filtersByUser]) {
      if (acceptsAnybody(matches, loadedConditions))
        disarmed.set(filter, [...(disarmed.get(filter) ?? []), title]);
    }
  }
  return [...disarmed].map(([filter, titles]) => {
    const [first = '', ...others] = titles;
    const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
    return {
      code: 'filter-accepts-anybody',
      severity: 'warning',
      file: filter.file,
      line: filter.line,
      path: 'filter',
      message: `filter ${quote(filter.title)} accepts a request of any user: rule ${quote(first)}${more} never warns of one, nor denies it; expected a filter that names its users`,
    };
  });
}

/** Whether a filter accepts a request by nobody, of nothing but what one of the conditions of its rule requires. */
export function acceptsAnybody(matches: Matches, conditions: Conditions): boolean {
  return conditions.some(({ tree }) => requestsByNobody(tree).some((request) => matches(request) === false));
}

/** A user who may be anyone: one without credentials and without groups, and one of each group that says no more of its users. */
const NOBODY = [
  { username: 'system:anonymous' },
  { username: 'system:anonymous', groups: ['system:unauthenticated'] },
  { username: '', groups: ['system:authenticated'] },
];

/** More values of one field are not asked about. */
const MAX_VALUES = 100;

/** By condition: each filter for its rule is asked about the same requests. */
const REQUESTS = new WeakMap<Tree, readonly object[]>();

/** Requests by nobody that have one of the values a condition requires of each field, each value once, and nothing else. */
function requestsByNobody(tree: Tree): readonly object[] {
  const known = REQUESTS.get(tree);
  if (known !== undefined) return known;
  const paths = new Set(itemsOf(tree).flatMap((item) => item.paths));
  const required = [...paths]
    .filter((path) => path !== 'user' && !path.startsWith('user.'))
    .map((path) => [path, [...(requiredValues(tree, path) ?? [])].slice(0, MAX_VALUES)] as const)
    .filter(([, values]) => values.length > 0);
  const rounds = Math.max(1, ...required.map(([, values]) => values.length));
  const requests = Array.from({ length: rounds }, (_, round) => {
    // A path is read as a key with dots in it, too.
    const fields = required.map(([path, values]) => [path, values[round % values.length]]);
    return NOBODY.map((user) => ({ verb: 'create', ...Object.fromEntries(fields), user }));
  }).flat();
  REQUESTS.set(tree, requests);
  return requests;
}
