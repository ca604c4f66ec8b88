import { createHash } from 'node:crypto';
import { NODES } from '../../kubernetes/identities.ts';
import type { Principal } from './principals.ts';

/** What to put on the allowlist for a principal, or why nothing. */
export type Suggestion =
  | { readonly kind: 'filter'; readonly principal: Principal; readonly filter: SuggestedFilter }
  | { readonly kind: 'refused'; readonly principal: Principal; readonly why: string };

/** A Sigma filter document, as it is written. */
export interface SuggestedFilter {
  readonly title: string;
  readonly id: string;
  readonly description: string;
  readonly expires?: string;
  readonly logsource: { readonly product: 'kubernetes'; readonly service: 'audit' };
  readonly filter: {
    readonly rules: readonly string[];
    readonly selection: Readonly<Record<string, string | readonly string[]>>;
    readonly condition: 'not selection';
  };
}

const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;

/** More exact names than this are no list that a person checks. */
const MAX_NAMES = 5;
/** A common beginning shorter than this is an accident. */
const MIN_PREFIX = 4;

/** The most specific first: by what a filter asks, then by how much it would have accepted. What is refused comes last. */
export function suggestionsFor(principals: readonly Principal[], expires?: string): readonly Suggestion[] {
  const suggestions = principals.map((principal) => suggestionFor(principal, expires));
  return suggestions.toSorted(
    (a, b) =>
      specificity(b) - specificity(a) ||
      b.principal.requests - a.principal.requests ||
      (a.principal.username < b.principal.username ? -1 : 1),
  );
}

function suggestionFor(principal: Principal, expires: string | undefined): Suggestion {
  const why = whyNot(principal);
  if (why !== undefined) return { kind: 'refused', principal, why };
  return { kind: 'filter', principal, filter: filterFor(principal, expires) };
}

/**
 * Why no filter is suggested for a user: its name is not known to the letter, many people hold its credential, or its
 * identity was not shown in full. A filter would have to accept other users too.
 */
function whyNot({ username, groups, hasUid, names, hasMoreNames }: Principal): string | undefined {
  if (username === '') return 'the records do not name the user';
  if (/[\ufffd…]/.test(username)) return 'the records do not have the name to the letter';
  if (username === 'system:anonymous' || groups.has('system:unauthenticated'))
    return 'any client without credentials is that user';
  if (username.startsWith(NODES.usernamePrefix))
    return "a filter for nodes would need a wildcard; kubelets' mirror pods are accepted already, and a node makes no other";
  if (SERVICE_ACCOUNT.test(username)) {
    if (!hasUid)
      return 'a request came without its uid: a client impersonated the ServiceAccount, and a filter would accept that client too';
    return isController(username)
      ? 'the filters have it: what they did not accept came with a token bound to a pod, or to another namespace'
      : undefined;
  }
  const isShared = groups.has('system:masters') || groups.has('kubeadm:cluster-admins');
  if (hasMoreNames || names.size > MAX_NAMES)
    return isShared
      ? 'it is an administrator (system:masters or alike) and made things of many names: a filter would accept whatever an administrator makes'
      : 'it may be a person, and made things of many names: a filter would accept whatever that person makes';
  return names.has('')
    ? 'it may be a person, and the records do not say what the things made are called'
    : undefined;
}

function isController(username: string): boolean {
  return /^system:serviceaccount:kube-system:(daemon-set|replicaset|replication|job|statefulset)-controller$/.test(
    username,
  );
}

function filterFor(principal: Principal, expires: string | undefined): SuggestedFilter {
  const { username, namespaces, resources, rules } = principal;
  const [, namespace] = SERVICE_ACCOUNT.exec(username) ?? [];
  const exact = (texts: ReadonlySet<string>) => {
    const [first = '', ...more] = [...texts].toSorted().map(literal);
    return more.length === 0 ? first : [first, ...more];
  };
  const selection = {
    'user.username|cased': literal(username),
    ...(namespace === undefined
      ? {}
      : {
          'user.groups|cased': `system:serviceaccounts:${namespace}`,
          // Impersonation names a user, not its uid.
          'user.uid': '?*',
        }),
    ...resourceIn(resources),
    ...(namespaces.has('') ? {} : { 'objectRef.namespace|cased': exact(namespaces) }),
    ...namesIn(principal, exact),
  };
  const filter = { rules: [...rules.keys()].toSorted(), selection, condition: 'not selection' as const };
  return {
    title: `Suggested for ${username}`,
    id: idOf(filter),
    description: 'Accepts what these rules matched of this user, as far as the records showed it.',
    logsource: { product: 'kubernetes', service: 'audit' },
    ...(expires === undefined ? {} : { expires }),
    filter,
  };
}

/** Only where it is one: rules are about little more than that already. */
function resourceIn(resources: ReadonlySet<string>): Readonly<Record<string, string>> {
  const [only = '', ...others] = resources;
  if (others.length > 0 || only === '') return {};
  const [resource = '', subresource] = only.split('/').map(literal);
  return {
    'objectRef.resource': resource,
    ...(subresource === undefined ? {} : { 'objectRef.subresource': subresource }),
  };
}

function namesIn(
  { names, hasMoreNames }: Principal,
  exact: (texts: ReadonlySet<string>) => string | readonly string[],
): Readonly<Record<string, string | readonly string[]>> {
  if (names.has('')) return {};
  if (!hasMoreNames && names.size <= MAX_NAMES) return { 'objectRef.name|cased': exact(names) };
  const prefix = commonPrefix([...names]);
  return prefix.length < MIN_PREFIX || hasMoreNames
    ? {}
    : { 'objectRef.name|startswith|cased': literal(prefix) };
}

/** Up to a dash, as names of what is made in numbers are built. */
function commonPrefix(names: readonly string[]): string {
  const [first = '', ...others] = names;
  let length = first.length;
  for (const name of others) while (!name.startsWith(first.slice(0, length))) length--;
  return first.slice(0, first.lastIndexOf('-', length - 1) + 1);
}

/** Sigma's wildcards and its escape, as the characters they are. */
function literal(text: string): string {
  return text.replace(/[\\*?]/g, '\\$&');
}

/** The same filter has the same id (a UUID of version 8: made from its content). */
function idOf(filter: SuggestedFilter['filter']): string {
  const hex = createHash('sha256').update(JSON.stringify(filter)).digest('hex');
  const variant = ((parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}

/** Exact names before a common beginning, that before none; what is refused last. */
function specificity(suggestion: Suggestion): number {
  if (suggestion.kind === 'refused') return -1;
  const { selection } = suggestion.filter.filter;
  const byName = Object.hasOwn(selection, 'objectRef.name|cased')
    ? 8
    : Object.hasOwn(selection, 'objectRef.name|startswith|cased')
      ? 4
      : 0;
  return byName + (Object.hasOwn(selection, 'objectRef.namespace|cased') ? 2 : 0);
}
