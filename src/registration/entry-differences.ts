import { isDeepStrictEqual } from 'node:util';
import { shortName } from './entry-name.ts';
import { withoutLayout } from './match-conditions.ts';
import { differingFields, type RegisteredWebhook } from './registered-webhook.ts';
import { NAMESPACE_NAME, type NamespaceSelector, type Webhook } from './webhook-configuration.ts';

/** A difference of a registered entry from the one that the replicas want. */
export interface EntryDifference {
  /** `guard` */
  readonly entry: string;
  /** Absent where the whole entry is missing, or wanted by no replica. */
  readonly field?: keyof RegisteredWebhook;
  /** `guard: timeoutSeconds is 10, wanted 3` */
  readonly text: string;
}

/** `caBundle` and the address are looked at by dialling them. */
const COMPARED = [
  'rules',
  'namespaceSelector',
  'objectSelector',
  'matchConditions',
  'failurePolicy',
  'matchPolicy',
  'sideEffects',
  'timeoutSeconds',
] as const satisfies readonly (keyof RegisteredWebhook)[];

/** The differences of our entries, as registered, from those that the replicas want by their settings and rules. */
export function entryDifferences(
  registered: readonly RegisteredWebhook[],
  wanted: readonly Webhook[],
): readonly EntryDifference[] {
  const unwanted = registered.filter(({ name }) => wanted.every((each) => each.name !== name));
  return [
    ...wanted.flatMap((should) => {
      const is = registered.find(({ name }) => name === should.name);
      return is === undefined ? [whole(should.name, 'missing')] : fieldDifferences(is, should);
    }),
    ...unwanted.map(({ name }) => whole(name, 'not an entry that the replicas want')),
  ];
}

function whole(name: string, what: string): EntryDifference {
  return { entry: shortName(name), text: `${shortName(name)}: ${what}` };
}

function fieldDifferences(is: RegisteredWebhook, should: Webhook): readonly EntryDifference[] {
  const entry = shortName(should.name);
  const differing = differingFields(withoutSpace(is), withoutSpace(should));
  const fields = COMPARED.filter(
    (field) =>
      differing.includes(field) &&
      !(field === 'namespaceSelector' && selectsMore(is.namespaceSelector, should.namespaceSelector)),
  );
  const [path, wantedPath] = [is.clientConfig.service?.path, should.clientConfig.service.path];
  return [
    ...(path === wantedPath
      ? []
      : [{ entry, field: 'clientConfig' as const, text: `${entry}: path is ${path}, wanted ${wantedPath}` }]),
    ...fields.map((field) => ({ entry, field, text: `${entry}: ${textOf(field, is, should)}` })),
  ];
}

function textOf(field: (typeof COMPARED)[number], is: RegisteredWebhook, should: Webhook): string {
  const [there, wanted] = [is[field], (should as RegisteredWebhook)[field]];
  return [there, wanted].some((value) => typeof value === 'object')
    ? `${field} ${field.endsWith('s') ? 'differ' : 'differs'}`
    : `${field} is ${String(there)}, wanted ${String(wanted)}`;
}

function withoutSpace<T extends RegisteredWebhook>(entry: T): T {
  const { matchConditions } = entry;
  if (matchConditions === undefined) return entry;
  const bare = matchConditions.map(({ name, expression }) => ({
    name,
    expression: withoutLayout(expression),
  }));
  return { ...entry, matchConditions: bare };
}

/** An operator may have an entry called for more namespaces than those that are wanted by name. */
function selectsMore(is: NamespaceSelector | undefined, should: NamespaceSelector): boolean {
  const [names, wanted] = [namesIn(is), namesIn(should)];
  return names !== undefined && wanted !== undefined && wanted.every((name) => names.includes(name));
}

/** The namespaces of a selector that selects by name alone. */
function namesIn({ matchExpressions = [], ...others }: NamespaceSelector = {}):
  readonly string[] | undefined {
  const [expression, ...more] = matchExpressions;
  const isByName = expression?.key === NAMESPACE_NAME && expression.operator === 'In';
  return isByName && more.length === 0 && isDeepStrictEqual(others, {}) ? expression.values : undefined;
}
