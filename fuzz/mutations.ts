import fc from 'fast-check';

/** Any code points, lone surrogates among them. (fast-check's own unit for it holds a table of all of them.) */
export function anyText(maxLength: number): fc.Arbitrary<string> {
  const codePoint = fc.oneof(fc.nat(0x7f), fc.nat(0xffff), fc.nat(0x10ffff));
  return fc.array(codePoint, { maxLength }).map((codePoints) => String.fromCodePoint(...codePoints));
}

/** Values that mean something to some reader of JSON, to Kubernetes or to Sigma. */
const VALUES: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1.5, 2 ** 53, 1e308, '', 'pods', 'Pod', 'default', 'kube-system', 'create'],
  ...['CREATE', 'system:masters', 'system:node:a', 'v1', '*', 'a*?\\', '-', '__proto__', 'constructor'],
  ...['\0', '\u202e', '\ud800', '\u2028', '\u001b[31m', 'ẞſK', '2026-11-24T08:00:00Z', '10.0.0.0/8'],
  ...['x'.repeat(300), 'kube-proxy-bv61v', [], {}, [null], [[]], [{}], { toString: 1 }, { length: -1 }],
  JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
  JSON.parse(`${'['.repeat(150)}${']'.repeat(150)}`),
  JSON.parse(`${'{"a":'.repeat(150)}1${'}'.repeat(150)}`),
];
const KEYS = [
  '__proto__',
  'constructor',
  'toString',
  'length',
  '',
  '0',
  'a.b',
  'metadata',
  'kind',
  'name',
  'namespace',
];

const value = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...VALUES) },
  { weight: 2, arbitrary: anyText(20) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<unknown> },
);

const edit = fc.record({
  at: fc.nat(),
  how: fc.constantFrom('replace', 'delete', 'add', 'repeat', 'move'),
  key: fc.constantFrom(...KEYS),
  value,
});
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never;

/** One of `seeds` (JSON texts) with some of its values replaced, taken out, added, repeated or moved. */
export function mutatedJson(seeds: readonly string[]): fc.Arbitrary<unknown> {
  return fc
    .tuple(fc.constantFrom(...seeds), fc.array(edit, { maxLength: 6 }))
    .map(([seed, edits]) => edits.reduce(edited, JSON.parse(seed) as unknown));
}

type Container = Record<string, unknown>;

function edited(root: unknown, { at, how, key, value: given }: Edit): unknown {
  const to = copy(given);
  const slots = slotsOf(root);
  const slot = slots[at % slots.length];
  if (slot === undefined) return to;
  const [parent, name] = slot;
  const there = parent[name];
  if (how === 'delete') {
    if (Array.isArray(parent)) parent.splice(Number(name), 1);
    else delete parent[name];
  } else if (how === 'repeat' && Array.isArray(parent)) parent.push(copy(there));
  else if (how === 'add' && typeof there === 'object' && there !== null) put(there as Container, key, to);
  else if (how === 'move') {
    const [other, otherName] = slots[(at >>> 8) % slots.length] ?? slot;
    put(parent, name, copy(other[otherName]));
  } else put(parent, name, to);
  return root;
}

/** A key of the object's own, even where it is called `__proto__`. */
function put(object: Container, key: string, to: unknown): void {
  if (Array.isArray(object) && !/^\d+$/.test(key)) object.push(to);
  else
    Object.defineProperty(object, key, {
      value: to,
      writable: true,
      enumerable: true,
      configurable: true,
    });
}

function copy(of: unknown): unknown {
  return of === undefined ? null : JSON.parse(JSON.stringify(of));
}

/** Every place in a document. What was put in may stand in several; it is not gone into below a depth. */
function slotsOf(root: unknown): (readonly [Container, string])[] {
  const slots: (readonly [Container, string])[] = [];
  const walk = (container: unknown, depth: number) => {
    if (typeof container !== 'object' || container === null || depth > 20 || slots.length > 2000) return;
    for (const key of Object.keys(container)) {
      slots.push([container as Container, key]);
      walk((container as Container)[key], depth + 1);
    }
  };
  walk(root, 0);
  return slots;
}

/** What breaks JSON, or YAML, or whoever reads them. */
const PIECES: readonly string[] = [
  ...[
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    "'",
    '\\',
    '\n',
    '\r\n',
    '\t',
    ' ',
    '\0',
    '- ',
    '# ',
    '---\n',
    '...\n',
  ],
  ...[
    'null',
    'true',
    '1e999',
    '-0',
    '0x1F',
    '01',
    '9007199254740993',
    'NaN',
    '"\\ud800"',
    '"\\u0000"',
    '\ufeff',
  ],
  ...['"__proto__":{"polluted":true},', '"request":null,', '"uid":"b",', '"kind":"Pod",', '{"kind":"Event"'],
  ...[
    '&a ',
    '*a',
    '<<: *a\n',
    '!!binary ',
    '!!set ',
    '!<tag:x> ',
    '|\n  x\n',
    '>-\n  x\n',
    '? ',
    '%YAML 1.1\n',
  ],
  ...[
    '\u2028',
    '\u202e',
    '\u001b[2J',
    '😀',
    'ÿ',
    '|',
    '|contains',
    '|re',
    '|all',
    '|cased',
    '|expand',
    '%x%',
    ' of ',
    'not ',
  ],
  ...[
    '['.repeat(2000),
    '{"a":'.repeat(2000),
    '['.repeat(50_000),
    '"'.repeat(100),
    '('.repeat(200),
    'x'.repeat(5000),
  ],
];

const splice = fc.record({
  at: fc.nat(),
  cut: fc.oneof(fc.constant(0), fc.nat(4), fc.nat(200)),
  piece: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...PIECES).map((text) => Buffer.from(text)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)) },
  ),
  /** Whether it goes where a value, a key or a word begins. */
  fits: fc.boolean(),
});
type Splice = typeof splice extends fc.Arbitrary<infer T> ? T : never;

/** One of `seeds` with some of its bytes cut out and others put in. */
export function mutatedBytes(seeds: readonly (string | Buffer)[]): fc.Arbitrary<Buffer> {
  const buffers = seeds.map((seed) => Buffer.from(seed));
  return fc
    .tuple(fc.constantFrom(...buffers), fc.array(splice, { maxLength: 6 }))
    .map(([seed, splices]) => splices.reduce(spliced, seed));
}

export function mutatedText(seeds: readonly string[]): fc.Arbitrary<string> {
  return mutatedBytes(seeds).map((bytes) => bytes.toString('utf8'));
}

const BEGINS = new Set([...'{[,: \n"'].map((character) => character.charCodeAt(0)));

function spliced(bytes: Buffer, { at, cut, piece, fits }: Splice): Buffer {
  let from = bytes.length === 0 ? 0 : at % (bytes.length + 1);
  if (fits) while (from < bytes.length && !BEGINS.has(bytes[from - 1] ?? 0x20)) from++;
  return Buffer.concat([bytes.subarray(0, from), piece, bytes.subarray(Math.min(bytes.length, from + cut))]);
}

/** Numbers below `limit`, the same for the same seed (mulberry32). */
export function random(seed: number): (limit: number) => number {
  let state = seed | 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}
