import fc from 'fast-check';
import type { AdmissionRequest } from '../../../src/kubernetes/admission-review.ts';
import { rule } from '../../policy/rulesets.ts';

/** A field that some requests for a resource have, and a value of it. */
interface Leaf {
  readonly field: string;
  readonly value: unknown;
}

/** Rules about the fields and values that these requests have, as texts. The same requests always give the same rules. */
export function generatedRules(requests: readonly AdmissionRequest[], count: number): readonly string[] {
  const byResource = Map.groupBy(requests, ({ requestResource }) => requestResource.resource);
  const leaves = [...byResource]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([resource, about]) => [resource, distinct(about.flatMap(leavesOf))] as const);
  const pick = (isFull: boolean) => leaves.filter(([resource]) => FULL.includes(resource) === isFull);
  const arbitrary = fc
    .oneof(
      { weight: 3, arbitrary: fc.constantFrom(...pick(true)) },
      { weight: 2, arbitrary: fc.constantFrom(...pick(false)) },
    )
    .chain(([resource, fields]) =>
      fc.tuple(fc.constant(resource), envelope, items(fields), items(fields), fc.constantFrom(...CONDITIONS)),
    );
  return fc
    .sample(arbitrary, { seed: 4, numRuns: count })
    .map(([resource, about, one, other, condition], at) =>
      rule(at, { about: { 'objectRef.resource': resource, ...about }, one, other, condition }),
    );
}

/** The resources whose objects have the most to ask for. */
const FULL = ['pods', 'widgets'];

const CONDITIONS = [
  'about and one',
  'about and one and other',
  'about and (one or other)',
  'about and not one',
  'about and one and not other',
  'about and not (one and other)',
  'about and (one or not other)',
];

const envelope = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  {
    weight: 4,
    arbitrary: fc.constantFrom<object>(
      { verb: 'create' },
      { verb: ['create', 'patch'] },
      { verb: ['update', 'patch'] },
      { verb: 'delete' },
      { verb: ['delete', 'deletecollection'] },
      { 'objectRef.subresource': null },
      { 'objectRef.subresource|exists': true },
      { 'objectRef.subresource': ['exec', 'attach', 'ephemeralcontainers', 'token'] },
      { 'objectRef.namespace|startswith': 'AP' },
      { 'objectRef.name|exists': false },
      { 'objectRef.apiGroup': null },
      { 'user.username': 'System:Anonymous' },
      { 'user.groups|contains': 'SERVICEACCOUNTS' },
      { 'user.uid|exists': false },
      { 'user.extra.authentication.kubernetes.io/pod-name': '*' },
    ),
  },
);

/** One to three items, all of which hold together. */
function items(leaves: readonly Leaf[]): fc.Arbitrary<object> {
  const item = fc
    .tuple(fc.constantFrom(...leaves), fc.constantFrom(...leaves), fc.nat(), fc.nat())
    .map(([leaf, other, how, at]) => itemOf(leaf, other, how, at));
  return fc.array(item, { minLength: 1, maxLength: 3 }).map((all) => Object.assign({}, ...all) as object);
}

function itemOf({ field, value }: Leaf, other: Leaf, how: number, at: number): object {
  const ways = [
    ...ofAny(field, value),
    ...(typeof value === 'string' ? ofText(field, value, other, at) : []),
  ];
  return ways[how % ways.length] ?? {};
}

function ofAny(field: string, value: unknown): readonly object[] {
  const number = Number(value);
  const isNumber =
    (typeof value === 'number' || typeof value === 'string') &&
    value !== '' &&
    Math.abs(number) <= Number.MAX_SAFE_INTEGER;
  return [
    { [field]: null },
    { [`${field}|exists`]: true },
    { [`${field}|exists`]: false },
    { [`${field}|re`]: '.' },
    { [field]: '*' },
    ...(typeof value === 'boolean'
      ? [{ [field]: value }, { [field]: String(value) }, { [field]: !value }]
      : []),
    ...(isNumber
      ? [
          { [field]: number },
          { [field]: String(value) },
          { [`${field}|gte`]: number },
          { [`${field}|lt`]: number + 0.5 },
          { [`${field}|gt`]: number },
        ]
      : []),
  ];
}

function ofText(field: string, text: string, other: Leaf, at: number): readonly object[] {
  const whole = plain(text);
  const [from, to] = [Math.floor(text.length / 4), Math.ceil((text.length * 3) / 4)];
  const wild = `${plain(text.slice(0, from))}*${plain(text.slice(to))}`;
  const part = plain(text.slice(from, to));
  const expression = text.slice(0, 40).replaceAll(/[^\p{L}\p{N} ]/gu, '.');
  const values = [whole, plain(flipped(text)), typeof other.value === 'string' ? plain(other.value) : 'else'];
  return [
    { [field]: whole },
    { [field]: plain(flipped(text)) },
    { [`${field}|cased`]: whole },
    { [`${field}|cased`]: plain(flipped(text)) },
    { [`${field}|contains`]: part },
    { [`${field}|contains|cased`]: part },
    { [`${field}|startswith`]: plain(flipped(text.slice(0, from + 1))) },
    { [`${field}|endswith`]: plain(flipped(text.slice(to - 1))) },
    { [field]: wild },
    { [field]: `${plain(text.slice(0, from))}?${plain(text.slice(from + 1))}` },
    { [field]: values },
    { [`${field}|contains|all`]: [part, plain(text.slice(0, from + 1))] },
    { [`${field}|neq`]: whole },
    { [`${field}|re`]: `^${expression}` },
    { [`${field}|re|i`]: `${flipped(expression)}$` },
    { [`${field}|re|m|s`]: `^${expression}.*$` },
    { [`${field}|fieldref`]: other.field },
    { [`${field}|windash|contains`]: `-${part}` },
    { [`${field}|cidr`]: at % 2 === 0 ? '10.0.0.0/8' : '2001:db8::/32' },
    { [`${field}|expand`]: whole },
  ].filter((item) => !Object.keys(item).some((key) => key.endsWith('|expand')));
}

/** With Sigma's wildcards as themselves. */
function plain(text: string): string {
  return text.replaceAll(/[\\*?]/g, String.raw`\$&`);
}

function flipped(text: string): string {
  return [...text]
    .map((each) => (each === each.toLowerCase() ? each.toUpperCase() : each.toLowerCase()))
    .map((each) => (each.length === 1 ? each : 'x'))
    .join('');
}

const LONGEST = 100;

/** The fields of a request with a value each, as rules name them; of lists, their members'. */
function leavesOf(request: AdmissionRequest): readonly Leaf[] {
  const { operation, object, options, userInfo, name } = request;
  const body = operation === 'DELETE' ? options : object;
  return [
    ...leavesIn('requestObject', body),
    ...leavesIn('user', { ...userInfo, extra: undefined }),
    ...leavesIn('objectRef.name', name),
  ].filter(({ value }) => typeof value !== 'string' || value.length <= LONGEST);
}

function leavesIn(field: string, node: unknown): readonly Leaf[] {
  if (Array.isArray(node))
    return node.length === 0 ? [{ field, value: null }] : node.flatMap((each) => leavesIn(field, each));
  if (typeof node !== 'object' || node === null) return node === undefined ? [] : [{ field, value: node }];
  return Object.entries(node)
    .filter(
      ([key]) =>
        /^[\w./-]+$/.test(key) && key !== 'managedFields' && key !== 'uid' && !key.endsWith('Timestamp'),
    )
    .flatMap(([key, value]) => leavesIn(`${field}.${key}`, value));
}

/** A generated name would be another in each run. */
function distinct(leaves: readonly Leaf[]): readonly Leaf[] {
  const byText = new Map(leaves.map((leaf) => [JSON.stringify([leaf.field, leaf.value]), leaf]));
  return [...byText.entries()].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, leaf]) => leaf);
}
