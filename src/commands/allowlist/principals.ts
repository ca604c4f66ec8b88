import { printable } from '../../io/text.ts';
import { asObject } from '../../kubernetes/as-object.ts';
import type { Record } from './read-records.ts';

/** A user whose requests a rule matched and no filter accepted, gathered from records. */
export interface Principal {
  readonly username: string;
  readonly groups: ReadonlySet<string>;
  /** Whether every request had a uid. */
  readonly hasUid: boolean;
  readonly requests: number;
  readonly first: string;
  readonly last: string;
  /** Titles of the rules that matched, by id. */
  readonly rules: ReadonlyMap<string, string>;
  readonly resources: ReadonlySet<string>;
  /** `''` for objects without a namespace. */
  readonly namespaces: ReadonlySet<string>;
  /** The first MAX_NAMES names of objects. */
  readonly names: ReadonlySet<string>;
  readonly hasMoreNames: boolean;
  /** `kube-system/kube-proxy-bv61v`, the first few. */
  readonly examples: ReadonlySet<string>;
}

export interface Counts {
  records: number;
  /** Records with a user and a match that no filter accepted. */
  unfiltered: number;
  /** Records of scan: an object does not name the user that made it. */
  withoutUser: number;
  /** Records of principals beyond MAX_PRINCIPALS. */
  principalsLeftOut: number;
  /** Values that are no record, such as other lines of a log. */
  others: number;
}

/** A client may use any number of names. */
const MAX_PRINCIPALS = 1000;
const MAX_NAMES = 100;
const MAX_EXAMPLES = 5;

type Writable<T> = { -readonly [Key in keyof T]: Filled<T[Key]> };
type Filled<T> =
  T extends ReadonlyMap<infer K, infer V> ? Map<K, V> : T extends ReadonlySet<infer M> ? Set<M> : T;

/** Gathers principals from records of any door. */
export function createPrincipals() {
  const byName = new Map<string, Writable<Principal>>();
  const counts: Counts = { records: 0, unfiltered: 0, withoutUser: 0, principalsLeftOut: 0, others: 0 };

  /** A record, and those of its matches that no filter accepts. */
  function add(record: Record, matches: readonly Record[]): void {
    counts.records++;
    if (matches.length === 0) return;
    const user = asObject(record['user']);
    if (user === undefined) {
      counts.withoutUser++;
      return;
    }
    counts.unfiltered++;
    const principal = principalOf(textOf(user['username']));
    if (principal === undefined) counts.principalsLeftOut++;
    else note(principal, record, user, matches);
  }

  function principalOf(username: string): Writable<Principal> | undefined {
    const known = byName.get(username);
    if (known !== undefined || byName.size >= MAX_PRINCIPALS) return known;
    const principal = {
      username,
      groups: new Set<string>(),
      hasUid: true,
      requests: 0,
      first: '',
      last: '',
      rules: new Map<string, string>(),
      resources: new Set<string>(),
      namespaces: new Set<string>(),
      names: new Set<string>(),
      hasMoreNames: false,
      examples: new Set<string>(),
    };
    byName.set(username, principal);
    return principal;
  }

  return {
    counts,
    add,
    all: (): readonly Principal[] => [...byName.values()],
  };
}

function note(
  principal: Writable<Principal>,
  record: Record,
  user: Record,
  matches: readonly Record[],
): void {
  const [time, namespace, name, resource, subresource] = [
    ...['time', 'namespace', 'name', 'resource', 'subresource'].map((key) => textOf(record[key])),
  ] as [string, string, string, string, string];
  principal.requests++;
  if (time !== '' && (principal.first === '' || time < principal.first)) principal.first = time;
  if (time > principal.last) principal.last = time;
  if (textOf(user['uid']) === '') principal.hasUid = false;
  if (Array.isArray(user['groups']))
    for (const group of user['groups']) if (typeof group === 'string') principal.groups.add(group);
  for (const match of matches) {
    const id = textOf(match['id']);
    if (id !== '') principal.rules.set(id, textOf(match['title']));
  }
  principal.namespaces.add(namespace);
  principal.resources.add(subresource === '' ? resource : `${resource}/${subresource}`);
  if (principal.names.size < MAX_NAMES) principal.names.add(name);
  else if (!principal.names.has(name)) principal.hasMoreNames = true;
  if (principal.examples.size < MAX_EXAMPLES)
    principal.examples.add(`${namespace === '' ? '' : `${namespace}/`}${name}`);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? printable(value) : '';
}
