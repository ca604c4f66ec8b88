import { didYouMean } from '../io/did-you-mean.ts';
import { FIELD_MAPPING } from '../kubernetes/field-mapping.ts';
import { EVENT, FROM_ADMISSION } from '../kubernetes/schema/audit-event.ts';
import { follow, isObject, textsOf, type FieldType, type Schema } from '../kubernetes/schema/schema.ts';
import { answeredTypes, sentTypes, type Requests } from '../kubernetes/sent-types.ts';
import { quote } from '../sigma/match/describe-value.ts';
import { canBe, itemsOf, partiallyEvaluate } from '../sigma/match/partial-evaluation.ts';
import type { DetectionItem, Predicate, Tree } from '../sigma/match/tree.ts';
import { formatPath, type Problem } from '../sigma/read/errors.ts';
import { mayHold } from './may-hold.ts';
import { requestKindsOf } from './needs.ts';
import { holdsOfAbsent } from './rule-class.ts';

interface CheckedFilter {
  readonly filter: { readonly file: string; readonly line: number };
  readonly tree: Tree;
}

interface CheckedRule {
  readonly file: string;
  readonly line: number;
  readonly loadedConditions: readonly { readonly tree: Tree }[];
  readonly filters: readonly CheckedFilter[];
  readonly filtersByUser: readonly CheckedFilter[];
}

/**
 * Fields that nothing has which a rule or filter can be asked about, and values that such a field never has. They are warnings: the
 * cluster may be of another version than the schema. A field is right if one kind that can be reached has it.
 */
export function fieldProblems(
  rules: readonly CheckedRule[],
  filters: readonly CheckedFilter[],
  schema: Schema,
): readonly Problem[] {
  return [
    ...rules.flatMap((rule) => {
      const trees = rule.loadedConditions.map(({ tree }) => tree);
      const { file, line } = rule;
      return problemsOf(
        { section: 'detection', what: 'the rule can match', file, line, trees, about: trees },
        schema,
      );
    }),
    ...filters.flatMap((loaded) => {
      const accepted: Tree = { kind: 'not', of: loaded.tree };
      const asking = rules.filter((rule) => [...rule.filters, ...rule.filtersByUser].includes(loaded));
      const about = asking.flatMap(({ loadedConditions }) =>
        loadedConditions.map(({ tree }): Tree => ({ kind: 'and', of: [tree, accepted] })),
      );
      const { file, line } = loaded.filter;
      const trees = [accepted];
      return problemsOf(
        {
          section: 'filter',
          what: 'the filter accepts',
          file,
          line,
          trees,
          about: about.length === 0 ? trees : about,
        },
        schema,
      );
    }),
  ];
}

interface Subject {
  readonly section: 'detection' | 'filter';
  readonly what: string;
  readonly file: string;
  readonly line: number;
  /** What must be true for the rule to match, or the filter to accept: any of them. */
  readonly trees: readonly Tree[];
  /** What it can be asked about: any of them. */
  readonly about: readonly Tree[];
}

/** What is wrong with an item. */
interface Finding {
  readonly code: string;
  readonly message: string;
}

function problemsOf(
  { section, what, file, line, trees, about }: Subject,
  schema: Schema,
): readonly Problem[] {
  const places = placesOf(about, schema);
  const findings = new Map<DetectionItem, readonly Finding[]>();
  for (const item of trees.flatMap(itemsOf)) {
    const wrong = findingsIn(item, places);
    if (wrong.length > 0) findings.set(item, wrong);
  }
  if (findings.size === 0) return [];
  const possible = trees.map((tree) => partiallyEvaluate(tree, (item) => truthIn(item, places)));
  const consequence = possible.some((tree) => canBe(true, tree)) ? '' : `; ${what} nothing`;
  const problems = trees
    .flatMap((tree) => namedItems(tree))
    .flatMap(({ name, item }) =>
      (findings.get(item) ?? []).map(({ code, message }): Problem => {
        const key = [item.field, ...item.modifiers].join('|');
        const path = formatPath([section, ...(name === undefined ? [] : [name]), key]);
        return { code, severity: 'warning', file, line, path, message: message + consequence };
      }),
    );
  // A search identifier stands in several conditions.
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}

/** Where the paths of a rule lead. */
interface Places {
  readonly schema: Schema;
  /** What stands at the path, and where it stops. Undefined where that is not known. */
  find(path: string): { readonly types: readonly FieldType[]; readonly problem: string } | undefined;
}

const OBJECTS = ['requestObject', 'responseObject'] as const;

function placesOf(about: readonly Tree[], schema: Schema): Places {
  let requests: readonly Requests[] | undefined;
  const typesOf = (object: (typeof OBJECTS)[number]) => {
    requests ??= about.flatMap(requestKindsOf);
    const all = requests.map((each) =>
      (object === 'requestObject' ? sentTypes : answeredTypes)(schema, each),
    );
    const known = all.filter((types) => types !== undefined);
    const types = [...new Set(known.flat())];
    return known.length < all.length || types.length === 0 ? undefined : types;
  };

  const found = new Map<string, ReturnType<Places['find']>>();
  function find(path: string) {
    const known = found.get(path);
    if (known !== undefined || found.has(path)) return known;
    const there = lookFor(path);
    found.set(path, there);
    return there;
  }

  function lookFor(path: string) {
    const [top = '', ...rest] = path.split('.');
    const object = OBJECTS.find((each) => each === top);
    const from = object === undefined ? [EVENT] : typesOf(object);
    if (from === undefined) return undefined;
    const below = object === undefined ? path : rest.join('.');
    const { types, deadEnds } = follow(schema.types, from, below);
    if (types.length > 0) return { types, problem: '' };
    const parts = below.split('.');
    const at = deadEnds[0]?.at ?? 0;
    const names = deadEnds.flatMap((deadEnd) => deadEnd.names);
    const isTop = object === undefined && at === 0;
    const of = isTop
      ? 'an audit event'
      : object === undefined
        ? formatPath(parts.slice(0, at))
        : kinds(from, requests ?? [], schema);
    const guess = isTop ? guessTop(parts, names) : didYouMean(parts[at] ?? '', names);
    return { types, problem: `field of ${of}${guess}` };
  }
  return { schema, find };
}

/** People know the names of an AdmissionReview, and the bare names of public rules. */
function guessTop(parts: readonly string[], names: readonly string[]): string {
  const name = (parts[0] === 'request' ? parts[1] : parts[0]) ?? '';
  return Object.hasOwn(FROM_ADMISSION, name)
    ? ` (did you mean ${FROM_ADMISSION[name]}?)`
    : didYouMean(name, [...names.filter((each) => each !== 'receivedAt'), ...Object.keys(FIELD_MAPPING)]);
}

const SHOWN_KINDS = 4;

/** `Pod or Secret`; `any kind in Kubernetes 1.37` where a rule names no resource. */
function kinds(types: readonly FieldType[], requests: readonly Requests[], { version }: Schema): string {
  if (requests.some(({ resource }) => resource === undefined)) return `any kind in Kubernetes ${version}`;
  const named = types.filter((type) => typeof type === 'string').map((type) => type.split('.').at(-1) ?? '');
  const all = [...new Set(named)];
  const own = all.filter((kind) => kind !== 'DeleteOptions' && kind !== 'Status');
  const shown = own.length === 0 ? all : own;
  if (shown.length > SHOWN_KINDS) return `any of ${shown.length} kinds`;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}`;
}

/** False where nothing that can be reached satisfies the item; true where everything does. */
function truthIn({ paths, predicates }: DetectionItem, { schema, find }: Places): boolean | undefined {
  const found = paths.map(find);
  if (paths.length === 0 || found.includes(undefined)) return undefined;
  const types = found.flatMap((each) => each?.types ?? []);
  if (types.length === 0) return predicates.some(holdsOfAbsent);
  return predicates.some(holdsOfAbsent) || mayHold(schema.types, types, predicates) ? undefined : false;
}

function findingsIn(item: DetectionItem, places: Places): readonly Finding[] {
  const { schema, find } = places;
  const others = item.predicates.flatMap((predicate) => (predicate.kind === 'fieldref' ? [predicate] : []));
  const named = [item, ...others].flatMap(({ field, paths }) =>
    unknownField(field, paths, places, field !== item.field),
  );
  if (named.length > 0 || item.paths.length === 0) return named;
  const types: FieldType[] = [];
  for (const path of item.paths) {
    const found = find(path);
    if (found === undefined) return [];
    types.push(...found.types);
  }
  const wrong = item.predicates.filter((predicate) => !mayHold(schema.types, types, [predicate]));
  if (wrong.length === 0) return [];
  if (!types.every((type) => isObject(schema.types, type)))
    return [{ code: 'impossible-value', message: describeValues(item, types, wrong) }];
  const message = 'is an object, which no value matches; expected the path of a field in it, or "exists"';
  return [{ code: 'map-as-value', message }];
}

function unknownField(
  field: string | undefined,
  paths: readonly string[],
  { find }: Places,
  isReferredTo: boolean,
): readonly Finding[] {
  const found = paths.map(find);
  const [first] = found;
  if (first === undefined || found.some((each) => each === undefined || each.types.length > 0)) return [];
  const isAsWritten = !isReferredTo && paths[0] === field;
  const message = isAsWritten
    ? `no such ${first.problem}`
    : `${paths.map((path) => formatPath([path])).join(' or ')} is no ${first.problem}`;
  return [{ code: 'unknown-field', message }];
}

const SHOWN_VALUES = 8;

/** What no event has of what a list names, and what was expected. */
function describeValues(
  { paths }: DetectionItem,
  types: readonly FieldType[],
  wrong: readonly Predicate[],
): string {
  const texts = wrong.map(describePredicate);
  const shown = someOf(texts);
  if (types.every((type) => type === 'segment')) {
    const [path = ''] = paths;
    const [resource = '', subresource] = (wrong.length === 1 ? textOf(wrong[0]) : '').split('/');
    const isPair = path === 'objectRef.resource' && subresource !== undefined && resource !== '';
    const expected = isPair
      ? `; expected ${quote(resource)}, and ${quote(subresource)} in objectRef.subresource`
      : '';
    return `${shown} has a slash, which no ${path} has${expected}`;
  }
  const closed = [...new Set(types.flatMap((type) => textsOf(type) ?? []))].filter((text) => text !== '');
  const guess = wrong.length === 1 ? didYouMean(textOf(wrong[0]), closed) : '';
  return `no event has ${shown}${guess === '' ? `; expected ${expectedOf(types, closed)}` : guess}`;
}

function expectedOf(types: readonly FieldType[], closed: readonly string[]): string {
  const ways = [
    ...(types.includes('boolean') ? ['true or false'] : []),
    ...(types.includes('integer') ? ['an integer'] : []),
    ...(types.includes('number') ? ['a number'] : []),
    ...(closed.length === 0 ? [] : [someOf(closed)]),
  ];
  return ways.join(', or ');
}

function someOf(texts: readonly string[]): string {
  return [...texts.slice(0, SHOWN_VALUES), ...(texts.length > SHOWN_VALUES ? ['…'] : [])].join(', ');
}

function textOf(predicate: Predicate | undefined): string {
  if (predicate?.kind !== 'string') return '';
  return predicate.pattern.map((part) => (typeof part === 'string' ? part : part.wildcard)).join('');
}

function describePredicate(predicate: Predicate): string {
  switch (predicate.kind) {
    case 'string':
      return quote(textOf(predicate));
    case 'number':
    case 'boolean':
      return String(predicate.value);
    case 'regex':
      return quote(predicate.source);
    case 'cidr':
      return quote(predicate.network);
    default:
      return `a value for ${quote(predicate.kind)}`;
  }
}

/** Every item with the search identifier that it stands in. */
function namedItems(
  tree: Tree,
  name?: string,
): readonly { readonly name?: string | undefined; readonly item: DetectionItem }[] {
  switch (tree.kind) {
    case 'constant':
      return [];
    case 'item':
      return [{ name, item: tree.item }];
    case 'identifier':
      return namedItems(tree.of, tree.name);
    case 'not':
      return namedItems(tree.of, name);
    case 'and':
    case 'or':
      return tree.of.flatMap((each) => namedItems(each, name));
  }
}
