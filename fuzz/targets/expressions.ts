import fc from 'fast-check';
import { anyText } from '../mutations.ts';
import { kept } from '../seeds.ts';
import { compileRegex, regexProblem } from '../src.ts';
import { expect, expectPrintable, type Target } from '../target.ts';

interface Expression {
  readonly source: string;
  readonly flags: string;
  readonly text: string;
  /** Whether it is written so that the language's own expressions mean the same. */
  readonly plain?: boolean;
}

const { plain } = fc.letrec<{ plain: string }>((tie) => ({
  plain: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\d', '\\w', '\\.', '^', '$', '\\b', '-'),
    fc.tuple(tie('plain'), tie('plain')).map(([a, b]) => a + b),
    fc.tuple(tie('plain'), tie('plain')).map(([a, b]) => `(?:${a}|${b})`),
    fc
      .tuple(tie('plain'), fc.constantFrom('*', '+', '?', '*?', '{1,3}', '{0}', '{2,}'))
      .map(([a, times]) => `(?:${a})${times}`),
  ),
}));

const TOKENS = [
  ...[
    'a',
    'b',
    '.',
    '*',
    '+',
    '?',
    '|',
    '(',
    ')',
    '[',
    ']',
    '[^',
    '{',
    '}',
    '{1000}',
    '{0,1000}',
    '{1001}',
    '{2,1}',
  ],
  ...[
    '\\',
    '\\d',
    '\\pL',
    '\\p{Greek}',
    '\\Q',
    '\\E',
    '\\x{10FFFF}',
    '\\x{110000}',
    '\\1',
    '\\b',
    '\\z',
    '\\Z',
  ],
  ...[
    '(?i)',
    '(?:',
    '(?=',
    '(?<!',
    '(?P<n>',
    '(?<n>',
    '(?>',
    '(?#',
    '(?-s:',
    '[[:alpha:]]',
    'a-',
    '-z',
    '\0',
    '😀',
    '\ud800',
  ],
];

const text = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', '1', '.', '-', '\n', 'x'), maxLength: 16 }),
  anyText(40),
  fc.nat(2000).map((length) => 'ax'.repeat(length)),
);
const flags = fc.constantFrom('', 'i', 'm', 's', 'im', 'ims');

/** Any text as an expression: it is refused by its name, or searches; written plainly, it finds what it says. */
export const expressions: Target<Expression> = {
  name: 'expressions',
  arbitrary: fc.oneof(
    fc.record({
      source: plain,
      flags: fc.constantFrom('', 's'),
      text: fc.string({ unit: fc.constantFrom('a', 'b', '1', '.', '-'), maxLength: 12 }),
      plain: fc.constant(true),
    }),
    fc.record({
      source: fc.array(fc.constantFrom(...TOKENS), { maxLength: 10 }).map((tokens) => tokens.join('')),
      flags,
      text,
    }),
    fc.record({ source: anyText(20), flags, text }),
  ),
  known: kept('expressions')
    .flatMap((file) => file.split('\n'))
    .map((source) => ({ source, flags: '', text: 'ax'.repeat(2000) })),
  check({ source, flags: by, text: searched, plain: isPlain = false }) {
    const problem = regexProblem(source);
    if (problem !== undefined) {
      expect(!isPlain, `refused: ${problem.message}`);
      return expectPrintable(problem.message);
    }
    const found = compileRegex(source, by)(searched);
    if (isPlain) expect(found === new RegExp(source, `${by}u`).test(searched), `${found ? '' : 'not '}found`);
  },
};
