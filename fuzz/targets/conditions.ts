import fc from 'fast-check';
import { anyText } from '../mutations.ts';
import { kept } from '../seeds.ts';
import { loadRuleset, parseAll, SigmaError } from '../src.ts';
import { expect, type Target } from '../target.ts';

const NAMES = ['selection', 'selection_b', 'filter_a', 'filter_b', '_hidden', 'x'];

/** A condition, and for whoever wrote it by the grammar what it must say where the names of `true` are true. */
interface Condition {
  readonly text: string;
  readonly means?: (names: ReadonlySet<string>) => boolean;
}

const matching = (pattern: string) =>
  NAMES.filter((name) =>
    pattern === 'them'
      ? !name.startsWith('_')
      : (pattern.startsWith('_') || !name.startsWith('_')) && fits(name, pattern.split('*')),
  );

function fits(name: string, [head = '', ...rest]: readonly string[]): boolean {
  const tail = rest.at(-1);
  return tail === undefined
    ? name === head
    : name.startsWith(head) && name.endsWith(tail) && name.length >= head.length + tail.length;
}

const PATTERNS = ['them', 'selection*', 'filter_*', '*_b', '_*', 's*b', 'x'];

const { condition: grammatical } = fc.letrec<{ condition: Required<Condition> }>((tie) => ({
  condition: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc
      .constantFrom(...NAMES)
      .map((text) => ({ text, means: (names: ReadonlySet<string>) => names.has(text) })),
    fc
      .tuple(fc.constantFrom('1', 'any', 'all'), fc.constantFrom(...PATTERNS))
      .map(([quantifier, pattern]) => ({
        text: `${quantifier} of ${pattern}`,
        means: (names: ReadonlySet<string>) =>
          quantifier === 'all'
            ? matching(pattern).every((name) => names.has(name))
            : matching(pattern).some((name) => names.has(name)),
      })),
    tie('condition').map(({ text, means }) => ({
      text: `not (${text})`,
      means: (names: ReadonlySet<string>) => !means(names),
    })),
    fc.tuple(tie('condition'), tie('condition')).map(([a, b]) => ({
      text: `(${a.text}) and (${b.text})`,
      means: (names: ReadonlySet<string>) => a.means(names) && b.means(names),
    })),
    fc.tuple(tie('condition'), tie('condition')).map(([a, b]) => ({
      text: `${a.text} or ${b.text}`,
      means: (names: ReadonlySet<string>) => a.means(names) || b.means(names),
    })),
  ),
}));

const TOKENS = [
  ...NAMES,
  ...PATTERNS,
  ...[
    'and',
    'or',
    'not',
    'of',
    '1',
    'any',
    'all',
    '(',
    ')',
    '2',
    'AND',
    'Not',
    '|',
    'count()',
    '*',
    '"',
    '\0',
    '😀',
  ],
  ...[
    '__proto__',
    'constructor',
    '('.repeat(150),
    'not '.repeat(150),
    '1 of them or '.repeat(400),
    '*a'.repeat(50),
  ],
];

/** Conditions written by the grammar say what they say; any other text is read, or refused with a reason. */
export const conditions: Target<Condition> = {
  name: 'conditions',
  arbitrary: fc.oneof(
    { weight: 2, arbitrary: grammatical },
    {
      weight: 2,
      arbitrary: fc
        .array(fc.constantFrom(...TOKENS), { maxLength: 12 })
        .map((tokens): Condition => ({ text: tokens.join(' ') })),
    },
    {
      weight: 1,
      arbitrary: anyText(30).map((text): Condition => ({ text })),
    },
  ),
  known: kept('conditions')
    .flatMap((file) => file.split('\n'))
    .map((text) => ({ text })),
  check({ text, means }) {
    const matches = load(text);
    if (means === undefined) return;
    expect(matches !== undefined, 'refused, though it follows the grammar');
    for (const names of SUBSETS) {
      const event = { requestObject: Object.fromEntries([...names].map((name) => [name, 1])) };
      expect(matches(event) === means(names), `means something else where ${[...names].join(', ')} hold`);
    }
  },
};

const SUBSETS: readonly ReadonlySet<string>[] = Array.from(
  { length: 2 ** NAMES.length },
  (_, bits) => new Set(NAMES.filter((_name, index) => (bits & (1 << index)) !== 0)),
);

function load(condition: string): ((event: object) => unknown) | undefined {
  const selections = Object.fromEntries(NAMES.map((name) => [name, { [`requestObject.${name}`]: 1 }]));
  const text = JSON.stringify({
    title: 'a condition',
    logsource: { product: 'kubernetes', service: 'audit' },
    detection: { ...selections, condition },
  });
  try {
    const ruleset = loadRuleset(parseAll([{ name: 'condition.yml', text }]), {
      door: 'serve',
      subresources: 'literal',
    });
    return ruleset.rules[0]?.matches;
  } catch (error) {
    if (!(error instanceof SigmaError)) throw error;
    return undefined;
  }
}
